"""Exact numerics for the loss landscape of (regularized) deep matrix factorization."""

from dmfbook.critical import critical_points, exceptional_gap, global_minimizer
from dmfbook.factors import end_to_end, flatten, imbalance, partial_products, unflatten
from dmfbook.hessian import hessian, hessian_operator, hessian_trace
from dmfbook.point import CriticalPoint
from dmfbook.problem import Problem
from dmfbook.scalar import (
    collapse_threshold,
    critical_reg,
    fold_threshold,
    shrink,
    stationary_values,
)
from dmfbook.spectrum import (
    SpectralDensity,
    hessian_extremes,
    hessian_spectrum,
    spectral_density,
)

__version__ = "0.1.0"

__all__ = [
    "CriticalPoint",
    "Problem",
    "SpectralDensity",
    "collapse_threshold",
    "critical_points",
    "critical_reg",
    "end_to_end",
    "exceptional_gap",
    "flatten",
    "fold_threshold",
    "global_minimizer",
    "hessian",
    "hessian_extremes",
    "hessian_operator",
    "hessian_spectrum",
    "hessian_trace",
    "imbalance",
    "partial_products",
    "shrink",
    "spectral_density",
    "stationary_values",
    "unflatten",
]
