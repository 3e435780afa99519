"""The book on disk: its notebooks, the parameters they declare, and what lists them."""
