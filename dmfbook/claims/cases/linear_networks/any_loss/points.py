"""Problems with losses of all kinds: their critical points, and pairs of them with one end-to-end matrix."""

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
from dmfbook.claims.cases import prices, problems
from dmfbook.claims.cases.linear_networks import data
from dmfbook.claims.cases.linear_networks.any_loss.losses import (
    LOG_COSH,
    LOGISTIC,
    SQUARES,
    Entrywise,
    some_seen,
)
from dmfbook.claims.cases.orbits import PairCase
from dmfbook.claims.cases.points import random_factors
from dmfbook.claims.cases.problems import MatrixCase
from dmfbook.claims.oracles import search
from dmfbook.claims.oracles.search import Found
from dmfbook.network.factors import flatten
from dmfbook.network.losses.loss import Loss
from dmfbook.network.problem import Problem

Maker = Callable[[np.random.Generator], MatrixCase]


def masked_entries(rng: np.random.Generator) -> MatrixCase:
    """Depth 3, squared errors of seven of twelve entries."""
    target = rng.normal(size=(3, 4))
    return _case(rng, Entrywise(1.5 * target, some_seen(rng, (3, 4), 7), SQUARES), 2, 0.1)


def log_cosh(rng: np.random.Generator) -> MatrixCase:
    """Depth 3 or 4, the logarithm of the hyperbolic cosine of each residual."""
    loss = Entrywise(2 * rng.normal(size=(2, 3)), np.ones((2, 3)), LOG_COSH)
    return _case(rng, loss, int(rng.integers(2, 4)), 0.1)


def logistic(rng: np.random.Generator) -> MatrixCase:
    """Depth 2, the logistic loss of labels ±1."""
    labels = rng.choice([-1.0, 1.0], size=(3, 2))
    return _case(rng, Entrywise(labels, np.ones((3, 2)), LOGISTIC), 1, 0.08)


def samples(rng: np.random.Generator) -> MatrixCase:
    """Depth 3 or 4, squared errors of a network on correlated inputs."""
    case = data.many_samples(rng)
    return MatrixCase(case.problem, case.seed)


LOSSES: dict[str, Maker] = {
    "squared errors of some entries": masked_entries,
    "log-cosh": log_cosh,
    "logistic loss of labels": logistic,
    "data": samples,
}


def _case(rng: np.random.Generator, loss: Loss, layers: int, reg: float) -> MatrixCase:
    """A problem with unequal widths and weights, and some hidden layers."""
    hidden = 3 + (np.arange(layers) + rng.integers(2)) % 2
    weights = reg * rng.uniform(0.5, 1.5, layers + 1)
    return MatrixCase(Problem(loss, hidden.tolist(), weights), int(rng.integers(2**32)))


def prescribed(rng: np.random.Generator) -> MatrixCase:
    """A loss without derivatives: zero for one matrix, infinite for all others; its minimizer found."""
    case = prices.full_rank(rng)
    point = Found(case.layers, case.least_penalty, 1e-6)
    problem = Problem(case.product, case.hidden_widths, case.reg)
    return MatrixCase(problem, case.seed, instead=[point])


def displaced(rng: np.random.Generator) -> MatrixCase:
    """Points a twentieth away from minimizers."""
    return problems.displaced(log_cosh(rng))


def other_penalty(rng: np.random.Generator) -> MatrixCase:
    """A minimizer for the sum of fourth powers in place of squares."""
    case = log_cosh(rng)
    return replace(case, instead=[search.quartic_minimizer(case.problem, rng)])


def without_decay(rng: np.random.Generator) -> MatrixCase:
    """A network on data without weight decay."""
    case = data.data_case(rng, (2, *rng.integers(3, 5, 2), 3), samples=8)
    return MatrixCase(Problem(case.loss, case.hidden_widths), case.seed)


def pairs(maker: Maker, rng: np.random.Generator) -> PairCase:
    """Critical points found apart from each other that share their end-to-end matrix, and the best one beside zero."""
    case = maker(rng)
    starts = np.random.default_rng(case.seed)
    found = search.minimizers(case.problem, starts, 2)
    found += search.critical_points(case.problem, starts, 2)
    groups = [[other for other in found if each.agrees(other)] for each in found]
    alike = max(groups, key=lambda group: (np.linalg.norm(group[0].end_to_end) > 1e-3, len(group)))
    zero = [np.zeros_like(factor) for factor in alike[0].factors]
    unlike = [(alike[0], Found(zero, case.problem.loss(zero), 0.0))]
    return PairCase(case.problem, [(alike[0], other) for other in alike[1:]], unlike)


def rescaled(rng: np.random.Generator) -> PairCase:
    """A minimizer, and the same with a hidden unit's size moved from one layer to the next."""
    case = pairs(log_cosh, rng)
    point = case.pairs[0][0]
    moved = [factor.copy() for factor in point.factors]
    scale = np.geomspace(0.5, 2, len(moved[0]))
    moved[0], moved[1] = scale[:, None] * moved[0], moved[1] / scale
    return replace(case, pairs=[(point, replace(point, factors=moved))])


def different_products(rng: np.random.Generator) -> PairCase:
    """A minimizer and zero factors."""
    case = pairs(log_cosh, rng)
    return replace(case, pairs=case.unlike)


@dataclass(frozen=True)
class LossPoint:
    """Factors, and the objective as automatic differentiation sees it, with the activation of hidden layers."""

    problem: Problem
    factors: list[Array]
    definition: Callable[[Any], Any]
    activation: Callable[[Any], Any]

    def objective(self, vector: Any) -> Any:
        """Loss of what the layers make of the identity, and weight decay."""
        layer, penalty, start = anp.eye(self.problem.widths[0]), 0.0, 0
        for l, (before, after) in enumerate(pairwise(self.problem.widths)):
            entries = vector[start : start + before * after]
            layer = anp.dot(anp.reshape(entries, (before, after)).T, layer)
            if l + 1 < self.problem.depth:
                layer = self.activation(layer)
            penalty = penalty + self.problem.reg[l] * anp.sum(entries**2)
            start += before * after
        return self.definition(layer) + penalty

    @cached_property
    def slope(self) -> Array:
        """Gradient by automatic differentiation."""
        return np.asarray(autograd.grad(self.objective)(flatten(self.factors)))

    @cached_property
    def curvature(self) -> Array:
        """Hessian by automatic differentiation."""
        return np.asarray(autograd.hessian(self.objective)(flatten(self.factors)))


def at_random(maker: Maker, rng: np.random.Generator) -> LossPoint:
    """Random factors of a problem with an entrywise loss."""
    problem = maker(rng).problem
    factors = random_factors(rng, problem.widths)
    return LossPoint(problem, factors, problem.target.definition, lambda layer: layer)


def on_samples(rng: np.random.Generator) -> LossPoint:
    """Random factors of a network on data, whose loss sees the samples one by one."""
    case = data.many_samples(rng)
    factors = random_factors(rng, case.problem.widths)

    def definition(X: Any) -> Any:
        return anp.sum((case.outputs - anp.dot(X, case.inputs)) ** 2)

    return LossPoint(case.problem, factors, definition, lambda layer: layer)


POINTS: dict[str, Callable[[np.random.Generator], LossPoint]] = {
    "squared errors of some entries": partial(at_random, masked_entries),
    "log-cosh": partial(at_random, log_cosh),
    "logistic loss of labels": partial(at_random, logistic),
    "data": on_samples,
}


def rectified(rng: np.random.Generator) -> LossPoint:
    """Hidden units pass on positive values only."""
    return replace(at_random(log_cosh, rng), activation=lambda layer: anp.maximum(layer, 0.0))
