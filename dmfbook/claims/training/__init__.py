"""Claims of the part *Training, predicted*, one module a chapter."""
