"""Gradient descent that starts near a critical point, and how fast its gradient falls."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.oracles.procrustes import distance_modulo_basis
from dmfbook.claims.statements.modes import PointCase
from dmfbook.network.factors import flatten, unflatten
from dmfbook.network.hessian import hessian
from dmfbook.training.descent import gradient_descent
from dmfbook.training.trajectory import Trajectory

FIRST = 1e-2  # distance of the start, in units of the point's norm
LAST = 1e-8  # distance at which a run ends: halfway between that of the start and rounding
LONGEST = 5_000  # steps of a run
ZERO = 1e-6  # eigenvalues up to this share of the largest count as zero: near an orbit it is left by a little


@dataclass(frozen=True)
class RunNear:
    """A critical point, and step and momentum of a descent that starts near it.

    The start lies at the distance `first` from a share `around` of the point, and the run ends at about `last`, both in
    units of the point's norm.
    """

    point: PointCase
    step: float
    momentum: float = 0.0
    first: float = FIRST
    last: float = LAST
    around: float = 1.0

    @cached_property
    def positive(self) -> Array:
        """Positive eigenvalues of the dense Hessian at the point, ascending."""
        values = self.point.eigenvalues
        return np.asarray(values[values > ZERO * values[-1]])

    @cached_property
    def run(self) -> Trajectory:
        """The descent, from a random direction off the point, with the norms of its gradients."""
        problem, point = self.point.problem, flatten(self.point.factors)
        move = np.random.default_rng(self.point.seed).normal(size=problem.size)
        size = float(np.linalg.norm(point))
        start = self.around * point + self.first * size * move / np.linalg.norm(move)
        return gradient_descent(
            problem,
            unflatten(start, problem.widths),
            self.step,
            LONGEST,
            momentum=self.momentum,
            tolerance=self.last * size * float(self.positive[0]),
            record={"gradient": lambda layers: np.linalg.norm(flatten(problem.gradient(layers)))},
        )

    @cached_property
    def last_ratio(self) -> float:
        """What further steps without momentum would make of the gradient's norm in the end.

        One more step is made. The squared ratio is a mean of those of all eigenvectors, weighted by the gradient's parts in
        them; the slowest ones decide in the end, and what the others still take away is known from their parts.
        """
        problem, factors = self.point.problem, self.run.factors
        slope = flatten(problem.gradient(factors))
        then = unflatten(flatten(factors) - self.step * slope, problem.widths)
        ratio = float(np.linalg.norm(flatten(problem.gradient(then))) / np.linalg.norm(slope))
        values, vectors = np.linalg.eigh(hessian(problem, factors))
        rates, parts = np.abs(1 - self.step * values), (vectors.T @ slope) ** 2
        mean = float(np.sqrt(rates**2 @ parts / parts.sum()))
        slowest = float(rates[np.abs(values) > ZERO * np.abs(values).max()].max())
        return ratio + slowest - mean

    @cached_property
    def end_distance(self) -> float:
        """Distance of the end from the point's orbit, in units of the point's norm."""
        gap = distance_modulo_basis(self.run.factors, self.point.factors)
        return gap / float(np.linalg.norm(flatten(self.point.factors)))

    @cached_property
    def mean_ratio(self) -> tuple[float, float]:
        """Geometric mean of the ratios over nearly all of the run, and how far that can be from the rate.

        Of two roots of one modulus the sum can be larger or smaller by the condition of their eigenvectors.
        """
        norms = np.asarray(self.run.records["gradient"])
        begin = int(np.argmax(norms < norms[0] / 100))
        count = len(norms) - 1 - begin
        if count < 1:
            return np.nan, 0.0
        mean = float((norms[-1] / norms[begin]) ** (1 / count))
        trace = 1 + self.momentum - self.step * self.positive
        maps = np.zeros((len(trace), 2, 2))
        maps[:, 0, 0], maps[:, 0, 1], maps[:, 1, 0] = trace, -self.momentum, 1
        worst = max(np.linalg.cond(np.linalg.eig(each)[1]) for each in maps)
        return mean, mean * math.log(10 * worst) / count
