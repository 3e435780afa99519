"""Claims of the chapter *One orbit, one spectrum*; the oracle finds critical points by brute force."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.problems import MatrixCase, random_case, without_regularization
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence
from dmfbook.claims.oracles import search
from dmfbook.claims.oracles.search import STARTS
from dmfbook.network.hessian import hessian
from dmfbook.network.problem import Problem
from dmfbook.regularized.scalar import collapse_threshold

Pair = tuple[search.Found, search.Found]


def same_end_to_end(case: MatrixCase) -> list[Pair]:
    """Pairs of found critical points with the same end-to-end matrix, minimizers and others.

    Each point is paired with the first that was found with its matrix.
    """
    rng = np.random.default_rng(case.seed)
    found = search.minimizers(case.problem, rng, STARTS)
    found += search.critical_points(case.problem, rng, STARTS)
    close = 1e-7 * (1 + float(np.linalg.norm(case.problem.target)))
    first: list[search.Found] = []
    pairs = []
    for point in found:
        for known in first:
            if np.linalg.norm(known.end_to_end - point.end_to_end) < close:
                pairs.append((known, point))
                break
        else:
            first.append(point)
    return pairs


@claim(
    "thm-one-orbit",
    "One orbit",
    source="this book",
    status="new",
    cases={"depth 2 to 6, no bottleneck": random_case},
    controls={"the weights are positive": without_regularization},
)
def one_orbit(case: MatrixCase) -> Evidence:
    """Search changes of basis that carry one point to another with the same end-to-end matrix."""
    evidence = [
        (distance_modulo_basis(one.factors, other.factors), 16 * _uncertainty(one, other))
        for one, other in same_end_to_end(case)
    ]
    return Evidence(*max(evidence, key=lambda pair: pair[0] / pair[1], default=(0.0, search.EPS)))


@claim(
    "thm-one-spectrum",
    "One spectrum",
    source="this book",
    status="new",
    cases={"depth 2 to 6, no bottleneck": random_case},
    controls={"the weights are positive": without_regularization},
)
def one_spectrum(case: MatrixCase) -> Evidence:
    """Compare all eigenvalues of the dense Hessians at points with the same end-to-end matrix."""
    evidence = []
    for one, other in same_end_to_end(case):
        dense = [hessian(case.problem, point.factors) for point in (one, other)]
        spectra = [np.linalg.eigvalsh(matrix) for matrix in dense]
        # Weyl: eigenvalues move by the Hessian's change, of order L times curvature over distance.
        gain = 16 * case.problem.depth * np.abs(spectra[0]).max()
        rounding = case.problem.size * search.EPS * np.abs(spectra[0]).max()
        error = float(np.abs(spectra[0] - spectra[1]).max())
        evidence.append((error, gain * _uncertainty(one, other) + rounding))
    return Evidence(*max(evidence, key=lambda pair: pair[0] / pair[1], default=(0.0, search.EPS)))


def scalar_case(rng: np.random.Generator) -> MatrixCase:
    """A number factored through random widths, equal weights, above the collapse threshold."""
    depth, reg = int(rng.integers(2, 6)), float(rng.uniform(0.1, 1))
    target = float(collapse_threshold(reg, depth) * rng.uniform(1.1, 3))
    problem = Problem([[target]], rng.integers(1, 4, depth - 1).tolist(), reg)
    return MatrixCase(problem, int(rng.integers(2**32)))


def unequal_weights(rng: np.random.Generator) -> MatrixCase:
    """Control: the layers have different weights."""
    case = scalar_case(rng)
    weights = case.problem.reg[0] * np.geomspace(0.8, 1.25, case.problem.depth)
    return replace(case, problem=Problem(case.problem.target, case.problem.hidden_widths, weights))


@claim(
    "cor-scalar-spectrum",
    "The spectrum of scalar factorization",
    source="kamber2026landscape",
    status="paper's claim",
    cases={"a number, above the threshold": scalar_case},
    controls={"equal weights": unequal_weights},
)
def scalar_spectrum(case: MatrixCase) -> Evidence:
    """Compare the closed form with dense eigenvalues at a minimizer found by optimization."""
    problem = case.problem
    best = search.minimizers(problem, np.random.default_rng(case.seed), STARTS)[0]
    dense = np.linalg.eigvalsh(hessian(problem, best.factors))
    closed = np.sort(closed_scalar_spectrum(problem, float(best.end_to_end[0, 0])))
    gain = 16 * problem.depth * dense[-1] * best.uncertainty
    tolerance = gain + problem.size * search.EPS * dense[-1]
    return Evidence(float(np.abs(dense - closed).max()), tolerance)


def closed_scalar_spectrum(problem: Problem, s: float) -> Array:
    """Eigenvalues at a minimizer with end-to-end value `s` by the formula, not sorted."""
    depth, reg, widths = problem.depth, problem.reg[0], problem.hidden_widths
    spare = sum(width - 1 for width in widths)
    inner = sum((one - 1) * (other - 1) for one, other in pairwise(widths))
    leading = 2 * depth * abs(s) ** (2 - 2 / depth) - 2 * (depth - 2) * reg
    values = [leading, 4 * reg, 2 * reg, 0.0]
    return np.repeat(values, [1, depth - 1 + spare, inner, spare])


def distance_modulo_basis(factors: list[Array], others: list[Array]) -> float:
    """Distance of `others` from `factors` after the best changes of basis of the hidden layers.

    Found by alternating: given its neighbours, each basis is an orthogonal Procrustes problem.
    """
    bases = [np.eye(factors[0].shape[1]), *(np.eye(len(factor)) for factor in factors)]

    def distance() -> float:
        moved = [q @ w @ p.T for w, q, p in zip(factors, bases[1:], bases, strict=False)]
        return float(np.sqrt(sum(np.sum((a - b) ** 2) for a, b in zip(moved, others, strict=True))))

    last = np.inf
    for sweep in range(5000):
        for l in range(1, len(factors)):
            inner = others[l - 1] @ bases[l - 1] @ factors[l - 1].T
            # In the first sweep the next basis is not known yet; the layers before decide.
            outer = others[l].T @ bases[l + 1] @ factors[l] if sweep else 0.0
            left, _, right = np.linalg.svd(inner + outer)
            bases[l] = left @ right
        if sweep % 10 == 1:
            now = distance()
            if now > last * (1 - 1e-3) or now < 1e-13:
                break
            last = now
    return distance()


def _uncertainty(one: search.Found, other: search.Found) -> float:
    return one.uncertainty + other.uncertainty
