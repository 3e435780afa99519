"""Data before and after a linear map of the inputs: whitening to some level, and other maps of the same power."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.linear_networks import flat_networks
from dmfbook.claims.cases.linear_networks.data import inputs_with
from dmfbook.claims.cases.linear_networks.flat_networks import FlatNetwork
from dmfbook.claims.cases.targets import with_values
from dmfbook.claims.claim import CaseMaker
from dmfbook.network.frames import orthonormal_frame


@dataclass(frozen=True)
class Preprocessed:
    """A network on data, a map of the inputs, and the moment that each direction is to have after whitening."""

    raw: FlatNetwork
    matrix: Array
    level: float

    @cached_property
    def after(self) -> FlatNetwork:
        """The same outputs, from mapped inputs."""
        return replace(self.raw, inputs=self.matrix @ self.raw.inputs)

    @cached_property
    def fitted_outputs(self) -> Array:
        """Outputs of the matrix that fits the raw inputs best, from a solver of least squares."""
        inputs, outputs = self.raw.inputs, self.raw.outputs
        return np.asarray(np.linalg.lstsq(inputs.T, outputs.T, rcond=1e-9)[0].T @ inputs)

    @property
    def ends(self) -> dict[str, float]:
        """Moments to compare: of the direction of the largest outputs, the largest, their mean, and the level."""
        leading = np.linalg.svd(self.raw.target)[2][0]
        moments = self.raw.parts[1] ** 2
        return {
            "outputs": float(moments @ leading**2),
            "largest": float(moments[0]),
            "mean": float(moments.mean()),
            "level": self.level,
        }


def powers_of_moment(inputs: Array, power: float) -> Array:
    """``S^power``, and zero beyond the inputs' span."""
    left, values, _ = np.linalg.svd(inputs, full_matrices=False)
    kept = values > 1e-9 * values[0]
    return np.asarray((left[:, kept] * values[kept] ** (2 * power)) @ left[:, kept].T)


def whitened(rng: np.random.Generator, level: str, network: CaseMaker) -> Preprocessed:
    """Whitened to the largest moment, the least or their mean."""
    raw = network(rng)
    moments = raw.parts[1] ** 2
    size = {"largest": moments[0], "least": moments[-1], "mean": moments.mean()}[level]
    return Preprocessed(raw, np.sqrt(size) * powers_of_moment(raw.inputs, -0.5), float(size))


def strongest_first(rng: np.random.Generator) -> FlatNetwork:
    """The outputs depend most on the strongest input."""
    inputs = inputs_with(rng, 3, 8, condition=100.0)
    axes = np.linalg.svd(inputs, full_matrices=False)[2][:2]
    outputs = orthonormal_frame(2, 2, rng) * np.array([rng.uniform(2, 4), 1.0]) @ axes
    return FlatNetwork(inputs, outputs, (2, 3), int(rng.integers(2**32)))


# Levels to whiten to, and data of several kinds.
WHITENED = {
    "to the mean moment": partial(
        whitened, level="mean", network=flat_networks.NETWORKS["depth 2"]
    ),
    "to the largest moment": partial(whitened, level="largest", network=flat_networks.opposite),
    "to the least moment": partial(
        whitened, level="least", network=flat_networks.NETWORKS["depth 3, dependent inputs"]
    ),
    "outputs that depend most on the strongest input": partial(
        whitened, level="mean", network=strongest_first
    ),
    "one output": partial(
        whitened, level="mean", network=flat_networks.NETWORKS["depth 4, one output"]
    ),
}


def standardized(rng: np.random.Generator) -> Preprocessed:
    """Each input is scaled to the mean moment; what correlates them stays."""
    raw = flat_networks.network(rng, (3, 2, 2), 8, condition=1000.0)
    level = float(np.mean(raw.inputs**2) * raw.inputs.shape[1])
    scales = np.sqrt(level) / np.linalg.norm(raw.inputs, axis=1)
    return Preprocessed(raw, np.diag(scales), level)


@dataclass(frozen=True)
class Maps:
    """Data, and maps of their inputs: the flattest one that keeps their total power, and some others."""

    raw: FlatNetwork
    loss_of_power: float = 1.0

    @property
    def power(self) -> float:
        """``‖X‖_F²``."""
        return float(np.sum(self.raw.inputs**2))

    def mapped(self, gram: Array) -> FlatNetwork:
        """The same outputs from inputs ``P X`` for which ``Σ`` becomes a multiple of `gram` with the stated power."""
        left, _, right = np.linalg.svd(self.raw.inputs, full_matrices=False)
        count = len(self.raw.target.T)
        values, vectors = np.linalg.eigh(gram)
        root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
        inputs = left[:, :count] @ root @ right[:count]
        scale = np.sqrt(self.loss_of_power * self.power / np.sum(inputs**2))
        return replace(self.raw, inputs=scale * inputs)

    @cached_property
    def others(self) -> list[FlatNetwork]:
        """The data as they are, whitened, and mapped at random."""
        size, rng = self.raw.target.shape[1], self.raw.rng
        randoms = rng.normal(size=(2, size, size))
        return [self.mapped(g) for g in (self.raw.factor**2, np.eye(size), *(randoms @ randoms.mT))]

    @cached_property
    def best(self) -> FlatNetwork:
        """The map of the proposition, without what would make a moment negative."""
        target, depth = self.raw.target, self.raw.depth
        size, energy = target.shape[1], float(np.sum(target**2))
        return self.mapped(depth * energy / size * np.eye(size) - (depth - 1) * target.T @ target)


def nearly_isotropic(rng: np.random.Generator, depth: int, spread: float = 0.1) -> Maps:
    """As many outputs as inputs, which depend on all directions of the inputs nearly alike."""
    inputs = inputs_with(rng, 3, 8, condition=30.0)
    values = rng.uniform(2, 4) * (1 + spread * np.array([1.0, 0.0, -1.0]))
    outputs = with_values(rng, values, (3, 3)) @ np.linalg.svd(inputs, full_matrices=False)[2]
    seed = int(rng.integers(2**32))
    return Maps(FlatNetwork(inputs, outputs, (3,) * (depth - 1), seed))


# Maps at several depths, and where whitening is the best of them.
MAPS = {
    "depth 2": partial(nearly_isotropic, depth=2),
    "depth 3": partial(nearly_isotropic, depth=3),
    "depth 5": partial(nearly_isotropic, depth=5),
    "all directions alike": partial(nearly_isotropic, depth=3, spread=0.0),
}


def less_power(rng: np.random.Generator) -> Maps:
    """The maps leave two thirds of the power."""
    return replace(nearly_isotropic(rng, 3), loss_of_power=2 / 3)
