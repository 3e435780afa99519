"""Roots and thresholds of the scalar problem against 50 digits of mpmath, near the fold and far out."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mpf
from scalar_cases import (
    SQRT_EPS,
    assert_close,
    assert_root,
    assert_stationary,
    collapse,
    deep,
    depths,
    fold,
    regs,
    targets,
)

import dmfbook as dmf
from dmfbook.regularized.roots import unit_exponent


@pytest.fixture(autouse=True)
def fifty_digits():
    with mpmath.workdps(50):
        yield


@settings(max_examples=150)
@given(regs, depths)
def test_thresholds_to_the_last_places(reg, depth):
    assert_close(dmf.collapse_threshold(reg, depth), collapse(reg, depth))
    assert_close(dmf.fold_threshold(reg, depth), fold(reg, depth)[1] if depth > 2 else mpf(reg))


def test_stationary_values_over_the_whole_range_at_once():
    reg, depth = np.logspace(-12, 6, 10)[:, None, None], np.array([3, 4, 10, 25, 40])[:, None]
    target = dmf.fold_threshold(reg, depth) * (1 + np.array([1e-15, 1e-9, 1e-3, 1.0, 1e3, 1e8]))
    smaller, larger = dmf.stationary_values(target, reg, depth)
    reg, depth, target = np.broadcast_arrays(reg, depth, target)
    for index in np.ndindex(target.shape):
        case = float(target[index]), float(reg[index]), int(depth[index])
        assert_root(smaller[index], *case, rising=False)
        assert_root(larger[index], *case, rising=True)


@settings(max_examples=150)
@given(targets, regs, depths)
def test_stationary_values_are_roots_to_the_last_places(target, reg, depth):
    assert_stationary(target, reg, depth)


@settings(max_examples=100)
@given(st.floats(-16, 8), regs, deep)
def test_stationary_values_close_to_the_fold(exponent, reg, depth):
    assert_stationary(float(dmf.fold_threshold(reg, depth)) * (1 + 10.0**exponent), reg, depth)


@pytest.mark.parametrize("depth", [3, 4, 7, 40])
@pytest.mark.parametrize("reg", [1e-12, 0.3, 1.0, 1e6])
def test_stationary_values_around_the_fold(reg, depth):
    at = dmf.fold_threshold(reg, depth)
    w = float(fold(reg, depth)[0])
    targets = at, np.nextafter(at, np.inf), np.nextafter(np.nextafter(at, np.inf), np.inf)
    for target in targets:
        smaller, larger = dmf.stationary_values(target, reg, depth)
        assert smaller <= larger
        assert smaller == pytest.approx(w, rel=8 * SQRT_EPS)
        assert larger == pytest.approx(w, rel=8 * SQRT_EPS)
    assert np.isnan(dmf.stationary_values(np.nextafter(at, 0), reg, depth)).all()


@given(st.floats(-300, 300).map(lambda exponent: 10.0**exponent), depths)
def test_without_regularization_the_root_is_the_root_of_the_target(target, depth):
    # Far out a rounded exponent 1/L shows.
    smaller, larger = dmf.stationary_values(target, 0.0, depth)
    assert np.isnan(smaller)
    assert_close(larger, mpf(target) ** (mpf(1) / depth))
    assert dmf.shrink(target, 0, depth) == target


@settings(max_examples=150)
@given(st.floats(-300, 300), st.floats(-300, 300), st.sampled_from([3, 4, 7, 30, 200, 5000]))
def test_roots_far_out_and_far_apart(target, reg, depth):
    target, reg = 10.0**target, 10.0**reg
    smaller, larger = dmf.stationary_values(target, reg, depth)
    if target < dmf.fold_threshold(reg, depth):
        assert np.isnan(smaller) and np.isnan(larger)
        return
    for w, rising in ((smaller, False), (larger, True)):
        if w > np.finfo(float).tiny:  # below it a root has lost digits, or is zero
            assert_root(w, target, reg, depth, rising)


def test_smaller_roots_below_the_range_are_zero():
    smaller, larger = dmf.stationary_values(1e200, 1e-200, [3, 4, 5])
    assert smaller[0] == 0.0
    assert smaller[1:] == pytest.approx([1e-200, 10 ** (-400 / 3)])
    assert larger == pytest.approx([1e200 ** (1 / depth) for depth in (3, 4, 5)])


@given(st.floats(-200, 200), st.floats(-200, 200), depths, st.integers(-3, 3))
def test_units_move_with_the_arguments(target, reg, depth, shift):
    target, reg = 10.0**target, 10.0**reg
    for m, lam in ((target, reg), (target, 0.0), (0.0, reg)):
        unit = unit_exponent(m, lam, depth)
        moved = np.ldexp(m, shift * depth), np.ldexp(lam, shift * (2 * depth - 2))
        assert unit_exponent(*moved, depth) == unit + shift
    assert unit_exponent(0.0, 0.0, depth) == 0


@given(st.floats(-200, 200), st.floats(-200, 200), depths)
def test_in_units_the_larger_argument_is_of_order_one(target, reg, depth):
    target, reg = 10.0**target, 10.0**reg
    unit = int(unit_exponent(target, reg, depth))
    of_target, of_reg = np.log2(target) / depth, np.log2(reg) / (2 * depth - 2)
    # A weight that would leave the range holds the unit back.
    highest = of_reg + 1000 / (2 * depth - 2)
    if max(of_target, of_reg) + 1 < highest:
        assert abs(max(of_target, of_reg) - unit) <= 0.5 + 1 / depth
    assert unit <= highest
    assert unit >= min(highest - 1, max(of_target, of_reg) - 0.5 - 1 / depth)
