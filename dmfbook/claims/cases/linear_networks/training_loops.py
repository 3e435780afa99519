"""Runs of a training loop as common libraries write it, and the same data for the book's objective."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.linear_networks.data import data_case
from dmfbook.claims.cases.points import random_factors
from dmfbook.claims.oracles.training_loop import REDUCTIONS, Settings, train

STEPS = 40


@dataclass(frozen=True)
class LoopCase:
    """Samples as rows, the weights at the start, and the settings of the loop."""

    inputs: Array
    outputs: Array
    start: list[Array]
    settings: Settings

    @cached_property
    def trained(self) -> list[Array]:
        """The weights after the loop."""
        return train(self.start, self.inputs, self.outputs, self.settings)

    @property
    def factor(self) -> float:
        """What stands in front of the sum of squared errors."""
        return REDUCTIONS[self.settings.reduction](*self.outputs.shape)


def loop(rng: np.random.Generator, reduction: str = "mean") -> LoopCase:
    """Depth 2 to 4, unequal widths, ten samples, a step of the order of a tenth of what the curvature bears."""
    widths = [3, *rng.integers(3, 6, rng.integers(1, 4)).tolist(), 2]
    data = data_case(rng, widths, samples=10)
    # A constant added to the outputs is what biases would be for.
    inputs, outputs = data.inputs.T, data.outputs.T + 1.0
    factor = REDUCTIONS[reduction](*outputs.shape)
    settings = Settings(
        reduction,
        learning_rate=float(rng.uniform(0.5, 1)) * 1e-3 / factor,
        weight_decay=factor * float(rng.uniform(2, 6)),
        momentum=float(rng.choice([0.0, 0.8])),
        steps=STEPS,
    )
    return LoopCase(inputs, outputs, random_factors(rng, tuple(widths)), settings)


def with_biases(rng: np.random.Generator) -> LoopCase:
    """The layers have biases, which learn."""
    case = loop(rng)
    return replace(case, settings=replace(case.settings, biases=True))


def in_batches(rng: np.random.Generator) -> LoopCase:
    """Each step sees half of the samples."""
    case = loop(rng)
    return replace(case, settings=replace(case.settings, batches=2))


def decoupled(rng: np.random.Generator) -> LoopCase:
    """With momentum, and weight decay that does not go through it."""
    case = loop(rng)
    return replace(case, settings=replace(case.settings, decoupled=True, momentum=0.8))
