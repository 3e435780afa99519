"""From executed notebooks and text to HTML."""
