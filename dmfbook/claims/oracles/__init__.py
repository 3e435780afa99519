"""Computations that know no theorem: searches, automatic differentiation, convex solvers."""


class MissingOracle(ImportError):
    """A claim cannot be tested, because a package that its oracle needs is not installed."""
