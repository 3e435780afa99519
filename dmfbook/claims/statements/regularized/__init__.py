"""Statements of the part *The regularized landscape*, as its pages state them."""
