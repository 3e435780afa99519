"""Matrices of side two of which the diagonal is seen, to be completed by factors with weight decay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dmfbook.claims.cases.linear_networks.any_loss.losses import SQUARES, Entrywise
from dmfbook.claims.statements.linear_networks.completions import CompletionCase


def shallow(rng: np.random.Generator) -> CompletionCase:
    """Depth 2."""
    return with_depth(rng, 2)


def deep(rng: np.random.Generator) -> CompletionCase:
    """Depth 3 or 4."""
    return with_depth(rng, int(rng.integers(3, 5)))


def corner_seen(rng: np.random.Generator) -> CompletionCase:
    """One of the other entries is seen, too."""
    case = deep(rng)
    seen = np.array([[1.0, 1.0], [0.0, 1.0]])
    return replace(case, loss=Entrywise(np.diag(case.diagonal), seen, SQUARES))


def unequal(rng: np.random.Generator) -> CompletionCase:
    """One entry is so small that it is given up."""
    return with_depth(rng, int(rng.integers(3, 5)), share=0.02)


def one_unit(rng: np.random.Generator) -> CompletionCase:
    """Depth 2, one hidden unit."""
    return replace(shallow(rng), hidden_widths=(1,))


def with_depth(rng: np.random.Generator, depth: int, share: float = 1.0) -> CompletionCase:
    """Two entries of like size, or the second a small share of it, and unequal weights."""
    diagonal = rng.uniform(2, 2.6, 2) * [1, share]
    weights = rng.uniform(0.3, 0.6, depth)
    hidden = rng.integers(2, 4, depth - 1)
    loss = Entrywise(np.diag(diagonal), np.eye(2), SQUARES)
    seed = int(rng.integers(2**32))
    return CompletionCase(
        tuple(diagonal.tolist()), tuple(hidden.tolist()), tuple(weights.tolist()), seed, loss
    )
