"""Regularized problems whose singular values sit at, near and between the thresholds."""

from collections.abc import Sequence
from itertools import islice

import numpy as np
from hypothesis import strategies as st
from numpy.typing import ArrayLike
from strategies import EPS, rounding

import dmfbook as dmf


@st.composite
def regularized_problems(draw, max_depth: int = 5, max_width: int = 4) -> dmf.Problem:
    """Singular values at, near and between the thresholds, repeated and zero; rotated or not."""
    depth = draw(st.integers(2, max_depth))
    shape = draw(st.lists(st.integers(1, max_width), min_size=depth + 1, max_size=depth + 1))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    reg = rng.uniform(0.2, 1.0, depth if draw(st.booleans()) else 1)
    mean_reg = np.exp(np.log(reg).mean())
    fold, collapse = dmf.fold_threshold(mean_reg, depth), dmf.collapse_threshold(mean_reg, depth)
    values = [0.0, 0.7 * fold, fold, fold * (1 + 1e-9), 1.02 * fold]
    values += [collapse * (1 - 1e-9), collapse, 1.2 * collapse, 2 * collapse]
    count = min(shape[0], shape[-1])
    spectrum = draw(st.lists(st.sampled_from(values), min_size=count, max_size=count))
    target = np.zeros((shape[-1], shape[0]))
    np.fill_diagonal(target, spectrum)
    if draw(st.booleans()):
        target = haar(shape[-1], rng) @ target @ haar(shape[0], rng)
    return dmf.Problem(target, shape[1:-1], reg if len(reg) > 1 else float(reg[0]))


def haar(width: int, rng: np.random.Generator) -> np.ndarray:
    """An orthogonal matrix."""
    return np.linalg.qr(rng.standard_normal((width, width)))[0]


def all_points(problem: dmf.Problem) -> list[dmf.CriticalPoint]:
    """The global minimizer and up to 40 critical points."""
    return [dmf.global_minimizer(problem), *islice(dmf.critical_points(problem), 40)]


def accuracy(problem: dmf.Problem) -> float:
    """Relative error of what is computed from the factors of a point, in absolute terms.

    The target's triples are known to some ``4 (d_0 + d_L) ε``, and each of L factors inherits that;
    beside it the rounding of products.
    """
    return 8 * problem.depth * (problem.widths[0] + problem.widths[-1]) * EPS + rounding(problem)


def rotated(
    shape: Sequence[int], values: ArrayLike, reg: ArrayLike, rng: np.random.Generator
) -> dmf.Problem:
    """A problem whose target has these singular values and random singular vectors."""
    diagonal = np.zeros((shape[-1], shape[0]))
    np.fill_diagonal(diagonal, values)
    return dmf.Problem(haar(shape[-1], rng) @ diagonal @ haar(shape[0], rng), shape[1:-1], reg)
