"""Random cases for the claims of the part *Linear networks on data*."""
