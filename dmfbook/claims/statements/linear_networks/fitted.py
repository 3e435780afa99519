"""Losses ``φ(y − 𝒜(X))`` of linear observations, and what is said of their fitted values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.evidence import Evidence, worst
from dmfbook.claims.oracles import search
from dmfbook.claims.oracles.descent import descend
from dmfbook.claims.oracles.search import Found
from dmfbook.network.losses.loss import Loss
from dmfbook.network.problem import Problem

SHIFT = 1e-4  # how far a target moves for a numerical derivative


@dataclass(frozen=True)
class Observed:
    """A target y, what is observed of a matrix, and the loss that compares them."""

    target: Array
    observe: Callable[[Array], Array]
    loss: Callable[[Array], Loss]
    slope: Callable[[Array], Array]  # ∇φ of a residual y − 𝒜(X)
    squared: bool = True
    inputs: Array | None = None  # of data, whose outputs are all seen


@dataclass(frozen=True)
class FittedCase:
    """Such a loss behind hidden layers with weight decay; `other` is a second target."""

    observed: Observed
    hidden_widths: tuple[int, ...]
    reg: tuple[float, ...]
    other: Array
    seed: int

    def problem_for(self, target: Array) -> Problem:
        """The problem with some target."""
        return Problem(self.observed.loss(target), self.hidden_widths, self.reg)

    @cached_property
    def problem(self) -> Problem:
        """The problem with its own target."""
        return self.problem_for(self.observed.target)

    def search(self, target: Array) -> list[Found]:
        """Local minimizers found for some target, best first."""
        rng = np.random.default_rng(self.seed)
        return search.minimizers(self.problem_for(target), rng, search.STARTS)

    @cached_property
    def found(self) -> list[Found]:
        """Local minimizers found, best first."""
        return self.search(self.observed.target)

    @cached_property
    def best(self) -> list[Found]:
        """Those with the least loss."""
        return search.best(self.found, self.problem)

    @cached_property
    def best_of_other(self) -> Found:
        """The best found for the second target."""
        return self.search(self.other)[0]

    @cached_property
    def direction(self) -> Array:
        """A direction in which the target moves."""
        move = np.random.default_rng(self.seed).normal(size=self.observed.target.shape)
        return np.asarray(move / np.linalg.norm(move))

    @cached_property
    def rate(self) -> float:
        """Numerical derivative of the least loss along the direction; searches start at the best factors."""
        target, start = self.observed.target, self.best[0].factors
        ends = [
            descend(self.problem_for(target + sign * SHIFT * self.direction), start)
            for sign in (1, -1)
        ]
        return (ends[0].loss - ends[1].loss) / (2 * SHIFT)

    @cached_property
    def gain(self) -> float:
        """Largest factor by which an observation exceeds its matrix, in norm."""
        shape = self.problem.end_to_end_loss.shape
        units = np.eye(shape[0] * shape[1]).reshape(-1, *shape)
        return float(np.linalg.norm([self.observed.observe(unit).ravel() for unit in units], 2))

    def fitted(self, point: Found) -> Array:
        """What is observed of a point's end-to-end matrix."""
        return self.observed.observe(point.end_to_end)


def compare_fitted(
    case: FittedCase, everything: bool = False, local: bool = False, slope: float = 1.0
) -> Evidence:
    """Compare the fitted values of all minimizers found with the least loss, and with its derivative.

    Rivals compare whole matrices, or all local minimizers, or halve the derivative.
    """
    first = case.best[0]

    def gap(point: Found) -> Evidence:
        seen = point.end_to_end - first.end_to_end
        apart = seen if everything else case.fitted(point) - case.fitted(first)
        gain = case.gain * (point.end_to_end_uncertainty + first.end_to_end_uncertainty)
        return Evidence(float(np.linalg.norm(apart)), gain + 1e-11 * case.gain)

    formula = slope * case.observed.slope(case.observed.target - case.fitted(first))
    rate = abs(float(np.vdot(formula, case.direction)) - case.rate)
    # The remainder of a central difference, and rounding of the losses.
    unit = search.loss_unit(case.problem)
    derivative = Evidence(rate, 1e-5 * max(1.0, float(np.linalg.norm(formula))) + 1e-11 * unit)
    return worst([*map(gap, case.found if local else case.best), derivative])


def compare_motion(case: FittedCase, contracting: bool = False) -> Evidence:
    """See whether fitted values move forward when the target does; a rival says that they move no further."""
    moved = case.other - case.observed.target
    fitted = case.fitted(case.best_of_other) - case.fitted(case.best[0])
    size = float(np.linalg.norm(moved))
    if contracting:
        return Evidence(max(0.0, float(np.linalg.norm(fitted)) - size), 1e-6 * size)
    return Evidence(max(0.0, -float(np.vdot(fitted, moved))), 1e-8 * size * (1 + size))


def compare_matrices(case: FittedCase, local: bool = False, best_fit: bool = False) -> Evidence:
    """Compare end-to-end matrices with each other, and with what their fitted values and the inputs give."""
    first = case.best[0]
    back = np.linalg.pinv(np.asarray(case.observed.inputs), rcond=1e-9)
    formula = (case.observed.target if best_fit else case.fitted(first)) @ back

    def evidence(point: Found) -> Evidence:
        gap = float(np.linalg.norm(point.end_to_end - formula))
        loss = 1 + float(np.linalg.norm(back, 2)) * case.gain
        unsure = point.end_to_end_uncertainty + first.end_to_end_uncertainty
        return Evidence(gap, loss * (unsure + 1e-13))

    return worst(map(evidence, case.found if local else case.best))
