"""Regularized problems with several minimizers, one a rank: the pass above each, and starts around it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.oracles import passes
from dmfbook.claims.statements.modes import positive_roots
from dmfbook.network.factors import end_to_end, flatten, unflatten
from dmfbook.network.frames import orthonormal_frame
from dmfbook.network.problem import Problem
from dmfbook.regularized.scalar import fold_threshold
from dmfbook.training.flow import gradient_flow


@dataclass(frozen=True)
class RungCase:
    """A problem, its singular values (n,), bases of all layers, and how many modes k the minimizer has.

    `entries` are the factors by which entries of the residual count, `start` the factors from which a flow starts.
    """

    problem: Problem
    sigma: Array
    frames: list[Array]
    rank: int
    entries: Array
    seed: int
    start: list[Array]

    @property
    def mean(self) -> float:
        """Geometric mean of the weights."""
        return float(np.prod(self.problem.reg) ** (1 / self.problem.depth))

    def roots(self, mode: int) -> Array:
        """Smaller and larger root of a mode, counted from 0."""
        return positive_roots(self.problem.depth, float(self.sigma[mode]), self.mean)

    def height(self, values: Array) -> float:
        """Loss above that of zero where the first modes have these values, up to the weights in all layers."""
        depth, sigma = self.problem.depth, self.sigma[: len(values)]
        fit = values**depth * (values**depth - 2 * sigma)
        return float(np.sum(fit + depth * self.mean * values**2))

    def minimizer(self, rank: int) -> Array:
        """Values of the first modes on their larger roots."""
        return np.array([self.roots(mode)[-1] for mode in range(rank)])

    def factors(self, values: Array) -> list[Array]:
        """Factors with these values (L, n') of the first modes, up to the weights."""
        scales = np.sqrt(self.mean / np.array(self.problem.reg))
        count = values.shape[-1]
        rows = np.broadcast_to(values, (self.problem.depth, count))
        return [
            scale * (after[:, :count] * row) @ before[:, :count].T
            for scale, row, before, after in zip(
                scales, rows, self.frames[:-1], self.frames[1:], strict=True
            )
        ]

    @cached_property
    def lowest(self) -> float:
        """Least loss above that of zero where singular value k + 1 of the product is that of the smaller root."""
        value = float(self.roots(self.rank)[0] ** self.problem.depth)
        rng = np.random.default_rng(self.seed)
        return passes.lowest_rise(self.problem, self.entries, value, rng, place=self.rank)

    @cached_property
    def end(self) -> Array:
        """Singular values (n,) of the product where gradient flow from the start comes to rest."""
        return self.rest(self.start)

    def rest(self, start: list[Array]) -> Array:
        """Singular values of the product where gradient flow from these factors comes to rest."""
        run = gradient_flow(self.problem, start, 400 / self.mean, tolerance=1e-5, accuracy=1e-8)
        return np.asarray(np.linalg.svd(end_to_end(run.factors), compute_uv=False))


def rung(
    rng: np.random.Generator, depth: int, rank: int, *, spread: float = 2.0, narrow: bool = False
) -> RungCase:
    """Three modes above the fold and one below, unequal weights; hidden widths of four and five, or just enough."""
    reg = rng.permutation(np.geomspace(1, spread, depth)) * rng.uniform(0.3, 1)
    mean = float(np.prod(reg) ** (1 / depth))
    shares = np.array([1.9, 1.5, 1.2, 0.5]) * rng.uniform(0.97, 1.03, 4)
    sigma = float(fold_threshold(mean, depth)) * shares
    hidden = rng.integers(4, 6, depth - 1)
    if narrow:
        hidden[rng.integers(depth - 1)] = rank + 1
    widths = [5, *hidden.tolist(), 4]
    frames = [orthonormal_frame(width, min(width, 4), rng) for width in widths]
    problem = Problem((frames[-1] * sigma) @ frames[0].T, widths[1:-1], reg)
    return RungCase(problem, sigma, frames, rank, np.ones((4, 5)), int(rng.integers(2**32)), [])


def unlike(rng: np.random.Generator) -> RungCase:
    """The loss is no squared Frobenius norm, since entries of the residual count unequally."""
    case = rung(rng, 3, 0)
    return replace(case, entries=rng.uniform(0.3, 0.8, case.entries.shape))


def walls(case: RungCase) -> tuple[float, float]:
    """Heights of the passes above and below the minimizer of rank k, above zero."""
    k = case.rank
    above, below = (
        case.height(np.append(case.minimizer(j), case.roots(j)[0])) if 0 <= j < 3 else np.inf
        for j in (k, k - 1)
    )
    return above, below


def inside(rng: np.random.Generator, depth: int, rank: int) -> RungCase:
    """A start in a random direction off the minimizer, up to nine tenths as high as the lower pass."""
    case = rung(rng, depth, rank)
    values = case.minimizer(rank)
    home, base = case.factors(values), case.height(values)
    move = rng.normal(size=case.problem.size)
    level = rng.uniform(0.5, 0.9) * (min(walls(case)) - base)

    def start(size: float) -> list[Array]:
        return unflatten(flatten(home) + size * move, case.problem.widths)

    def holds(factors: list[Array]) -> bool:
        s = np.linalg.svd(end_to_end(factors), compute_uv=False)
        above = rank == 0 or s[rank - 1] > case.roots(rank - 1)[0] ** depth
        below = rank == 3 or s[rank] < case.roots(rank)[0] ** depth
        return bool(
            above and below and case.problem.loss(factors) < case.problem.loss(home) + level
        )

    size = 1.0
    while not holds(start(size)):
        size *= 0.9
    return replace(case, start=start(size))


def beside(rng: np.random.Generator, rank: int, shift: float) -> RungCase:
    """A start at the pass above the minimizer, or below it if `shift` is negative, but on its far side by a tenth of its value."""
    case = rung(rng, 3, rank)
    last = case.roots(rank if shift > 0 else rank - 1)[0] * (1 + shift)
    before = case.minimizer(rank if shift > 0 else rank - 1)
    return replace(case, start=case.factors(np.append(before, last)))


def too_high(rng: np.random.Generator) -> RungCase:
    """A start whose product has the next mode not at all, while two of its layers have it at one and a half times its size."""
    case = rung(rng, 3, 1)
    kept, coming = case.minimizer(1)[0], case.roots(1)[-1]
    values = np.array([[kept, 1.5 * coming], [kept, 1e-3 * coming], [kept, 1.5 * coming]])
    return replace(case, start=case.factors(values))
