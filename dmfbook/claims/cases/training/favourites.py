"""Targets, measures of flatness, and the factorizations that descents of them reach."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.targets import with_values
from dmfbook.claims.oracles.flatness.orbits import OrbitSearch, descend_measure
from dmfbook.claims.statements.training import favourites as statements
from dmfbook.network.factors import partial_products
from dmfbook.zero_loss.factorizations import zero_loss_factors
from dmfbook.zero_loss.favourites import favourite_factors
from dmfbook.zero_loss.measures import Measure, NoiseMeasure, PowerMeasure
from dmfbook.zero_loss.trace import flattest_factors


@dataclass(frozen=True)
class FlatCase:
    """Factorizations of a target, a measure of their flatness, and where two descents of it start."""

    target: Array
    measure: Measure
    starts: tuple[list[Array], list[Array]]

    @property
    def hidden_widths(self) -> tuple[int, ...]:
        """Widths between the layers."""
        return tuple(len(factor) for factor in self.starts[0][:-1])

    @property
    def depth(self) -> int:
        """Number of layers."""
        return len(self.starts[0])

    @property
    def values(self) -> Array:
        """Non-zero singular values of the target."""
        found = np.linalg.svd(self.target, compute_uv=False)
        return np.asarray(found[found > 1e-9 * found[0]])

    @cached_property
    def searches(self) -> tuple[OrbitSearch, OrbitSearch]:
        """Where both descents end."""
        first, second = (descend_measure(start, self.measure) for start in self.starts)
        return first, second

    @cached_property
    def layers(self) -> list[Array]:
        """Singular values of each layer where the first descent ends, as many as the target has."""
        return self._layers_of(self.searches[0])

    @property
    def spread(self) -> float:
        """Largest over smallest singular value of all layers where a descent ends, as a logarithm, of both descents."""
        ends = [np.log(np.concatenate(self._layers_of(search))) for search in self.searches]
        return max(float(np.ptp(logs)) for logs in ends)

    def _layers_of(self, search: OrbitSearch) -> list[Array]:
        rank = len(self.values)
        return [
            np.asarray(np.linalg.svd(factor, compute_uv=False)[:rank]) for factor in search.factors
        ]

    @cached_property
    def favourite(self) -> list[Array]:
        """What is predicted; for another measure what the first search finds, since both shall find the same."""
        if isinstance(self.measure, (PowerMeasure, NoiseMeasure)):
            return favourite_factors(self.target, self.hidden_widths, self.measure)
        return self.searches[0].factors

    @property
    def balanced(self) -> list[Array]:
        """Layers with equal shares of each mode."""
        return statements.balanced(self.target, len(self.values), self.depth)

    @property
    def of_the_trace(self) -> list[Array]:
        """What the trace prefers."""
        return flattest_factors(self.target, self.hidden_widths)

    @property
    def reversed_layers(self) -> list[Array]:
        """What is preferred for the transposed target, in the bases of this one."""
        return statements.reversed_layers(self.target, self.favourite)


def grams(factors: list[Array]) -> list[Array]:
    """``A_l A_lᵀ`` for all layers but the last: they fix the factors up to a change of hidden bases."""
    return [left @ left.T for left in partial_products(factors)[0][:-1]]


def spaced(rng: np.random.Generator, rank: int) -> Array:
    """Singular values of order one, well apart."""
    return np.asarray(rng.uniform(0.9, 1.5) * np.cumprod([1, *rng.uniform(0.4, 0.75, rank - 1)]))


def flat_case(
    rng: np.random.Generator,
    shape: tuple[int, int],
    depth: int,
    measure: Measure | None = None,
    rank: int | None = None,
    spare: int = 0,
    equal: bool = False,
    orders: tuple[float, float] = (0.3, 3.0),
) -> FlatCase:
    """A random target of some rank, full by default; without a measure a power between the orders."""
    size = rank or min(shape)
    values = np.full(size, rng.uniform(0.9, 1.5)) if equal else spaced(rng, size)
    target = with_values(rng, values, shape)
    hidden = (size + spare,) * (depth - 1)
    first, second = (zero_loss_factors(target, hidden, rng, condition=3.0) for _ in range(2))
    chosen = measure or PowerMeasure(float(rng.uniform(*orders)))
    return FlatCase(target, chosen, (first, second))


def noisy(rng: np.random.Generator, shape: tuple[int, int], depth: int, share: float) -> FlatCase:
    """The measure of label noise, at a share of the largest step, from starts that bear it."""
    case = flat_case(rng, shape, depth)
    edge = 1 / (depth * case.values[0] ** (2 - 2 / depth))
    first, second = (
        zero_loss_factors(case.target, case.hidden_widths, rng, condition=1.1) for _ in range(2)
    )
    return replace(case, measure=NoiseMeasure(share * edge), starts=(first, second))


def with_idle_units(rng: np.random.Generator, depth: int) -> FlatCase:
    """A hidden width beyond the rank of a target of deficient rank, with units that are not idle; small orders."""
    case = flat_case(rng, (3, 3), depth, PowerMeasure(0.0), rank=2)
    starts = []
    for start in case.starts:
        first = rng.normal(size=(3, 3)) + 2 * np.eye(3)
        last = case.target @ np.linalg.inv(first)
        starts.append([first, *[np.eye(3)] * (len(start) - 2), last])
    return replace(case, starts=(starts[0], starts[1]))


Size = tuple[int, int, int, int]  # rows, columns, rank and depth


def determinant(rng: np.random.Generator, *sizes: Size) -> FlatCase:
    """The determinant, for one of some sizes."""
    rows, columns, rank, depth = sizes[int(rng.integers(len(sizes)))]
    return flat_case(rng, (rows, columns), depth, PowerMeasure(0.0), rank=rank)


class Excess:
    """How far eigenvalues are beyond a bound, squared: convex and increasing, but not strictly."""

    def __init__(self, bound: float) -> None:
        self.bound = bound

    def at(self, x: Array) -> tuple[Array, Array, Array]:
        """Value and derivatives by the logarithm."""
        excess, h = np.maximum(np.exp(x) - self.bound, 0.0), np.exp(x)
        bend = np.where(excess > 0, 2 * h**2, 0.0)
        return excess**2, 2 * excess * h, bend + 2 * excess * h


class Reciprocal:
    """Minus the sum of reciprocals: strictly increasing, but concave in the logarithm."""

    def at(self, x: Array) -> tuple[Array, Array, Array]:
        """Value and derivatives by the logarithm."""
        inverse = np.exp(-x)
        return -inverse, inverse, -inverse


def not_strictly(rng: np.random.Generator) -> FlatCase:
    """Only eigenvalues far beyond the least sharpness count."""
    case = flat_case(rng, (2, 2), 3)
    least = 2 * case.depth * case.values[0] ** (2 - 2 / case.depth)
    return replace(case, measure=Excess(1.5 * least))


def not_strictly_from_balance(rng: np.random.Generator) -> FlatCase:
    """The same, from balanced factors, where nothing counts."""
    case = not_strictly(rng)
    start = zero_loss_factors(case.target, case.hidden_widths, rng, condition=1.0)
    return replace(case, starts=(start, start))


def not_convex(rng: np.random.Generator, depth: int = 3) -> FlatCase:
    """Small eigenvalues count most."""
    return flat_case(rng, (2, 2), depth, Reciprocal())
