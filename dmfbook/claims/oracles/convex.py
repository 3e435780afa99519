"""Convex solvers."""

from __future__ import annotations

import warnings

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.oracles import MissingOracle
from dmfbook.claims.oracles.measurements import dense_rows
from dmfbook.sensing.operator import SensingOperator


def nuclear_norm_minimizer(operator: SensingOperator, measurements: Array) -> Array:
    """The matrix of least nuclear norm with these measurements, from a convex solver.

    The solver's multipliers certify it: no matrix that fits has a nuclear norm below ``⟨y, z⟩`` if
    ``‖𝒜*(z)‖₂ ≤ 1``. A gap above 1e-5 is an error, and so is a solver that is not installed.
    """
    try:
        import cvxpy as cp
    except ImportError:
        raise MissingOracle(
            "the convex solver needs cvxpy; install it with: pip install '.[convex]', in the folder"
            " that holds pyproject.toml"
        ) from None
    unknown = cp.Variable(operator.matrix_shape)
    fits = dense_rows(operator) @ cp.vec(unknown, order="F") == measurements
    problem = cp.Problem(cp.Minimize(cp.normNuc(unknown)), [fits])
    with warnings.catch_warnings():
        # The solver warns when it misses its own goal of 1e-8; the certificate judges instead.
        warnings.filterwarnings("ignore", "Solution may be inaccurate")
        problem.solve(solver=cp.CLARABEL)
    found, multipliers = np.asarray(unknown.value), np.asarray(fits.dual_value)
    bound = abs(measurements @ multipliers) / np.linalg.norm(operator.adjoint(multipliers), 2)
    if not 1 - bound / np.linalg.norm(found, "nuc") < 1e-5:
        raise ArithmeticError("the convex solver missed the least nuclear norm")
    return found
