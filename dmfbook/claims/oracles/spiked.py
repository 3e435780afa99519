"""The spiked model: where noise puts singular values, how far it turns their vectors, and what shrinkage loses.

Noise has independent entries of variance ``1/n``; the matrix has m rows and n columns, ``γ = m/n ≤ 1``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from dmfbook._validation import Array


def seen(size: Array, ratio: float) -> Array:
    """Singular value of the noisy matrix that belongs to a signal of this size, ``γ^{1/4}`` or larger."""
    return np.asarray(np.sqrt((size + 1 / size) * (size + ratio / size)))


def size_of(value: Array, ratio: float) -> Array:
    """Size of the signal that is seen at this value, the edge or above."""
    excess = value**2 - 1 - ratio
    root = np.sqrt(np.maximum(excess**2 - 4 * ratio, 0))
    return np.asarray(np.sqrt((excess + root) / 2))


def cosines(size: Array, ratio: float) -> Array:
    """Product of the cosines between left, and right, singular vectors of signal and noisy matrix."""
    fourth = np.maximum(size**4 - ratio, 0)
    return np.asarray(fourth / np.sqrt((size**4 + ratio * size**2) * (size**4 + size**2)))


@dataclass(frozen=True)
class Shrinkage:
    """Minimizers of ``(y − s)² + λ L s^{2/L}`` as a curve ``(y, s)``, from values of the loss alone but for its branch.

    `local` takes the positive minimizer wherever there is one, also where zero is lower.
    """

    depth: int
    weight: float
    local: bool = False

    def target(self, w: Array | float) -> Array:
        """The y for which ``s = w^L`` is stationary."""
        return np.asarray(w**self.depth + self.weight * w ** (2.0 - self.depth))

    def gain(self, w: float) -> float:
        """Loss at zero less the loss at ``w^L``, for the y for which that is stationary."""
        y, s = float(self.target(w)), w**self.depth
        return float(y**2 - (y - s) ** 2 - self.weight * self.depth * w**2)

    @cached_property
    def first(self) -> float:
        """The least w that is a minimizer of its y."""
        unit = self.weight ** (1 / (2 * self.depth - 2))
        if self.depth == 2:
            return 0.0
        log = np.linspace(-3, 3, 4001)
        turn = unit * float(np.exp(log[np.argmin(self.target(unit * np.exp(log)))]))
        return turn if self.local else float(brentq(self.gain, turn, 10 * unit, xtol=1e-14 * unit))

    @property
    def threshold(self) -> float:
        """The least y that is not taken to zero."""
        return float(self.target(self.first)) if self.depth > 2 else self.weight

    def curve(self, largest: float) -> tuple[Array, Array]:
        """Values y from the threshold on, and what becomes of them; the first pair is at the threshold."""
        low = self.first or 1e-4 * self.weight**0.5
        high = max(2.0 * low, largest ** (1 / self.depth))
        w = np.r_[np.geomspace(low, 1.6 * low, 500), np.geomspace(1.6 * low, high, 2_000)]
        y = self.target(w)
        return y[y <= largest], w[y <= largest] ** self.depth


@dataclass(frozen=True)
class WorstExcess:
    """The least over weights of the largest excess over sizes of the signal."""

    depth: int
    ratio: float
    largest: float = 1e7  # largest singular value that is seen
    edge_matters: bool = True  # nothing below the edge of the noise may be kept
    local: bool = False
    whole: bool = False  # the whole loss in the place of its excess over the best shrinkage

    def at(self, weight: float) -> float:
        """Largest excess for one weight."""
        shrinkage = Shrinkage(self.depth, weight, self.local)
        edge, start = 1 + np.sqrt(self.ratio), shrinkage.threshold
        y, s = shrinkage.curve(self.largest)
        below = np.linspace(edge, max(start, edge), 200)
        below = below[below <= self.largest]
        kept = y >= edge
        if not kept.all():  # the first value that a signal can have
            y, s = np.r_[edge, y[kept]], np.r_[np.interp(edge, y, s), s[kept]]
        y, s = np.r_[below, y], np.r_[np.zeros_like(below), s]
        size = size_of(y, self.ratio)
        best = size * cosines(size, self.ratio)
        loss = (s - best) ** 2 + (size**2 - best**2 if self.whole else 0)
        return float(loss.max())

    @cached_property
    def least(self) -> tuple[float, float]:
        """Threshold of the best weight, and its largest excess."""
        edge = 1 + np.sqrt(self.ratio)
        power = 2 - 2 / self.depth
        # Weights have the unit of this power of a threshold; the first one is found from its values.
        unit = Shrinkage(self.depth, 1.0, self.local).threshold
        low, high = edge * (1.0 if self.edge_matters else 0.3), 2.2 * edge
        weights = (np.geomspace(low, high, 40) / unit) ** power
        values = [self.at(weight) for weight in weights]
        place = int(np.argmin(values))
        ends = np.log(weights[[max(place - 1, 0), min(place + 1, len(weights) - 1)]])
        found = minimize_scalar(
            lambda log: self.at(float(np.exp(log))),
            bounds=ends,
            method="bounded",
            options={"xatol": 1e-9},
        )
        best = float(np.exp(found.x)) if found.fun < values[place] else float(weights[place])
        return Shrinkage(self.depth, best, self.local).threshold, min(
            float(found.fun), values[place]
        )
