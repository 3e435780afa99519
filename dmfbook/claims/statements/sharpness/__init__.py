"""Statements of the part *Sharpness*, as its pages state them."""
