"""The reference of the package: docstrings that read well in a terminal, with their mathematics set on the page."""
