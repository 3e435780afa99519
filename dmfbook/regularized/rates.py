"""Rates of gradient descent near a critical point, from the ends of the spectrum of its Hessian."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmfbook._scale import times_power
from dmfbook._validation import positive_number
from dmfbook.regularized.blocks import spectrum_ends

if TYPE_CHECKING:
    from dmfbook.regularized.point import CriticalPoint


def condition_number(point: CriticalPoint) -> float:
    """Largest over least positive eigenvalue of the Hessian at a minimizer, see :class:`CriticalPoint`."""
    _require_minimizer(point, "the condition number")
    if point.is_degenerate:
        return float("inf")
    _, least, largest = spectrum_ends(point)
    return largest / least


def convergence_rate(point: CriticalPoint, step: float) -> float:
    """``max |1 − η h|`` over the positive eigenvalues at a minimizer, see :class:`CriticalPoint`."""
    length = _in_units(point, step)
    _require_minimizer(point, "the rate of convergence")
    _, least, largest = spectrum_ends(point)
    rates = [abs(1 - length * h) for h in (least, largest)]
    return max(*rates, 1.0 if point.is_degenerate else 0.0)


def escape_rate(point: CriticalPoint, step: float) -> float:
    """``1 + η |h|`` for the least eigenvalue h if that is negative, else 1, see :class:`CriticalPoint`."""
    length = _in_units(point, step)
    # The index is decided by comparisons; a computed eigenvalue may miss zero.
    return 1.0 + length * max(-spectrum_ends(point)[0], 0.0) if point.morse_index else 1.0


def _in_units(point: CriticalPoint, step: float) -> float:
    """The step in units in which eigenvalues are of order one."""
    return float(times_power(positive_number("step", step), point._modes.eigenvalue_unit))


def _require_minimizer(point: CriticalPoint, what: str) -> None:
    if point.kind not in ("global minimizer", "local minimizer"):
        raise ValueError(f"{what} needs a minimizer, got {point!r}")
