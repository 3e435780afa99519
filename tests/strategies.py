"""Random problems, and the objective written a second time for automatic differentiation.

The objective is a polynomial, so two kinds of cases need no guessed tolerance:

- *exact* cases have small integer entries; every intermediate value is then an integer (or half of
  one) below 2**53, floating point makes no error, and results must agree to the last bit;
- *real* cases are compared within :func:`rounding` times the same quantity at ``(−|M|, |W|)``, where
  all monomials have one sign: the a priori error bound of inner products, entry by entry.
"""

from collections.abc import Callable
from itertools import pairwise

import autograd.numpy as anp
import numpy as np
from hypothesis import strategies as st

import dmfbook as dmf

EPS = np.finfo(float).eps

# Rectangular throughout, unequal widths: bottlenecks, width 1, one number to factor, up to depth 30.
WIDTHS = [
    (3, 4, 2),
    (1, 3, 1),
    (4, 1, 3),
    (2, 5, 3, 4),
    (5, 2, 1, 3, 4),
    (1, 2, 4, 3, 2, 1),
    (1,) * 8 + (2,),
    (3, *(2, 1, 2) * 9, 2, 3, 2),
]


@st.composite
def widths(draw, max_depth: int = 6, max_width: int = 4) -> tuple[int, ...]:
    """Widths ``(d_0, …, d_L)`` of depth 2 to `max_depth`."""
    depth = draw(st.integers(2, max_depth))
    return tuple(draw(st.lists(st.integers(1, max_width), min_size=depth + 1, max_size=depth + 1)))


@st.composite
def exact_cases(draw, max_depth: int = 6) -> tuple[dmf.Problem, list[np.ndarray]]:
    """A problem and a point with integer entries, a multiple of ½ as weight of each layer."""
    shape = draw(widths(max_depth))
    return exact_case(shape, draw(st.integers(0, 2**32 - 1)))


@st.composite
def real_cases(draw, max_depth: int = 30) -> tuple[dmf.Problem, list[np.ndarray]]:
    """A problem and a point with Gaussian entries."""
    return real_case(draw(widths(max_depth)), draw(st.integers(0, 2**32 - 1)))


def exact_case(shape: tuple[int, ...], seed: int) -> tuple[dmf.Problem, list[np.ndarray]]:
    """An exact case of the given widths."""
    rng = np.random.default_rng(seed)
    factors = [rng.integers(-2, 3, (after, before)) * 1.0 for before, after in pairwise(shape)]
    target = rng.integers(-9, 10, (shape[-1], shape[0]))
    problem = dmf.Problem(target, shape[1:-1], reg=rng.integers(0, 5, len(factors)) / 2)
    assert objective(absolute(problem))(dmf.flatten(np_abs(factors))) < 2**50, "case is not exact"
    return problem, factors


def real_case(shape: tuple[int, ...], seed: int) -> tuple[dmf.Problem, list[np.ndarray]]:
    """A real case of the given widths; factors scaled so that long products neither grow nor fade."""
    rng = np.random.default_rng(seed)
    factors = [
        rng.standard_normal((after, before)) / (before * after) ** 0.25
        for before, after in pairwise(shape)
    ]
    target = rng.standard_normal((shape[-1], shape[0]))
    return dmf.Problem(target, shape[1:-1], reg=rng.uniform(0, 1, len(factors))), factors


def objective(problem: dmf.Problem) -> Callable[[np.ndarray], float]:
    """``F`` of a factorization problem, in functions that autograd differentiates."""
    return stacked_objective(problem, lambda product: anp.sum((problem.target - product) ** 2))


def stacked_objective(
    problem: dmf.Problem, definition: Callable[[np.ndarray], float]
) -> Callable[[np.ndarray], float]:
    """``F`` as a function of the stacked vector, for a loss that is defined once more."""

    def loss(vector: np.ndarray) -> float:
        product, penalty, start = anp.eye(problem.widths[0]), 0.0, 0
        for reg, (before, after) in zip(problem.reg, pairwise(problem.widths), strict=True):
            entries = vector[start : start + before * after]
            start += before * after
            product = anp.dot(anp.transpose(anp.reshape(entries, (before, after))), product)
            penalty = penalty + reg * anp.sum(entries**2)
        return definition(product) + penalty

    return loss


def absolute(problem: dmf.Problem) -> dmf.Problem:
    """The problem with target ``−|M|``: at ``|W|`` no two monomials of its objective cancel."""
    return dmf.Problem(-abs(problem.target), problem.hidden_widths, problem.reg)


def np_abs(factors: list[np.ndarray]) -> list[np.ndarray]:
    """The factors ``|W_l|``."""
    return [abs(factor) for factor in factors]


def rounding(problem: dmf.Problem) -> float:
    """Relative error of a chain of inner products: ε for each of the operations in a row.

    Each entry passes at most three times through all layers, through inner products over their
    widths; both sides of a comparison make that error.
    """
    return 2 * EPS * 3 * (sum(problem.widths) + len(problem.widths))
