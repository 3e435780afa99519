"""Factorizations with a path: each layer carries one direction on, and does something else beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from types import MappingProxyType

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.sharpness.flat_points import ROUNDING, FlatPoint
from dmfbook.claims.cases.sharpness.shared_modes import any_factorization
from dmfbook.claims.statements.sharpness.flatness import largest_share
from dmfbook.network.factors import end_to_end
from dmfbook.network.frames import orthonormal_frame
from dmfbook.network.problem import Problem

UNITS = ((0.6, 0.8), (1.25, 1.6))  # of a path; on both sides of 1, where powers change their order


@dataclass(frozen=True)
class Path(FlatPoint):
    """Factors with a path, and its unit vectors ``e_0, …, e_L``."""

    vectors: list[Array]

    @property
    def unit(self) -> float:
        """``μ = σ_1^{1/L}``."""
        return float(self.sigma[0] ** (1 / self.problem.depth))

    @property
    def small_beside(self) -> bool:
        """Whether no layer does more beside the path than along it."""
        largest = max(float(np.linalg.norm(factor, 2)) for factor in self.factors)
        return largest <= (1 + ROUNDING) * self.unit


def path(rng: np.random.Generator, stretch: Array | float, beside: Sequence[Array]) -> Path:
    """A path with a factor of `stretch` in each layer and, in units of it, the maps `beside`, in random bases."""
    widths = [1 + beside[0].shape[1], *(1 + len(rest) for rest in beside)]
    bases = [orthonormal_frame(width, width, rng) for width in widths]
    stretches = np.broadcast_to(stretch, len(beside))
    unit = float(np.exp(np.mean(np.log(stretches))))
    factors = []
    for value, rest, (right, left) in zip(stretches, beside, pairwise(bases), strict=True):
        core = np.zeros((len(left), len(right)))
        core[0, 0], core[1:, 1:] = value, unit * rest
        factors.append(left @ core @ right.T)
    problem = Problem(end_to_end(factors), widths[1:-1])
    return Path(problem, factors, any_factorization(problem, rng), [basis[:, 0] for basis in bases])


def maps(
    rng: np.random.Generator, widths: Sequence[int], norms: Sequence[float] | Array
) -> list[Array]:
    """Random maps between the complements of a path, with given spectral norms."""
    drawn = [rng.standard_normal((after - 1, before - 1)) for before, after in pairwise(widths)]
    return [norm * each / np.linalg.norm(each, 2) for norm, each in zip(norms, drawn, strict=True)]


def contraction(rng: np.random.Generator, widths: Sequence[int]) -> Path:
    """No map beside the path is larger than it."""
    beside = maps(rng, widths, rng.uniform(0.5, 0.95, len(widths) - 1))
    return path(rng, rng.uniform(*UNITS[1]), beside)


def equal_values(rng: np.random.Generator, depth: int) -> Path:
    """The maps beside the path are orthogonal, and all singular values are equal."""
    beside = [orthonormal_frame(2, 2, rng) for _ in range(depth)]
    return path(rng, rng.uniform(*UNITS[0]), beside)


def number(rng: np.random.Generator, depth: int) -> Path:
    """A number; the maps beside the path are of any size, and nothing gets in or out."""
    widths = [1, *rng.integers(2, 4, depth - 1), 1]
    beside = [
        3 * rng.standard_normal((after - 1, before - 1)) for before, after in pairwise(widths)
    ]
    return path(rng, rng.uniform(*UNITS[0]), beside)


def sharp_inputs(rng: np.random.Generator, widths: Sequence[int]) -> Path:
    """The first layer amplifies beside the path so much that the second number is the largest."""
    depth = len(widths) - 1
    # With a gain g the second number is at least 1 + g², in units in which the first is L.
    gain = np.sqrt(depth * rng.uniform(1.2, 1.8))
    return path(rng, rng.uniform(*UNITS[1]), maps(rng, widths, [gain, *[0.3] * (depth - 1)]))


def sharp_outputs(rng: np.random.Generator, widths: Sequence[int]) -> Path:
    """The last layer does, and the third number is the largest."""
    return transposed(sharp_inputs(rng, widths[::-1]), rng)


def sharp_beside(rng: np.random.Generator, depth: int) -> Path:
    """The first and the last layer do, for inputs that do not get through, and the fourth number is the largest."""
    if depth == 2:
        beside = [2 * np.eye(4, 2), 2 * np.eye(2, 4, 2)]
    else:
        beside = maps(rng, (3, 2, 3, 3), (2.0, 0.1, 2.0))
    return path(rng, rng.uniform(*UNITS[0]), beside)


def transposed(case: Path, rng: np.random.Generator) -> Path:
    """The layers in the opposite order, transposed."""
    problem = Problem(case.problem.target.T, case.problem.hidden_widths[::-1])
    factors = [factor.T for factor in case.factors[::-1]]
    return Path(problem, factors, any_factorization(problem, rng), case.vectors[::-1])


def uneven(rng: np.random.Generator) -> Path:
    """The layers have different shares of the leading mode."""
    stretch = rng.uniform(*UNITS[1]) * np.array([1.5, 1.0, 1 / 1.5])
    return path(rng, stretch, maps(rng, (3, 2, 4, 2), rng.uniform(0.5, 0.95, 3)))


def leaking(rng: np.random.Generator) -> Path:
    """The first layer sends ``e_0`` to ``μ e_1`` and something else, which the second layer does not see."""
    case = contraction(rng, (3, 3, 4, 2))
    first, second, last = case.factors
    leak = np.linalg.svd(case.vectors[1][None])[2][1]  # a unit vector orthogonal to e_1
    first = first + case.unit * np.outer(leak, case.vectors[0])
    factors = [first, second - second @ np.outer(leak, leak), last]
    problem = Problem(end_to_end(factors), case.problem.hidden_widths)
    return replace(case, problem=problem, factors=factors, start=any_factorization(problem, rng))


def leaking_back(rng: np.random.Generator) -> Path:
    """The same for the transposes."""
    return transposed(leaking(rng), rng)


def of_zero(rng: np.random.Generator) -> Path:
    """Flat factors of zero: the first layer lets all inputs pass, and the second sees nothing of them."""
    second = np.zeros((2, 3))
    second[:, 2] = rng.standard_normal(2)
    factors = [np.eye(3, 2), second, np.zeros((2, 2))]
    vectors = [np.eye(width)[0] for width in (2, 3, 2, 2)]
    return Path(Problem(np.zeros((2, 2)), (3, 2)), factors, factors, vectors)


PATHS = MappingProxyType(
    {
        "contractions beside the path, depth 4": partial(contraction, widths=(3, 2, 4, 3, 2)),
        "inputs beside the path are sharpest, depth 3": partial(sharp_inputs, widths=(3, 3, 2, 4)),
        "outputs beside the path are, depth 2": partial(sharp_outputs, widths=(2, 3, 4)),
        "both are, depth 2": partial(sharp_beside, depth=2),
        "both are, depth 3": partial(sharp_beside, depth=3),
        "equal singular values, depth 2": partial(equal_values, depth=2),
        "a number, depth 5": partial(number, depth=5),
    }
)

# What drops one hypothesis of a path each.
OFF_PATHS = MappingProxyType(
    {
        "the layers share the leading mode evenly": uneven,
        "W_l e_{l−1} = μ e_l": leaking,
        "W_lᵀ e_l = μ e_{l−1}": leaking_back,
        "no regularization": lambda rng: contraction(rng, (3, 2, 4, 2)).penalized(),
        "the product is the target": lambda rng: contraction(rng, (3, 2, 4, 2)).off_target(),
        "M ≠ 0": of_zero,
    }
)


@dataclass(frozen=True)
class Relaxed(FlatPoint):
    """Flat factors of ``diag(σ_1, σ_2)`` whose first layer has more of the second mode than of the first."""

    ratio: float

    def at(self, share: float) -> list[Array]:
        """``W_1 = μ diag(1, t)``, ``W_2 = μ diag(1, ρ/t)``, the others ``μ I``, with ``t = share``."""
        rest = [(1.0, 1.0)] * (self.problem.depth - 2)
        rows = [(1.0, share), (1.0, self.ratio / share), *rest]
        return [self.sigma[0] ** (1 / self.problem.depth) * np.diag(row) for row in rows]


def relaxed(rng: np.random.Generator, depth: int, low: float = 0.0, high: float = 0.9) -> Relaxed:
    """Depth, and the range of ``ρ = σ_2/σ_1``."""
    leading = float(rng.uniform(0.3, 0.7) if depth % 2 else rng.uniform(1.5, 3))
    ratio = float(rng.uniform(low, high))
    problem = Problem(np.diag([leading, ratio * leading]), [2] * (depth - 1))
    empty = Relaxed(problem, [], any_factorization(problem, rng), ratio)
    return replace(empty, factors=empty.at(largest_share(depth, ratio)))


def relaxed_too_far(rng: np.random.Generator) -> Relaxed:
    """Depth 3 or 4, and a fifth more of the second mode than is flat."""
    case = relaxed(rng, int(rng.integers(3, 5)))
    return replace(case, factors=case.at(1.2 * largest_share(case.problem.depth, case.ratio)))


def relaxed_row(rng: np.random.Generator) -> FlatPoint:
    """The target is a row; depth 3."""
    case = relaxed(rng, 3, high=0.0)
    problem = Problem(case.problem.target[:1], case.problem.hidden_widths)
    factors = [*case.factors[:-1], case.factors[-1][:1]]
    return FlatPoint(problem, factors, any_factorization(problem, rng))


def relaxed_column(rng: np.random.Generator) -> FlatPoint:
    """The target is a column."""
    case = relaxed_row(rng)
    problem = Problem(case.problem.target.T, case.problem.hidden_widths)
    factors = [factor.T for factor in case.factors[::-1]]
    return FlatPoint(problem, factors, any_factorization(problem, rng))
