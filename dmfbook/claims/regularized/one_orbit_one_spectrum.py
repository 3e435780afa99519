"""Claims of the chapter *One orbit, one spectrum*; the oracle finds critical points by brute force."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases import orbits, problems
from dmfbook.claims.cases.orbits import PairCase, ScalarCase
from dmfbook.claims.claim import CaseMaker, claim
from dmfbook.claims.evidence import Evidence
from dmfbook.claims.oracles.search import EPS
from dmfbook.claims.statements.orbits import one_orbit as orbit_of
from dmfbook.claims.statements.orbits import one_spectrum as spectrum_of

# Pairs of critical points with the same end-to-end matrix, found independently of each other.
KINDS: dict[str, CaseMaker] = {
    "minimizers, depth 3 to 5, unequal weights": partial(orbits.minimizers, problems.generic),
    "minimizers, depth 2": partial(orbits.minimizers, problems.shallow),
    "minimizers, repeated and vanishing values": partial(orbits.minimizers, problems.repeated),
    "saddles": orbits.saddles,
}


def compare_orbits(case: PairCase, **changed: bool) -> Evidence:
    """Search changes of basis that carry one point to another with the same end-to-end matrix."""
    return orbit_of(case.pairs, **changed)


@claim(
    "thm-one-orbit",
    "One orbit",
    source="chen2025error",
    status="derived",
    cases=KINDS,
    controls={
        "the weights are positive": partial(orbits.minimizers, problems.without_regularization),
        "both points are critical": orbits.rescaled,
        "the same end-to-end matrix": orbits.different_products,
    },
    rivals={
        "they are equal": partial(compare_orbits, still=True),
        "they differ by signs of the hidden units": partial(compare_orbits, signs=True),
    },
)
def one_orbit(case: PairCase) -> Evidence:
    """Search changes of basis that carry one point to another with the same end-to-end matrix."""
    return compare_orbits(case)


def compare_spectra(case: PairCase, everywhere: bool = False) -> Evidence:
    """Compare all eigenvalues of the dense Hessians at both points of each pair."""
    return spectrum_of(case.problem, case.unlike if everywhere else case.pairs)


@claim(
    "thm-one-spectrum",
    "One spectrum",
    source="this book",
    status="new",
    cases=KINDS,
    controls={
        "the weights are positive": partial(orbits.minimizers, problems.without_regularization),
        "both points are critical": orbits.rescaled,
    },
    rivals={"all critical points share one": partial(compare_spectra, everywhere=True)},
)
def one_spectrum(case: PairCase) -> Evidence:
    """Compare all eigenvalues of the dense Hessians at points with the same end-to-end matrix."""
    return compare_spectra(case)


def closed_scalar_spectrum(
    case: ScalarCase, leading: float = 2.0, shared: float = 4.0, inner: float = 2.0, more: int = 0
) -> Array:
    """Eigenvalues at a stationary point with end-to-end value s by the table, not sorted."""
    problem, depth = case.problem, case.problem.depth
    reg, widths = float(np.mean(problem.reg)), problem.hidden_widths
    spare = sum(width - 1 for width in widths)
    between = sum((one - 1) * (other - 1) for one, other in pairwise(widths))
    largest = leading * depth * abs(case.value) ** (2 - 2 / depth) - 2 * (depth - 2) * reg
    values = [largest, shared * reg, inner * reg, 0.0]
    return np.repeat(values, [1, depth - 1 + spare - more, between, spare + more])


def compare_scalar(case: ScalarCase, **changed: float) -> Evidence:
    """Compare the table with dense eigenvalues at a point found by optimization."""
    dense = case.eigenvalues
    closed = np.sort(closed_scalar_spectrum(case, **changed))  # type: ignore[arg-type]
    largest = float(np.abs(dense).max())
    gain = 16 * case.problem.depth * largest * case.point.uncertainty
    return Evidence(float(np.abs(dense - closed).max()), gain + case.problem.size * EPS * largest)


@claim(
    "cor-scalar-spectrum",
    "The spectrum of scalar factorization",
    source="kamber2026landscape",
    status="paper's claim",
    cases={
        "depth 3 to 5, hidden layers of width 2 and 3": orbits.deep_number,
        "depth 2": orbits.shallow_number,
        "hidden layers of width 1": orbits.thin_number,
    },
    controls={
        "equal weights": orbits.number_with_unequal_weights,
        "the product is not zero": orbits.small_number,
    },
    not_needed={
        "a global minimizer": "the saddle between it and zero has the same table, with its own s"
    },
    rivals={
        "the largest has L in place of 2 L": partial(compare_scalar, leading=1.0),
        "2λ in place of 4λ": partial(compare_scalar, shared=2.0),
        "4λ in place of 2λ": partial(compare_scalar, inner=4.0),
        "one 4λ less and one zero more": partial(compare_scalar, more=1),
    },
)
def scalar_spectrum(case: ScalarCase) -> Evidence:
    """Compare the closed form with dense eigenvalues at a minimizer found by optimization."""
    return compare_scalar(case)
