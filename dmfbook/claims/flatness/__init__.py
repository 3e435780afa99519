"""Claims of the part *Flatness*, one module a chapter."""
