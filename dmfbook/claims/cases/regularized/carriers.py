"""Minimizers with two modes near collapse, and what their sharpest directions do to the product."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.critical_points import equal, spread
from dmfbook.claims.statements.modes import mean_of, mode_value
from dmfbook.claims.statements.regularized.sharpness import IMBALANCE, LEADING, TWO
from dmfbook.network.factors import partial_products
from dmfbook.network.hessian import hessian
from dmfbook.network.problem import Problem
from dmfbook.regularized.modes import LARGER
from dmfbook.regularized.scalar import collapse_threshold

NEAR = 1e-6  # how far above the collapse threshold, relative to it


@dataclass(frozen=True)
class CarrierCase:
    """A diagonal target with ``σ_2 = ρ σ_1``, a member of the orbit, and what the statement is asked about."""

    problem: Problem
    factors: list[Array]
    ratio: float
    at_collapse: bool

    @cached_property
    def dense(self) -> Array:
        """Dense Hessian."""
        return hessian(self.problem, self.factors)

    @cached_property
    def spaces(self) -> dict[str, Array]:
        """Orthonormal bases of the directions that belong to each candidate.

        The gradients of the entries (1, 1) of the product, and (1, 2) and (2, 1); and all directions
        that leave the product alone, to first order.
        """
        rows, columns = self.problem.widths[-1], self.problem.widths[0]
        left, right = partial_products(self.factors)
        jacobian = np.hstack([np.kron(b.T, a) for a, b in zip(left, right, strict=True)])
        places = {LEADING: [0], TWO: [*([1] if rows > 1 else []), *([rows] if columns > 1 else [])]}
        found = {name: np.linalg.qr(jacobian[chosen].T)[0] for name, chosen in places.items()}
        _, values, vectors = np.linalg.svd(jacobian)
        rank = int(np.sum(values > 1e-9 * values[0]))
        return found | {IMBALANCE: vectors[rank:].T}

    @cached_property
    def values(self) -> dict[str, float]:
        """Largest eigenvalue of the dense Hessian on each of these spaces, in units of the weight."""
        return {
            name: float(np.linalg.eigvalsh(basis.T @ self.dense @ basis)[-1])
            / mean_of(self.problem.reg)
            for name, basis in self.spaces.items()
        }

    def outside(self, name: str) -> float:
        """How much of the eigenvectors of the largest eigenvalue lies outside of a candidate's space."""
        values, vectors = np.linalg.eigh(self.dense)
        top = vectors[:, values > values[-1] * (1 - 1e-9)]
        inside = np.sum((self.spaces[name].T @ top) ** 2) / top.shape[1]
        return abs(float(1 - inside))


def carrier_case(
    rng: np.random.Generator,
    depth: int,
    ratio: float,
    excess: float = NEAR,
    *,
    at_collapse: bool = True,
    ends: tuple[int, int] = (2, 2),
    capacity: int = 2,
    reg: Array | None = None,
) -> CarrierCase:
    """A minimizer whose largest singular value is so far above the collapse threshold."""
    weights = equal(rng, depth) if reg is None else reg
    mean = mean_of(weights)
    threshold = float(collapse_threshold(mean, depth))
    sigma = threshold * (1 + excess) * np.array([1, ratio])[: min(ends)]
    active = (sigma > threshold) & (np.arange(len(sigma)) < capacity)
    w = [
        mode_value(s, LARGER, mean, depth) if on else 0.0
        for s, on in zip(sigma, active, strict=True)
    ]
    widths = [ends[0], *[capacity] * (depth - 1), ends[1]]
    target = np.zeros((ends[1], ends[0]))
    np.fill_diagonal(target, sigma)
    factors = []
    for weight, (before, after) in zip(weights, pairwise(widths), strict=True):
        factors.append(np.zeros((after, before)))
        np.fill_diagonal(factors[-1], np.sqrt(mean / weight) * np.array(w))
    return CarrierCase(Problem(target, widths[1:-1], weights), factors, ratio, at_collapse)


def near_collapse(low: int, high: int) -> Callable[[np.random.Generator], CarrierCase]:
    """Maker of a minimizer of such depth with the leading mode just active, the second at a share of it."""
    return lambda rng: carrier_case(rng, int(rng.integers(low, high + 1)), rng.uniform(0.2, 0.9))


def equal_values(rng: np.random.Generator) -> CarrierCase:
    """Two equal singular values, any depth and weight."""
    excess = float(rng.choice([0.01, 1.0, 10.0]))
    return carrier_case(rng, int(rng.integers(2, 7)), 1.0, excess, at_collapse=False)


def far_from_collapse(rng: np.random.Generator) -> CarrierCase:
    """Control: depth 2 or 3, the leading mode ten times above the threshold."""
    return carrier_case(rng, int(rng.integers(2, 4)), rng.uniform(0.02, 0.05), 9.0)


def equal_at_collapse(rng: np.random.Generator) -> CarrierCase:
    """Control: the second mode sits at the threshold, too."""
    return carrier_case(rng, int(rng.integers(4, 7)), 1.0)


def one_end_narrow(rng: np.random.Generator) -> CarrierCase:
    """Control: a target of one row or one column has no second mode."""
    ends = (1, 2) if rng.random() < 0.5 else (2, 1)
    return carrier_case(rng, int(rng.integers(3, 7)), rng.uniform(0.2, 0.9), ends=ends)


def unequal_weights(rng: np.random.Generator) -> CarrierCase:
    """Control: the weights of the layers differ."""
    depth = int(rng.integers(2, 7))
    return carrier_case(rng, depth, rng.uniform(0.2, 0.9), reg=spread(rng, depth))


def one_of_equal(rng: np.random.Generator) -> CarrierCase:
    """Control: of two equal modes a bottleneck lets one through."""
    return carrier_case(rng, int(rng.integers(4, 7)), 1.0, 10.0, at_collapse=False, capacity=1)
