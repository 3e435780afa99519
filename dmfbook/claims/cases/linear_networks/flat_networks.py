"""Linear networks that fit their data as well as can be: any of them, or the flattest that a search finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.linear_networks.data import inputs_with, outputs_of
from dmfbook.claims.cases.targets import random_target, with_values
from dmfbook.claims.oracles.flatness.directions import best_direction
from dmfbook.claims.oracles.flatness.networks import POWERS, FlatSearch
from dmfbook.network.factors import flatten
from dmfbook.network.frames import orthonormal_frame
from dmfbook.zero_loss.factorizations import flat_factors

EPS = float(np.finfo(float).eps)


@dataclass(frozen=True)
class FlatNetwork:
    """Data and hidden widths, and whether an inequality that is asked of them is an equality.

    What follows is for controls: a weight for all layers; other outputs, by a share, than those the network fits; no
    search for the flattest network.
    """

    inputs: Array
    outputs: Array
    hidden_widths: tuple[int, ...]
    seed: int
    tight: bool = False
    reg: float = 0.0
    shift: float = 0.0
    searched: bool = True

    @property
    def depth(self) -> int:
        """Number of layers ``L``."""
        return len(self.hidden_widths) + 1

    @property
    def rng(self) -> np.random.Generator:
        """A stream of the case's own, each time from its start."""
        return np.random.default_rng(self.seed)

    @cached_property
    def parts(self) -> tuple[Array, Array, Array]:
        """From ``X = U s Vᵀ``: U, the singular values s, and ``M̃ = Y V``, what the outputs are along V."""
        left, values, right = np.linalg.svd(self.inputs, full_matrices=False)
        kept = values > 1e-9 * values[0]
        return left[:, kept], values[kept], self.outputs @ right[kept].T

    @property
    def factor(self) -> Array:
        """``Q``, in the basis U of the inputs' span."""
        return np.diag(self.parts[1])

    @property
    def target(self) -> Array:
        """``M̃``."""
        return self.parts[2]

    @property
    def factor_of_inputs(self) -> Array:
        """``Q`` in coordinates, ``U s``."""
        return self.parts[0] * self.parts[1]

    @property
    def matrix(self) -> Array:
        """The matrix that fits as well as can be and vanishes beyond the inputs' span, ``M̃ Q⁺``."""
        return (self.target / self.parts[1]) @ self.parts[0].T

    @property
    def rank(self) -> int:
        """Rank of ``M̃``."""
        return int(np.linalg.matrix_rank(self.target, 1e-9 * np.linalg.norm(self.target)))

    @property
    def exists(self) -> bool:
        """Whether some network fits as well as any matrix."""
        return min(self.hidden_widths) >= self.rank

    @property
    def is_alike(self) -> bool:
        """Whether the fitted outputs depend on all directions of the inputs alike, ``M̃ᵀ M̃ = σ² I``."""
        gram = self.target.T @ self.target
        return bool(
            np.allclose(gram, gram[0, 0] * np.eye(len(gram)), rtol=0, atol=1e-9 * gram[0, 0])
        )

    @cached_property
    def _search(self) -> FlatSearch:
        is_narrow = min(self.hidden_widths) == self.rank < min(self.target.shape)
        frame = (
            np.linalg.svd(self.target)[0][:, : self.rank] if is_narrow else np.eye(len(self.target))
        )
        return FlatSearch(self.target, self.factor, self.hidden_widths, frame)

    def _network(self, layers: list[Array]) -> list[Array]:
        """Factors of the data's own widths; what they do beyond the inputs' span is random."""
        span = self.parts[0]
        beyond = self.rng.normal(size=(len(layers[0]), len(span)))
        return [layers[0] @ span.T + beyond - beyond @ span @ span.T, *layers[1:]]

    @cached_property
    def fitted(self) -> list[Array]:
        """Some network that fits as well as can be."""
        return self._network(self._search.start(self.rng))

    @cached_property
    def flattest(self) -> list[Array]:
        """The flattest network that a search from random layers finds; without the search, where it would start."""
        if not self.searched:
            return self.fitted
        return self._network(self._search.run(self.rng, POWERS))

    @cached_property
    def least_trace(self) -> list[Array]:
        """The network whose Hessian has the least trace, of those that a search finds."""
        return self._network(self._search.run(self.rng, (1,)))

    def objective(self, vector: Array) -> Any:
        """``‖Y − W_L ⋯ W_1 X‖_F² + λ Σ_l ‖W_l‖_F²`` from the stacked factors, for automatic differentiation."""
        widths = [len(self.inputs), *self.hidden_widths, len(self.outputs)]
        product, start = self.inputs, 0
        for before, after in zip(widths, widths[1:], strict=False):
            entries = vector[start : start + before * after]
            product = anp.dot(anp.reshape(entries, (before, after)).T, product)
            start += before * after
        misfit = (1 + self.shift) * self.outputs - product
        return anp.sum(misfit**2) + self.reg * anp.sum(vector**2)

    def spectrum(self, factors: list[Array]) -> Array:
        """All eigenvalues of the Hessian by automatic differentiation, ascending."""
        return np.linalg.eigvalsh(autograd.hessian(self.objective)(flatten(factors)))

    @cached_property
    def fitted_sharpness(self) -> float:
        """Largest eigenvalue of the differentiated Hessian at :attr:`fitted`."""
        return float(self.spectrum(self.fitted)[-1])

    @property
    def rounding(self) -> float:
        """Bound on the rounding of an eigenvalue of that Hessian (Weyl)."""
        norms = [1 + float(np.linalg.norm(factor)) for factor in self.fitted]
        data = float(np.prod(norms) * np.linalg.norm(self.inputs) + np.linalg.norm(self.outputs))
        return 8 * EPS * sum(factor.size for factor in self.fitted) * data**2

    @cached_property
    def least_sharpness(self) -> float:
        """Largest eigenvalue of the differentiated Hessian at :attr:`flattest`."""
        return float(self.spectrum(self.flattest)[-1])

    @cached_property
    def slack(self) -> float:
        """How far above the least sharpness a search may stop, relatively.

        Where the last norm has no slope, no eigenvalue falls without another that rises: the largest is too large by
        its distance from their mean, with the weights they have in that norm. That is zero where it is simple.
        """
        values = self.spectrum(self.flattest)[-self.target.size :]
        gaps = -np.log(np.maximum(values / values[-1], 1e-300))
        weights = np.exp(-POWERS[-1] * gaps)
        return 2 * float(weights @ gaps / weights.sum()) + 1e-9

    @cached_property
    def flat(self) -> list[Array]:
        """Flat factors of the package."""
        return flat_factors(self.matrix, self.hidden_widths, self.rng, inputs=self.inputs)

    @cached_property
    def direction(self) -> tuple[float, Array]:
        """Largest ``‖M̃ v‖^{2−2/L} ‖Q v‖^{2/L}`` over unit vectors v, by search, and its v."""
        powers = 2 - 2 / self.depth, 2 / self.depth
        return best_direction(self.target, self.factor, powers, self.rng)


def network(
    rng: np.random.Generator,
    widths: Sequence[int],
    samples: int,
    rank: int | None = None,
    condition: float = 100.0,
) -> FlatNetwork:
    """Correlated inputs, and noisy outputs that depend on weak directions of the inputs as much as on strong ones."""
    inputs = inputs_with(rng, widths[0], samples, condition, rank)
    count = min(widths[0], samples) if rank is None else rank
    white = np.sqrt(samples) * np.linalg.svd(inputs, full_matrices=False)[2][:count]
    outputs = outputs_of(rng, random_target(rng, (widths[-1], count)), white, noise=0.3)
    return FlatNetwork(inputs, outputs, tuple(widths[1:-1]), int(rng.integers(2**32)))


def narrow(rng: np.random.Generator) -> FlatNetwork:
    """Outputs of rank one and a hidden layer of one unit."""
    inputs = inputs_with(rng, 3, 7, condition=100.0)
    white = np.linalg.svd(inputs, full_matrices=False)[2]
    outputs = with_values(rng, rng.uniform(3, 6, 1), (2, 3)) @ white
    return FlatNetwork(inputs, outputs, (1, 2), int(rng.integers(2**32)))


def opposite(rng: np.random.Generator) -> FlatNetwork:
    """The outputs depend most on the weakest inputs, along the same axes: many directions are equally sharp."""
    inputs = inputs_with(rng, 2, 6, condition=float(rng.uniform(5, 20)))
    white = np.linalg.svd(inputs, full_matrices=False)[2]
    outputs = orthonormal_frame(2, 2, rng) * np.array([1.0, rng.uniform(2, 6)]) @ white
    return FlatNetwork(inputs, outputs, (2, 3), int(rng.integers(2**32)))


def _data(widths: Sequence[int], samples: int, rank: int | None = None) -> Any:
    return partial(network, widths=widths, samples=samples, rank=rank)


# The kinds of data and widths on which a statement about any of them is tested.
NETWORKS = {
    "depth 2": _data((3, 2, 2), 8),
    "depth 3, more outputs than inputs": _data((2, 2, 3, 3), 6),
    "depth 4, one output": _data((3, 2, 1, 2, 1), 7),
    "depth 3, dependent inputs": _data((4, 3, 2, 2), 8, rank=2),
    "more inputs than samples": _data((4, 2, 3, 2), 3),
    "a single sample": _data((3, 2, 2), 1),
    "a hidden layer as narrow as the rank": narrow,
    "strong inputs of little effect": opposite,
}


# Two layers, any data.
SHALLOW = {
    "many samples": _data((3, 2, 2), 8),
    "more outputs than inputs": _data((2, 3, 4), 6),
    "dependent inputs": _data((4, 3, 2), 8, rank=2),
    "fewer samples than inputs": _data((4, 2, 3), 2),
}


def too_narrow(rng: np.random.Generator) -> FlatNetwork:
    """One hidden unit for outputs of rank two: no network fits as well as a matrix does."""
    return replace(network(rng, (3, 2, 2), 8), hidden_widths=(1,))


def penalized(rng: np.random.Generator) -> FlatNetwork:
    """The layers are penalized, as strongly as the inputs."""
    case = network(rng, (3, 2, 2), 8)
    return replace(case, reg=float(rng.uniform(0.5, 1) * case.parts[1][0] ** 2))


def misfitting(rng: np.random.Generator, widths: Sequence[int] = (3, 2, 3, 2)) -> FlatNetwork:
    """The network fits a sixth of the outputs."""
    return replace(network(rng, widths, 8), shift=5.0)


def not_flattest(rng: np.random.Generator) -> FlatNetwork:
    """Some network that fits, without a search for the flattest."""
    return replace(network(rng, (3, 2, 3, 2), 8), searched=False)


def white(rng: np.random.Generator, widths: Sequence[int]) -> FlatNetwork:
    """White inputs, and more of them than outputs: equality."""
    return replace(network(rng, widths, 8, condition=1.0), tight=True)


def strongest_only(rng: np.random.Generator) -> FlatNetwork:
    """One output, which depends on the strongest input alone: equality."""
    inputs = inputs_with(rng, 3, 8, condition=30.0)
    outputs = rng.uniform(1, 3) * np.linalg.svd(inputs, full_matrices=False)[2][:1]
    return FlatNetwork(inputs, outputs, (2, 2), int(rng.integers(2**32)), tight=True)


def alike(rng: np.random.Generator) -> FlatNetwork:
    """Correlated inputs, and as many outputs, which depend on all directions of the inputs alike."""
    inputs = inputs_with(rng, 3, 8, condition=30.0)
    axes = np.linalg.svd(inputs, full_matrices=False)[2]
    outputs = rng.uniform(1, 3) * orthonormal_frame(3, 3, rng) @ axes
    return FlatNetwork(inputs, outputs, (3, 3), int(rng.integers(2**32)))


# Networks whose outputs are independent of each other, and at which equality is reached or not.
CONDITIONED = {
    "white, depth 2": partial(white, widths=(3, 2, 2)),
    "white, depth 4": partial(white, widths=(3, 2, 1, 2, 1)),
    "one output of the strongest input": strongest_only,
    "outputs that depend on all inputs alike": alike,
    "any data, depth 2": NETWORKS["depth 2"],
    "any data, depth 4": NETWORKS["depth 4, one output"],
}


def fewer_outputs(rng: np.random.Generator) -> FlatNetwork:
    """White inputs and two outputs that are nearly one: a third of them depends on the others."""
    inputs = inputs_with(rng, 2, 8, condition=1.0)
    axes = np.linalg.svd(inputs, full_matrices=False)[2]
    outputs = with_values(rng, np.array([3.0, 0.3]), (3, 2)) @ axes
    return FlatNetwork(inputs, outputs, (2, 3), int(rng.integers(2**32)))


def at_random(rng: np.random.Generator) -> FlatNetwork:
    """White inputs, and some network that fits."""
    return replace(white(rng, (3, 2, 3, 2)), searched=False)
