"""Statements of the part *Linear networks on data*, as its pages state them."""
