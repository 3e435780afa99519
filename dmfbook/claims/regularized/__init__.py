"""Claims of the part *The regularized landscape*, one module a chapter."""
