"""Chapters as notebooks for readers who have no book around them."""
