"""Search for the least sharpness over changes of basis of the hidden layers; knows the loss and its derivatives.

``W_l → T_l W_l T_{l−1}⁻¹`` with invertible ``T_l``, ``T_0 = I`` and ``T_L = I``, leaves the product as it is. The
largest eigenvalue has kinks where two eigenvalues meet; so the search is BFGS with the weak Wolfe conditions, whose
steps pass over kinks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dmfbook._validation import Array
from dmfbook.network.factors import flatten, unflatten
from dmfbook.network.hessian import hessian
from dmfbook.network.problem import Problem

STEPS = 500
PROBES = 50  # of one line search
FIRST, LONGEST = (
    0.1,
    0.5,
)  # largest entries of a first step and of any other: T_l stays near the identity
PATIENCE = 6  # steps without gain after which a search ends
GAIN = 1e-14  # decrease of log λ_max that counts as one
NEAR = 1e-4  # step of second differences, relative; their error is of order NEAR² and ε / NEAR²


@dataclass(frozen=True)
class Descent:
    """Outcome of a search for the least sharpness."""

    factors: list[Array]
    values: Array  # sharpness after each step, the first that of the start

    @property
    def least(self) -> float:
        """The least sharpness found."""
        return float(self.values[-1])


def descend_sharpness(problem: Problem, factors: list[Array]) -> Descent:
    """Minimize the largest eigenvalue of the dense Hessian over changes of basis of the hidden layers."""
    here = _Place.of(problem, factors)
    values, idle = [here.value], 0
    inverse: Array | None = None  # of the second derivative, as learned on the way
    for _ in range(STEPS):
        step = -here.slope if inverse is None else -inverse @ here.slope
        found = _line_search(problem, here, step, FIRST if inverse is None else LONGEST)
        if found is None and inverse is None:
            break
        if found is None:
            inverse = None
            continue
        there, length = found
        inverse = _updated(inverse, length * step, there.slope - here.slope)
        idle = 0 if here.value - there.value > GAIN else idle + 1
        here = there
        values.append(here.value)
        if idle == PATIENCE:
            break
    return Descent(here.factors, np.exp(values))


@dataclass(frozen=True)
class _Place:
    """Factors, the logarithm of their sharpness, and its slope in all entries of all ``T_l``."""

    factors: list[Array]
    value: float
    slope: Array

    @classmethod
    def of(cls, problem: Problem, factors: list[Array]) -> _Place:
        """Evaluate.

        With a unit eigenvector ``v``, the slope of ``λ_max`` in the factors is the third derivative of the loss,
        twice in the direction ``v``: a second difference of the gradient.
        """
        values, vectors = np.linalg.eigh(hessian(problem, factors))
        if not values[-1] > 0:  # nothing is flatter
            nowhere = np.zeros(sum(len(factor) ** 2 for factor in factors[:-1]))
            return cls(factors, -np.inf, nowhere)
        here = flatten(factors)
        step = NEAR * np.linalg.norm(here) * vectors[:, -1]
        ahead, middle, behind = (
            flatten(problem.gradient(unflatten(vector, problem.widths)))
            for vector in (here + step, here, here - step)
        )
        slopes = unflatten((ahead - 2 * middle + behind) / (step @ step), problem.widths)
        turns = [
            slopes[l] @ factors[l].T - factors[l + 1].T @ slopes[l + 1]
            for l in range(len(factors) - 1)
        ]
        slope = np.concatenate([turn.ravel() for turn in turns]) / values[-1]
        return cls(factors, float(np.log(values[-1])), slope)


def _line_search(
    problem: Problem, here: _Place, step: Array, longest: float
) -> tuple[_Place, float] | None:
    """A place along the step with less value and less slope, by bisection; failing that, with less value."""
    rate, size = float(step @ here.slope), float(np.abs(step).max())
    if not rate < 0:
        return None
    low, high, t = 0.0, np.inf, min(1.0, longest / size)
    found = None
    for _ in range(PROBES):
        there = _Place.of(problem, _change_bases(here.factors, t * step))
        if there.value > here.value + 1e-4 * t * rate:
            high = t
        else:
            low, found = t, (there, t)
            if there.slope @ step >= 0.9 * rate:
                break
        t = (low + high) / 2 if np.isfinite(high) else 2 * t
    return found


def _updated(inverse: Array | None, moved: Array, change: Array) -> Array | None:
    """The formula of BFGS; starts with a multiple of the identity, and leaves alone what shows no curvature."""
    product = float(moved @ change)
    if not product > 0:
        return inverse
    if inverse is None:
        inverse = product / float(change @ change) * np.eye(len(moved))
    left = np.eye(len(moved)) - np.outer(moved, change) / product
    return np.asarray(left @ inverse @ left.T + np.outer(moved, moved) / product)


def _change_bases(factors: list[Array], vector: Array) -> list[Array]:
    changed, start = list(factors), 0
    for l, factor in enumerate(factors[:-1]):
        width = len(factor)
        turn = np.eye(width) + vector[start : start + width**2].reshape(width, width)
        start += width**2
        changed[l] = turn @ changed[l]
        changed[l + 1] = np.asarray(np.linalg.solve(turn.T, changed[l + 1].T).T, np.float64)
    return changed
