"""Linear networks on data below and above the critical weight, and the best products that a search finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.linear_networks import data
from dmfbook.claims.cases.linear_networks.data import DataCase
from dmfbook.claims.cases.linear_networks.last_products import one_unit
from dmfbook.claims.oracles import convex, passes, search
from dmfbook.claims.oracles.descent import descend
from dmfbook.network.problem import Problem
from dmfbook.regularized.critical_weight import critical_reg_of
from dmfbook.zero_loss.interpolation import balanced_factors

Maker = Callable[[np.random.Generator], DataCase]


@dataclass(frozen=True)
class FittedCase:
    """A network on data, and the points that take the place of its minimizers."""

    data: DataCase
    instead: list[search.Found] | None = None

    @property
    def problem(self) -> Problem:
        """Loss and weights."""
        return self.data.problem

    @property
    def mean(self) -> float:
        """Geometric mean of the weights."""
        return float(np.exp(np.log(self.data.reg).mean()))

    @cached_property
    def minimizers(self) -> list[search.Found]:
        """Local minimizers found from random and planted starts, best first, or what takes their place."""
        if self.instead is not None:
            return self.instead
        return search.minimizers(self.problem, self.data.rng, 2)

    @cached_property
    def convex(self) -> tuple[Array, float]:
        """Solution of the nuclear-norm regression with the weight 2 λ̄, and how far it can be off, by a convex solver."""
        return self.regression(2 * self.mean)

    def regression(self, weight: float) -> tuple[Array, float]:
        """The same with any weight."""
        return convex.nuclear_norm_regression(self.data.inputs, self.data.outputs, weight)


def weighted(maker: Maker, low: float, high: float) -> Callable[[np.random.Generator], FittedCase]:
    """Maker of data of one kind, with a mean weight between two shares of the critical one."""

    def made(rng: np.random.Generator) -> FittedCase:
        case = maker(rng)
        weights = np.array(case.reg) / np.exp(np.log(case.reg).mean())
        critical = critical_reg_of(case.problem)
        reg = rng.uniform(low, high) * critical * weights
        return FittedCase(replace(case, reg=tuple(reg.tolist())))

    return made


def local_minimizer(rng: np.random.Generator) -> FittedCase:
    """Control: a tenth above the critical weight, the local minimizer that has not gone yet, at depth 4."""
    case = weighted(lambda r: data.data_case(r, (3, 2, 2, 2, 2), samples=8), 1.1, 1.1)(rng)
    problem = case.problem
    ones = np.ones((len(case.data.outputs), 1))
    _, product = passes.last_product(problem, ones, case.mean, rng)
    kept = descend(problem, balanced_factors(product, problem.widths, rng))
    return replace(case, instead=[kept])


def other_penalty(rng: np.random.Generator) -> FittedCase:
    """Control: the penalty is the sum of fourth powers."""
    case = weighted(data.many_samples, 0.05, 0.1)(rng)
    return replace(case, instead=[search.quartic_minimizer(case.problem, rng)])


def two_layers(
    widths: Sequence[int], samples: int, low: float, high: float, **more: float
) -> Callable[[np.random.Generator], FittedCase]:
    """Maker of data with outputs of equal size, so that low weights keep several modes."""

    def maker(rng: np.random.Generator) -> DataCase:
        case = data.data_case(rng, widths, samples, **more)  # type: ignore[arg-type]
        side = max(widths)
        truth = np.linalg.qr(rng.normal(size=(side, side)))[0][: widths[-1], : widths[0]]
        noise = 0.3 * rng.normal(size=case.outputs.shape)
        return replace(case, outputs=truth @ case.inputs + noise)

    return weighted(maker, low, high)


SOME_MODES = {
    "many samples, depth 3 or 4": weighted(data.many_samples, 0.02, 0.08),
    "depth 2": weighted(data.shallow, 0.02, 0.08),
    "just below the critical weight": weighted(data.many_samples, 0.95, 0.98),
    "condition number 10,000": weighted(data.ill_conditioned, 0.02, 0.5),
    "dependent inputs": weighted(data.dependent_inputs, 0.02, 0.5),
    "more inputs than samples": weighted(data.few_samples, 0.02, 0.5),
    "one hidden unit, depth 4 or 5": weighted(one_unit, 0.02, 0.5),
}
TWO_LAYERS = {
    "several modes": two_layers((3, 3, 3), 9, 0.02, 0.08, condition=5.0),
    "one mode, spare units": two_layers((2, 4, 3), 7, 0.7, 0.95),
    "condition number 1,000": two_layers((3, 2, 2), 9, 0.05, 0.5, condition=1e3),
    "dependent inputs": two_layers((4, 2, 2), 9, 0.05, 0.3, rank=2),
    "more inputs than samples": two_layers((4, 3, 3), 2, 0.05, 0.3),
    "zero": two_layers((3, 2, 2), 6, 1.05, 1.5),
}
