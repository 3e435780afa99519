"""Descent and flow, recovery from measurements, and how the factors align on the way."""
