"""Two inputs and two outputs, which one hidden unit joins: what weight decay and unequal inputs do together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.oracles import search
from dmfbook.network.factors import flatten
from dmfbook.network.frames import orthonormal_frame
from dmfbook.network.losses.regression import Regression
from dmfbook.network.problem import Problem

# Directions of the first layer, and of the last: a valley takes at least a quarter of the pairs.
DIRECTIONS = 4


@dataclass(frozen=True)
class TwoInputsCase:
    """Cross moments ``c`` and second moments ``(1, s)`` along two directions, hidden width, and weights."""

    crosses: tuple[float, float]
    second: float
    reg: tuple[float, float]
    hidden_width: int
    seed: int

    @property
    def mean_reg(self) -> float:
        """Geometric mean of the weights."""
        return float(np.sqrt(np.prod(self.reg)))

    @cached_property
    def problem(self) -> Problem:
        """The problem, in random bases of inputs and outputs."""
        rng = np.random.default_rng(self.seed)
        into, out = (orthonormal_frame(2, 2, rng) for _ in range(2))
        roots = np.sqrt([1.0, self.second])
        targets = np.array(self.crosses) / roots
        loss = Regression(into * roots, out * targets)
        return Problem(loss, (self.hidden_width,), self.reg)

    @cached_property
    def losses(self) -> Array:
        """Different losses of the local minimizers that are found from evenly spread directions, least first."""
        found = search.minimizers_from(self.problem, self._starts())
        # Without weight decay a search can end where layers of very different size slow it down.
        values = np.array([each.loss for each in found if each.uncertainty < 1e-5])
        return values[np.append(True, np.diff(values) > 1e-8 * search.loss_unit(self.problem))]

    def _starts(self) -> list[Array]:
        """Layers of all pairs of directions, of twice the size that fits; hidden units are a radian apart."""
        size = 2 * search.layer_unit(self.problem)
        first, last = np.random.default_rng(self.seed).uniform(0, 2 * np.pi, 2)
        units, turns = np.arange(self.hidden_width), np.arange(DIRECTIONS) / DIRECTIONS

        def rows(angle: float) -> Array:
            return size * np.stack([np.cos(angle + units), np.sin(angle + units)], axis=1)

        # The opposite of both layers is the same network.
        return [
            flatten([rows(first + np.pi * into), rows(last + 2 * np.pi * out).T])
            for into, out in product(turns, turns)
        ]

    @property
    def at_zero(self) -> float:
        """Loss of zero factors."""
        return float(
            self.problem.loss([np.zeros((self.hidden_width, 2)), np.zeros((2, self.hidden_width))])
        )


def between(rng: np.random.Generator) -> TwoInputsCase:
    """Weights and moments for which both directions hold a minimizer, by a margin to both sides."""
    mean, tilt = float(rng.uniform(0.8, 1.2)), float(rng.uniform(0.7, 1.4))
    crosses = mean * float(rng.uniform(3, 3.5)), 0.0
    reg, second = (mean * tilt, mean / tilt), float(rng.uniform(0.15, 0.3))
    case = TwoInputsCase(crosses, second, reg, 1, int(rng.integers(2**32)))
    low, high = bounds(case)
    return replace(case, crosses=(crosses[0], low + float(rng.uniform(0.35, 0.65)) * (high - low)))


def without_decay(rng: np.random.Generator) -> TwoInputsCase:
    """The same without weight decay."""
    return replace(between(rng), reg=(0.0, 0.0))


def white(rng: np.random.Generator) -> TwoInputsCase:
    """The same cross moments, with inputs of equal moments."""
    return replace(between(rng), second=1.0)


def two_units(rng: np.random.Generator) -> TwoInputsCase:
    """The same with two hidden units."""
    return replace(between(rng), hidden_width=2)


def below(rng: np.random.Generator) -> TwoInputsCase:
    """The second cross moment is a tenth below the lower bound: its direction holds no minimizer."""
    case = between(rng)
    return replace(case, crosses=(case.crosses[0], 0.9 * bounds(case)[0]))


def above(rng: np.random.Generator) -> TwoInputsCase:
    """It is a tenth above the upper bound: the other direction holds none."""
    case = between(rng)
    return replace(case, crosses=(case.crosses[0], 1.1 * bounds(case)[1]))


def bounds(case: TwoInputsCase) -> tuple[float, float]:
    """Second cross moments ``c`` at which ``c² − s c_1² = (1−s) λ c`` and ``(1−s) λ c_1``."""
    bend, rest = (1 - case.second) * case.mean_reg, case.second * case.crosses[0] ** 2
    low = bend / 2 + np.sqrt(bend**2 / 4 + rest)
    return float(low), float(np.sqrt(rest + bend * case.crosses[0]))
