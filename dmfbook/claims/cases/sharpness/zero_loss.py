"""Points of zero loss, of every shape that the statements on sharpness tell apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases import points
from dmfbook.claims.cases.points import Point, at_zero_loss, random_factors
from dmfbook.claims.oracles.differentiation import squared_error
from dmfbook.claims.statements.sharpness.zero_loss import agreements, maximizers
from dmfbook.network.factors import end_to_end, flatten
from dmfbook.network.frames import orthonormal_frame
from dmfbook.network.problem import Problem

PointMaker = Callable[[np.random.Generator], Point]

# Agreement from which on partial products have too much in common, by chance.
ALIKE = 0.999


def point_of(factors: list[Array]) -> Point:
    """The zero-loss point of these factors: their end-to-end matrix is the target."""
    problem = Problem(end_to_end(factors), [len(factor) for factor in factors[:-1]])
    return Point(problem, factors, squared_error(problem), flatten(factors))


def of_widths(rng: np.random.Generator, widths: list[int] | tuple[int, ...]) -> Point:
    """Gaussian factors of the given widths."""
    return point_of(random_factors(rng, tuple(widths)))


def shallow(rng: np.random.Generator) -> Point:
    """Depth 2, all widths different."""
    return at_zero_loss(points.shallow_point(rng))


def deep(rng: np.random.Generator) -> Point:
    """Depth 4 to 6, widths 2 and 3 in turn."""
    return at_zero_loss(points.deep_point(rng))


def narrow(rng: np.random.Generator) -> Point:
    """Depth 3 or 4, a hidden layer of width 1."""
    return at_zero_loss(points.narrow_point(rng))


def with_a_layer_of_zeros(rng: np.random.Generator) -> Point:
    """Depth 3, one layer vanishes, and with it all terms but its own."""
    return at_zero_loss(points.point_with_a_layer_of_zeros(rng))


def twice(rng: np.random.Generator) -> Point:
    """Depth 3, two copies of one network side by side: each eigenvalue is repeated."""
    widths = rng.integers(1, 3, size=4)
    single = random_factors(rng, tuple(widths.tolist()))
    return point_of([np.asarray(np.kron(np.eye(2), factor)) for factor in single])


def lopsided(rng: np.random.Generator) -> Point:
    """Depth 3, one layer thirty times larger and one thirty times smaller than the others."""
    factors = random_factors(rng, tuple(rng.integers(2, 4, size=4).tolist()))
    large, small = rng.permutation(3)[:2]
    factors[large], factors[small] = 30 * factors[large], factors[small] / 30
    return point_of(factors)


# What the theorem and its direction are tested on.
ZERO_LOSS: dict[str, PointMaker] = {
    "depth 2": shallow,
    "depth 4 to 6": deep,
    "a hidden layer of width 1": narrow,
    "a layer of zeros": with_a_layer_of_zeros,
    "every eigenvalue twice": twice,
    "layers of very different size": lopsided,
}


def generic(rng: np.random.Generator) -> Point:
    """Depth 2, or depth 4 to 6, without anything special."""
    return shallow(rng) if rng.integers(2) else deep(rng)


def off_target(make: PointMaker) -> PointMaker:
    """The same factors with a residual as large as their product, and at least of norm 1."""

    def made(rng: np.random.Generator) -> Point:
        point = make(rng)
        product = point.problem.target
        shift = rng.normal(size=product.shape)
        size = max(1.0, float(np.linalg.norm(product))) / np.linalg.norm(shift)
        problem = Problem(product + size * shift, point.problem.hidden_widths)
        return Point(problem, point.factors, squared_error(problem), point.vector)

    return made


def penalized(make: PointMaker) -> PointMaker:
    """The same factors and target, with a weight for each layer."""

    def made(rng: np.random.Generator) -> Point:
        point = make(rng)
        reg = rng.uniform(0.3, 1, point.problem.depth)
        problem = Problem(point.problem.target, point.problem.hidden_widths, reg)
        return Point(problem, point.factors, squared_error(problem), point.vector)

    return made


@dataclass(frozen=True)
class Direction:
    """A zero-loss point and a change ``Z`` of its product, of norm 1."""

    point: Point
    change: Array


def sharpest(make: PointMaker) -> Callable[[np.random.Generator], Direction]:
    """With a ``Z`` that attains the maximum; a random one where there are several."""

    def made(rng: np.random.Generator) -> Direction:
        point = make(rng)
        space = maximizers(point.factors)
        change = space @ rng.normal(size=space.shape[1])
        rows = len(point.factors[-1])
        return Direction(point, (change / np.linalg.norm(change)).reshape(rows, -1, order="F"))

    return made


def any_change(rng: np.random.Generator) -> Direction:
    """A ``Z`` that does not attain the maximum."""
    point = generic(rng)
    change = rng.normal(size=point.problem.target.shape)
    return Direction(point, change / np.linalg.norm(change))


def flat_everywhere(rng: np.random.Generator) -> Point:
    """Depth 3, two layers of zeros: the Hessian vanishes."""
    factors = random_factors(rng, tuple(rng.integers(1, 4, size=4).tolist()))
    for layer in rng.permutation(3)[:2]:
        factors[layer][:] = 0
    return point_of(factors)


def shallow_narrow(rng: np.random.Generator) -> Point:
    """Depth 2, one hidden unit."""
    outer = rng.integers(2, 5, size=2)
    return of_widths(rng, [int(outer[0]), 1, int(outer[1])])


def shallow_orthogonal(rng: np.random.Generator) -> Point:
    """Depth 2, multiples of orthogonal matrices: all singular values of a layer agree."""
    width = int(rng.integers(2, 4))
    scales = rng.uniform(0.5, 2, size=2)
    return point_of([scale * orthonormal_frame(width, width, rng) for scale in scales])


def shallow_lopsided(rng: np.random.Generator) -> Point:
    """Depth 2, one layer about a thousand times larger than the other."""
    first, second = random_factors(rng, tuple((2 + rng.permutation(3)).tolist()))
    ratio = 30.0 ** rng.choice([-1, 1])
    return point_of([first * ratio, second / ratio])


def shallow_annihilating(rng: np.random.Generator) -> Point:
    """Depth 2, no layer vanishes but their product does."""
    basis = orthonormal_frame(4, 4, rng)
    first, second = basis[:, :2], basis[:, 2:].T
    return point_of([first @ rng.normal(size=(2, 3)), rng.normal(size=(2, 2)) @ second])


def three_layers(rng: np.random.Generator) -> Point:
    """Depth 3, all widths different."""
    return of_widths(rng, (2 + rng.permutation(4)).tolist())


def number(rng: np.random.Generator, depth: int = 0, inputs: int = 1, outputs: int = 1) -> Point:
    """A number, or a vector or matrix of given sides; depth 3 to 6 unless given, hidden widths 2 to 4."""
    hidden = rng.integers(2, 5, size=(depth or int(rng.integers(3, 7))) - 1).tolist()
    return of_widths(rng, [inputs, *hidden, outputs])


def number_of_numbers(rng: np.random.Generator) -> Point:
    """A number as a product of 3 to 6 numbers."""
    return of_widths(rng, [1] * int(rng.integers(4, 8)))


def number_that_is_zero(rng: np.random.Generator, layers: int) -> Point:
    """A number of depth 3 with one or two layers of zeros."""
    factors = number(rng, depth=3).factors
    for layer in rng.permutation(3)[:layers]:
        factors[layer][:] = 0
    return point_of(factors)


def aligned(rng: np.random.Generator) -> Point:
    """Depth 3 to 6; the leading singular vectors of each layer continue those of the next."""
    widths = rng.integers(2, 5, size=rng.integers(4, 8)).tolist()
    bases = [orthonormal_frame(width, width, rng) for width in widths]
    factors = []
    for (before, after), (right, left) in zip(pairwise(widths), pairwise(bases), strict=True):
        values = np.zeros((after, before))
        np.fill_diagonal(values, np.sort(rng.uniform(0.2, 1.5, min(after, before)))[::-1])
        factors.append(left @ values @ right.T)
    return point_of(factors)


def orthogonal(rng: np.random.Generator) -> Point:
    """Depth 3 or 4, multiples of orthogonal matrices."""
    width = int(rng.integers(2, 4))
    scales = rng.uniform(0.7, 1.4, size=rng.integers(3, 5))
    return point_of([scale * orthonormal_frame(width, width, rng) for scale in scales])


def apart(make: PointMaker) -> PointMaker:
    """Drawn again as long as the leading directions of the partial products nearly agree."""

    def made(rng: np.random.Generator) -> Point:
        while min(agreements((point := make(rng)).factors)) > ALIKE:
            pass
        return point

    return made


def nothing_in_common(rng: np.random.Generator) -> Point:
    """Depth 3 to 6, widths 2 to 4."""
    return of_widths(rng, rng.integers(2, 5, size=rng.integers(4, 8)).tolist())


def broad_with_a_layer_of_zeros(rng: np.random.Generator) -> Point:
    """Depth 3, widths 2 to 4, an outer layer of zeros: one term is left, and the bound is attained."""
    factors = random_factors(rng, tuple(rng.integers(2, 5, size=4).tolist()))
    factors[rng.choice([0, 2])][:] = 0
    return point_of(factors)
