"""Regression problems whose inputs are white, and the same matrix to learn from inputs that are not."""

from __future__ import annotations

import numpy as np

from dmfbook.claims.cases.linear_networks.data import outputs_of
from dmfbook.claims.statements.linear_networks.white import WhitenedCase
from dmfbook.network.frames import orthonormal_frame

SAMPLES, SIZES = 12, (2, 3)  # number of samples; outputs and inputs


def white(rng: np.random.Generator, statement: str) -> WhitenedCase:
    """White inputs."""
    return with_condition(rng, statement, 1.0)


def correlated(rng: np.random.Generator, statement: str) -> WhitenedCase:
    """A second moment of condition number 100, whose weakest direction matters most to the outputs."""
    return with_condition(rng, statement, 100.0)


def with_condition(rng: np.random.Generator, statement: str, condition: float) -> WhitenedCase:
    """Inputs of this condition number, whose weakest direction matters most to the outputs."""
    outputs, inputs = SIZES
    basis = orthonormal_frame(inputs, inputs, rng)
    roots = np.geomspace(1, condition**-0.5, inputs)
    roots *= np.sqrt(inputs * SAMPLES) / np.linalg.norm(roots)
    samples = (basis * roots) @ orthonormal_frame(SAMPLES, inputs, rng).T
    values = np.array([rng.uniform(2, 3), rng.uniform(1.2, 1.8)])
    truth = (orthonormal_frame(outputs, outputs, rng) * values) @ basis[:, ::-1][:, :outputs].T
    reg = SAMPLES * float(rng.uniform(0.05, 0.15))
    answers = outputs_of(rng, truth, samples, 0.1)
    return WhitenedCase(statement, samples, answers, reg, int(rng.integers(2**32)))
