"""Extrema of the scalar loss, found from its values on a grid; no derivative, no formula for them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from dmfbook._validation import Array

EPS = float(np.finfo(float).eps)


@dataclass(frozen=True)
class Extremum:
    """A local extremum of the loss, found from values, and how well values determine it."""

    w: float
    depth: int
    loss: float
    is_minimum: bool
    uncertainty: float

    @property
    def end_to_end(self) -> float:
        """End-to-end value ``s = w^L``."""
        return float(self.w**self.depth)

    @property
    def end_to_end_uncertainty(self) -> float:
        """How far the true end-to-end value can be."""
        return float(self.depth * self.w ** (self.depth - 1) * self.uncertainty + EPS)


@dataclass(frozen=True)
class ScalarLoss:
    """``(m − w^L)² + λ L w^p`` for ``w >= 0``, less the constant ``m²``, so that small changes are not lost.

    The power p is 2 except in controls; a search that starts at `search_from` sees nothing below.
    """

    target: float
    reg: float
    depth: int
    penalty: int = 2
    search_from: float = 0.0

    def __call__(self, w: Array | float) -> Any:
        """Values of the loss."""
        power = w**self.depth
        return power * (power - 2 * self.target) + self.reg * self.depth * w**self.penalty

    @cached_property
    def extrema(self) -> list[Extremum]:
        """Local extrema in the order of w, from values on a grid, polished.

        The end ``search_from`` counts as a minimum where the loss rises from it.
        """
        top = 1.5 * self.target ** (1 / self.depth)
        low = max(self.search_from, 1e-4 * top)
        grid = self._finer(np.append(self.search_from, np.geomspace(low, top, 3000)[1:]))
        values = self(grid)
        rises = np.sign(np.diff(values))
        found = []
        if rises[0] > 0:
            found.append(Extremum(self.search_from, self.depth, float(values[0]), True, 0.0))
        for i in np.flatnonzero(rises[1:] != rises[:-1]) + 1:
            found.append(self._polish(grid[i - 1], grid[i + 1], sign=float(rises[i])))
        return found

    @property
    def minima(self) -> list[Extremum]:
        """Local minima."""
        return [extremum for extremum in self.extrema if extremum.is_minimum]

    @property
    def best(self) -> Extremum:
        """The minimum with the least loss."""
        return min(self.minima, key=lambda extremum: extremum.loss)

    @property
    def bearable(self) -> float:
        """Largest λ at which some positive w has a loss no larger than zero has.

        At depth 2 it is a limit for small w, which the search leaves ``e^{−28}`` away.
        """
        fit = replace(self, reg=0.0)
        scale = np.log(self.target) / self.depth
        result = minimize_scalar(
            lambda log_w: fit(np.exp(log_w)) / (self.depth * np.exp(log_w) ** self.penalty),
            bounds=(scale - 14, scale + 1),
            method="bounded",
            options={"xatol": 1e-6},
        )
        return float(-result.fun)

    def _finer(self, grid: Array) -> Array:
        """The grid with a hundred points to an interval where its slopes come nearest to zero without a change of sign.

        There two extrema can hide between neighbours, of which the grid sees neither.
        """
        slopes = np.diff(self(grid)) / np.diff(grid)
        before, here, after = np.abs(slopes[:-2]), np.abs(slopes[1:-1]), np.abs(slopes[2:])
        one_sign = (slopes[:-2] * slopes[1:-1] > 0) & (slopes[1:-1] * slopes[2:] > 0)
        nearest = np.flatnonzero(one_sign & (here <= before) & (here <= after))
        added = [np.linspace(grid[i], grid[i + 3], 301) for i in nearest]
        return np.unique(np.concatenate([grid, *added]))

    def _polish(self, low: float, high: float, sign: float) -> Extremum:
        """Refine an extremum between `low` and `high`; `sign` is +1 for a minimum, −1 for a maximum."""
        result = minimize_scalar(
            lambda w: sign * self(w), bounds=(low, high), method="bounded", options={"xatol": 1e-12}
        )
        w, m, lam, order = float(result.x), self.target, self.reg, self.depth
        curvature = abs(
            2 * order * (2 * order - 1) * w ** (2 * order - 2)
            - 2 * m * order * (order - 1) * w ** (order - 2)
            + 2 * lam * order
        )
        terms = w ** (2 * order) + 2 * m * w**order + lam * order * w**2
        # Values equal up to their rounding error cannot be told apart; Brent's method adds √ε w.
        flat = np.sqrt(8 * order * EPS * terms / curvature)
        uncertainty = 4 * float(flat + np.sqrt(EPS) * w + 1e-12)
        return Extremum(w, order, float(self(w)), sign > 0, uncertainty)
