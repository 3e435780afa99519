"""Losses of the end-to-end matrix that add up a function of each entry, as a reader would write one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import autograd.numpy as anp
import numpy as np
from scipy.special import expit

from dmfbook._validation import Array

Curve = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Entrywise:
    """Sum of ``f(x, m)`` over the entries of X that are seen, with their targets m.

    `definition` is the value once more, in functions that autograd differentiates.
    """

    target: Array
    seen: Array
    curves: tuple[Curve, Curve, Curve, Curve]

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the matrices."""
        return self.target.shape

    def value(self, X: Array) -> Any:
        """The sum."""
        return np.sum(self.seen * self.curves[0](X, self.target), axis=(-2, -1))

    def gradient(self, X: Array) -> Array:
        """The first derivatives."""
        return np.asarray(self.seen * self.curves[1](X, self.target))

    def curvature(self, X: Array, Z: Array) -> Array:
        """The second derivatives times Z."""
        return np.asarray(self.seen * self.curves[2](X, self.target) * Z)

    def definition(self, X: Any) -> Any:
        """The sum, for automatic differentiation."""
        return anp.sum(self.seen * self.curves[3](X, self.target))


LOG_COSH: tuple[Curve, Curve, Curve, Curve] = (
    lambda x, m: np.logaddexp(x - m, m - x) - np.log(2),
    lambda x, m: np.tanh(x - m),
    lambda x, m: 4 * np.exp(-2 * np.logaddexp(x - m, m - x)),  # 1 / cosh², without overflow
    lambda x, m: anp.log(anp.cosh(x - m)),
)
# For labels m = ±1.
LOGISTIC: tuple[Curve, Curve, Curve, Curve] = (
    lambda x, m: np.logaddexp(0, -m * x),
    lambda x, m: -m * expit(-m * x),
    lambda x, m: expit(x) * expit(-x),
    lambda x, m: anp.log(1 + anp.exp(-m * x)),
)
SQUARES: tuple[Curve, Curve, Curve, Curve] = (
    lambda x, m: (x - m) ** 2,
    lambda x, m: 2 * (x - m),
    lambda x, m: 2 + 0 * x,
    lambda x, m: (x - m) ** 2,
)
# Convex, with straight ends from one on: not strictly convex.
HUBER: tuple[Curve, Curve, Curve, Curve] = (
    lambda x, m: np.where(np.abs(x - m) < 1, (x - m) ** 2, 2 * np.abs(x - m) - 1),
    lambda x, m: 2 * np.clip(x - m, -1, 1),
    lambda x, m: 2.0 * (np.abs(x - m) < 1),
    lambda x, m: anp.where(anp.abs(x - m) < 1, (x - m) ** 2, 2 * anp.abs(x - m) - 1),
)
# A hole around the target, and a plain beyond: not convex.
HOLE: tuple[Curve, Curve, Curve, Curve] = (
    lambda x, m: -np.exp(-((x - m) ** 2)),
    lambda x, m: 2 * (x - m) * np.exp(-((x - m) ** 2)),
    lambda x, m: (2 - 4 * (x - m) ** 2) * np.exp(-((x - m) ** 2)),
    lambda x, m: -anp.exp(-((x - m) ** 2)),
)


def some_seen(rng: np.random.Generator, shape: tuple[int, int], count: int) -> Array:
    """A mask of ones at `count` random entries, at least one a row and a column where they suffice."""
    while True:
        mask = np.zeros(shape)
        mask.flat[rng.choice(mask.size, count, replace=False)] = 1
        if count < max(shape) or (mask.any(axis=0).all() and mask.any(axis=1).all()):
            return mask
