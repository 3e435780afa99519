"""A loss in which the errors of some entries count more than others: what a linear network on data is not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dmfbook._validation import Array


@dataclass(frozen=True)
class UnequalEntries:
    """The loss ``Σ_ij ω_ij (M_ij − X_ij)²``."""

    target: Array
    weights: Array

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the matrices."""
        rows, cols = self.target.shape
        return rows, cols

    def value(self, X: Array) -> Any:
        """The loss of a matrix or of a stack of them."""
        return np.sum(self.weights * (self.target - X) ** 2, axis=(-2, -1))

    def gradient(self, X: Array) -> Array:
        """Its gradient."""
        return -2 * self.weights * (self.target - X)

    def curvature(self, X: Array, Z: Array) -> Array:
        """Its second derivative."""
        return 2 * self.weights * Z
