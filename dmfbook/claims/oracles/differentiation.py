"""The objective once more, in functions that autograd differentiates; gradients by complex steps."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import autograd.numpy as anp
import numpy as np

from dmfbook._validation import Array
from dmfbook.network.problem import Problem

Objective = Callable[[Array], Any]

COMPLEX_STEP = 1e-20  # its square is below rounding beside any number of moderate size


def squared_error(problem: Problem) -> Objective:
    """The objective of `problem` as a function of the stacked factors, for automatic differentiation."""
    return _objective(problem, lambda residual: residual**2)


def pseudo_huber(problem: Problem) -> Objective:
    """The same with the pseudo-Huber fit, whose second derivative is not constant."""
    return _objective(problem, lambda residual: 2 * (anp.sqrt(1 + residual**2) - 1))


def by_complex_steps(function: Callable[[Any], Any]) -> Callable[[Array], tuple[float, Array]]:
    """Value and gradient of an analytic function that takes stacks of vectors, in one evaluation.

    The imaginary part of ``f(x + i h e_k)`` over h is the derivative along ``e_k`` up to ``h²``; no difference is
    formed that could lose digits.
    """

    def value_and_gradient(vector: Array) -> tuple[float, Array]:
        values = function(vector + 1j * COMPLEX_STEP * np.eye(len(vector)))
        return float(values[0].real), np.asarray(values.imag / COMPLEX_STEP)

    return value_and_gradient


def _objective(problem: Problem, fit: Callable[[Any], Any]) -> Objective:
    shapes = list(pairwise(problem.widths))

    def objective(vector: Array) -> Any:
        product, penalty, start = anp.eye(shapes[0][0]), 0.0, 0
        for (before, after), reg in zip(shapes, problem.reg, strict=True):
            entries = vector[start : start + before * after]
            product = anp.reshape(entries, (before, after)).T @ product
            penalty = penalty + reg * anp.sum(entries**2)
            start += before * after
        return anp.sum(fit(problem.target - product)) + penalty

    return objective
