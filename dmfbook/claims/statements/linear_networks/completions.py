"""A matrix of side two of which the diagonal is seen, and what is said of its completions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.evidence import Evidence, worst
from dmfbook.claims.oracles import search
from dmfbook.claims.oracles.search import Found
from dmfbook.network.losses.loss import Loss
from dmfbook.network.problem import Problem
from dmfbook.regularized.scalar import shrink


@dataclass(frozen=True)
class CompletionCase:
    """Both entries of the diagonal, hidden widths, weights, and the loss of what is seen."""

    diagonal: tuple[float, float]
    hidden_widths: tuple[int, ...]
    reg: tuple[float, ...]
    seed: int
    loss: Loss

    @property
    def depth(self) -> int:
        """Number of layers."""
        return len(self.reg)

    @property
    def mean_reg(self) -> float:
        """Geometric mean of the weights."""
        return float(np.exp(np.log(self.reg).mean()))

    @cached_property
    def problem(self) -> Problem:
        """The problem of completion."""
        return Problem(self.loss, self.hidden_widths, self.reg)

    @cached_property
    def best(self) -> list[Found]:
        """Minimizers found with the least loss."""
        rng = np.random.default_rng(self.seed)
        return search.best(search.minimizers(self.problem, rng, 6), self.problem)

    def least_loss(self, product: Array) -> float:
        """Loss of a matrix of side two, and the penalty of its cheapest factors."""
        values = np.linalg.svd(product, compute_uv=False)
        # A root of a rounding error is large.
        values = values[values > 1e-13 * values[0]]
        price = float(np.sum(values ** (2 / self.depth)))
        fit = float(self.loss.value(product))
        return fit + self.depth * self.mean_reg * price


def completion(case: CompletionCase, price: float = 2.0) -> tuple[Array, float]:
    """The diagonal of the minimizers, and the largest size of their other entries."""
    total = float(shrink(float(np.sum(case.diagonal)), price * case.mean_reg, case.depth))
    kept = (total + np.array([1, -1]) * (case.diagonal[0] - case.diagonal[1])) / 2
    return kept, float(np.sqrt(max(float(np.prod(kept)), 0.0)))


def compare_completions(
    case: CompletionCase,
    price: float = 2.0,
    segment: bool = False,
    ends: bool = False,
    one: bool = False,
) -> Evidence:
    """Compare the matrices found with the family, and the family's losses with the least found.

    Rivals have the whole segment at every depth, its ends alone, or its middle alone.
    """
    kept, size = completion(case, price)
    inner = (case.depth == 2 or segment) and not (ends or one)
    found = np.array([point.end_to_end for point in case.best])
    across = found[:, 0, 1]
    off = np.abs(across) - (0.0 if one else size)
    gaps = [
        np.abs(found[:, [0, 1], [0, 1]] - kept).max(),
        np.abs(across - found[:, 1, 0]).max(),
        np.maximum(off, 0.0).max() if inner else np.abs(off).max(),
    ]
    unsure = 1e-10 + max(point.end_to_end_uncertainty for point in case.best)
    places = [0.0] if one else [-size, size, *([0.0] if inner else [])]
    losses = [case.least_loss(np.array([[kept[0], t], [t, kept[1]]])) for t in places]
    excess = np.abs(np.array(losses) - case.best[0].loss).max()
    evidences = [Evidence(float(max(gaps)), 16 * unsure), Evidence(float(excess), 1e-9)]
    if inner:
        spread = float(np.ptp(np.abs(across)))
        evidences.append(Evidence(0.0 if spread > 1e-3 * size else np.inf, 1.0))
    return worst(evidences)
