"""Linear networks on data at the weight at which zero takes over, and what is the last to go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.linear_networks import data
from dmfbook.claims.cases.linear_networks.data import DataCase
from dmfbook.claims.oracles import passes
from dmfbook.network.losses.regression import Regression
from dmfbook.network.problem import Problem

Maker = Callable[[np.random.Generator], DataCase]


@dataclass(frozen=True)
class LastCase:
    """A network on data, and the factor by which each output counts."""

    data: DataCase
    outputs: Array  # (d_L, 1)

    @property
    def loss(self) -> Regression:
        """The loss, where all outputs count alike."""
        return self.data.loss

    @property
    def depth(self) -> int:
        """Number of layers."""
        return self.data.problem.depth

    @property
    def mean(self) -> float:
        """Geometric mean of the weights."""
        return float(np.exp(np.log(self.data.reg).mean()))

    @cached_property
    def found(self) -> tuple[float, Array]:
        """Largest mean weight at which some factors are as good as zero, and their product."""
        return passes.last_product(self.data.problem, self.outputs, self.mean, self.data.rng)

    @property
    def direction(self) -> Array:
        """Right singular vector of that product."""
        return np.asarray(np.linalg.svd(self.found[1])[2][0])


def alike(maker: Maker) -> Callable[[np.random.Generator], LastCase]:
    """Maker of cases whose outputs count alike."""

    def made(rng: np.random.Generator) -> LastCase:
        case = maker(rng)
        return LastCase(case, np.ones((len(case.outputs), 1)))

    return made


def unlike(
    maker: Maker, counts: tuple[float, float] = (0.3, 0.8)
) -> Callable[[np.random.Generator], LastCase]:
    """Control: outputs count unequally, all less than once or all more, evenly spaced in random order."""

    def made(rng: np.random.Generator) -> LastCase:
        case = maker(rng)
        return LastCase(case, rng.permutation(np.linspace(*counts, len(case.outputs)))[:, None])

    return made


def one_unit(rng: np.random.Generator) -> DataCase:
    """Depth 4 or 5, where L−2 is not 1, a hidden layer of one unit."""
    hidden = [1, *rng.integers(2, 4, rng.integers(2, 4))]
    return data.data_case(rng, (3, *rng.permutation(hidden).tolist(), 2), samples=7)


def tied(rng: np.random.Generator) -> LastCase:
    """Control: two directions of white inputs survive equally long."""
    case = data.data_case(rng, (3, 2, 2, 2), samples=3)
    inputs = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    frame = np.linalg.qr(rng.normal(size=(3, 2)))[0]
    return LastCase(replace(case, inputs=inputs, outputs=2 * frame.T @ inputs), np.ones((2, 1)))


DATA = {
    name: alike(maker)
    for name, maker in {**data.DATA, "one hidden unit, depth 4 or 5": one_unit}.items()
}


@dataclass(frozen=True)
class DepthsCase:
    """Data for networks of one hidden unit a layer and several depths; where searches start, if not at random."""

    loss: Regression
    depths: tuple[int, ...]
    seed: int
    planted: tuple[Array, ...] = ()  # a direction of the inputs for each depth

    @cached_property
    def directions(self) -> list[Array]:
        """For each depth the right singular vector of the last product."""
        rng = np.random.default_rng(self.seed)
        found = []
        for place, depth in enumerate(self.depths):
            problem = Problem(self.loss, (1,) * (depth - 1), 1.0)
            starts = None
            if self.planted:
                v = self.planted[place]
                c = self.loss.cross_moment @ v
                ones = np.ones(depth - 2)
                starts = [np.concatenate([v, ones, c / np.linalg.norm(c)])]
            product = passes.last_product(problem, np.ones((1, 1)), 1.0, rng, starts)[1]
            found.append(np.asarray(np.linalg.svd(product)[2][0]))
        return found


def at_depths(maker: Maker) -> Callable[[np.random.Generator], DepthsCase]:
    """Maker of random data for depths 2, 3, 5 and 9."""

    def made(rng: np.random.Generator) -> DepthsCase:
        return DepthsCase(maker(rng).loss, (2, 3, 5, 9), int(rng.integers(2**32)))

    return made


def crossing(rng: np.random.Generator) -> DepthsCase:
    """Two directions, turned at random: strong inputs that explain less, weak ones that explain more."""
    loss, _ = _two_ways(rng)
    return DepthsCase(loss, (2, 3, 5, 9), int(rng.integers(2**32)))


def local_maxima(rng: np.random.Generator) -> DepthsCase:
    """Control: the shallow network starts and stays at the weak inputs, the deep one at the strong ones."""
    loss, (strong, weak) = _two_ways(rng)
    return DepthsCase(loss, (3, 5), int(rng.integers(2**32)), (weak, strong))


def _two_ways(rng: np.random.Generator) -> tuple[Regression, tuple[Array, Array]]:
    """Data of order one; with gains 1 and 1.5 to 2, and ``‖C v‖`` 2 to 2.5 and 1: the winner changes at L − 2 = 1 to 3."""
    gains, fits = np.array([1.0, rng.uniform(1.5, 2)]), np.array([rng.uniform(2, 2.5), 1.0])
    left, right = (np.linalg.qr(rng.normal(size=(2, 2)))[0] for _ in range(2))
    roots = fits / gains
    loss = Regression(right * roots, (left * gains))
    return loss, (right[:, 0], right[:, 1])
