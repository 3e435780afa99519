"""Linear measurements of a matrix, their ensembles, and how near they are to an isometry."""
