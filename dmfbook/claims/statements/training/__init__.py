"""Statements of the part *Training, predicted*, as its pages state them."""
