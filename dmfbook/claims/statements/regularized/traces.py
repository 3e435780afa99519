"""The trace of the Hessian at a critical point, and its lower bound, as *Trace and sharpness* states them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.statements.modes import mean_of
from dmfbook.network.problem import Problem


def trace_formula(
    problem: Problem,
    s: Array,
    *,
    ratios: Array | None = None,
    power: float | None = None,
    ends: tuple[int, int] | None = None,
    norm: Callable[[Array], float] = np.sum,
    decay: float = 2.0,
) -> float:
    """``2 Σ_l α_l β_l + 2 Σ_l λ_l d_l d_{l−1}`` from the singular values ``s_i`` of the end-to-end matrix.

    The options are for false neighbours: other ``λ̄ / λ_l``, another power of ``s_i`` than ``2 / L``, others than
    ``d_L`` and ``d_0`` at the ends, another norm of the products, another constant before the weights.
    """
    depth, reg = problem.depth, np.array(problem.reg)
    if ratios is None:
        ratios = mean_of(reg) / reg if reg.all() else np.ones(depth)
    squares = np.multiply.outer(ratios, s ** (power or 2 / depth))
    last, first = ends or (problem.widths[-1], problem.widths[0])
    alpha = [*(norm(squares[l:].prod(axis=0)) for l in range(1, depth)), last]
    beta = [first, *(norm(squares[:l].prod(axis=0)) for l in range(1, depth))]
    return float(2 * np.dot(alpha, beta) + decay * np.dot(reg, sizes(problem)))


def sizes(problem: Problem) -> list[int]:
    """Number of entries of each layer."""
    return [before * after for before, after in pairwise(problem.widths)]


def lower_bound(
    problem: Problem,
    nuclear: float,
    *,
    constant: float = 2.0,
    power: float = 0.0,
    widths: float = 1.0,
    decay: float = 2.0,
) -> float:
    """``2 L (d_0 d_L)^{1/L} ‖X‖_*^{2 − 2/L} + 2 Σ_l λ_l d_l d_{l−1}`` from the nuclear norm.

    The options are for false neighbours: other constants, what is added to the power of the norm, and a factor in
    that of the widths.
    """
    depth, area = problem.depth, problem.widths[0] * problem.widths[-1]
    fit = depth * area ** (widths / depth) * nuclear ** (2 - 2 / depth + power)
    return float(constant * fit + decay * np.dot(problem.reg, sizes(problem)))


def is_exact(problem: Problem) -> bool:
    """Whether the bound is exact at the critical points of two layers: ``d_0 λ_1 = d_2 λ_2``."""
    return bool(np.isclose(problem.widths[0] * problem.reg[0], problem.widths[2] * problem.reg[1]))
