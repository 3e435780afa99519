"""Factorizations: any, balanced, with small products of spectral norms, or as flat as a search can make them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any, Self

import numpy as np
from scipy.optimize import brentq

from dmfbook._validation import Array
from dmfbook.claims.cases.sharpness.shared_modes import (
    Modes,
    any_factorization,
    in_random_bases,
    nothing,
)
from dmfbook.claims.cases.targets import with_values
from dmfbook.claims.oracles.flatness.bases import Descent, descend_sharpness
from dmfbook.claims.oracles.spectra import largest_eigenvalue
from dmfbook.claims.statements.sharpness.flatness import smallest_product
from dmfbook.network.problem import Problem
from dmfbook.zero_loss.sharpness import spectral_products

# Searches end within 4e-12 of the least sharpness, relatively, in 900 tries on such shapes.
REACHED = 1e-10
# Of a dense Hessian's largest eigenvalue, relatively: N ε, times the size of its terms over it.
ROUNDING = 1e-11


@dataclass(frozen=True)
class FlatPoint:
    """Factors that may be as flat as can be, and others of the same target from which a search for the flattest starts."""

    problem: Problem
    factors: list[Array]
    start: list[Array]

    @property
    def sigma(self) -> Array:
        """Singular values of the target."""
        return np.linalg.svd(self.problem.target, compute_uv=False)

    @cached_property
    def sharpness(self) -> float:
        """Largest eigenvalue of the dense Hessian."""
        return largest_eigenvalue(self.problem, self.factors)

    @cached_property
    def search(self) -> Descent:
        """The search for the least sharpness."""
        return descend_sharpness(self.problem, self.start)

    def excess(self, factors: list[Array] | None = None) -> float:
        """How far the sharpness of these or of other factors is above the least that the search finds, relatively."""
        value = self.sharpness if factors is None else largest_eigenvalue(self.problem, factors)
        return value / self.search.least - 1

    def penalized(self) -> Self:
        """The first layer has a weight, as large as the curvature; the others have none."""
        weight = float(np.linalg.norm(self.problem.target, 2)) ** (2 - 2 / self.problem.depth)
        reg = [self.problem.depth * weight, *[0.0] * (self.problem.depth - 1)]
        problem = Problem(self.problem.target, self.problem.hidden_widths, reg)
        return replace(self, problem=problem)

    def off_target(self) -> Self:
        """The target has the other sign."""
        problem = Problem(-self.problem.target, self.problem.hidden_widths)
        return replace(self, problem=problem)


@dataclass(frozen=True)
class Shape:
    """Widths, rank and kind of the singular values of a target."""

    widths: tuple[int, ...]
    rank: int
    leading: tuple[float, float] = (1.5, 3.0)
    equal: bool = False

    def problem(self, rng: np.random.Generator) -> Problem:
        """A random one of this shape."""
        ratios = np.ones(self.rank - 1) if self.equal else rng.uniform(0.4, 0.8, self.rank - 1)
        values = rng.uniform(*self.leading) * np.cumprod([1, *ratios])
        target = with_values(rng, values, (self.widths[-1], self.widths[0]))
        return Problem(target, self.widths[1:-1])


# Leading singular values on the other side of 1, where powers change their order.
SMALL = (0.3, 0.7)

SHAPES = {
    "depth 2, rectangular": Shape((3, 2, 2), 2),
    "depth 3, equal singular values": Shape((2, 2, 3, 2), 2, SMALL, equal=True),
    "depth 3, rank one, spare units": Shape((2, 3, 2, 3), 1),
    "depth 4, a width at the rank": Shape((3, 3, 2, 2, 3), 2, SMALL),
    "a number, depth 5": Shape((1, 2, 2, 3, 2, 1), 1, SMALL),
}

SHALLOW_OR_NUMBERS = {
    "depth 2, rectangular": Shape((3, 2, 4), 2),
    "depth 2, equal singular values": Shape((2, 3, 2), 2, SMALL, equal=True),
    "depth 2, rank one, spare units": Shape((2, 3, 3), 1),
    "a number, depth 3": Shape((1, 2, 3, 1), 1),
    "a number, depth 5": Shape((1, 3, 2, 2, 2, 1), 1, SMALL),
}


def balanced(rng: np.random.Generator, shape: Shape) -> FlatPoint:
    """Balanced factors."""
    problem = shape.problem(rng)
    modes = Modes.of(problem)
    factors = in_random_bases(modes.layers(modes.even(), nothing(modes.room)), rng)
    return FlatPoint(problem, factors, any_factorization(problem, rng))


def too_narrow(rng: np.random.Generator) -> FlatPoint:
    """One hidden unit for a target of rank two: factors of its leading mode alone, for want of any of the target."""
    problem = Shape((3, 2, 2), 2).problem(rng)
    left, values, right = np.linalg.svd(problem.target)
    factors = [np.sqrt(values[:1, None]) * right[:1], left[:, :1] * np.sqrt(values[0])]
    return FlatPoint(Problem(problem.target, [1]), factors, factors)


def searched(rng: np.random.Generator, shape: Shape, weight: bool = False) -> FlatPoint:
    """What a search finds, without a weight on the first layer or with one."""
    case = balanced(rng, shape)
    case = case.penalized() if weight else case
    return replace(case, factors=case.search.factors)


def start_of_search(rng: np.random.Generator) -> FlatPoint:
    """The factors are those from which the search starts."""
    case = balanced(rng, Shape((3, 2, 2, 3), 2))
    return replace(case, factors=case.start)


def small_products(rng: np.random.Generator, shape: Shape) -> FlatPoint:
    """No mode is larger than the first, from the input to any layer or from any layer to the output; in the middle anything."""
    problem = shape.problem(rng)
    depth = problem.depth
    modes = Modes.of(problem, count=min(problem.widths))
    ratios = modes.values / modes.values[0]
    # How large each mode is behind each layer, in units of the first: between 1 and what is left at the end.
    sizes = rng.uniform(ratios, 1, (depth - 1, len(ratios)))
    sizes[:, 0] = 1.0
    sizes = np.vstack([np.ones_like(ratios), sizes, ratios])
    unit = float(modes.values[0] ** (1 / depth))
    beside = nothing(modes.room)
    for l in range(1, depth - 1):
        beside[l] = 3 * unit * rng.standard_normal(beside[l].shape)
    factors = in_random_bases(modes.layers(unit * sizes[1:] / sizes[:-1], beside), rng)
    return FlatPoint(problem, factors, any_factorization(problem, rng))


def rescaled(factors: list[Array], products: Array) -> list[Array]:
    """Rescale the layers, their product unchanged, so that all ``‖A_l‖₂ ‖B_l‖₂`` are multiples of `products`."""
    scales = spectral_products(factors) / products
    scales /= np.exp(np.mean(np.log(scales)))
    return [scale * factor for scale, factor in zip(scales, factors, strict=True)]


def equal_products(problem: Problem, value: float) -> list[Array]:
    """A factorization all of whose ``‖A_l‖₂ ‖B_l‖₂`` are `value`, which the condition number of the bases sets."""
    modes = Modes.of(problem)
    layers, ones = modes.layers(modes.even(), nothing(modes.room)), np.ones(problem.depth)

    def factors(log_condition: float) -> list[Array]:
        bases = np.random.default_rng(0)
        return rescaled(in_random_bases(layers, bases, float(np.exp(log_condition))), ones)

    def gap(log_condition: float) -> Any:
        return np.log(spectral_products(factors(log_condition))[0] / value)

    return factors(float(brentq(gap, 0.0, 20.0, xtol=1e-12)))


def larger_products(rng: np.random.Generator) -> FlatPoint:
    """All products of spectral norms are equal, but half as large again as they could be."""
    case = balanced(rng, Shape((3, 2, 2, 3), 2))
    smallest = float(case.sigma[0] ** (1 - 1 / case.problem.depth))
    return replace(case, factors=equal_products(case.problem, 1.5 * smallest))


def penalized(rng: np.random.Generator, make: Callable[..., FlatPoint]) -> FlatPoint:
    """Depth 2, the same with a weight on the first layer."""
    return make(rng, SHAPES["depth 2, rectangular"]).penalized()


def off_target(rng: np.random.Generator) -> FlatPoint:
    """Balanced factors, at depth 2, of minus the target."""
    return balanced(rng, SHAPES["depth 2, rectangular"]).off_target()


def kinds(
    maker: Callable[..., FlatPoint], shapes: Mapping[str, Shape]
) -> dict[str, Callable[[np.random.Generator], FlatPoint]]:
    """A maker for each shape."""
    return {name: partial(maker, shape=shape) for name, shape in shapes.items()}


def products_at(case: FlatPoint, power: float) -> list[Array] | None:
    """Factors all of whose products of spectral norms are ``σ_1^{1 − power/L}``, where there are any."""
    depth = case.problem.depth
    value = smallest_product(case.sigma, depth, power)
    if value < smallest_product(case.sigma, depth):
        return None
    return equal_products(case.problem, value)


def outer_products(case: FlatPoint) -> list[Array] | None:
    """Factors whose products of spectral norms are small enough in the first and in the last layer."""
    wanted = np.full(case.problem.depth, smallest_product(case.sigma, case.problem.depth))
    if len(wanted) == 2:
        return None
    found = spectral_products(case.start)
    wanted[1:-1] = (np.prod(found) / wanted[0] ** 2) ** (1 / (len(wanted) - 2))
    return rescaled(case.start, wanted)


def norms_equal(case: FlatPoint, norm: Any = 2) -> list[Array]:
    """Factors whose layers have equal norms."""
    norms = np.array([np.linalg.norm(factor, norm) for factor in case.start])
    scales = np.exp(np.mean(np.log(norms))) / norms
    return [scale * factor for scale, factor in zip(scales, case.start, strict=True)]


def first_product(case: FlatPoint) -> list[Array]:
    """Random factors, the first two rescaled until the product of spectral norms at the first layer is ``σ_1^{1−1/L}``."""
    first, second, *others = case.start
    smallest = smallest_product(case.sigma, case.problem.depth)
    scale = spectral_products(case.start)[0] / smallest
    return [scale * first, second / scale, *others]


# Factors that share something with the flattest.
COMPANIONS: Mapping[str, Callable[[FlatPoint], list[Array] | None]] = MappingProxyType(
    {
        "products of σ_1": partial(products_at, power=0.0),
        "products of σ_1^{1−2/L}": partial(products_at, power=2.0),
        "small products in the outer layers": outer_products,
        "equal spectral norms of the layers": norms_equal,
    }
)
