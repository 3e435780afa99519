"""Zero-loss factorizations into two factors without weight decay, and the ends of their dense spectra."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.training.scaled import basis, sides
from dmfbook.network.frames import orthonormal_frame
from dmfbook.network.hessian import hessian
from dmfbook.network.problem import Problem

ZERO = 1e-9  # eigenvalues up to this share of the largest count as zero


@dataclass(frozen=True)
class MinimizerCase:
    """A target of some rank, balanced factors of it, and others."""

    problem: Problem
    values: Array
    balanced: list[Array]
    other: list[Array]

    def ends(self, factors: list[Array]) -> tuple[float, float]:
        """Least and largest eigenvalue of the dense Hessian that are not zero, by absolute value."""
        values = np.abs(np.linalg.eigvalsh(hessian(self.problem, factors)))
        return float(values[values > ZERO * values.max()].min()), float(values.max())

    @property
    def rounding(self) -> float:
        """Relative error of the least eigenvalue of a dense matrix, at the worse of both points."""
        worst = max(np.divide(*self.ends(factors)[::-1]) for factors in (self.balanced, self.other))
        return float(64 * np.finfo(float).eps * self.problem.size * worst)


def factorization(
    rng: np.random.Generator,
    condition: float,
    rank: int = 0,
    reg: float = 0.0,
    off: float = 0.0,
    room: bool = True,
) -> MinimizerCase:
    """A target of some condition, balanced factors, and factors in another hidden basis.

    `off` moves the target away from the factors. Without `room` one side of the target is no longer than its rank.
    """
    rank = rank or int(rng.integers(2, 4))
    rows, cols = sides(rng, rank)
    if not room:
        rows, cols = (rows, rank) if rng.integers(2) else (rank, cols)
    values = rng.uniform(0.5, 2) * np.linspace(1, 1 / condition, rank)
    left, right = (orthonormal_frame(side, rank, rng) for side in (rows, cols))
    target = left * values @ right.T
    noise = rng.normal(size=target.shape)
    problem = Problem(target + off * values[-1] * noise / np.linalg.norm(noise), (rank,), reg)
    root, turn = np.sqrt(values), 2 * basis(rng, rank, 3.0)
    balanced = [root[:, None] * right.T, left * root]
    other = [turn @ balanced[0], balanced[1] @ np.linalg.inv(turn)]
    return MinimizerCase(problem, values, balanced, other)


def without_room(rng: np.random.Generator) -> MinimizerCase:
    """One side of the target is no longer than its rank, and the factor on that side is large and isometric."""
    case = factorization(rng, 5.0, room=False)
    target, rank, size = case.problem.target, len(case.values), 10 * case.values[0] ** 0.5
    if target.shape[1] == rank:
        return MinimizerCase(
            case.problem, case.values, case.balanced, [size * np.eye(rank), target / size]
        )
    return MinimizerCase(
        case.problem, case.values, case.balanced, [target / size, size * np.eye(rank)]
    )


def with_idle_units(rng: np.random.Generator) -> MinimizerCase:
    """Hidden units that reach all rows, and others that reach all columns, but none that does both."""
    case = factorization(rng, 5.0)
    rank, (rows, cols) = len(case.values), case.problem.target.shape
    u, _, vt = np.linalg.svd(case.problem.target)
    size = np.sqrt(case.values[0])
    first = [case.balanced[0], size * vt[rank:], np.zeros((rows - rank, cols))]
    second = [case.balanced[1], np.zeros((rows, cols - rank)), size * u[:, rank:]]
    problem = Problem(case.problem.target, (rows + cols - rank,))
    factors = [np.concatenate(first), np.concatenate(second, axis=1)]
    return MinimizerCase(problem, case.values, factors, factors)
