"""Critical points without weight decay, and what root finding and descents find near them under a little of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.linear_networks.critical_points.entries import UnequalEntries
from dmfbook.claims.cases.linear_networks.critical_points.families import regression, values_of
from dmfbook.claims.cases.linear_networks.critical_points.patterns import (
    Whitened,
    random_pattern,
)
from dmfbook.claims.cases.targets import with_values
from dmfbook.claims.oracles import search
from dmfbook.claims.oracles.descent import descend
from dmfbook.claims.oracles.procrustes import distance_modulo_basis
from dmfbook.network.factors import flatten, unflatten
from dmfbook.network.frames import orthonormal_frame
from dmfbook.network.hessian import hessian
from dmfbook.network.losses.loss import Loss
from dmfbook.network.losses.regression import Regression
from dmfbook.network.problem import Problem

Maker = Callable[[np.random.Generator], "DecayCase"]
SMALL = 1e-2  # the larger of two small multiples of the weights; the other is a tenth of it


def balanced(
    product: Array, hidden: Sequence[int], weights: Array, rank: int, rng: np.random.Generator
) -> list[Array]:
    """Factors of a matrix of given rank, ``μ_{l+1} W_{l+1}ᵀ W_{l+1} = μ_l W_l W_lᵀ``, in random hidden bases."""
    left, values, right = np.linalg.svd(product, full_matrices=False)
    frames = [right[:rank].T, *(orthonormal_frame(d, rank, rng) for d in hidden), left[:, :rank]]
    share = values[:rank] ** (1 / len(weights))
    scales = np.sqrt(np.exp(np.log(weights).mean()) / weights)
    return [
        (scale * after * share) @ before.T
        for scale, before, after in zip(scales, frames[:-1], frames[1:], strict=True)
    ]


@dataclass(frozen=True)
class DecayCase:
    """A critical point without weight decay, its rank, and weights of which small multiples are switched on."""

    loss: Loss
    factors: list[Array]
    rank: int
    weights: Array
    best: list[Array]  # a global minimizer without weight decay

    @property
    def hidden(self) -> list[int]:
        """Hidden widths."""
        return [len(factor) for factor in self.factors[:-1]]

    def problem(self, multiple: float) -> Problem:
        """The problem with a multiple of the weights."""
        return Problem(self.loss, self.hidden, multiple * self.weights)

    @cached_property
    def below(self) -> tuple[search.Found, search.Found]:
        """What a descent from the point ends at, for both small multiples."""
        large, small = (self._below(multiple, self.factors) for multiple in (SMALL, SMALL / 10))
        return large, small

    @cached_property
    def eigenvalues(self) -> Array:
        """Eigenvalues of the dense Hessian there, for the smaller multiple."""
        found = self.below[1]
        return np.asarray(np.linalg.eigvalsh(hessian(self.problem(SMALL / 10), found.factors)))

    @property
    def distances(self) -> tuple[float, float]:
        """How far both are from the point in the best hidden bases: a descent may drift along the orbit."""
        large, small = (distance_modulo_basis(f.factors, self.factors) for f in self.below)
        return large, small

    @property
    def size(self) -> float:
        """Norm of the point."""
        return float(np.linalg.norm(flatten(self.factors)))

    @property
    def excess(self) -> float:
        """How far the loss at the end is above that of what a descent from the best point ends at."""
        return self.below[1].loss - self._below(SMALL / 10, self.best).loss

    @property
    def orbit(self) -> int:
        """Dimension of the orbit under changes of basis of the hidden layers."""
        k = self.rank
        return sum(k * (width - k) + k * (k - 1) // 2 for width in self.hidden)

    def _below(self, multiple: float, factors: list[Array]) -> search.Found:
        return descend(self.problem(multiple), factors)


def leading(
    widths: Sequence[int], rank: int, first: int = 0, scale: float = 1.0, **options: object
) -> Maker:
    """Maker of the balanced point with these many values, from the first one on; its first layer may be scaled.

    What the first layer gains the second one loses, so that the point stays critical.
    """

    def make(rng: np.random.Generator) -> DecayCase:
        size = min(widths[-1], int(options.get("directions", widths[0])))  # type: ignore[call-overload]
        whitened = regression(rng, values_of(rng, size), widths, **options)  # type: ignore[arg-type]
        weights = rng.uniform(0.5, 1.5, len(widths) - 1)
        inverse = np.linalg.pinv(whitened.loss.input_factor)
        left, values, right = whitened.bases
        points = []
        for chosen in (slice(first, first + rank), slice(0, whitened.capacity)):
            product = (left[:, chosen] * values[chosen]) @ right[:, chosen].T @ inverse
            count = len(values[chosen])
            points.append(balanced(product, widths[1:-1], weights, count, rng))
        factors, best = points
        factors[0], factors[1] = scale * factors[0], factors[1] / scale
        return DecayCase(whitened.loss, factors, rank, weights, best)

    return make


def tied(rng: np.random.Generator) -> DecayCase:
    """Control: two equal values share one active mode, half way between its cheapest and its dearest direction."""
    whitened = regression(rng, (2.0, 2.0), (2, 2, 2, 2), condition=30.0)
    weights = rng.uniform(0.5, 1.5, 3)
    left, values, right = whitened.bases
    inverse = np.linalg.pinv(whitened.loss.input_factor)
    _, _, turned = np.linalg.svd(right[:, :2].T @ inverse @ inverse.T @ right[:, :2])
    share = turned.T @ np.array([1.0, 1.0]) / np.sqrt(2)
    product = values[0] * np.outer(left[:, :2] @ share, right[:, :2] @ share) @ inverse
    best = balanced((left[:, :2] * values) @ right[:, :2].T @ inverse, (2, 2), weights, 2, rng)
    return DecayCase(whitened.loss, balanced(product, (2, 2), weights, 1, rng), 1, weights, best)


def unseen(rng: np.random.Generator) -> DecayCase:
    """Control: balanced, but the end-to-end matrix does something with a direction that no input has."""
    case = leading((3, 2, 2, 2), 1, directions=2)(rng)
    loss = case.loss
    assert isinstance(loss, Regression)
    kernel = np.linalg.svd(loss.input_factor)[0][:, -1]
    left, _, _ = np.linalg.svd(case.factors[-1])
    product = np.linalg.multi_dot(case.factors[::-1]) + np.outer(left[:, 0], kernel)
    factors = balanced(product, (2, 2), case.weights, 1, rng)
    return replace(case, factors=factors)


@dataclass(frozen=True)
class NearCase:
    """A point, the proportion of weights with which its balance is measured, and the weights that are switched on."""

    loss: Loss
    factors: list[Array]
    proportion: Array
    reg: Array

    @cached_property
    def nearest(self) -> tuple[float, float]:
        """Distance of the nearest critical point that root finding reaches from it, and its error."""
        problem = Problem(self.loss, [len(factor) for factor in self.factors[:-1]], self.reg)
        start = flatten(self.factors)
        found = search.roots_from(problem, [start])
        found += search.roots_from(problem, [flatten(descend(problem, self.factors).factors)])
        return min(
            (float(np.linalg.norm(flatten(each.factors) - start)), each.uncertainty)
            for each in found
        )


def unbalanced(widths: Sequence[int], rank: int) -> Callable[..., NearCase]:
    """Maker of a critical point without weight decay in random bases, some blocks beyond its rank, and small weights."""

    def make(rng: np.random.Generator) -> NearCase:
        whitened = regression(rng, values_of(rng, min(widths[0], widths[-1])), widths)
        active = range(rank)
        factors = whitened.factors(active, random_pattern(rng, *whitened.rest(active)), rng)
        proportion = rng.uniform(0.5, 1.5, len(widths) - 1)
        return NearCase(whitened.loss, factors, proportion, 10 ** rng.uniform(-3, -1) * proportion)

    return make


def two_numbers(rng: np.random.Generator) -> NearCase:
    """Two numbers with the right product, not quite equal, and equal weights: a global minimizer without decay."""
    ratio = rng.uniform(1.05, 1.1)
    target = rng.uniform(1, 2)
    root = np.sqrt(target)
    factors = [np.array([[root * ratio]]), np.array([[root / ratio]])]
    loss = Regression(np.eye(1), np.array([[target]]))
    return NearCase(loss, factors, np.ones(2), np.full(2, 1e-2))


def undecayed(rng: np.random.Generator) -> NearCase:
    """Control: the weights are zero."""
    return replace(two_numbers(rng), reg=np.zeros(2))


def other_proportion(rng: np.random.Generator) -> NearCase:
    """Control: balanced for the weights that are switched on, which are in another proportion."""
    case = leading((3, 3, 3, 2), 1)(rng)
    return NearCase(case.loss, case.factors, rng.permutation([1.0, 3.0, 9.0]), 1e-3 * case.weights)


@dataclass(frozen=True)
class OriginCase:
    """A loss, hidden widths, weights, and two multiples of them; what the minimizers are compared with."""

    loss: Loss
    whitened: Whitened
    weights: Array
    multiples: tuple[float, float]
    seed: int

    @cached_property
    def pairs(self) -> list[tuple[search.Found, search.Found]]:
        """Local minimizers at the first multiple, and what root finding makes of them at the second.

        A descent might step over the barriers around them, which are as low as the weights are small. Those at the
        first multiple start near balanced factors of the target cut to each rank, near those of its second value
        alone, and at random factors.
        """
        rng = np.random.default_rng(self.seed)
        hidden, widths = self.whitened.problem.hidden_widths, self.whitened.problem.widths
        first, second = self._problems
        size = sum(before * after for before, after in pairwise(widths))
        starts = [0.7 * rng.normal(size=size)]
        for chosen in ([1], *map(range, range(self.whitened.capacity + 1))):
            product, rank = self._product(list(chosen)), len(chosen)
            near = flatten(balanced(product, hidden, self.weights, rank, rng))
            starts.append(near + 1e-4 * rng.normal(size=size))
        found = [descend(first, unflatten(start, widths)) for start in starts]
        return [(each, search.roots_from(second, [flatten(each.factors)])[0]) for each in found]

    @property
    def least_curvatures(self) -> list[float]:
        """Least eigenvalue of the Hessian over the largest, at what root finding makes of each: no minimizer has a negative one."""
        _, second = self._problems
        spectra = [np.linalg.eigvalsh(hessian(second, after.factors)) for _, after in self.pairs]
        return [float(values[0] / values[-1]) for values in spectra]

    @property
    def _problems(self) -> list[Problem]:
        hidden = self.whitened.problem.hidden_widths
        return [Problem(self.loss, hidden, each * self.weights) for each in self.multiples]

    def _product(self, chosen: list[int]) -> Array:
        """An end-to-end matrix with the chosen singular values of the whitened target."""
        left, values, right = self.whitened.bases
        inverse = np.linalg.pinv(self.whitened.loss.input_factor)
        return np.asarray((left[:, chosen] * values[chosen]) @ right[:, chosen].T @ inverse)

    def truncation(self, rank: int) -> Array:
        """The whitened target cut to a rank."""
        left, values, right = self.whitened.bases
        return (left[:, :rank] * values[:rank]) @ right[:, :rank].T


def origins(
    widths: Sequence[int], multiples: tuple[float, float] = (2e-3, 2e-4), **options: object
) -> Callable[..., OriginCase]:
    """Maker of a problem whose weights become small."""

    def make(rng: np.random.Generator) -> OriginCase:
        size = min(widths[-1], int(options.get("directions", widths[0])))  # type: ignore[call-overload]
        whitened = regression(rng, values_of(rng, size), widths, **options)  # type: ignore[arg-type]
        weights = rng.uniform(0.5, 1.5, len(widths) - 1)
        return OriginCase(whitened.loss, whitened, weights, multiples, int(rng.integers(2**32)))

    return make


def unequal_origins(rng: np.random.Generator) -> OriginCase:
    """Control: errors of entries count unequally, behind one hidden unit."""
    target = with_values(rng, np.array([2.0, 1.0]), (3, 3))
    weights = rng.permutation([0.2, 0.2, 0.2, 1, 1, 1, 3, 3, 3]).reshape(3, 3)
    whitened = Whitened(Problem(Regression(np.eye(3), target), (2, 1)))
    loss = UnequalEntries(target, weights)
    return OriginCase(loss, whitened, np.ones(3), (2e-3, 2e-4), int(rng.integers(2**32)))
