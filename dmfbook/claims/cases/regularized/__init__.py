"""Random cases for the claims of the part *The regularized landscape*."""
