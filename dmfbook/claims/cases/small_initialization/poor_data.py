"""Truths of rank one whose measurements are too few for the nuclear norm, or enough."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.targets import random_truth
from dmfbook.claims.oracles.convex import nuclear_norm_minimizer
from dmfbook.sensing.ensembles import gaussian_sensing
from dmfbook.sensing.operator import SensingOperator
from dmfbook.training.descent import gradient_descent
from dmfbook.training.recovery import SensingProblem

STEPS = 3000
# One truth in twenty is an exception: that five of nine are, happens in 2 of 100,000 cases.
TRUTHS = 9


@dataclass(frozen=True)
class DepthCase:
    """Gradient descent from balanced starts, one run for each of several truths with the same measurements."""

    operator: SensingOperator
    truths: Array
    convex: Array
    scale: float
    frames: Array
    _ratios: dict[int, float] = field(default_factory=dict)

    def median_ratio(self, depth: int) -> float:
        """Test error at a depth over that of the nuclear-norm minimizer, the median over truths."""
        if depth not in self._ratios:
            problem = SensingProblem(self.operator, self.operator.forward(self.truths))
            start = list(self.scale ** (1 / depth) * self.frames[:depth])
            factors = gradient_descent(problem, start, 0.1, STEPS, every=STEPS).factors
            ours = np.linalg.norm(problem.end_to_end(factors) - self.truths, axis=(1, 2))
            theirs = np.linalg.norm(self.convex - self.truths, axis=(1, 2))
            self._ratios[depth] = float(np.median(ours / theirs))
        return self._ratios[depth]


def data_poor(rng: np.random.Generator) -> DepthCase:
    """Nine truths of rank one, sides 8, whose 26 measurements are too few for the nuclear norm.

    The start is ``1e-6`` times an orthogonal matrix.
    """
    return _case(rng, 26, 1e-6)


def large_start(rng: np.random.Generator) -> DepthCase:
    """The start is as large as the truth."""
    return _case(rng, 26, 1.0)


def data_rich(rng: np.random.Generator) -> DepthCase:
    """Forty-four measurements, with which the nuclear norm finds the truth."""
    return _case(rng, 44, 1e-6)


def _case(rng: np.random.Generator, measurements: int, scale: float) -> DepthCase:
    operator = gaussian_sensing((8, 8), measurements, rng)
    pairs: list[tuple[Array, Array]] = []
    while len(pairs) < TRUTHS:
        truth = random_truth(rng, (8, 8), 1)
        convex = nuclear_norm_minimizer(operator, operator.forward(truth))
        if np.linalg.norm(convex - truth) > 0.1 or measurements > 26:
            pairs.append((truth, convex))
    truths, minimizers = (np.array(each) for each in zip(*pairs, strict=True))
    frames = np.linalg.qr(rng.normal(size=(3, TRUTHS, 8, 8)))[0]
    return DepthCase(operator, truths, minimizers, scale, frames)
