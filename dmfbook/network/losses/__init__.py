"""Losses of the end-to-end matrix: squared distances, regression on data, a user's own."""
