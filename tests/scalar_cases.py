"""Oracles of the scalar problem in 50 digits, and arguments of all sizes."""

import mpmath
import numpy as np
from hypothesis import strategies as st
from mpmath import mpf

import dmfbook as dmf

EPS = np.finfo(float).eps
SQRT_EPS = np.sqrt(EPS)
ULPS = 4  # what "a few units in the last place" means here

depths = st.integers(2, 40)
deep = st.integers(3, 40)
regs = st.floats(-12, 6).map(lambda exponent: 10.0**exponent)
positive_targets = st.floats(-12, 8).map(lambda exponent: 10.0**exponent)
targets = st.one_of(st.just(0.0), positive_targets)


def excess(w, target, reg, depth):
    """``w^L + λ w^{2−L} − m``, whose zeros are the stationary values."""
    return w**depth + mpf(reg) * w ** (2 - depth) - mpf(target)


def loss(w, target, reg, depth):
    """Objective of the scalar problem."""
    return (mpf(target) - w**depth) ** 2 + mpf(reg) * depth * w**2


def fold(reg, depth):
    """Where ``w^L + λ w^{2−L}`` has its minimum, and the minimum."""
    w = (mpf(reg) * (depth - 2) / depth) ** (mpf(1) / (2 * depth - 2))
    return w, excess(w, 0, reg, depth)


def collapse(reg, depth):
    """Collapse threshold, as in the book."""
    if depth == 2:
        return mpf(reg)
    power = mpf(1) / (2 * depth - 2)
    return (depth - 1) * mpf(depth - 2) ** (-(depth - 2) * power) * mpf(reg) ** (depth * power)


def assert_close(value, expected):
    """Agreement to a few units in the last place, of numbers that may be zero."""
    assert abs(mpf(float(value)) - expected) <= ULPS * EPS * abs(expected), (value, expected)


def assert_root(w, target, reg, depth, rising):
    """The exact root lies as near to `w` as its condition number lets anybody tell.

    A target wrong by ε/2, and a sum of that size rounded once more, move the root by ``c ε`` in
    relative terms; rounding `w` itself adds ε. At the fold c is infinite, but there a target wrong by
    ε moves the roots by ``√ε`` times a factor below one.
    """
    w = mpf(float(w))
    slope = depth * w**depth - (depth - 2) * mpf(reg) * w ** (2 - depth)
    error = EPS * (1 + mpf(target) / abs(slope)) if slope else mpmath.inf
    if error < 4 * SQRT_EPS:
        below, above = (excess(w * (1 + side * error), target, reg, depth) for side in (-1, 1))
        assert (below < 0 < above) if rising else (above < 0 < below), (w, error)
    else:
        assert abs(w / fold(reg, depth)[0] - 1) < 8 * SQRT_EPS


def assert_stationary(target, reg, depth):
    smaller, larger = dmf.stationary_values(target, reg, depth)
    if depth == 2:
        assert np.isnan(smaller)
        # m − λ cancels no more than the condition number says; then a square root.
        if target > reg:
            assert_close(larger, mpmath.sqrt(mpf(target) - mpf(reg)))
        else:
            assert np.isnan(larger)
    elif abs(mpf(target) / fold(reg, depth)[1] - 1) > ULPS * EPS and target < fold(reg, depth)[1]:
        assert np.isnan(smaller) and np.isnan(larger)
    elif not np.isnan(larger):
        assert smaller <= larger
        assert_root(smaller, target, reg, depth, rising=False)
        assert_root(larger, target, reg, depth, rising=True)
    else:  # within rounding of the fold there may be roots or not, but not one alone
        assert np.isnan(smaller)
        assert target < dmf.fold_threshold(reg, depth)
