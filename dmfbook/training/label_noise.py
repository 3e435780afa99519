"""Gradients that see fresh noise on the measurements: label noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from dmfbook._validation import Array, generator, nonnegative_number
from dmfbook.network.gradient import Gradient
from dmfbook.sensing.loss import Sensing
from dmfbook.training.recovery import SensingProblem, blocks_of


@dataclass(frozen=True, eq=False, repr=False)
class NoisyLabels:
    """A sensing problem whose gradients see fresh noise on the measurements; the loss sees none.

    Gradient descent on it is label-noise gradient descent.

    Parameters
    ----------
    problem : SensingProblem
        The problem without noise.
    noise : float, non-negative
        Standard deviation of the noise on each measurement.
    rng : numpy.random.Generator
        Source of the noise, used by each gradient.

    Raises
    ------
    ValueError, TypeError
        If the problem is no SensingProblem, the noise is negative or not a finite number, or `rng` is no generator.

    Examples
    --------
    >>> import dmfbook as dmf
    >>> problem = dmf.SensingProblem(dmf.dense_sensing([[[1.0]]]), [2.0])
    >>> silent = dmf.NoisyLabels(problem, 0.0, np.random.default_rng(0))
    >>> silent.gradient([[[1.0]], [[3.0]]])
    [array([[6.]]), array([[2.]])]
    """

    problem: SensingProblem
    noise: float
    rng: np.random.Generator

    def __post_init__(self) -> None:
        if not isinstance(self.problem, SensingProblem):
            raise TypeError(
                f"problem must be a dmfbook.SensingProblem, got {type(self.problem).__name__}"
            )
        object.__setattr__(self, "noise", nonnegative_number("noise", self.noise))
        generator("rng", self.rng)

    def loss(self, factors: Sequence[ArrayLike]) -> float:
        """Loss without noise.

        Parameters
        ----------
        factors : sequence of L >= 1 arrays, shapes (…, d_l, d_{l-1})
            The point.

        Returns
        -------
        float
            That of the problem without noise.
        """
        return self.problem.loss(factors)

    def gradient(self, factors: Sequence[ArrayLike]) -> list[Array]:
        """Gradient for measurements with fresh noise, of its own for each run of a stack.

        Parameters
        ----------
        factors : sequence of L >= 1 arrays, shapes (…, d_l, d_{l-1})
            The point.

        Returns
        -------
        list of L arrays, shapes (…, d_l, d_{l-1})
            One block a layer.
        """
        return blocks_of(self._slope(factors))

    def _slope(self, factors: Sequence[ArrayLike]) -> Gradient:
        """The gradient at a copy of `factors` that may move, with fresh noise in each call."""
        return self.problem._slope(factors, _NoisySensing(self.problem._loss, self.noise, self.rng))

    def __repr__(self) -> str:
        return f"NoisyLabels({self.problem!r}, noise={self.noise:g})"


class _NoisySensing:
    """Gradients of the loss of measurements with fresh noise."""

    def __init__(self, loss: Sensing, noise: float, rng: np.random.Generator) -> None:
        self._loss, self._noise, self._rng = loss, noise, rng

    def gradient(self, X: Array) -> Array:
        operator, clean = self._loss.operator, self._loss.measurements
        noise = self._noise * self._rng.normal(size=(*X.shape[:-2], clean.shape[-1]))
        return operator.back(2 * (operator.measure(X) - (clean + noise)))
