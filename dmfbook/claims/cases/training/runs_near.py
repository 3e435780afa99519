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

# Distance of the start, in units of the point's norm: curvatures differ by less from those at the point than the longest
# steps are shorter than what is stable.
FIRST = 1e-3
LAST = 1e-8  # distance at which a run ends, far from rounding
LONGEST = 5_000  # steps of a run
SEEN = 1e-4  # parts of a gradient that count, relative to its norm
ZERO = 1e-6  # eigenvalues up to this share of the largest count as zero: near an orbit it is left by a little


@dataclass(frozen=True)
class RunNear:
    """A critical point, and step and momentum of a descent that starts near it.

    The start lies near a share `around` of the point, and the run ends at about the distance `last`, in units of the
    point's norm.
    """

    point: PointCase
    step: float
    momentum: float = 0.0
    last: float = LAST
    around: float = 1.0

    @cached_property
    def positive(self) -> Array:
        """Positive eigenvalues of the dense Hessian at the point, ascending."""
        values = self.point.eigenvalues
        return np.asarray(values[values > ZERO * values[-1]])

    @cached_property
    def run(self) -> Trajectory:
        """The descent, from a random direction off the point, with its gradients."""
        problem, point = self.point.problem, flatten(self.point.factors)
        move = np.random.default_rng(self.point.seed).normal(size=problem.size)
        size = float(np.linalg.norm(point))
        start = self.around * point + FIRST * size * move / np.linalg.norm(move)
        return gradient_descent(
            problem,
            unflatten(start, problem.widths),
            self.step,
            LONGEST,
            momentum=self.momentum,
            tolerance=self.last * size * float(self.positive[0]),
            record={"gradient": lambda layers: flatten(problem.gradient(layers))},
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
        """Geometric mean of the ratios of the gradient's slowest part over nearly all of the run, and its doubt.

        The parts in different eigenvectors fall on their own; in the end the slowest is left, however small it is before. A
        part and the one before it are larger or smaller than their roots say by the condition of the eigenvectors of their
        recurrence, and by second-order terms.
        """
        slopes = np.asarray(self.run.records["gradient"])
        norms = np.linalg.norm(slopes, axis=1)
        begin = int(np.argmax(norms < norms[0] / 100))
        count = len(norms) - 1 - begin
        if begin < 1 or count < 1:
            return np.nan, 0.0
        values, vectors = np.linalg.eigh(hessian(self.point.problem, self.run.factors))
        parts = slopes[[begin - 1, begin, -2, -1]] @ vectors
        # Others are the orbit's, or have fallen to what second order and rounding leave.
        seen = (values > ZERO * values[-1]) & (np.abs(parts[1]) > SEEN * norms[begin])
        parts = parts[:, seen]
        mean = float(np.max(np.hypot(*parts[2:]) / np.hypot(*parts[:2])) ** (1 / count))
        recurrences = np.zeros((parts.shape[1], 2, 2))
        recurrences[:, 0, 0] = 1 + self.momentum - self.step * values[seen]
        recurrences[:, 0, 1], recurrences[:, 1, 0] = -self.momentum, 1
        worst = max(np.linalg.cond(np.linalg.eig(each)[1]) for each in recurrences)
        return mean, mean * math.log(2 * worst) / count
