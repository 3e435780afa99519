"""Convex solvers."""

from __future__ import annotations

import warnings
from functools import lru_cache
from typing import Any

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
    rows = dense_rows(operator).tobytes()
    found, multipliers = _least(operator.matrix_shape, rows, np.asarray(measurements).tobytes())
    bound = abs(measurements @ multipliers) / np.linalg.norm(operator.adjoint(multipliers), 2)
    if not 1 - bound / np.linalg.norm(found, "nuc") < 1e-5:
        raise ArithmeticError("the convex solver missed the least nuclear norm")
    return found.copy()


def nuclear_norm_regression(inputs: Array, outputs: Array, weight: float) -> tuple[Array, float]:
    """The minimizer of ``‖Y − X·inputs‖_F² + weight ‖X‖_*``, and a bound on the error of its fitted values.

    From ``‖E‖² ≥ 2⟨E, D⟩ − ‖D‖²`` no matrix has a value below ``2⟨Y, D⟩ − ‖D‖²`` if ``2 ‖D·inputsᵀ‖₂ ≤ weight``. The
    loss is strongly convex in the fitted values: they are off by the root of the gap at most.
    """
    cp = _solver()
    unknown = cp.Variable((len(outputs), len(inputs)))
    loss = cp.sum_squares(outputs - unknown @ inputs)
    problem = cp.Problem(cp.Minimize(loss + weight * cp.normNuc(unknown)))
    _solve(problem)
    found = np.asarray(unknown.value)
    residual = outputs - found @ inputs
    value = float(np.vdot(residual, residual)) + weight * float(np.linalg.norm(found, "nuc"))
    share = min(1.0, weight / (2 * float(np.linalg.norm(residual @ inputs.T, 2))))
    bound = share * float(2 * np.vdot(outputs, residual) - share * np.vdot(residual, residual))
    if not value - bound < 1e-5 * np.vdot(outputs, outputs):
        raise ArithmeticError("the convex solver missed the least value")
    return found, float(np.sqrt(max(value - bound, 0.0)))


@lru_cache(maxsize=64)
def _least(shape: tuple[int, int], rows: bytes, measurements: bytes) -> tuple[Array, Array]:
    """Minimizer and multipliers; kept, since a control often asks again what its claim has asked."""
    unknown, values, fits, problem = _program(shape, rows)
    values.value = np.frombuffer(measurements)
    _solve(problem)
    return np.asarray(unknown.value), np.asarray(fits.dual_value)


@lru_cache(maxsize=2)
def _program(shape: tuple[int, int], rows: bytes) -> tuple[Any, Any, Any, Any]:
    """Unknown, measurements, constraint and program, which the solver's front end translates once for an operator."""
    cp = _solver()
    unknown = cp.Variable(shape)
    matrix = np.frombuffer(rows).reshape(-1, shape[0] * shape[1])
    values = cp.Parameter(len(matrix))
    fits = matrix @ cp.vec(unknown, order="F") == values
    return unknown, values, fits, cp.Problem(cp.Minimize(cp.normNuc(unknown)), [fits])


def _solve(problem: Any) -> None:
    """Solve a program to a relative error of 1e-8, or less well; the caller's certificate judges.

    Where measurements determine the matrix, many multipliers serve, and the solver's linear systems are nearly
    singular. With its default of 1e-8 on their diagonal it stops early four times in five, sometimes at 2e-5.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Solution may be inaccurate")
        problem.solve(solver=_solver().CLARABEL, static_regularization_constant=1e-7)


def _solver() -> Any:
    """The package cvxpy."""
    try:
        import cvxpy
    except ImportError:
        raise MissingOracle(
            "the convex solver needs cvxpy; install it with: pip install '.[convex]', in the folder"
            " that holds pyproject.toml"
        ) from None
    return cvxpy
