"""Claims of the chapter *All critical points*; oracles are root finding, descents, dense Hessians."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.targets import with_values
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence
from dmfbook.claims.oracles import search
from dmfbook.claims.oracles.descent import NUDGE, descend
from dmfbook.claims.oracles.search import STARTS
from dmfbook.network.factors import flatten, unflatten
from dmfbook.network.hessian import hessian
from dmfbook.network.problem import Problem
from dmfbook.regularized.critical import critical_points
from dmfbook.regularized.point import CriticalPoint
from dmfbook.regularized.scalar import fold_threshold

POINTS = 6  # most points of a case that are looked at
LOSS_ROUNDING = 1e-11  # relative error of a loss that a descent ends with


@dataclass(frozen=True)
class ListCase:
    """A problem whose critical points are listed, the problem they are tested on, and a seed."""

    listed: Problem
    tested: Problem
    seed: int


def _problem(rng: np.random.Generator, depth: int, shares: Array) -> Problem:
    """Random widths and weights; singular values that are the given multiples of the fold."""
    outer = rng.integers(1, 4, 2)
    hidden = rng.integers(1, 4, depth - 1).tolist()
    reg = rng.uniform(0.1, 0.5, depth)
    fold = float(fold_threshold(np.exp(np.log(reg).mean()), depth))
    values = fold * np.sort(shares)[::-1][: outer.min()]
    return Problem(with_values(rng, values, (outer[1], outer[0])), hidden, reg)


def distinct(rng: np.random.Generator) -> ListCase:
    """Depth 2 to 6; the singular values above the fold differ from each other, and some vanish."""
    shares = rng.permutation([1.15, 1.4, 1.9, 2.5]) * rng.uniform(0.95, 1.05, 4)
    shares = np.where(rng.random(4) < 0.2, rng.choice([0.0, 0.5, 0.8]), shares)[:3]
    problem = _problem(rng, int(rng.integers(2, 7)), shares)
    return ListCase(problem, problem, int(rng.integers(2**32)))


def general(rng: np.random.Generator) -> ListCase:
    """Depth 2 to 6, singular values that may repeat, vanish, or sit at the fold."""
    shares = rng.choice([0.0, 0.6, 1.0, 1.2, 1.5, 2.0], 3, p=[0.1, 0.1, 0.2, 0.2, 0.2, 0.2])
    problem = _problem(rng, int(rng.integers(2, 7)), shares)
    return ListCase(problem, problem, int(rng.integers(2**32)))


def off_fold(rng: np.random.Generator) -> ListCase:
    """Depth 2 to 6, no singular value at the fold."""
    shares = rng.choice([0.0, 0.6, 1.2, 1.5, 2.0], 3)
    problem = _problem(rng, int(rng.integers(2, 7)), shares)
    return ListCase(problem, problem, int(rng.integers(2**32)))


def perturbed(rng: np.random.Generator) -> ListCase:
    """Control: the target is moved after the points were listed, so that they are not critical."""
    problem = _problem(rng, int(rng.integers(2, 7)), np.array([1.5, 1.7, 2.0]))
    problem = replace(problem, hidden_widths=tuple(width + 1 for width in problem.hidden_widths))
    moved = rng.uniform(1.15, 1.3) * problem.target
    return ListCase(problem, replace(problem, target=moved), int(rng.integers(2**32)))


def at_fold(rng: np.random.Generator) -> ListCase:
    """Control: depth 3 to 6, the largest singular value sits at the fold."""
    problem = _problem(rng, int(rng.integers(3, 7)), np.array([1.0, 0.7, 0.4]))
    return ListCase(problem, problem, int(rng.integers(2**32)))


def shallow(rng: np.random.Generator) -> ListCase:
    """Depth 2, any singular values that keep a fifth of their size away from the weight."""
    shares = rng.choice([0.0, 0.6, 1.2, 1.5, 2.0], 3)
    problem = _problem(rng, 2, shares)
    return ListCase(problem, problem, int(rng.integers(2**32)))


def deep(rng: np.random.Generator) -> ListCase:
    """Control: depth 3 to 6, two singular values above the fold, no bottleneck."""
    problem = _problem(rng, int(rng.integers(3, 7)), np.array([2.0, 1.6, 0.5]))
    return ListCase(problem, problem, int(rng.integers(2**32)))


@claim(
    "thm-all-critical-points",
    "All critical points",
    source="chen2025complete",
    status="paper's claim",
    cases={"depth 2 to 6, different values above the fold": distinct},
    controls={"the points are listed for this target": perturbed},
)
def all_listed(case: ListCase) -> Evidence:
    """Compare the products that root finding reaches with the list, and test the list's gradients."""
    problem, rng = case.tested, np.random.default_rng(case.seed)
    listed = list(critical_points(case.listed))
    evidence = []
    for found in search.critical_points(problem, rng, STARTS):
        gaps = [np.linalg.norm(found.end_to_end - point.end_to_end) for point in listed]
        evidence.append((float(min(gaps)), found.end_to_end_uncertainty + search.EPS))
    for point in listed:
        factors = point.factors(rng)
        size = 1 + max(float(np.linalg.norm(factor, 2)) for factor in factors)
        slope = float(np.linalg.norm(flatten(problem.gradient(factors))))
        # The roots solve their equation, and the products are formed, up to rounding.
        rounding = 32 * problem.size * search.EPS * size ** (2 * problem.depth)
        evidence.append((slope, rounding))
    return Evidence(*max(evidence, key=lambda pair: pair[0] / pair[1]))


@claim(
    "thm-morse-index",
    "Morse index and nullity",
    source="this book",
    status="new",
    cases={"depth 2 to 6, repeated and zero values, folds": general},
    controls={"the points are critical": perturbed},
)
def index_and_nullity(case: ListCase) -> Evidence:
    """Compare with the signs of the eigenvalues of dense Hessians at random members of the orbits.

    As many eigenvalues as the nullity says must vanish, and those on both sides of them must not.
    """
    problem, rng = case.tested, np.random.default_rng(case.seed)
    evidence = []
    for point in critical_points(case.listed):
        values = np.linalg.eigvalsh(hessian(problem, point.factors(rng)))
        rounding = 64 * problem.size * search.EPS * float(np.abs(values).max())
        below, zero, above = np.split(
            values, [point.morse_index, point.morse_index + point.nullity]
        )
        separate = (below < -rounding).all() and (above > rounding).all()
        error = float(np.abs(zero).max(initial=0.0)) if separate else np.inf
        evidence.append((error, rounding))
    return Evidence(*max(evidence, key=lambda pair: pair[0] / pair[1]))


@claim(
    "thm-kinds",
    "Minimizers and saddles",
    source="chen2025complete",
    status="paper's claim",
    cases={"depth 2 to 6, repeated and zero values, folds": general},
    controls={"the points are critical": perturbed},
)
def kinds(case: ListCase) -> Evidence:
    """Compare with what descents from nearby find, and with the smallest eigenvalue of the Hessian.

    A descent that starts a small step away gets below a saddle and not below a local minimizer.
    """
    problem, rng = case.tested, np.random.default_rng(case.seed)
    errors = [0.0]
    for point in _some(case, rng):
        factors = point.factors(rng)
        gain, curved = drop(problem, factors, rng), is_strict(problem, factors)
        minimizer = point.kind in ("global minimizer", "local minimizer")
        if minimizer == (gain > LOSS_ROUNDING) or curved != (point.kind == "strict saddle"):
            return Evidence(np.inf, LOSS_ROUNDING)
        errors.append(gain if minimizer else 0.0)
    return Evidence(max(errors), LOSS_ROUNDING)


@claim(
    "cor-no-spurious",
    "No spurious minimizers at depth 2",
    source="this book",
    status="derived",
    cases={"depth 2": shallow},
    controls={"two layers": deep},
)
def one_level(case: ListCase) -> Evidence:
    """Measure the spread of the losses of all local minimizers found from random starts."""
    found = search.minimizers(case.tested, np.random.default_rng(case.seed), 2 * STARTS)
    return Evidence(found[-1].loss - found[0].loss, LOSS_ROUNDING * _unit(case.tested))


@claim(
    "cor-strict-saddles",
    "Every saddle is strict off the fold",
    source="chen2025complete",
    status="paper's claim",
    cases={"depth 2 to 6, off the fold": off_fold},
    controls={"no singular value at the fold": at_fold},
)
def saddles_are_strict(case: ListCase) -> Evidence:
    """Measure how far descents get below points whose Hessian has no negative eigenvalue."""
    problem, rng = case.tested, np.random.default_rng(case.seed)
    gains = [0.0]
    for point in critical_points(case.listed):
        factors = point.factors(rng)
        if not is_strict(problem, factors):
            gains.append(drop(problem, factors, rng))
    return Evidence(max(gains), LOSS_ROUNDING)


def drop(problem: Problem, factors: list[Array], rng: np.random.Generator) -> float:
    """How far descents from nearby get below some factors, relative to the size of the loss.

    They start from small random steps to both sides, some in all directions and some in those only
    in which the Hessian does not curve upwards: there quadratic terms hide no cubic one.
    """
    values, vectors = np.linalg.eigh(hessian(problem, factors))
    soft = values < search.NULL * np.abs(values).max()
    losses = []
    for directions in (np.ones_like(soft), soft, soft, soft):
        step = vectors @ (NUDGE * rng.normal(size=problem.size) * directions)
        for sign in (-1, 1):
            start = unflatten(flatten(factors) + sign * step, problem.widths)
            losses.append(descend(problem, start).loss)
    return (problem.loss(factors) - min(losses)) / _unit(problem)


def is_strict(problem: Problem, factors: list[Array]) -> bool:
    """Whether the dense Hessian has an eigenvalue below zero, beyond rounding."""
    values = np.linalg.eigvalsh(hessian(problem, factors))
    return bool(values[0] < -64 * problem.size * search.EPS * np.abs(values).max())


def _some(case: ListCase, rng: np.random.Generator) -> list[CriticalPoint]:
    """At most `POINTS` of the listed points: half of them of least loss, the others at random."""
    listed = sorted(critical_points(case.listed), key=lambda point: point.loss)
    best, others = listed[: POINTS // 2], listed[POINTS // 2 :]
    chosen = rng.permutation(len(others))[: POINTS - len(best)]
    return best + [others[i] for i in chosen]


def _unit(problem: Problem) -> float:
    """A size of losses."""
    return 1 + float(np.linalg.norm(problem.target) ** 2)
