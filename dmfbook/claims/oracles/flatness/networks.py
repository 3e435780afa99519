"""Least sharpness among all networks that fit the data as well as can be, by descent; knows no formula for it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np
from autograd.extend import defvjp, primitive
from scipy.optimize import minimize

from dmfbook._validation import Array

# Powers of the norm that stands for the largest eigenvalue; each search starts where the last one ended.
POWERS = (4, 16, 64, 256, 1024, 4096)
CANCELLED = 1e4  # layers whose norms have a larger product, relative to the norm of their product, start no search


@primitive
def log_norm(matrix: Array, power: int) -> Any:
    """Logarithm of ``(tr Gᵖ)^{1/p}``: above that of the largest eigenvalue by at most ``log(size) / p``."""
    logs = power * np.log(np.maximum(np.linalg.eigvalsh(matrix), 1e-300))
    return (logs[-1] + np.log(np.sum(np.exp(logs - logs[-1])))) / power


def _by_matrix(value: float, matrix: Array, power: int) -> Any:
    values, vectors = np.linalg.eigh(matrix)
    values = np.maximum(values, 1e-300)
    shares = np.exp(power * (np.log(values) - np.log(values[-1])))
    return lambda g: g * (vectors * (shares / values / shares.sum())) @ vectors.T


defvjp(log_norm, _by_matrix, argnums=[0])


@dataclass(frozen=True)
class FlatSearch:
    """Networks ``W_L ⋯ W_1`` with ``W_L ⋯ W_1 Q = M̃``.

    A network that is as narrow as the rank of M̃ has its range; then, and always, the last layer is in the range of
    `frame`, in which M̃ has full rank.

    Parameters
    ----------
    target : array (d_L, q)
        ``M̃``.
    factor : array (q, q)
        ``Q`` in a basis of the inputs' own.
    hidden_widths : tuple of ints
        ``(d_1, …, d_{L-1})``, none below the rank of M̃.
    frame : array (d_L, r)
        Orthonormal columns.
    """

    target: Array
    factor: Array
    hidden_widths: tuple[int, ...]
    frame: Array

    @property
    def widths(self) -> tuple[int, ...]:
        """Widths of what is unknown: of the inputs' span, the hidden layers, and the frame."""
        return (len(self.factor), *self.hidden_widths, self.frame.shape[1])

    def layers(self, vector: Array) -> list[Any]:
        """Layers from any numbers; the last one is solved for, or the first, and keeps what the fit leaves free."""
        layers, start = [], 0
        for before, after in pairwise(self.widths):
            layers.append(anp.reshape(vector[start : start + before * after], (after, before)))
            start += before * after
        inner = self.frame.T @ self.target
        if len(inner) < inner.shape[1]:
            layers[0] = layers[0] + _missing_first(layers, inner @ np.linalg.inv(self.factor))
        else:
            layers[-1] = layers[-1] + _missing_last(layers, self.factor, inner)
        layers[-1] = anp.dot(self.frame, layers[-1])
        return layers

    def small_matrix(self, layers: list[Any]) -> Any:
        """``Σ_l (B_l Q)ᵀ (B_l Q) ⊗ A_l A_lᵀ``, which has the eigenvalues of half the Hessian."""
        rights, left, total = [self.factor], anp.eye(len(self.target)), 0.0
        for layer in layers[:-1]:
            rights.append(anp.dot(layer, rights[-1]))
        for layer, right in zip(layers[::-1], rights[::-1], strict=True):
            total = total + anp.kron(anp.dot(right.T, right), anp.dot(left, left.T))
            left = anp.dot(left, layer)
        return total

    def start(self, rng: np.random.Generator) -> list[Array]:
        """Random layers that fit."""
        return self.layers(self._random(rng))

    def run(self, rng: np.random.Generator, powers: tuple[int, ...]) -> list[Array]:
        """Layers where a descent from random ones ended, through norms of such powers; power 1 is the trace."""
        vector = self._random(rng)
        for power in powers:

            def height(at: Array, power: int = power) -> Any:
                return log_norm(self.small_matrix(self.layers(at)), power)

            slope = autograd.value_and_grad(height)
            vector = minimize(slope, vector, jac=True, method="BFGS", options={"gtol": 1e-8}).x
        return self.layers(vector)

    def _random(self, rng: np.random.Generator) -> Array:
        """Numbers for random layers, again as long as these nearly cancel, which would cost their product its digits."""
        size = sum(before * after for before, after in pairwise(self.widths))
        product = float(np.linalg.norm(self.target @ np.linalg.inv(self.factor)))
        while True:
            vector = rng.normal(size=size)
            if (
                np.prod([np.linalg.norm(layer) for layer in self.layers(vector)])
                < CANCELLED * product
            ):
                return vector


def _missing_last(layers: list[Any], factor: Array, target: Array) -> Any:
    """What the last layer lacks to the fit, of least norm."""
    inner = factor
    for layer in layers[:-1]:
        inner = anp.dot(layer, inner)
    missing = target - anp.dot(layers[-1], inner)
    return anp.dot(missing, anp.dot(anp.linalg.inv(anp.dot(inner.T, inner)), inner.T))


def _missing_first(layers: list[Any], target: Array) -> Any:
    """What the first layer lacks to the fit, of least norm."""
    outer = layers[-1]
    for layer in layers[-2:0:-1]:
        outer = anp.dot(outer, layer)
    missing = target - anp.dot(outer, layers[0])
    return anp.dot(anp.dot(outer.T, anp.linalg.inv(anp.dot(outer, outer.T))), missing)
