"""Operators and measurements at the door: one of a user's own class is tried before anything relies on it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._validation import Array, real_array
from dmfbook.sensing.operator import SensingOperator, measurements_of


def checked_operator(operator: object) -> SensingOperator:
    """Return `operator` if it is one; one of a user's own class is tried first."""
    if not isinstance(operator, SensingOperator):
        raise TypeError(
            f"operator must be a SensingOperator, got {type(operator).__name__}; "
            "dmfbook.sensing_operator makes one of a matrix or a SciPy linear operator"
        )
    if not hasattr(operator, "matrix_shape"):
        raise TypeError(
            f"{type(operator).__name__}.__init__ must call super().__init__(measurements, matrix_shape)"
        )
    if not operator._is_proven:
        try_out(operator)
    return operator


def checked_measurements(operator: SensingOperator, measurements: ArrayLike) -> Array:
    """Return measurements (n,), or a stack (…, n) of them, as a read-only float64 copy."""
    values = measurements_of(checked_operator(operator), measurements).copy()
    values.flags.writeable = False
    return values


def try_out(operator: SensingOperator, eps: float = float(np.finfo(float).eps)) -> None:
    """Refuse an operator whose methods are not what they should be, to half of the digits that it computes with."""
    # Two of each, none of them special: differing numbers that no symmetry maps to each other.
    matrices = np.cos(np.arange(2.0 * operator.shape[1]) ** 1.5).reshape(2, *operator.matrix_shape)
    values = np.sin(1 + np.arange(2.0 * operator.shape[0]) ** 1.5).reshape(2, -1)
    matrices.flags.writeable = values.flags.writeable = False  # arguments are not to be changed
    seen = _checked_result(operator, "measure", matrices, values.shape)
    sent = _checked_result(operator, "back", values, matrices.shape)
    _checked_result(operator, "measure", matrices[0], values[0].shape)
    _checked_result(operator, "back", values[0], matrices[0].shape)
    for x, y, ax, aty in zip(matrices, values, seen, sent, strict=True):
        there, here = float(np.vdot(ax, y)), float(np.vdot(x, aty))
        size = float(np.abs(ax) @ np.abs(y) + np.vdot(np.abs(x), np.abs(aty)))
        if not abs(there - here) <= np.sqrt(eps) * size:
            raise ValueError(
                f"{type(operator).__name__}.back must be the adjoint of measure: ⟨𝒜(X), y⟩ is "
                f"{there:g}, but ⟨X, 𝒜*(y)⟩ is {here:g}"
            )


def _checked_result(
    operator: SensingOperator, method: str, argument: Array, shape: tuple[int, ...]
) -> Array:
    """Return what a method says to one argument, if it is an array of the right kind and shape."""
    name = f"{type(operator).__name__}.{method}"
    result = real_array(f"the result of {name}", getattr(operator, method)(argument))
    if result.shape != shape:
        raise ValueError(
            f"{name} must return shape {shape} for an argument of shape {argument.shape}, "
            f"got {result.shape}"
        )
    return result
