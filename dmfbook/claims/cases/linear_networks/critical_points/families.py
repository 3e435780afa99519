"""Problems of regression without weight decay, and families of their critical points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.linear_networks.critical_points.entries import UnequalEntries
from dmfbook.claims.cases.linear_networks.critical_points.patterns import (
    Blocks,
    Whitened,
    no_blocks,
    random_pattern,
)
from dmfbook.claims.cases.linear_networks.data import inputs_with
from dmfbook.claims.cases.targets import with_values
from dmfbook.claims.evidence import Evidence
from dmfbook.claims.oracles import search
from dmfbook.claims.oracles.descent import drop
from dmfbook.claims.statements.linear_networks.unregularized import FLAT, STRICT, Products
from dmfbook.network.hessian import hessian
from dmfbook.network.losses.regression import Regression
from dmfbook.network.problem import Problem

# Relative error of a loss that a descent ends with.
LOSS_ROUNDING = 1e-13
Maker = Callable[[np.random.Generator], "FamilyCase"]


@dataclass(frozen=True)
class NormalForm:
    """What a critical point was made from."""

    whitened: Whitened
    active: tuple[int, ...]
    blocks: Blocks

    @property
    def values(self) -> Array:
        """Singular values of the whitened target."""
        return self.whitened.bases[1]

    @property
    def leads(self) -> bool:
        """Whether the leading values are active, and nothing is beyond them."""
        in_order = self.active == tuple(range(len(self.active)))
        return in_order and not any(block.any() for block in self.blocks)

    @cached_property
    def negative_beyond(self) -> int:
        """Number of negative eigenvalues of the Hessian of the blocks, factors of what is left of the target."""
        sizes, residual = self.whitened.rest(self.active)
        if not min(sizes):
            return 0
        beyond = hessian(Problem(residual, sizes[1:-1]), self.blocks)
        values = np.linalg.eigvalsh(beyond)
        unit = 1 + np.linalg.norm(residual) + max(np.linalg.norm(block) for block in self.blocks)
        return int(np.sum(values < -1e-12 * unit**2))


@dataclass(frozen=True)
class KindCase:
    """A critical point, and what can be found out about it without the theorem."""

    point: Products
    seed: int
    form: NormalForm | None = None
    instead: Problem | None = None  # another problem that the oracles see

    @property
    def seen(self) -> Problem:
        """The problem that the oracles see."""
        return self.instead or self.point.problem

    @cached_property
    def eigenvalues(self) -> Array:
        """Eigenvalues of the dense Hessian, ascending."""
        return np.asarray(np.linalg.eigvalsh(hessian(self.seen, self.point.factors)))

    @property
    def negative(self) -> int:
        """Number of negative eigenvalues."""
        return int(np.sum(self.eigenvalues < -self.rounding))

    @property
    def rounding(self) -> float:
        """Error of an eigenvalue: terms of the Hessian may cancel, and layers that vanish do so up to rounding."""
        point, problem = self.point, self.point.problem
        of_target, inputs = (np.linalg.norm(m, 2) for m in (point.target, point.inputs))
        natural = (of_target / inputs) ** (1 / problem.depth)
        norms = [max(natural, np.linalg.norm(factor, 2)) for factor in point.factors]
        # Terms are products of all layers but two, with the residual or with one another.
        product = np.prod(norms) * inputs
        scale = (of_target + product) * product / np.sort(norms)[:2].prod()
        return float(8 * problem.size * problem.depth * search.EPS * scale)

    @property
    def least(self) -> float:
        """Least eigenvalue of the dense Hessian."""
        return float(self.eigenvalues[0])

    @cached_property
    def drop(self) -> float:
        """How far descents that start a small step away get below it."""
        rng = np.random.default_rng(self.seed)
        return drop(self.seen, self.point.factors, rng, LOSS_ROUNDING)

    @cached_property
    def excess(self) -> float:
        """How far its loss is above the least that descents from afar find, relative to the loss of zero."""
        problem, rng = self.seen, np.random.default_rng(self.seed)
        least = search.minimizers(problem, rng, search.STARTS, planted=False)[0].loss
        return (problem.loss(self.point.factors) - least) / search.loss_unit(problem)

    def evidence(self, kind: str) -> Evidence:
        """How well the point fits the description of a kind."""
        if kind == STRICT:
            return Evidence(self.rounding, max(0.0, -self.least))
        if self.least < -self.rounding:
            return Evidence(-self.least, self.rounding)
        if kind == FLAT:
            return Evidence(LOSS_ROUNDING, max(0.0, self.drop))
        return Evidence(max(self.excess, 0.0), LOSS_ROUNDING)


@dataclass(frozen=True)
class FamilyCase:
    """Critical points, all of one problem where their losses are compared."""

    points: list[KindCase]

    @cached_property
    def excesses(self) -> list[float]:
        """How far their losses are above the least that descents find, relative to the loss of zero.

        The descents start from afar, and from near what the loss aims at, cut to each rank.
        """
        problem, rng = self.points[0].seen, np.random.default_rng(self.points[0].seed)
        least = search.minimizers(problem, rng, search.STARTS)[0].loss
        losses = [problem.loss(each.point.factors) for each in self.points]
        return [(loss - least) / search.loss_unit(problem) for loss in losses]


def regression(
    rng: np.random.Generator,
    values: Sequence[float],
    widths: Sequence[int],
    directions: int | None = None,
    condition: float = 10.0,
) -> Whitened:
    """Noisy samples whose whitened target has these singular values; inputs that span some directions only.

    What the network cannot fit is orthogonal to what its inputs span, and as large as a tenth.
    """
    inputs, outputs = widths[0], widths[-1]
    rank = inputs if directions is None else directions
    samples = rank + int(rng.integers(1, 4))
    X = inputs_with(rng, inputs, samples, condition, rank)
    rows = np.linalg.svd(X, full_matrices=False)[2][:rank]
    noise = 0.1 * rng.normal(size=(outputs, samples))
    target = with_values(rng, np.array(values), (outputs, rank))
    Y = target @ rows + noise - (noise @ rows.T) @ rows
    return Whitened(Problem(Regression(X, Y), widths[1:-1]))


def values_of(rng: np.random.Generator, count: int) -> list[float]:
    """Singular values that differ by a fifth at least, the largest between two and three."""
    return list(np.cumprod([rng.uniform(2, 3), *rng.uniform(0.5, 0.8, count - 1)]))


def point(
    rng: np.random.Generator, whitened: Whitened, active: Sequence[int], blocks: Blocks
) -> KindCase:
    """A critical point in random bases."""
    factors = whitened.factors(active, blocks, rng)
    made = Products(whitened.problem, factors)
    return KindCase(made, int(rng.integers(2**32)), NormalForm(whitened, tuple(active), blocks))


def family(
    widths: Sequence[int],
    ranks: Sequence[int],
    values: Sequence[float] | None = None,
    leading: bool = True,
    count: int = 8,
    directions: int | None = None,
    condition: float = 10.0,
) -> Maker:
    """Maker of a problem and points of it with random patterns of blocks, some of them turned.

    Active are the leading values, or those after the first.
    """

    def make(rng: np.random.Generator) -> FamilyCase:
        size = min(widths[-1], directions or widths[0])
        whitened = regression(rng, values or values_of(rng, size), widths, directions, condition)
        points = []
        for i in range(count):
            rank = ranks[i % len(ranks)]
            active = range(rank) if leading else range(1, rank + 1)
            blocks = random_pattern(rng, *whitened.rest(active), turned=i % 2 == 1)
            points.append(point(rng, whitened, active, blocks))
        return FamilyCase(points)

    return make


def telling_patterns(rng: np.random.Generator) -> FamilyCase:
    """Points at which one condition alone decides.

    At depth 3 nothing beyond the active values, at rank zero and one, and one layer beyond zero; at depth 4 outer layers
    of rank one, whose vectors the residual couples or not.
    """
    values = values_of(rng, 2)
    deep = regression(rng, values, (2, 2, 2, 2, 2))
    whitened = regression(rng, values, (2, 2, 2, 2))
    makings: list[tuple[Whitened, Sequence[int], list[tuple[int, int]]]] = [
        (whitened, (), []),
        (whitened, (0,), []),
        *((whitened, (), [(layer, 0)]) for layer in range(3)),
        *((deep, (), [(0, place), (3, 0)]) for place in (0, 1)),
    ]
    points = []
    for each, active, ones in makings:
        blocks = no_blocks(each.rest(active)[0])
        for layer, place in ones:
            blocks[layer][0, place] = 1.0
        points.append(point(rng, each, active, blocks))
    return FamilyCase(points)


def global_minimizers(rng: np.random.Generator) -> FamilyCase:
    """A global minimizer that fits all, and one behind a bottleneck."""
    wide = regression(rng, values_of(rng, 2), (3, 3, 3, 2))
    narrow = regression(rng, values_of(rng, 2), (2, 3, 1, 2))
    made = []
    for whitened in (wide, narrow):
        active = range(whitened.capacity)
        made.append(point(rng, whitened, active, random_pattern(rng, *whitened.rest(active))))
    return FamilyCase(made)


def plain_points(widths: Sequence[int]) -> Maker:
    """Maker of a problem and all its points without blocks, one for each choice of active values."""

    def make(rng: np.random.Generator) -> FamilyCase:
        whitened = regression(rng, values_of(rng, min(widths[0], widths[-1])), widths)
        values = range(len(whitened.bases[1]))
        choices = (c for rank in range(whitened.capacity + 1) for c in combinations(values, rank))
        return FamilyCase(
            [point(rng, whitened, c, no_blocks(whitened.rest(c)[0])) for c in choices]
        )

    return make


def pushed(rng: np.random.Generator) -> FamilyCase:
    """Control: small random factors at depth 3, where zero is critical."""
    case = decayed(rng).points[0]
    factors = [0.1 * rng.normal(size=factor.shape) for factor in case.point.factors]
    return FamilyCase([replace(case, point=replace(case.point, factors=factors), instead=None)])


def heavy_decay(rng: np.random.Generator) -> FamilyCase:
    """Control: zero at depth 2, and weights above the largest singular value of C."""
    whitened = regression(rng, values_of(rng, 2), (3, 3, 2))
    size = 1.2 * float(np.linalg.norm(whitened.loss.cross_moment, 2))
    weighted = Problem(whitened.loss, whitened.problem.hidden_widths, size)
    case = point(rng, whitened, (), no_blocks(whitened.rest(())[0]))
    zeros = [np.zeros_like(factor) for factor in case.point.factors]
    return FamilyCase([replace(case, point=replace(case.point, factors=zeros), instead=weighted)])


def shrunk(rng: np.random.Generator) -> FamilyCase:
    """Control: nine tenths of each layer of a global minimizer, which is not critical."""
    minimizer = global_minimizers(rng).points[0]
    factors = [0.9 * factor for factor in minimizer.point.factors]
    return FamilyCase([replace(minimizer, point=replace(minimizer.point, factors=factors))])


def decayed(rng: np.random.Generator) -> FamilyCase:
    """Control: weight decay, depth 3, at zero."""
    whitened = regression(rng, values_of(rng, 2), (3, 3, 3, 2))
    weighted = Problem(whitened.loss, whitened.problem.hidden_widths, 0.05)
    case = point(rng, whitened, (), no_blocks(whitened.rest(())[0]))
    zeros = [np.zeros_like(factor) for factor in case.point.factors]
    return FamilyCase([replace(case, point=replace(case.point, factors=zeros), instead=weighted)])


def unequal_entries(rng: np.random.Generator) -> FamilyCase:
    """Control: off the diagonal errors count two or three times; the smaller value alone fits through one unit."""
    values = rng.uniform(1, 2) * np.array([1.0, rng.uniform(0.75, 0.9)])
    weights = np.eye(2) + rng.uniform(2, 3) * (1 - np.eye(2))
    alike = Problem(Regression(np.eye(2), np.diag(values)), (1,))
    unlike = Problem(UnequalEntries(np.diag(values), weights), (1,))
    root = np.sqrt(values[1])
    factors = [np.array([[0.0, root]]), np.array([[0.0], [root]])]
    form = NormalForm(Whitened(alike), (1,), no_blocks((1, 0, 1)))
    made = Products(alike, factors)
    return FamilyCase([KindCase(made, int(rng.integers(2**32)), form, unlike)])
