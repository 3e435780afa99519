"""Claims of the part *Foundations*, one module a chapter."""
