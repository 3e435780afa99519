"""Measurements of dmfbook beside its peers; see README.md."""
