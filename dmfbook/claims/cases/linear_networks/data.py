"""Random regression problems: inputs of given condition number, dependent inputs, one sample, few samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.targets import random_target
from dmfbook.network.frames import orthonormal_frame
from dmfbook.network.losses.regression import Regression
from dmfbook.network.problem import Problem


@dataclass(frozen=True)
class DataCase:
    """A linear network on samples, and a seed for what is random in its check."""

    inputs: Array
    outputs: Array
    hidden_widths: tuple[int, ...]
    reg: tuple[float, ...]
    seed: int

    @cached_property
    def loss(self) -> Regression:
        """The loss of the end-to-end matrix."""
        return Regression(self.inputs, self.outputs)

    @cached_property
    def problem(self) -> Problem:
        """The loss seen through the layers, with weight decay."""
        return Problem(self.loss, self.hidden_widths, self.reg)

    @property
    def rng(self) -> np.random.Generator:
        """A stream of the case's own, each time from its start."""
        return np.random.default_rng(self.seed)


def inputs_with(
    rng: np.random.Generator, size: int, samples: int, condition: float, rank: int | None = None
) -> Array:
    """Samples of mean square one an entry, whose second moment has the given condition number on its range.

    Its eigenvalues lie evenly on a logarithmic scale, in random directions of `rank` dimensions, as many as there
    can be unless it is given.
    """
    count = min(size, samples) if rank is None else rank
    roots = np.geomspace(1, condition**-0.5, count)
    roots *= np.sqrt(size * samples) / np.linalg.norm(roots)
    left, right = (orthonormal_frame(side, count, rng) for side in (size, samples))
    return (left * roots) @ right.T


def outputs_of(rng: np.random.Generator, truth: Array, inputs: Array, noise: float) -> Array:
    """What a matrix makes of the inputs, and noise of this standard deviation."""
    clean = truth @ inputs
    return np.asarray(clean + noise * rng.normal(size=clean.shape))


def data_case(
    rng: np.random.Generator,
    widths: Sequence[int],
    samples: int,
    condition: float = 10.0,
    rank: int | None = None,
    noise: float = 0.3,
) -> DataCase:
    """Noisy samples of a random matrix, with unequal weights of the order of a tenth a sample."""
    outer = int(widths[-1]), int(widths[0])
    inputs = inputs_with(rng, outer[1], samples, condition, rank)
    outputs = outputs_of(rng, random_target(rng, outer), inputs, noise)
    reg = samples * rng.uniform(0.05, 0.2, len(widths) - 1)
    hidden = tuple(int(width) for width in widths[1:-1])
    return DataCase(inputs, outputs, hidden, tuple(reg.tolist()), int(rng.integers(2**32)))


def many_samples(rng: np.random.Generator) -> DataCase:
    """Depth 3 or 4, twelve samples of three correlated inputs."""
    return data_case(rng, (3, *_hidden(rng, 2, 3), 2), samples=12)


def shallow(rng: np.random.Generator) -> DataCase:
    """Depth 2, eight samples of two inputs."""
    return data_case(rng, (2, *_hidden(rng, 1, 1), 3), samples=8)


def ill_conditioned(rng: np.random.Generator) -> DataCase:
    """Depth 2 or 3, inputs whose second moment has condition number 10,000."""
    return data_case(rng, (3, *_hidden(rng, 1, 2), 2), samples=9, condition=1e4)


def dependent_inputs(rng: np.random.Generator) -> DataCase:
    """Depth 2 or 3, nine samples of four inputs that lie in a plane."""
    return data_case(rng, (4, *_hidden(rng, 1, 2), 3), samples=9, rank=2)


def one_sample(rng: np.random.Generator) -> DataCase:
    """Depth 2 or 3, a single sample of three inputs."""
    return data_case(rng, (3, *_hidden(rng, 1, 2), 2), samples=1)


def few_samples(rng: np.random.Generator) -> DataCase:
    """Depth 2 or 3, two samples of five inputs."""
    return data_case(rng, (5, *_hidden(rng, 1, 2), 3), samples=2)


# The kinds of data on which a statement about any data is tested.
DATA = {
    "many samples, depth 3 or 4": many_samples,
    "depth 2": shallow,
    "condition number 10,000": ill_conditioned,
    "dependent inputs": dependent_inputs,
    "a single sample": one_sample,
    "more inputs than samples": few_samples,
}


def _hidden(rng: np.random.Generator, fewest: int, most: int) -> list[int]:
    """Widths 3 and 4 in turn, no bottleneck, of some hidden layers."""
    count = rng.integers(fewest, most + 1)
    return list((3 + (np.arange(count) + rng.integers(2)) % 2).tolist())
