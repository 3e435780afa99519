"""Problems to be seen from zero factors: losses of all kinds, and one that is not convex."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from dmfbook.claims.cases.linear_networks import data
from dmfbook.claims.cases.linear_networks.any_loss.losses import (
    HOLE,
    LOG_COSH,
    LOGISTIC,
    SQUARES,
    Entrywise,
    some_seen,
)
from dmfbook.claims.statements.linear_networks.origins import OriginCase
from dmfbook.network.losses.loss import Loss


def _case(rng: np.random.Generator, loss: Loss, hidden: list[int], reg: float) -> OriginCase:
    weights = reg * rng.uniform(0.4, 2.0, len(hidden) + 1)
    return OriginCase(loss, tuple(hidden), tuple(weights.tolist()), int(rng.integers(2**32)))


def masked(rng: np.random.Generator, layers: int = 2) -> OriginCase:
    """Squared errors of seven of twelve entries."""
    target = 1.5 * rng.normal(size=(3, 4))
    loss = Entrywise(target, some_seen(rng, (3, 4), 7), SQUARES)
    return _case(rng, loss, [3, 2, 3][:layers], 0.1)


def log_cosh(rng: np.random.Generator, layers: int = 2) -> OriginCase:
    """The logarithm of the hyperbolic cosine of each residual."""
    loss = Entrywise(2 * rng.normal(size=(2, 3)), np.ones((2, 3)), LOG_COSH)
    return _case(rng, loss, [3, 2, 3][:layers], 0.05)


def logistic(rng: np.random.Generator, layers: int = 2) -> OriginCase:
    """The logistic loss of labels ±1."""
    loss = Entrywise(rng.choice([-1.0, 1.0], size=(3, 2)), np.ones((3, 2)), LOGISTIC)
    return _case(rng, loss, [2, 3, 2][:layers], 0.05)


def samples(rng: np.random.Generator, layers: int = 2) -> OriginCase:
    """A network on correlated inputs."""
    made = data.data_case(rng, (3, *[3, 2, 3][:layers], 2), samples=10)
    return _case(rng, made.loss, list(made.hidden_widths), 1.0)


def hole(rng: np.random.Generator, layers: int = 2) -> OriginCase:
    """A loss with a hole around its target, which zero hardly feels: not convex."""
    loss = Entrywise(
        rng.choice([-1, 1], (2, 2)) * rng.uniform(2.2, 2.5, (2, 2)), np.ones((2, 2)), HOLE
    )
    return _case(rng, loss, [2, 2, 2][:layers], 0.01)


def one_free_layer(rng: np.random.Generator) -> OriginCase:
    """One layer has no weight decay, so that it can move from zero at no price."""
    case = log_cosh(rng)
    return replace(case, reg=(*case.reg[:-1], 0.0))


LOSSES: dict[str, Callable[..., OriginCase]] = {
    "squared errors of some entries": masked,
    "log-cosh": log_cosh,
    "logistic loss": logistic,
    "data": samples,
}
DEEP: dict[str, Callable[[np.random.Generator], OriginCase]] = {
    f"{kind}, depth {layers + 1}": partial(maker, layers=layers)
    for layers, (kind, maker) in zip((2, 3, 2, 3), LOSSES.items(), strict=True)
}
SHALLOW: dict[str, Callable[[np.random.Generator], OriginCase]] = {
    kind: partial(maker, layers=1) for kind, maker in LOSSES.items()
}
