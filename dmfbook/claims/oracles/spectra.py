"""Eigenvalues of dense Hessians."""

from __future__ import annotations

import numpy as np

from dmfbook._validation import Array
from dmfbook.network.factors import end_to_end
from dmfbook.network.hessian import hessian
from dmfbook.network.problem import Problem


def largest_eigenvalue(problem: Problem, factors: list[Array]) -> float:
    """Largest eigenvalue of the dense Hessian."""
    return float(np.linalg.eigvalsh(hessian(problem, factors))[-1])


def dense_sharpness(factors: list[Array]) -> float:
    """Largest eigenvalue of the dense Hessian, the end-to-end matrix being the target."""
    problem = Problem(end_to_end(factors), [len(factor) for factor in factors[:-1]])
    return largest_eigenvalue(problem, factors)
