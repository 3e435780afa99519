"""Depths, shapes and signals under noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.oracles.spiked import WorstExcess, cosines, seen, size_of
from dmfbook.network.frames import orthonormal_frame
from dmfbook.regularized.scalar import critical_reg, shrink, stationary_values

RIVAL_DEPTHS = (2, 3, 4, 5, 8)


@dataclass(frozen=True)
class DepthCase:
    """A depth, a shape, and the search for the best weight of this and of other depths."""

    search: WorstExcess

    @property
    def depth(self) -> int:
        """Number of factors."""
        return self.search.depth

    @property
    def ratio(self) -> float:
        """Shorter side over longer."""
        return self.search.ratio

    @cached_property
    def worst(self) -> dict[int, float]:
        """Least worst excess of this depth and of some others."""
        depths = sorted({*RIVAL_DEPTHS, self.depth})
        return {depth: replace(self.search, depth=depth).least[1] for depth in depths}


def depth_case(rng: np.random.Generator, low: int, high: int, **search: bool) -> DepthCase:
    """A depth between two, for a matrix of any shape."""
    ratio = float(rng.choice([1.0, np.exp(rng.uniform(np.log(0.01), 0))]))
    return DepthCase(WorstExcess(int(rng.integers(low, high + 1)), ratio, **search))


def small_signals(rng: np.random.Generator) -> DepthCase:
    """No singular value is seen beyond 1.02 times the edge."""
    case = depth_case(rng, 2, 6)
    edge = 1 + np.sqrt(case.ratio)
    return DepthCase(replace(case.search, largest=1.02 * edge))


def guarantees(rng: np.random.Generator, low: float = 0.5, high: float = 1.0) -> DepthCase:
    """The whole loss, for nearly square matrices; up to sizes whose square keeps eight digits."""
    return DepthCase(WorstExcess(4, float(rng.uniform(low, high)), largest=1e4, whole=True))


@dataclass(frozen=True)
class LargeCase:
    """A large singular value, a weight, and what the minimizer and the best shrinkage make of it."""

    depth: int
    ratio: float
    weight: float
    value: float
    smaller: bool = False  # the other stationary value

    def difference(self, value: float) -> float:
        """What is kept less what the best shrinkage keeps."""
        if self.smaller:
            kept = stationary_values(value, self.weight, self.depth)[0] ** self.depth
        else:
            kept = shrink(value, self.weight, self.depth)
        size = size_of(np.asarray(value), self.ratio)
        return float(kept - size * cosines(size, self.ratio))


def large(rng: np.random.Generator, low: int, high: int, smaller: bool = False) -> LargeCase:
    """A value of some hundreds or thousands, with a threshold above the edge."""
    depth, ratio = int(rng.integers(low, high + 1)), float(rng.uniform(0.1, 1))
    weight = float(critical_reg((1 + np.sqrt(ratio)) * rng.uniform(1, 1.5), depth))
    return LargeCase(depth, ratio, weight, float(np.exp(rng.uniform(6, 9))), smaller)


@dataclass(frozen=True)
class NoisyMatrix:
    """Sizes of a signal, noisy matrices with it, and a depth that denoises them."""

    depth: int
    threshold: float
    sizes: Array
    sides: tuple[int, int]
    draws: int
    noise: float
    seed: int

    @cached_property
    def losses(self) -> Array:
        """``‖X̂ − X‖_F²`` of the minimizer of this depth, for each draw."""
        rng, (m, n) = np.random.default_rng(self.seed), self.sides
        weight, found = critical_reg(self.threshold, self.depth), []
        for _ in range(self.draws):
            left, right = (orthonormal_frame(d, len(self.sizes), rng) for d in (m, n))
            signal = (left * self.sizes) @ right.T
            noisy = signal + self.noise / n**0.5 * rng.normal(size=(m, n))
            u, values, v = np.linalg.svd(noisy, full_matrices=False)
            denoised = (u * shrink(values, weight, self.depth)) @ v
            found.append(float(np.sum((denoised - signal) ** 2)))
        return np.array(found)

    @cached_property
    def parts(self) -> tuple[float, float]:
        """Limit of the loss of the best shrinkage, and of the excess of this depth over it."""
        ratio = self.sides[0] / self.sides[1]
        values, best = seen(self.sizes, ratio), self.sizes * cosines(self.sizes, ratio)
        kept = shrink(values, critical_reg(self.threshold, self.depth), self.depth)
        return float(np.sum(self.sizes**2 - best**2)), float(np.sum((kept - best) ** 2))


def noisy(
    rng: np.random.Generator,
    depth: int,
    threshold: Callable[[int, float], float],
    noise: float = 1.0,
    rank: int = 4,
) -> NoisyMatrix:
    """Some spikes well above the edge of the noise, and none near the threshold."""
    sides = int(rng.integers(160, 241)), 240
    ratio = sides[0] / sides[1]
    start = threshold(depth, ratio)
    least = float(size_of(np.asarray(1.12 * start), ratio))
    sizes = least * np.exp(np.cumsum(rng.uniform(0.2, 0.5, rank)))
    if rank > 4:
        sizes = least * rng.uniform(1.2, 3, rank)
    return NoisyMatrix(
        depth, start, np.sort(sizes)[::-1], sides, 6, noise, int(rng.integers(2**31))
    )
