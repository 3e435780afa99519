"""Networks on samples, seen at some factors: linear ones with the squared error, and what is neither."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import pairwise
from typing import Any

import autograd
import autograd.numpy as anp
import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.linear_networks.data import (
    DATA,
    DataCase,
    dependent_inputs,
    ill_conditioned,
    many_samples,
    shallow,
)
from dmfbook.claims.cases.points import random_factors
from dmfbook.network.factors import flatten


def square(residual: Any) -> Any:
    """The misfit of the squared error."""
    return residual**2


def pseudo_huber(residual: Any) -> Any:
    """A misfit that is quadratic for small residuals only."""
    return 2 * (anp.sqrt(1 + residual**2) - 1)


def linear(layer: Any) -> Any:
    """No activation."""
    return layer


@dataclass(frozen=True)
class NetworkCase:
    """A network on samples at some factors, with the misfit of an entry and the activation of its hidden layers."""

    data: DataCase
    factors: list[Array]
    misfit: Callable[[Any], Any] = square
    activation: Callable[[Any], Any] = linear

    @property
    def vector(self) -> Array:
        """The stacked factors."""
        return flatten(self.factors)

    def misfit_on(self, inputs: Array, outputs: Array, vector: Any = None) -> Any:
        """Sum of the misfits on some samples, of the factors or of a vector of them."""
        layer, start = inputs, 0
        entries = self.vector if vector is None else vector
        shapes = list(pairwise(self.data.problem.widths))
        for before, after in shapes:
            block = anp.reshape(entries[start : start + before * after], (before, after)).T
            start += before * after
            layer = anp.dot(block, layer)
            if start < self.data.problem.size:
                layer = self.activation(layer)
        return anp.sum(self.misfit(outputs - layer))

    def objective(self, vector: Any) -> Any:
        """Misfit of the samples, one by one, and weight decay."""
        start, penalty = 0, 0.0
        for reg, factor in zip(self.data.reg, self.factors, strict=True):
            penalty = penalty + reg * anp.sum(vector[start : start + factor.size] ** 2)
            start += factor.size
        return self.misfit_on(self.data.inputs, self.data.outputs, vector) + penalty

    @cached_property
    def slope(self) -> Array:
        """Gradient by automatic differentiation."""
        return np.asarray(autograd.grad(self.objective)(self.vector))

    @cached_property
    def curvature(self) -> Array:
        """Hessian by automatic differentiation."""
        return np.asarray(autograd.hessian(self.objective)(self.vector))


def at_random(
    maker: Callable[[np.random.Generator], DataCase], rng: np.random.Generator, decay: bool = True
) -> NetworkCase:
    """A linear network with random factors on data of some kind, with weight decay or without."""
    data = maker(rng)
    if not decay:
        data = replace(data, reg=(0.0,) * len(data.reg))
    return NetworkCase(data, random_factors(rng, data.problem.widths))


NETWORKS: dict[str, Callable[[np.random.Generator], NetworkCase]] = {
    kind: partial(at_random, maker) for kind, maker in DATA.items()
}


def other_misfit(rng: np.random.Generator) -> NetworkCase:
    """The misfit of an entry is not its square."""
    return replace(at_random(many_samples, rng), misfit=pseudo_huber)


def rectified(rng: np.random.Generator) -> NetworkCase:
    """Hidden units pass on positive values only."""
    return replace(at_random(many_samples, rng), activation=lambda layer: anp.maximum(layer, 0.0))


def fitted(rng: np.random.Generator) -> NetworkCase:
    """Depth 3 or 4, the network fits its samples: the loss and its slope vanish."""
    case = at_random(many_samples, rng, decay=False)
    outputs = np.linalg.multi_dot([*case.factors[::-1], case.data.inputs])
    return replace(case, data=replace(case.data, outputs=outputs))


def faint(rng: np.random.Generator) -> NetworkCase:
    """Depth 3 or 4, inputs of the size of a tenth, so that all their moments are below one."""
    case = at_random(many_samples, rng, decay=False)
    return replace(case, data=replace(case.data, inputs=0.1 * case.data.inputs))


WITHOUT_DECAY: dict[str, Callable[[np.random.Generator], NetworkCase]] = {
    "many samples, depth 3 or 4": partial(at_random, many_samples, decay=False),
    "depth 2": partial(at_random, shallow, decay=False),
    "condition number 10,000": partial(at_random, ill_conditioned, decay=False),
    "samples that are fitted": fitted,
    "small inputs": faint,
}


def with_decay(rng: np.random.Generator) -> NetworkCase:
    """Many samples, with weight decay."""
    return at_random(many_samples, rng)


def with_dependent_inputs(rng: np.random.Generator) -> NetworkCase:
    """Inputs in a plane, without weight decay."""
    return at_random(dependent_inputs, rng, decay=False)
