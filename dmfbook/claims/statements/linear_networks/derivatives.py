"""First and second derivatives of any loss of the product, as a page writes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dmfbook._validation import Array
from dmfbook.network.factors import flatten, partial_products
from dmfbook.network.problem import Problem


def slope(problem: Problem, factors: Sequence[Array]) -> Array:
    """``A_lᵀ G B_lᵀ + 2 λ_l W_l``, stacked."""
    left, right = partial_products(factors)
    G = problem.end_to_end_loss.gradient(factors[-1] @ right[-1])
    layers = zip(left, right, problem.reg, factors, strict=True)
    return flatten([a.T @ G @ b.T + 2 * reg * w for a, b, reg, w in layers])


def second_derivative(
    problem: Problem,
    factors: Sequence[Array],
    moves: Sequence[Array],
    residual: float = 2.0,
    penalty: float = 2.0,
) -> float:
    """``⟨∇²ℓ(X)[Ẋ], Ẋ⟩ + 2 Σ_{k>l} ⟨A_kᵀ G B_lᵀ, Δ_k C_kl Δ_l⟩ + 2 Σ λ_l ‖Δ_l‖²``; rivals change the two numbers."""
    loss, (left, right) = problem.end_to_end_loss, partial_products(factors)
    product = factors[-1] @ right[-1]
    G = loss.gradient(product)
    first = np.sum([a @ d @ b for a, d, b in zip(left, moves, right, strict=True)], axis=0)
    value = float(np.vdot(loss.curvature(product, first), first))
    for l, low in enumerate(moves):
        reached = low @ right[l]  # C_kl Δ_l B_l
        for k in range(l + 1, len(moves)):
            value += residual * float(np.vdot(left[k].T @ G, moves[k] @ reached))
            reached = factors[k] @ reached
        value += penalty * problem.reg[l] * float(np.vdot(low, low))
    return value
