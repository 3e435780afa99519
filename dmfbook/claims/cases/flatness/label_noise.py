"""Gradient descent with label noise from interpolators, and the slow flow that it follows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.oracles.differentiation import by_complex_steps
from dmfbook.claims.oracles.measurements import dense_matrices
from dmfbook.network.factors import (
    end_to_end,
    flatten,
    partial_products_of,
    transposed_layers,
    unflatten,
)
from dmfbook.sensing.ensembles import gaussian_sensing
from dmfbook.training.descent import gradient_descent
from dmfbook.training.label_noise import NoisyLabels
from dmfbook.training.recovery import SensingProblem
from dmfbook.zero_loss.trace import sensing_hessian_trace, trace_and_gradient


@dataclass(frozen=True)
class LabelNoiseCase:
    """Runs from one zero-loss point, the noise they see, and the noise the prediction is made for."""

    problem: SensingProblem
    factors: list[Array]
    noise: float
    assumed: float
    step: float
    steps: int = 3000
    runs: int = 32

    @cached_property
    def predicted(self) -> float:
        """Fall of the trace along the slow flow of the finite step."""
        return self.predicted_fall(finite=True)

    def predicted_fall(self, finite: bool) -> float:
        """Fall of the trace along the slow flow, that of the finite step or that of the trace."""
        time = self.step**2 * self.assumed**2 / 2 * self.steps
        step = self.step if finite else 0.0
        end = slow_flow(self.problem, self.factors, time, pieces=20, step=step)
        operator = self.problem.operator
        before, after = (sensing_hessian_trace(operator, each) for each in (self.factors, end))
        return before - after

    @cached_property
    def fall(self) -> tuple[float, float]:
        """Fall of the trace at rest, averaged over runs, and the standard error of that mean.

        The noise displaces a run from rest, in the weakest direction for ``1/(η λ_min)`` steps, which
        may be a quarter of the run. This moves the trace, too, but does not add up.
        """
        noisy = NoisyLabels(self.problem, self.noise, np.random.default_rng(0))
        start = [np.broadcast_to(factor, (self.runs, *factor.shape)) for factor in self.factors]
        moved = gradient_descent(noisy, start, self.step, self.steps).factors
        end = gradient_descent(self.problem, moved, self.step, 100_000, tolerance=1e-4).factors
        operator = self.problem.operator
        ends = [[factor[run] for factor in end] for run in range(self.runs)]
        after = [sensing_hessian_trace(operator, factors) for factors in ends]
        error = float(np.std(after, ddof=1) / np.sqrt(self.runs))
        return float(sensing_hessian_trace(operator, self.factors) - np.mean(after)), error


def slow_flow(
    problem: SensingProblem, factors: list[Array], time: float, pieces: int, step: float = 0.0
) -> list[Array]:
    """Gradient flow of the trace along the factors with zero loss, from such factors.

    Midpoint steps of equal length in the tangent space, each followed by one Gauss–Newton step back. With a step η of
    the descent the flow is that of ``−(2/η) log det(I − η J Jᵀ)``, which tends to the trace for small η.
    """
    widths = (factors[0].shape[1], *map(len, factors))
    point, piece = flatten(factors), time / pieces

    def potential(vectors: Array) -> Array:
        layers = [layer.mT for layer in transposed_layers(vectors, widths)]
        jacobian = misfit_jacobian(problem, layers)
        gram = np.eye(jacobian.shape[-2]) - step * jacobian @ jacobian.mT
        return np.asarray(-2 / step * np.log(np.linalg.det(gram)))

    def drift(vector: Array) -> Array:
        layers = unflatten(vector, widths)
        jacobian = misfit_jacobian(problem, layers)
        if step:
            slope = by_complex_steps(potential)(vector)[1]
        else:
            slope = flatten(trace_and_gradient(problem.operator, layers)[1])
        return np.asarray(np.linalg.pinv(jacobian) @ (jacobian @ slope) - slope)

    for _ in range(pieces):
        point = point + piece * drift(point + piece / 2 * drift(point))
        factors = unflatten(point, widths)
        misfit = problem.operator.forward(end_to_end(factors)) - problem.measurements
        point = point - np.linalg.pinv(misfit_jacobian(problem, factors)) @ misfit
    return unflatten(point, widths)


def misfit_jacobian(problem: SensingProblem, factors: list[Array]) -> Array:
    """Derivatives (…, n, N) of the measurements by the entries of the factors, in the order of `flatten`."""
    left, right = partial_products_of(factors)
    matrices = dense_matrices(problem.operator)
    parts = [
        a.mT[..., None, :, :] @ matrices @ b.mT[..., None, :, :]
        for a, b in zip(left, right, strict=True)
    ]
    flat = [part.mT.reshape(*part.shape[:-2], -1) for part in parts]
    return np.concatenate(flat, axis=-1)


def label_noise(rng: np.random.Generator, depth: int) -> LabelNoiseCase:
    """Random factors that fit their own measurements."""
    side = 4
    operator = gaussian_sensing((side, side), 8, rng)
    factors = [rng.normal(size=(side, side)) / np.sqrt(2) for _ in range(depth)]
    problem = SensingProblem(operator, operator.forward(end_to_end(factors)))
    sharpness = 2 * float(np.linalg.norm(misfit_jacobian(problem, factors), 2)) ** 2
    return LabelNoiseCase(problem, factors, 0.2, 0.2, step=0.5 / sharpness)


def silence(rng: np.random.Generator) -> LabelNoiseCase:
    """No noise, held against the prediction for noise; all runs are alike, and two are enough."""
    return replace(label_noise(rng, int(rng.integers(2, 4))), noise=0.0, runs=2)
