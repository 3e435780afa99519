"""All strict saddles of a small problem by enumeration, and saddles of two layers that are as unbalanced as can be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray

from dmfbook._validation import Array
from dmfbook.claims.statements.training.strictness import mode_roots
from dmfbook.network.frames import orthonormal_frame
from dmfbook.network.hessian import hessian
from dmfbook.network.problem import Problem
from dmfbook.regularized.scalar import fold_threshold

EPS = float(np.finfo(float).eps)


@dataclass(frozen=True)
class Saddle:
    """Active modes (n,) of a strict saddle, and the least eigenvalue of the dense Hessian there."""

    active: NDArray[np.bool_]
    least: float


@dataclass(frozen=True)
class LandscapeCase:
    """Singular values, widths and weights; `stretch` takes the points off the balanced manifold."""

    sigma: Array
    widths: tuple[int, ...]
    reg: tuple[float, ...]
    seed: int
    stretch: float = 1.0

    @property
    def depth(self) -> int:
        """Number of factors L."""
        return len(self.reg)

    @property
    def mean(self) -> float:
        """Geometric mean of the weights."""
        return float(np.prod(self.reg) ** (1 / self.depth))

    @property
    def fitting(self) -> int:
        """Number of values above the weight, as far as the first hidden layer has units."""
        return min(self.widths[1], int(np.count_nonzero(self.sigma > self.mean)))

    @property
    def rounding(self) -> float:
        """Error of the eigenvalues: backward stable ones, and the roots of polynomials that make the points."""
        return 1e-8 * float(self.sigma[0] + self.mean)

    @cached_property
    def saddles(self) -> list[Saddle]:
        """All critical points with a negative eigenvalue: each choice of modes that fit, and of a root for each."""
        rng = np.random.default_rng(self.seed)
        frames = [orthonormal_frame(width, width, rng) for width in self.widths]
        count = len(self.sigma)
        target = (frames[-1][:, :count] * self.sigma) @ frames[0][:, :count].T
        problem = Problem(target, self.widths[1:-1], self.reg)
        scales = np.sqrt(self.mean / np.array(self.reg)) if self.mean else np.ones(self.depth)
        options = [[0.0, *mode_roots(value, self.mean, self.depth)] for value in self.sigma]
        found = []
        for values in map(np.array, product(*options)):
            active = values > 0
            rank = int(np.count_nonzero(active))
            if rank > min(self.widths):
                continue
            modes = np.flatnonzero(active)
            bases = [
                frames[0][:, modes],
                *(f[:, :rank] for f in frames[1:-1]),
                frames[-1][:, modes],
            ]
            factors = [
                (scale * after * values[modes]) @ before.T
                for scale, (before, after) in zip(scales, pairwise(bases), strict=True)
            ]
            least = float(np.linalg.eigvalsh(hessian(problem, self._stretched(factors)))[0])
            if least < -self.rounding:
                found.append(Saddle(active, least))
        return found

    def _stretched(self, factors: list[Array]) -> list[Array]:
        """The factors, the first one larger and the last one smaller: the product is the same."""
        return [factors[0] * self.stretch, *factors[1:-1], factors[-1] / self.stretch]


def landscape(
    shares: Sequence[float],
    hidden: Sequence[int],
    reg: float = 1.0,
    *,
    unequal: float = 1.0,
    stretch: float = 1.0,
    ends: tuple[int, int] = (0, 1),
) -> Callable[[np.random.Generator], LandscapeCase]:
    """Maker of a problem whose singular values are these shares of the fold of its weight, or of one without it.

    All vary together by a factor, and their distances from the fold by three percent. `unequal` is the ratio of the
    largest weight to the least, and `ends` are how much wider input and output are than the modes need.
    """

    def make(rng: np.random.Generator) -> LandscapeCase:
        depth = len(hidden) + 1
        weight = reg * float(rng.uniform(0.3, 1.0))
        unit = float(fold_threshold(weight, depth)) if weight else float(rng.uniform(0.5, 2.0))
        values = 1 + (np.array(shares) - 1) * rng.uniform(0.97, 1.03)
        weights = weight * rng.permutation(np.geomspace(unequal**-0.5, unequal**0.5, depth))
        widths = (len(shares) + ends[0], *hidden, len(shares) + ends[1])
        return LandscapeCase(
            unit * values, widths, tuple(weights.tolist()), int(rng.integers(2**32)), stretch
        )

    return make


@dataclass(frozen=True)
class HeavyCase:
    """A critical point of two layers without weights, each hidden unit as large as can be on one side.

    `sigma` (ρ,) are the singular values of the target, and `size` is that of the units.
    """

    problem: Problem
    sigma: Array
    factors: list[Array]
    size: float

    @cached_property
    def least(self) -> float:
        """Least eigenvalue of the dense Hessian."""
        return float(np.linalg.eigvalsh(hessian(self.problem, self.factors))[0])

    @property
    def rounding(self) -> float:
        """Error of that eigenvalue."""
        return 64 * self.problem.size * EPS * (self.size**2 + self.sigma[0])


def heavy(
    rng: np.random.Generator,
    sigma: Array,
    widths: tuple[int, int, int],
    active: Sequence[int],
    size: float = 40.0,
) -> HeavyCase:
    """The point with these active modes, in random bases; carriers of the modes are large in the first layer.

    Idle units come next, large in the first layer along inputs that the target does not use, then in the last along
    outputs that the residual does not, as long as there are such; all beyond are zero.
    """
    inputs, hidden, outputs = widths
    rank = len(sigma)
    right, middle, left = (orthonormal_frame(width, width, rng) for width in widths)
    first, last = np.zeros((hidden, inputs)), np.zeros((outputs, hidden))
    for unit, mode in enumerate(active):
        first[unit], last[:, unit] = size * right[:, mode], sigma[mode] / size * left[:, mode]
    large = [(first, right[:, place]) for place in range(rank, inputs)]
    large += [(last.T, left[:, place]) for place in [*active, *range(rank, outputs)]]
    for unit, (rows, vector) in zip(range(len(active), hidden), large, strict=False):
        rows[unit] = size * vector
    target = (left[:, :rank] * sigma) @ right[:, :rank].T
    factors = [middle @ first, last @ middle.T]
    return HeavyCase(Problem(target, [hidden]), sigma, factors, size)


def all_but_the_last(
    rng: np.random.Generator, low: int, high: int, *, whole: bool = False
) -> HeavyCase:
    """The point without the last mode, or with all of them, for ``d_0 + d_2 − 2`` hidden units and so many more or less.

    The target is of full rank, or of one less.
    """
    inputs, outputs = rng.integers(2, 5, 2).tolist()
    rank = max(1, min(inputs, outputs) - int(rng.integers(2)))
    hidden = max(inputs + outputs - 2 + int(rng.integers(low, high + 1)), rank)
    active = range(rank if whole else rank - 1)
    return heavy(rng, _descending(rng, rank), (inputs, hidden, outputs), active)


def behind_a_bottleneck(rng: np.random.Generator, *, tied: bool = False) -> HeavyCase:
    """The point with one hidden unit less than modes, which has the last mode in the place of the one before it."""
    rank = int(rng.integers(2, 5))
    sigma = _descending(rng, rank)
    if tied:
        sigma[-2] = sigma[-1]
    widths = (rank + int(rng.integers(2)), rank - 1, rank)
    return heavy(rng, sigma, widths, [*range(rank - 2), rank - 1])


def _descending(rng: np.random.Generator, rank: int) -> Array:
    """Singular values from 2 down to 0.8, with some noise."""
    return np.sort(rng.uniform(0.9, 1.1, rank) * np.linspace(2.0, 0.8, rank))[::-1].copy()


def zero_of_three_layers(rng: np.random.Generator) -> HeavyCase:
    """Zero, with as many hidden units in each of two layers as inputs and outputs together."""
    case = all_but_the_last(rng, 1, 2)
    inputs, _, outputs = case.problem.widths
    hidden = inputs + outputs
    problem = Problem(case.problem.target, [hidden, hidden])
    shapes = [(hidden, inputs), (hidden, hidden), (outputs, hidden)]
    return replace(case, problem=problem, factors=[np.zeros(shape) for shape in shapes])
