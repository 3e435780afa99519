"""What some theorems about factorization say of a network on white inputs, compared with the network itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.evidence import Evidence, worst
from dmfbook.claims.oracles import search
from dmfbook.claims.oracles.search import EPS, Found
from dmfbook.network.factors import flatten
from dmfbook.network.hessian import hessian
from dmfbook.network.losses.regression import Regression
from dmfbook.network.problem import Problem
from dmfbook.regularized.critical import critical_points, global_minimizer
from dmfbook.regularized.scalar import critical_reg
from dmfbook.regularized.spectrum import hessian_spectrum
from dmfbook.zero_loss.factorizations import flat_factors
from dmfbook.zero_loss.sharpness import flat_sharpness

HIDDEN = (3, 4)  # widths of the hidden layers


@dataclass(frozen=True)
class WhitenedCase:
    """A network of depth 3 on samples; `statement` is the label of what is compared on it."""

    statement: str
    inputs: Array
    outputs: Array
    reg: float
    seed: int

    @cached_property
    def white(self) -> White:
        """What it would be if all directions of the inputs had the average moment ``s = tr S / d_0``.

        The target is the matrix that fits best, ``C S⁻¹``.
        """
        scale = float(np.sum(self.inputs**2) / len(self.inputs))
        return White(self.outputs @ np.linalg.pinv(self.inputs), self.reg / scale, scale)

    @cached_property
    def problem(self) -> Problem:
        """The problem on the samples."""
        return Problem(Regression(self.inputs, self.outputs), HIDDEN, self.reg)

    @cached_property
    def best(self) -> Found:
        """The best minimizer that a search finds."""
        rng = np.random.default_rng(self.seed)
        return search.minimizers(self.problem, rng, search.STARTS)[0]

    def least(self, reg: float) -> float:
        """Least loss that a search finds at another weight, less that of zero factors, in units of the latter."""
        problem = Problem(self.problem.target, HIDDEN, reg)
        rng, zero = np.random.default_rng(self.seed), search.loss_unit(problem) - 1
        return (search.minimizers(problem, rng, search.STARTS)[0].loss - zero) / zero


@dataclass(frozen=True)
class White:
    """Factorization as the theorems know it: a target, a weight, and the factor of the loss and its Hessian."""

    target: Array
    reg: float
    scale: float

    @property
    def problem(self) -> Problem:
        """The factorization problem."""
        return Problem(self.target, HIDDEN, self.reg)


def end_to_end(network: WhitenedCase, white: White) -> Evidence:
    """Compare the end-to-end minimizer with the best matrix found."""
    formula = global_minimizer(white.problem).end_to_end
    found = network.best
    gap = float(np.linalg.norm(found.end_to_end - formula))
    return Evidence(gap, found.end_to_end_uncertainty + 1e-12)


def spectrum(network: WhitenedCase, white: White) -> Evidence:
    """Compare the closed spectrum at the minimizer with the dense Hessian at the best factors found."""
    point = global_minimizer(white.problem)
    formula = white.scale * np.sort(hessian_spectrum(point))
    found = network.best
    dense = np.linalg.eigvalsh(hessian(network.problem, found.factors))
    largest = float(np.abs(dense).max())
    gain = 16 * network.problem.depth * largest * found.uncertainty
    gap = float(np.abs(dense - formula).max())
    return Evidence(gap, gain + network.problem.size * EPS * largest)


def stationary(network: WhitenedCase, white: White) -> Evidence:
    """Look at the slope of the network's loss at all critical points of the factorization problem."""
    rng = np.random.default_rng(network.seed)

    def evidence(factors: list[Array]) -> Evidence:
        slope = np.linalg.norm(flatten(network.problem.gradient(factors)))
        curvature = np.abs(hessian(network.problem, factors)).max()
        return Evidence(float(slope), 1e-12 * float(curvature) * network.problem.size)

    points = critical_points(white.problem)
    return worst(evidence(point.factors(rng)) for point in points)


def collapse(network: WhitenedCase, white: White) -> Evidence:
    """See whether zero becomes optimal within three per cent of the critical weight."""
    top = float(np.linalg.norm(white.target, 2))
    weight = float(critical_reg(top, network.problem.depth)) * network.problem.reg[0] / white.reg
    below, above = network.least(0.97 * weight), network.least(1.03 * weight)
    return worst([Evidence(max(0.0, below + 1e-4), 1e-9), Evidence(max(0.0, -above), 1e-9)])


def flattest(network: WhitenedCase, white: White) -> Evidence:
    """Compare the least sharpness with that of flat factors of the matrix that fits best, without weight decay."""
    formula = white.scale * flat_sharpness(white.target, network.problem.depth)
    factors = flat_factors(white.target, HIDDEN, np.random.default_rng(network.seed))
    values = np.linalg.eigvalsh(hessian(Problem(network.problem.target, HIDDEN), factors))
    size = network.problem.size * EPS * float(np.abs(values).max())
    return Evidence(abs(float(values[-1]) - formula), 64 * size)


COMPARED: dict[str, Callable[[WhitenedCase, White], Evidence]] = {
    "thm-end-to-end": end_to_end,
    "thm-all-critical-points": stationary,
    "thm-closed-spectrum": spectrum,
    "thm-collapse-matrix": collapse,
    "thm-flat-value": flattest,
}
