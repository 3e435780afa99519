"""The scalar problem against 50 digits of mpmath and against minimization on a grid."""

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mpmath import mpf
from scalar_cases import (
    EPS,
    ULPS,
    assert_close,
    collapse,
    deep,
    depths,
    excess,
    fold,
    loss,
    positive_targets,
    regs,
    targets,
)

import dmfbook as dmf


@pytest.fixture(autouse=True)
def fifty_digits():
    with mpmath.workdps(50):
        yield


@settings(max_examples=150)
@given(positive_targets, depths)
def test_critical_reg_to_the_last_places(target, depth):
    power = 2 - mpf(2) / depth
    factor = mpf(depth - 2) ** (power - 1) if depth > 2 else 1
    assert_close(
        dmf.critical_reg(target, depth), mpf(target) ** power * factor / (depth - 1) ** power
    )


@given(targets, regs)
def test_depth_two_is_the_soft_threshold(target, reg):
    assert dmf.shrink(target, reg, 2) == max(target - reg, 0.0)
    assert dmf.fold_threshold(reg, 2) == dmf.collapse_threshold(reg, 2) == reg
    assert dmf.critical_reg(target, 2) == target


def test_nothing_comes_of_nothing():
    depth = np.arange(2, 41)
    assert np.isnan(dmf.stationary_values(0.0, 0.0, depth)).all()
    assert np.isnan(dmf.stationary_values(0.0, 1.0, depth)).all()
    for value in (
        dmf.shrink(0.0, [[0.0], [1.0]], depth),
        dmf.fold_threshold(0.0, depth),
        dmf.collapse_threshold(0.0, depth),
        dmf.critical_reg(0.0, depth),
    ):
        assert not value.any()


@given(positive_targets, depths)
def test_critical_reg_is_the_inverse_of_the_collapse_threshold(target, depth):
    # m_c grows with a power of λ between 1/2 and 1, so the error of λ_c shrinks.
    again = dmf.collapse_threshold(dmf.critical_reg(target, depth), depth)
    assert again == pytest.approx(target, rel=2 * ULPS * EPS)


@pytest.mark.parametrize("depth", [3, 4, 9, 40])
@pytest.mark.parametrize("reg", [1e-12, 0.7, 1e6])
def test_at_the_collapse_threshold_zero_and_the_larger_root_tie(reg, depth):
    target = float(dmf.collapse_threshold(reg, depth))
    w = mpmath.findroot(
        lambda w: excess(w, target, reg, depth),
        (fold(reg, depth)[0], 2 * mpf(target) ** (mpf(1) / depth)),
        solver="bisect",
        maxsteps=200,
    )
    # d/dm (f(w) − m²) = −2 w^L, times the threshold's error.
    gap = loss(w, target, reg, depth) - mpf(target) ** 2
    assert abs(gap) <= 2 * w**depth * ULPS * EPS * target
    assert_close(dmf.shrink(target, reg, depth), w**depth)


def assert_shrunk(target, reg, depth):
    """`shrink` brackets a zero of ``s + λ s^{2/L−1} − m`` beyond the threshold, else it is 0."""
    value = dmf.shrink(target, reg, depth)
    if target < dmf.collapse_threshold(reg, depth):
        assert value == 0.0
        return
    power = mpf(2) / depth - 1
    below, above = (
        s + mpf(reg) * s**power - mpf(target)
        for s in (mpf(float(value)) * (1 + side * ULPS * EPS) for side in (-1, 1))
    )
    assert below < 0 < above
    # The larger root, not the smaller: beyond the jump.
    assert value >= (depth - 2) / (depth - 1) * target * (1 - ULPS * EPS)


@settings(max_examples=150)
@given(targets, regs, deep)
def test_shrink_to_the_last_places(target, reg, depth):
    assert_shrunk(target, reg, depth)


@settings(max_examples=100)
@given(st.floats(-16, 8), regs, deep)
def test_shrink_close_to_the_jump(exponent, reg, depth):
    assert_shrunk(float(dmf.collapse_threshold(reg, depth)) * (1 + 10.0**exponent), reg, depth)


@given(regs, deep)
@example(1e-12, 40)
@example(1e6, 3)
def test_shrink_jumps_exactly_at_the_threshold(reg, depth):
    at = dmf.collapse_threshold(reg, depth)
    assert dmf.shrink(np.nextafter(at, 0), reg, depth) == 0.0
    jump = collapse(reg, depth) * (depth - 2) / (depth - 1)
    # The condition number of the minimizer at the jump is L/(L−2) <= 3.
    assert abs(mpf(float(dmf.shrink(at, reg, depth))) - jump) <= 4 * ULPS * EPS * jump


@settings(max_examples=60)
@given(st.floats(0.2, 4), st.floats(-6, 3).map(lambda exponent: 10.0**exponent), st.integers(2, 12))
def test_shrink_is_what_a_grid_finds(ratio, reg, depth):
    # Targets on both sides of the jump, in units of its place.
    target = ratio * float(dmf.collapse_threshold(reg, depth))
    # At w = 2 m^{1/L} the fit alone costs more than w = 0.
    grid, step = np.linspace(0, 2 * target ** (1 / depth), 40_001, retstep=True)
    losses = (target - grid**depth) ** 2 + reg * depth * grid**2
    shrunk = dmf.shrink(target, reg, depth)
    w = shrunk ** (1 / depth)
    best = (target - shrunk) ** 2 + reg * depth * w**2
    rounding = 8 * depth * EPS * target**2
    # On no grid point less; and a grid point within a step of the minimizer costs little more.
    assert best <= losses.min() + rounding
    # |f''| = |2 L (2L−1) w^{2L−2} − 2 m L (L−1) w^{L−2} + 2 λ L|, each term at its largest.
    far = w + step
    fit = (2 * depth - 1) * far ** (2 * depth - 2) + target * (depth - 1) * far ** (depth - 2)
    curvature = 2 * depth * (fit + reg)
    slack = curvature * step**2 / 2 + rounding
    assert losses.min() <= best + slack
    # 0.01 away from the tie the two minima differ by more than 0.01 m², the slack is below 1e-5 m²:
    # the grid finds the same one, and the best point is a neighbour of the minimizer.
    if abs(ratio - 1) > 0.01:
        assert slack < 1e-5 * target**2
        assert abs(grid[losses.argmin()] - w) <= step * (1 + 1e-6)


def test_arguments_broadcast_and_numbers_give_numbers():
    target, reg, depth = np.linspace(0, 5, 7), [[0.0], [0.5], [2.0]], np.arange(2, 6)[:, None, None]
    value = dmf.shrink(target, reg, depth)
    smaller, larger = dmf.stationary_values(target, reg, depth)
    assert value.shape == smaller.shape == larger.shape == (4, 3, 7)
    for k, j, i in np.ndindex(value.shape):
        case = target[i], reg[j][0], int(depth[k, 0, 0])
        assert dmf.shrink(*case) == value[k, j, i]
        np.testing.assert_equal(dmf.stationary_values(*case), (smaller[k, j, i], larger[k, j, i]))
    assert dmf.fold_threshold(reg, np.arange(2, 6)).shape == (3, 4)
    assert dmf.collapse_threshold([1, 2], [[3], [4], [5]]).shape == (3, 2)
    assert dmf.critical_reg(np.ones((2, 1)), [2, 3]).shape == (2, 2)
    for number in (
        dmf.shrink(3, 1, 3),
        *dmf.stationary_values(3, 1, 3),
        dmf.fold_threshold(1, 3),
        dmf.collapse_threshold(1, 3),
        dmf.critical_reg(1, 3),
    ):
        assert isinstance(number, float)


def test_arguments_stay_as_they_are():
    arguments = np.array([0.5, 2.0, 3.0]), np.array([0.0, 1.0, 1.0]), np.array([2, 3, 4])
    copies = [argument.copy() for argument in arguments]
    for value in (dmf.shrink(*arguments), *dmf.stationary_values(*arguments)):
        value[:] = 7
    for argument, copy in zip(arguments, copies, strict=True):
        argument.flags.writeable = False
        np.testing.assert_array_equal(argument, copy)
    dmf.shrink(*arguments)
