"""Exact numerics for the loss landscape of (regularized) deep matrix factorization."""

from dmfbook.factors import end_to_end, flatten, imbalance, partial_products, unflatten
from dmfbook.hessian import hessian, hessian_operator, hessian_trace
from dmfbook.problem import Problem
from dmfbook.scalar import (
    collapse_threshold,
    critical_reg,
    fold_threshold,
    shrink,
    stationary_values,
)

__version__ = "0.1.0"

__all__ = [
    "Problem",
    "collapse_threshold",
    "critical_reg",
    "end_to_end",
    "flatten",
    "fold_threshold",
    "hessian",
    "hessian_operator",
    "hessian_trace",
    "imbalance",
    "partial_products",
    "shrink",
    "stationary_values",
    "unflatten",
]
