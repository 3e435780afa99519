"""Exact numerics for the loss landscape of (regularized) deep matrix factorization."""

from dmfbook.network.factors import end_to_end, flatten, imbalance, partial_products, unflatten
from dmfbook.network.hessian import hessian, hessian_operator, hessian_trace
from dmfbook.network.problem import Problem
from dmfbook.regularized.critical import critical_points, exceptional_gap, global_minimizer
from dmfbook.regularized.point import CriticalPoint
from dmfbook.regularized.scalar import (
    collapse_threshold,
    critical_reg,
    fold_threshold,
    shrink,
    stationary_values,
)
from dmfbook.regularized.spectrum import (
    SpectralDensity,
    hessian_extremes,
    hessian_spectrum,
    spectral_density,
)
from dmfbook.sensing.ensembles import (
    dense_sensing,
    entry_sampling,
    gaussian_sensing,
    symmetric_gaussian_sensing,
)
from dmfbook.sensing.isometry import IsometryEstimate, isometry_lower_bound
from dmfbook.sensing.operator import SensingOperator
from dmfbook.training.alignment import misalignment, noise_norm, signal_values
from dmfbook.training.descent import Trajectory, gradient_descent, gradient_flow
from dmfbook.training.recovery import NoisyLabels, SensingProblem, SymmetricSensingProblem
from dmfbook.zero_loss.interpolation import Interpolation, flattest_interpolator
from dmfbook.zero_loss.sharpness import (
    flat_factors,
    flat_sharpness,
    sharpest_direction,
    sharpness,
    spectral_imbalance,
    spectral_products,
    zero_loss_factors,
)
from dmfbook.zero_loss.trace import flattest_factors, flattest_trace, sensing_hessian_trace

__version__ = "0.1.0"

__all__ = [
    "CriticalPoint",
    "Interpolation",
    "IsometryEstimate",
    "NoisyLabels",
    "Problem",
    "SensingOperator",
    "SensingProblem",
    "SpectralDensity",
    "SymmetricSensingProblem",
    "Trajectory",
    "collapse_threshold",
    "critical_points",
    "critical_reg",
    "dense_sensing",
    "end_to_end",
    "entry_sampling",
    "exceptional_gap",
    "flat_factors",
    "flat_sharpness",
    "flatten",
    "flattest_factors",
    "flattest_interpolator",
    "flattest_trace",
    "fold_threshold",
    "gaussian_sensing",
    "global_minimizer",
    "gradient_descent",
    "gradient_flow",
    "hessian",
    "hessian_extremes",
    "hessian_operator",
    "hessian_spectrum",
    "hessian_trace",
    "imbalance",
    "isometry_lower_bound",
    "misalignment",
    "noise_norm",
    "partial_products",
    "sensing_hessian_trace",
    "sharpest_direction",
    "sharpness",
    "shrink",
    "signal_values",
    "spectral_density",
    "spectral_imbalance",
    "spectral_products",
    "stationary_values",
    "symmetric_gaussian_sensing",
    "unflatten",
    "zero_loss_factors",
]
