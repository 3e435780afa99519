"""Claims of the part *Linear networks on data*, one module a chapter."""
