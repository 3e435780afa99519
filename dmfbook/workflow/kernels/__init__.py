"""Processes that execute chapters."""
