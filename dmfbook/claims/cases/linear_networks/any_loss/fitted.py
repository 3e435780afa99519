"""Targets and what is observed of a matrix: data, measurements, entries, numbers at a threshold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.linear_networks.any_loss.losses import (
    HUBER,
    LOG_COSH,
    SQUARES,
    Entrywise,
    some_seen,
)
from dmfbook.claims.cases.linear_networks.data import (
    DATA,
    DataCase,
    dependent_inputs,
    inputs_with,
    many_samples,
)
from dmfbook.claims.statements.linear_networks.fitted import FittedCase, Observed
from dmfbook.network.losses.regression import Regression
from dmfbook.regularized.scalar import collapse_threshold
from dmfbook.sensing.ensembles import gaussian_sensing
from dmfbook.sensing.loss import Sensing


def _case(
    rng: np.random.Generator, observed: Observed, hidden: list[int], reg: float, other: Any = None
) -> FittedCase:
    weights = tuple((reg * rng.uniform(0.7, 1.4, len(hidden) + 1)).tolist())
    second = observed.target + rng.normal(size=observed.target.shape) if other is None else other
    return FittedCase(observed, tuple(hidden), weights, second, int(rng.integers(2**32)))


def on_data(
    rng: np.random.Generator, maker: Callable[[np.random.Generator], DataCase]
) -> FittedCase:
    """A network on data of some kind."""
    made = maker(rng)
    inputs = made.inputs
    observed = Observed(
        made.outputs,
        lambda X: X @ inputs,
        lambda Y: Regression(inputs, Y),
        lambda residual: 2 * residual,
        inputs=inputs,
    )
    case = _case(rng, observed, list(made.hidden_widths), 1.0)
    return replace(case, reg=made.reg)


def behind_bottleneck(rng: np.random.Generator) -> FittedCase:
    """Depth 2 or 3, one hidden unit, correlated inputs."""
    inputs = inputs_with(rng, 3, 6, 10.0)
    observed = Observed(
        2 * rng.normal(size=(2, 6)),
        lambda X: X @ inputs,
        lambda Y: Regression(inputs, Y),
        lambda residual: 2 * residual,
    )
    return _case(rng, observed, [1] * int(rng.integers(1, 3)), 0.5)


def measured(rng: np.random.Generator) -> FittedCase:
    """Depth 2 or 3, five Gaussian measurements of nine entries."""
    operator = gaussian_sensing((3, 3), 5, rng)
    observed = Observed(
        3 * rng.normal(size=5),
        operator.forward,
        lambda y: Sensing(operator, y),
        lambda residual: 2 * residual,
    )
    return _case(rng, observed, [3] * int(rng.integers(1, 3)), 0.3)


def robust(rng: np.random.Generator) -> FittedCase:
    """Depth 3, log-cosh of the residuals of five of six entries."""
    seen = some_seen(rng, (2, 3), 5)
    observed = Observed(
        2 * rng.normal(size=(2, 3)) * seen,
        lambda X: X * seen,
        lambda Y: Entrywise(Y, seen, LOG_COSH),
        lambda residual: np.tanh(residual) * seen,
        squared=False,
    )
    case = _case(rng, observed, [3, 2], 0.1)
    return replace(case, other=case.other * seen)


def diagonal(rng: np.random.Generator) -> FittedCase:
    """Depth 2, both entries of the diagonal of a matrix of side two are seen: the others are free."""
    return _case(rng, _entries(np.diag(rng.uniform(2, 3, 2)), np.eye(2)), [2], 0.5)


def across_threshold(rng: np.random.Generator) -> FittedCase:
    """Depth 3, one entry, three per cent above the threshold; the second target is three per cent below it."""
    reg = float(rng.uniform(0.3, 0.6))
    threshold = np.full((1, 1), float(collapse_threshold(reg, 3)))
    case = _case(rng, _entries(1.03 * threshold, np.ones((1, 1))), [2, 2], reg, 0.97 * threshold)
    return replace(case, reg=(reg,) * 3)


def at_threshold(rng: np.random.Generator) -> FittedCase:
    """Depth 3, one entry at the threshold, where zero and a positive value are equally good."""
    case = across_threshold(rng)
    return replace(case, observed=replace(case.observed, target=case.observed.target / 1.03))


def straight_ends(rng: np.random.Generator) -> FittedCase:
    """Depth 2, one entry, a misfit with straight ends of slope two: with λ = 1 all values on them are equally good."""
    observed = Observed(
        rng.uniform(3, 5, (1, 1)),
        lambda X: X,
        lambda y: Entrywise(y, np.ones((1, 1)), HUBER),
        lambda residual: 2 * np.clip(residual, -1, 1),
        squared=False,
    )
    return replace(_case(rng, observed, [1], 1.0), reg=(1.0, 1.0))


def _entries(target: Array, seen: Array) -> Observed:
    return Observed(
        target,
        lambda X: X * seen,
        lambda Y: Entrywise(Y, seen, SQUARES),
        lambda residual: 2 * residual * seen,
        inputs=np.eye(target.shape[1]),
    )


def without_decay(rng: np.random.Generator) -> FittedCase:
    """Inputs in a plane, no weight decay."""
    case = on_data(rng, dependent_inputs)
    return replace(case, reg=(0.0,) * len(case.reg))


ON_DATA: dict[str, Callable[[np.random.Generator], FittedCase]] = {
    kind: partial(on_data, maker=maker) for kind, maker in DATA.items()
}
FITTED: dict[str, Callable[[np.random.Generator], FittedCase]] = {
    "data, depth 3 or 4": partial(on_data, maker=many_samples),
    "data, dependent inputs": partial(on_data, maker=dependent_inputs),
    "data, behind a bottleneck": behind_bottleneck,
    "fewer measurements than entries": measured,
    "log-cosh": robust,
    "the diagonal of a matrix of side two": diagonal,
    "targets on both sides of a threshold": across_threshold,
}
