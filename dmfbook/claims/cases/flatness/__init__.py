"""Random cases for the claims of the part *Flatness*."""
