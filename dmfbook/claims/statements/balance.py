"""What critical points share, whatever the loss: balance, and the singular values of their layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.evidence import Evidence, worst
from dmfbook.claims.oracles.search import EPS, Found


def geometric_mean(weights: Array) -> float:
    """Geometric mean of the weights."""
    return float(np.exp(np.log(weights).mean()))


def imbalance(points: Iterable[Found], reg: Array, shift: int = 0) -> Evidence:
    """Measure how far ``λ_{l+1} W_{l+1}ᵀ W_{l+1}`` and ``λ_l W_l W_lᵀ`` are apart; a rival exchanges the weights."""
    before, after = (reg[1:], reg[:-1]) if shift else (reg[:-1], reg[1:])

    def evidence(point: Found) -> Evidence:
        gaps = [
            np.linalg.norm(b * second.T @ second - a * first @ first.T)
            for a, b, (first, second) in zip(before, after, pairwise(point.factors), strict=True)
        ]
        # First order: a Gram matrix moves by twice the factor's norm times the uncertainty.
        size = max(map(np.linalg.norm, point.factors))
        return Evidence(float(max(gaps)), 8 * reg.max() * point.uncertainty * float(size) + EPS)

    return worst(map(evidence, points))


def layer_values(
    points: Iterable[Found],
    reg: Array,
    mean: Callable[[Array], Any] = geometric_mean,
    power: Callable[[int], float] = lambda depth: 1 / depth,
    weighted: bool = True,
) -> Evidence:
    """Compare the singular values of each layer with those that the end-to-end matrix gives.

    Compared are ``(λ_l / λ̄) s_i(W_l)²`` and ``s_i(X)^{2/L}``, both raised to the power L, so that no root of a
    vanishing value is taken.
    """
    depth = len(reg)
    ratios = reg / mean(reg) if weighted else np.ones(depth)

    def evidence(point: Found) -> Evidence:
        squares = [np.linalg.svd(w, compute_uv=False) ** 2 for w in point.factors]
        count = min(map(len, squares))
        product = np.linalg.svd(point.end_to_end, compute_uv=False)[:count]
        given = product ** (2 * depth * power(depth))
        gaps = [
            np.abs((r * s[:count]) ** depth - given).max()
            for r, s in zip(ratios, squares, strict=True)
        ]
        size = max(1.0, float(max(s[0] for s in squares)) * float(ratios.max())) ** depth
        return Evidence(float(max(gaps)), 16 * depth * size * point.uncertainty + 64 * EPS * size)

    return worst(map(evidence, points))
