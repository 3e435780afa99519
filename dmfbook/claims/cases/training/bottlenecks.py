"""Critical points behind a bottleneck: a residual that the layers cannot reach, and spare parts inside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.points import Point, at_zero_loss, entry_rounding, random_factors
from dmfbook.claims.oracles.differentiation import squared_error
from dmfbook.network.factors import end_to_end, flatten
from dmfbook.network.frames import orthonormal_frame
from dmfbook.network.problem import Problem
from dmfbook.training.descent import gradient_descent

Maker = Callable[[np.random.Generator], "Bottleneck"]


@dataclass(frozen=True)
class Bottleneck:
    """A point whose product has rank k, and two Hessians there, by automatic differentiation."""

    point: Point
    rank: int

    @cached_property
    def gauss_newton(self) -> Array:
        """Hessian of the same factors where their product is the target: ``2 JᵀJ``."""
        return at_zero_loss(self.point).differentiated_hessian

    @cached_property
    def zero_loss_sharpness(self) -> float:
        """Its largest eigenvalue."""
        return float(np.linalg.eigvalsh(self.gauss_newton)[-1])

    @property
    def sharpness(self) -> float:
        """Largest eigenvalue of the Hessian."""
        return float(self.point.eigenvalues[-1])

    @cached_property
    def product_values(self) -> Array:
        """Singular values of the product."""
        return np.asarray(np.linalg.svd(end_to_end(self.point.factors), compute_uv=False))

    @cached_property
    def residual_norm(self) -> float:
        """Largest singular value of the residual."""
        residual = self.point.problem.target - end_to_end(self.point.factors)
        return float(np.linalg.norm(residual, 2))

    @property
    def ratio(self) -> float:
        """``t = ‖R‖₂ / σ_k(X)``."""
        return self.residual_norm / float(self.product_values[self.rank - 1])

    @property
    def no_spare_ends(self) -> tuple[bool, bool]:
        """Whether the first and the last layer have the rank of the product."""
        first, *_, last = (int(np.linalg.matrix_rank(f)) for f in self.point.factors)
        return first == self.rank, last == self.rank

    @cached_property
    def rounding(self) -> float:
        """Bound on the rounding error of an eigenvalue of either Hessian (Weyl)."""
        return self.point.problem.size * entry_rounding(self.point)

    @cached_property
    def ratios(self) -> Array:
        """Eigenvalues of the Hessian relative to ``2 JᵀJ`` on the range of the latter, ascending."""
        values, vectors = self._of_range
        roots = vectors / np.sqrt(values)
        return np.asarray(np.linalg.eigvalsh(roots.T @ self.point.differentiated_hessian @ roots))

    @cached_property
    def ratio_rounding(self) -> float:
        """Bound on the rounding error of :attr:`ratios`."""
        largest = max(self.zero_loss_sharpness, abs(self.sharpness))
        share = largest / float(self._of_range[0][0])
        return share * self.rounding / float(self._of_range[0][0])

    @cached_property
    def beyond_range(self) -> float:
        """Norm of the Hessian on the kernel of ``2 JᵀJ``."""
        kernel = np.linalg.eigh(self.gauss_newton)[1][:, : -self.tangent_dimension]
        return float(np.linalg.norm(self.point.differentiated_hessian @ kernel, 2))

    @property
    def beyond_rounding(self) -> float:
        """Bound on its rounding error."""
        largest = max(self.zero_loss_sharpness, abs(self.sharpness))
        return self.rounding * (1 + largest / float(self._of_range[0][0]))

    @property
    def tangent_dimension(self) -> int:
        """``k (d_0 + d_L − k)``, the dimension of the set of matrices of rank k."""
        widths = self.point.problem.widths
        return self.rank * (widths[0] + widths[-1] - self.rank)

    @cached_property
    def _of_range(self) -> tuple[Array, Array]:
        values, vectors = np.linalg.eigh(self.gauss_newton)
        count = self.tangent_dimension
        return values[-count:], vectors[:, -count:]


def behind(
    rng: np.random.Generator, factors: list[Array], rank: int, ratio: float, reg: float = 0.0
) -> Bottleneck:
    """The point of these factors with a residual orthogonal to their product, ``ratio`` times its least value."""
    left, values, right = np.linalg.svd(end_to_end(factors))
    count = min(len(left), len(right)) - rank
    sizes = ratio * values[rank - 1] * np.r_[1.0, rng.uniform(0, 1, count - 1)]
    residual = (left[:, rank : rank + count] * sizes) @ right[rank : rank + count]
    return with_residual(factors, rank, residual, reg)


def with_residual(factors: list[Array], rank: int, residual: Array, reg: float = 0.0) -> Bottleneck:
    """The point of these factors for their product and a residual as target."""
    problem = Problem(end_to_end(factors) + residual, [len(f) for f in factors[:-1]], reg)
    return Bottleneck(Point(problem, factors, squared_error(problem), flatten(factors)), rank)


def layers(
    rng: np.random.Generator, widths: tuple[int, ...], rank: int, ends: tuple[bool, bool]
) -> list[Array]:
    """Layers of well-conditioned random matrices, each of a size of its own; the ends of this rank where asked."""
    found = []
    last = len(widths) - 2
    for place, (before, after) in enumerate(pairwise(widths)):
        whole = min(before, after)
        held = (place == 0 and ends[0]) or (place == last and ends[1])
        count = rank if held else whole
        frames = (orthonormal_frame(width, count, rng) for width in (after, before))
        out, into = frames
        found.append(rng.uniform(0.6, 1.7) * (out * rng.uniform(0.4, 1.6, count)) @ into.T)
    return found


def minimizer(
    rng: np.random.Generator,
    low: int,
    high: int,
    ends: tuple[bool, bool] = (False, False),
    share: tuple[float, float] = (0.4, 1.0),
    reg: float = 0.0,
    least: int = 1,
) -> Bottleneck:
    """Global minimizer of some depth, behind a hidden layer of `least` to two units, one from depth 4; others are wider."""
    while True:
        depth = int(rng.integers(low, high + 1))
        rank = int(rng.integers(least, 3)) if depth < 4 else 1
        widths = rank + rng.integers(1, 3, size=depth + 1)
        widths[rng.integers(1, depth)] = rank
        factors = layers(rng, tuple(widths.tolist()), rank, ends)
        values = np.linalg.svd(end_to_end(factors), compute_uv=False)
        # A product that is nearly of lower rank says little: its residual nearly vanishes.
        if values[rank - 1] > 0.05 * values[0]:
            return behind(rng, factors, rank, float(rng.uniform(*share)), reg)


def steepest(rng: np.random.Generator, depth: int, size: float, ratio: float) -> Bottleneck:
    """Sharper than at zero loss by nearly the factor ``1 + t``, the nearer the larger `size`.

    At depth 2 there is no spare part at all, and it is as sharp.
    """
    first = np.diag([1.0, size])
    ones = [np.ones((1, 1))] * (depth - 3)
    last = np.array([[1 / size], [0.0]])
    factors = [first, np.array([[1.0, 0.0]]), *ones, last]
    if depth == 2:
        factors = [np.array([[size, 0.0]]), last]
    least = float(end_to_end(factors)[0, 0])
    return turned(rng, factors, np.diag([0.0, ratio * least]))


def flattest(rng: np.random.Generator, depth: int, size: float, ratio: float) -> Bottleneck:
    """Flatter than at zero loss by nearly the factor ``(1 + t)/(1 + 2t)``, the nearer the larger `size`.

    At depth 3 there is no spare part behind the bottleneck, and it is not flatter.
    """
    cosine = np.sqrt(ratio / (1 + ratio))
    spare = size * np.array([cosine, np.sqrt(1 - cosine**2)])
    first = np.array([[1.0, 0.0], spare])
    unit = np.array([[1.0, 0.0]])
    behind_it = [unit.T, first.T] if depth > 3 else [unit.T]
    factors = [first, unit, *[np.ones((1, 1))] * (depth - 4), *behind_it]
    return turned(rng, factors, np.diag([0.0, ratio]))


def turned(rng: np.random.Generator, factors: list[Array], residual: Array) -> Bottleneck:
    """The same point in random bases of all layers."""
    widths = [factors[0].shape[1], *(len(factor) for factor in factors)]
    bases = [orthonormal_frame(width, width, rng) for width in widths]
    moved = [
        after @ factor @ before.T
        for factor, (before, after) in zip(factors, pairwise(bases), strict=True)
    ]
    return with_residual(moved, 1, bases[-1] @ residual @ bases[0].T)


def trained(rng: np.random.Generator) -> Bottleneck:
    """Where gradient descent ends from Gaussian layers of half the usual size; others are drawn if it does not."""
    while True:
        depth = int(rng.integers(3, 5))
        widths = 2 + rng.integers(1, 5, size=depth + 1)
        widths[rng.integers(1, depth)] = 2
        target = rng.normal(size=(widths[-1], widths[0]))
        problem = Problem(target, widths[1:-1].tolist())
        start = [factor / 2 for factor in random_factors(rng, tuple(widths.tolist()))]
        run = gradient_descent(problem, start, 0.02, 12_000, tolerance=1e-9)
        values = np.linalg.svd(target, compute_uv=False)
        reached = np.linalg.svd(end_to_end(run.factors), compute_uv=False)[:2]
        if run.status == "converged" and np.abs(reached - values[:2]).max() < 1e-6:
            point = Point(problem, run.factors, squared_error(problem), flatten(run.factors))
            return Bottleneck(point, 2)


def not_global(rng: np.random.Generator) -> Bottleneck:
    """Depth 2, one hidden unit, and a residual larger than the product: a saddle."""
    factors = layers(rng, (3, 1, 2), 1, (True, True))
    return behind(rng, factors, 1, float(rng.uniform(1.5, 3)))


def not_critical(rng: np.random.Generator) -> Bottleneck:
    """Depth 2, one hidden unit, and a residual as large as the product, nearly along it."""
    factors = layers(rng, (3, 1, 2), 1, (True, True))
    product = end_to_end(factors)
    return with_residual(factors, 1, -product * float(rng.uniform(0.5, 1)))


def idle_units(rng: np.random.Generator) -> Bottleneck:
    """Depth 3, hidden layers wider than the rank of the product, with a large link between units that idle."""
    link = float(rng.uniform(6, 10))
    factors = [np.array([[1.0, 0.0], [0.0, 0.0]]), np.diag([1.0, link])]
    return turned(rng, [*factors, factors[0]], np.diag([0.0, float(rng.uniform(0.7, 1))]))
