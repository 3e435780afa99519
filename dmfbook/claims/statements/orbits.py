"""What critical points with one end-to-end matrix share, whatever the loss: an orbit, and a spectrum."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from dmfbook.claims.evidence import Evidence, worst
from dmfbook.claims.oracles.procrustes import distance_modulo_basis
from dmfbook.claims.oracles.search import EPS, Found
from dmfbook.network.hessian import hessian
from dmfbook.network.problem import Problem

Pair = tuple[Found, Found]


def one_orbit(pairs: Iterable[Pair], signs: bool = False, still: bool = False) -> Evidence:
    """Search changes of basis that carry one point to the other; rivals allow signs only, or none."""

    def evidence(one: Found, other: Found) -> Evidence:
        both = list(zip(one.factors, other.factors, strict=True))
        if still:
            gap = max(float(np.abs(a - b).max()) for a, b in both)
        elif signs:
            gap = max(float(np.abs(np.abs(a) - np.abs(b)).max()) for a, b in both)
        else:
            gap = distance_modulo_basis(one.factors, other.factors)
        return Evidence(gap, 16 * (one.uncertainty + other.uncertainty) + 1e-12)

    return worst(evidence(*pair) for pair in pairs)


def one_spectrum(problem: Problem, pairs: Iterable[Pair]) -> Evidence:
    """Compare all eigenvalues of the dense Hessians at both points of each pair."""

    def evidence(one: Found, other: Found) -> Evidence:
        first, second = (
            np.linalg.eigvalsh(hessian(problem, point.factors)) for point in (one, other)
        )
        # Weyl: eigenvalues move by the Hessian's change, of order L times curvature over distance.
        gain = 16 * problem.depth * np.abs(first).max()
        rounding = problem.size * EPS * np.abs(first).max()
        gap = float(np.abs(first - second).max())
        return Evidence(gap, gain * (one.uncertainty + other.uncertainty) + rounding)

    return worst(evidence(*pair) for pair in pairs)
