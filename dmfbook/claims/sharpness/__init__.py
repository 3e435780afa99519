"""Claims of the part *Sharpness*, one module a chapter."""
