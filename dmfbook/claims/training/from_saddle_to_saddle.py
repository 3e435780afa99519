"""Claims of the chapter *From saddle to saddle*; flows are integrated, and the lowest way over a wall is searched for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy.integrate import quad

from dmfbook._validation import Array
from dmfbook.claims.cases.training import arrivals, rungs
from dmfbook.claims.cases.training.arrivals import ArrivalCase
from dmfbook.claims.cases.training.rungs import RungCase
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence

Times = Callable[[ArrivalCase], Array]


def arrival_times(
    case: ArrivalCase, factor: float = 2.0, decay: float = 1.0, bounded: bool = True
) -> Array:
    """Times from ``ε`` to half of the end, as integrals of ``1 / ẇ``; other velocities for rivals."""
    depth, found = case.problem.depth, []
    for sigma, goal in zip(case.sigma.tolist(), case.goals.tolist(), strict=True):

        def slowness(w: float, sigma: float = sigma) -> float:
            pull = (sigma - bounded * w**depth) * w ** (depth - 1)
            return 1 / (factor * (pull - decay * case.reg * w))

        half = (goal / 2) ** (1 / depth)
        found.append(quad(slowness, case.size, half, epsabs=0, epsrel=1e-11, limit=200)[0])
    return np.array(found)


def two_layer_times(case: ArrivalCase, seeds: Array) -> Array:
    """``ln(μ / γ²) / (4 μ)`` for starts of these sizes, without what is negligible beside a small one."""
    return np.log(case.goals / seeds**2) / (4 * case.goals)


def compare_walk(case: ArrivalCase, times: Times = arrival_times) -> Evidence:
    """Compare each mode at its time with half of what it has in the end."""
    moments = times(case)
    if not np.all(moments > 0):
        return Evidence(np.inf, 1.0)
    shares = [
        case.values_at(float(time))[mode] / case.goals[mode] for mode, time in enumerate(moments)
    ]
    return Evidence(float(np.abs(np.array(shares) - 0.5).max()), 1e-7)


@claim(
    "prop-walk",
    "From saddle to saddle",
    source="saxe2014exact",
    status="derived",
    cases={
        "two layers": partial(arrivals.aligned, depth=2),
        "two layers, weight decay": partial(arrivals.aligned, depth=2, reg=0.2),
        "three layers": partial(arrivals.aligned, depth=3),
        "four layers": partial(arrivals.aligned, depth=4, size=0.2),
    },
    controls={
        "neighbouring layers share bases": partial(arrivals.aligned, depth=3, turned=True),
        "equal values in all layers": partial(arrivals.aligned, depth=3, stretch=2.0),
        "equal weights": partial(arrivals.aligned, depth=2, reg=0.2, unequal=3.0),
    },
    rivals={
        "half the speed": partial(compare_walk, times=partial(arrival_times, factor=1.0)),
        "no slower near the end": partial(
            compare_walk, times=partial(arrival_times, bounded=False)
        ),
        "no weight decay": partial(compare_walk, times=partial(arrival_times, decay=0.0)),
        "the limit for small starts": partial(
            compare_walk,
            times=lambda case: (
                two_layer_times(case, np.full(3, case.size))
                if case.problem.depth == 2
                else case.size ** (2 - case.problem.depth)
                / (2 * (case.problem.depth - 2) * case.sigma)
            ),
        ),
    },
)
def walk(case: ArrivalCase) -> Evidence:
    """Compare each mode at its time with half of what it has in the end."""
    return compare_walk(case)


def compare_arrivals(case: ArrivalCase, times: Times) -> Evidence:
    """Compare the times at which modes come half of their way with a formula, in units of ``1 / (2 μ)``."""
    error = np.abs(case.times - times(case)) * 2 * case.goals
    return Evidence(float(np.where(np.isnan(error), np.inf, error).max()), 0.01)


def from_the_start(case: ArrivalCase) -> Array:
    """The times that the start foretells."""
    return two_layer_times(case, case.seeds)


def without_those_before(case: ArrivalCase) -> Array:
    """Rival: a mode grows in all directions of the hidden layer."""
    first, last = case.start
    parts = (first @ case.right + last.T @ case.left) / 2
    return two_layer_times(case, np.linalg.norm(parts, axis=0))


@claim(
    "obs-arrivals",
    "The start foretells every plateau",
    source="this book",
    status="empirical",
    cases={
        "as many hidden units as modes": partial(arrivals.random_start, size=1e-5, hidden=3),
        "more hidden units": partial(arrivals.random_start, size=1e-4, hidden=8),
        "weight decay": partial(arrivals.random_start, size=1e-5, hidden=5, reg=0.3),
    },
    controls={
        "the start is small": partial(arrivals.random_start, size=0.4, hidden=5),
        "equal weights": partial(arrivals.random_start, size=1e-5, hidden=5, reg=0.3, unequal=3.0),
    },
    rivals={
        "the size of the start alone": partial(
            compare_arrivals, times=lambda case: two_layer_times(case, np.full(3, case.size))
        ),
        "whatever the modes before": partial(compare_arrivals, times=without_those_before),
        "one after the other": partial(
            compare_arrivals, times=lambda case: np.cumsum(from_the_start(case))
        ),
        "half the rate": partial(compare_arrivals, times=lambda case: 2 * from_the_start(case)),
    },
)
def foretold(case: ArrivalCase) -> Evidence:
    """Compare the times at which modes come half of their way with what the start foretells."""
    return compare_arrivals(case, from_the_start)


def wall(case: RungCase, first: float = 2.0, power: float = 2.0, root: int = 0) -> float:
    """``F_k + b(σ_{k+1})`` above zero; other coefficients and the other root for rivals."""
    depth, w = case.problem.depth, float(case.roots(case.rank)[root])
    rise = (depth - first) * case.mean * w**2 - w ** (power * depth)
    return case.height(case.minimizer(case.rank)) + rise


def compare_wall(case: RungCase, formula: Callable[[RungCase], float] = wall) -> Evidence:
    """Compare with the least loss where singular value k + 1 of the product is that of the smaller root."""
    scale = abs(case.height(case.minimizer(case.rank))) + case.mean * case.roots(case.rank)[0] ** 2
    return Evidence(abs(case.lowest - formula(case)), 1e-8 * float(scale))


@claim(
    "thm-passes",
    "The pass above each rank",
    source="this book",
    status="new",
    cases={
        "above zero": lambda rng: rungs.rung(rng, int(rng.integers(3, 5)), 0),
        "above one mode": lambda rng: rungs.rung(rng, int(rng.integers(3, 5)), 1),
        "above two": lambda rng: rungs.rung(rng, 3, 2),
        "room for one more mode only": lambda rng: rungs.rung(rng, 3, 1, narrow=True),
    },
    controls={"the loss counts all entries alike": rungs.unlike},
    not_needed={
        "L ≥ 3, σ_{k+1} > m_f": "else there is no smaller root, and the statement has no meaning",
        "min d_l > k": "else no product has a singular value k + 1",
    },
    rivals={
        "L − 1 in place of L − 2": partial(compare_wall, formula=partial(wall, first=1.0)),
        "the product enters once": partial(compare_wall, formula=partial(wall, power=1.0)),
        "the height of the larger root": partial(compare_wall, formula=partial(wall, root=1)),
        "the barrier around zero above each": partial(
            compare_wall,
            formula=lambda case: (
                case.height(case.minimizer(case.rank)) + case.height(case.roots(0)[:1])
            ),
        ),
        "the same height everywhere": partial(
            compare_wall, formula=lambda case: case.height(case.roots(0)[:1])
        ),
    },
)
def lowest_pass(case: RungCase) -> Evidence:
    """Compare with the least loss where singular value k + 1 of the product is that of the smaller root."""
    return compare_wall(case)


def compare_rest(case: RungCase, end: Array, rank: int) -> Evidence:
    """Compare singular values at rest with those of the minimizer of some rank."""
    wanted = np.zeros_like(end)
    wanted[:rank] = case.minimizer(rank) ** case.problem.depth
    return Evidence(float(np.abs(end - wanted).max()), 1e-4 * float(case.sigma[0]))


def start_above(case: RungCase) -> list[Array]:
    """A start below the wall at a minimizer with one mode more, or of the largest rank with one less, a little off."""
    other = case.rank + 1 if case.rank < 3 else case.rank - 1
    factors = case.factors(case.minimizer(other))
    return [0.999 * factor for factor in factors]


@claim(
    "cor-basins",
    "A basin for every rank",
    source="this book",
    status="new",
    cases={
        "zero": lambda rng: rungs.inside(rng, int(rng.integers(3, 5)), 0),
        "one mode": lambda rng: rungs.inside(rng, int(rng.integers(3, 5)), 1),
        "two modes": lambda rng: rungs.inside(rng, 3, 2),
        "all modes above the fold": lambda rng: rungs.inside(rng, 3, 3),
    },
    controls={
        "s_{k+1} is below its pass": partial(rungs.beside, rank=1, shift=0.1),
        "s_k is above its pass": partial(rungs.beside, rank=3, shift=-0.1),
        "the start is below the walls": rungs.too_high,
    },
    rivals={
        "wherever the loss is below the walls": lambda case: compare_rest(
            case, case.rest(start_above(case)), case.rank
        ),
        "the best rank": lambda case: compare_rest(case, case.end, 3),
        "one mode less": lambda case: compare_rest(case, case.end, max(case.rank - 1, 0)),
    },
)
def basins(case: RungCase) -> Evidence:
    """Compare the singular values at which gradient flow comes to rest with those of the minimizer of this rank."""
    return compare_rest(case, case.end, case.rank)
