"""What a claim is: a statement of the book that can be tested, and can be made to fail."""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Status = Literal["paper's claim", "derived", "new", "empirical"]
CaseMaker = Callable[[np.random.Generator], Any]


@dataclass(frozen=True)
class Evidence:
    """How far a statement is from an independent computation on one case.

    Parameters
    ----------
    error : float, non-negative
        Distance between both sides; infinite when they differ in kind (a wrong count, say).
    tolerance : float, positive
        What rounding and the oracle's own accuracy explain, from the conditioning of the case.

    Examples
    --------
    >>> Evidence(error=1e-16, tolerance=1e-14).holds
    True
    """

    error: float
    tolerance: float

    @property
    def holds(self) -> bool:
        """Whether the error is within the tolerance; false for NaN."""
        return bool(self.error <= self.tolerance)

    @property
    def margin(self) -> float:
        """Tolerance over error; the statement holds from 1 on. Zero for NaN."""
        if self.error == 0:
            return math.inf
        return 0.0 if math.isnan(self.error) else self.tolerance / self.error


@dataclass(frozen=True)
class Verdict:
    """Outcome of testing a claim on random cases and its control on as many.

    Parameters
    ----------
    claim : Claim
        The claim that was tested.
    cases : int
        Number of random cases, and of control cases.
    worst : Evidence
        The evidence with the smallest margin among the cases.
    control : Evidence
        The evidence with the largest margin among the controls, the one nearest to passing.
    seconds : float
        Time taken.
    """

    claim: Claim
    cases: int
    worst: Evidence
    control: Evidence
    seconds: float

    @property
    def worst_error(self) -> float:
        """Error of the worst case."""
        return self.worst.error

    @property
    def tolerance(self) -> float:
        """Tolerance of the worst case."""
        return self.worst.tolerance

    @property
    def margin(self) -> float:
        """Tolerance over error in the worst case."""
        return self.worst.margin

    @property
    def holds(self) -> bool:
        """Whether the claim held on every case."""
        return self.worst.holds

    @property
    def control_fails(self) -> bool:
        """Whether the check failed on every control, as it must."""
        return not self.control.holds

    @property
    def passed(self) -> bool:
        """Whether the claim held and its control failed."""
        return self.holds and self.control_fails

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, with None for a number that is not finite."""
        return {
            "label": self.claim.label,
            "title": self.claim.title,
            "source": self.claim.source,
            "status": self.claim.status,
            "cases": self.cases,
            "worst_error": _finite(self.worst_error),
            "tolerance": _finite(self.tolerance),
            "margin": _finite(self.margin),
            "holds": self.holds,
            "control_fails": self.control_fails,
            "seconds": self.seconds,
        }

    def __str__(self) -> str:
        held = "holds" if self.holds else "FAILS"
        control = "fails, as it must" if self.control_fails else "HOLDS, and must not"
        return (
            f"{self.claim.title} ({self.claim.label})\n"
            f"  claim:   {held} on {self.cases} random cases\n"
            f"  control: {control}"
        )


@dataclass(frozen=True)
class Claim:
    """A statement of the book, the check that tests it, and the cases to test it on.

    Parameters
    ----------
    label : str
        Label of the statement in the book.
    title : str
        What it says, in a few words.
    source : str
        BibTeX key of the paper that states it, or ``"this book"``.
    status : {"paper's claim", "derived", "new", "empirical"}
        Whose statement it is, or that it is measured and not proved.
    check : callable
        Takes one case, returns its :class:`Evidence`.
    case : callable
        Takes a Generator, returns a random case within the hypotheses.
    control : callable
        Takes a Generator, returns a case that breaks a hypothesis: the check must fail on it.
    """

    label: str
    title: str
    source: str
    status: Status
    check: Callable[[Any], Evidence]
    case: CaseMaker
    control: CaseMaker

    def __call__(self, case: Any) -> Evidence:
        """Check the claim on one case."""
        return self.check(case)

    def verify(self, cases: int = 10, seed: int = 0) -> Verdict:
        """Check the claim on random cases and the control on as many.

        Parameters
        ----------
        cases : int, >= 1
            Number of random cases.
        seed : int, >= 0
            Seed; each case has a stream of its own, so more cases extend fewer.

        Returns
        -------
        Verdict
            Worst evidence of both, and the time taken.

        Raises
        ------
        ValueError
            If `cases` is below 1 or `seed` is negative.
        """
        if cases < 1:
            raise ValueError(f"cases must be at least 1, got {cases}")
        if seed < 0:
            raise ValueError(f"seed must not be negative, got {seed}")
        start = time.perf_counter()
        stream = zlib.crc32(self.label.encode())
        rngs = [np.random.default_rng([seed, stream, i]) for i in range(cases)]
        worst = min((self(self.case(rng)) for rng in rngs), key=_margin)
        control = max((self(self.control(rng)) for rng in rngs), key=_margin)
        return Verdict(self, cases, worst, control, time.perf_counter() - start)


def claim(
    label: str, title: str, *, source: str, status: Status, case: CaseMaker, control: CaseMaker
) -> Callable[[Callable[[Any], Evidence]], Claim]:
    """Make a claim of a function that checks one case.

    Parameters are those of :class:`Claim`.
    """
    return lambda check: Claim(label, title, source, status, check, case, control)


def _margin(evidence: Evidence) -> float:
    return evidence.margin


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
