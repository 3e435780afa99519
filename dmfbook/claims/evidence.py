"""What one check finds on one case: how far both sides are apart, and how far they may be."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Real


@dataclass(frozen=True)
class Evidence:
    """How far a statement is from an independent computation on one case.

    `error` is what was measured and `tolerance` what is allowed, in the same units: an observation
    that says "below 1/2" and measures 0.002 has error 0.002 and tolerance 0.5. Only then do margins
    of different claims mean the same, and the ledger compares like with like.

    Parameters
    ----------
    error : float, non-negative or NaN
        Distance between both sides; infinite when they differ in kind (a wrong count, say).
    tolerance : float, non-negative and finite
        What rounding and the oracle's own accuracy explain, from the conditioning of the case; or the
        bound that the statement names.

    Raises
    ------
    TypeError
        If one of them is not a real number.
    ValueError
        If the error is negative, or the tolerance is negative, infinite or NaN.

    Examples
    --------
    >>> Evidence(error=1e-16, tolerance=1e-14).holds
    True
    >>> Evidence(error=1e-16, tolerance=float("nan"))
    Traceback (most recent call last):
        ...
    ValueError: tolerance must be finite and not negative, got nan
    """

    error: float
    tolerance: float

    def __post_init__(self) -> None:
        for name in ("error", "tolerance"):
            value = getattr(self, name)
            if not isinstance(value, Real):
                raise TypeError(f"{name} must be a real number, got {type(value).__name__}")
            object.__setattr__(self, name, float(value))
        if self.error < 0:
            raise ValueError(f"error must not be negative, got {self.error}")
        if not 0 <= self.tolerance < math.inf:
            raise ValueError(f"tolerance must be finite and not negative, got {self.tolerance}")

    @property
    def holds(self) -> bool:
        """Whether the error is within the tolerance; false for NaN."""
        return self.error <= self.tolerance

    @property
    def fails(self) -> bool:
        """Whether the error is beyond the tolerance; false for NaN, which shows nothing."""
        return self.error > self.tolerance

    @property
    def margin(self) -> float:
        """Tolerance over error; the statement holds from 1 on. Infinite at error 0, zero for NaN."""
        if self.error == 0:
            return math.inf
        return 0.0 if math.isnan(self.error) else self.tolerance / self.error


def worst(evidences: Iterable[Evidence]) -> Evidence:
    """The evidence with the smallest margin, for a check that compares many things.

    Parameters
    ----------
    evidences : iterable of Evidence
        One a comparison.

    Returns
    -------
    Evidence
        The one that is nearest to failing, or fails most; the first of equals.

    Raises
    ------
    ValueError
        If there is none: a check that compared nothing has shown nothing.

    Examples
    --------
    >>> worst([Evidence(1e-16, 1e-14), Evidence(1e-9, 1e-8)])
    Evidence(error=1e-09, tolerance=1e-08)
    """
    found = list(evidences)
    if not found:
        raise ValueError("nothing was compared: expected at least one evidence, got none")
    return min(found, key=lambda evidence: evidence.margin)
