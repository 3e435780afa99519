"""Claims of the part *Small initialization*, one module a chapter."""
