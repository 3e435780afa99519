"""Critical points without weight decay: which kind they are of."""
