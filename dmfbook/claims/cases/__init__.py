"""Random problems on which the claims are tested."""
