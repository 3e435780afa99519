"""Computations that know no theorem: searches, automatic differentiation, convex solvers."""
