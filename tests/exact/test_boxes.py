"""Shapes of the scalar problem against its closed forms, and against polynomials of another shape."""

from fractions import Fraction
from itertools import pairwise

import pytest
from flint import fmpq, fmpq_poly

import dmfbook as dmf
from dmfbook.exact.boxes import Box, better, shape, stationary
from dmfbook.exact.scalar_statements import DEPTHS


def number(value):
    """A rational as a float."""
    return float(Fraction(str(value)))


@pytest.mark.parametrize("depth", DEPTHS)
def test_rests_hold_the_thresholds(depth):
    box = Box(depth)
    critical = float(dmf.critical_reg(1.0, depth))
    for rest, threshold in (
        (box.better.rest, critical),
        (box.stationary.rest, depth * 4 ** (1 / depth - 1) * critical),
    ):
        low, high = map(number, rest)
        assert high - low < 1e-19
        assert low == pytest.approx(threshold, rel=8e-16)


@pytest.mark.parametrize("depth", DEPTHS)
def test_both_polynomials_say_what_the_loss_says(depth):
    x, lam = fmpq(3, 5), fmpq(2, 7)
    loss = fmpq_poly([1] + [0] * (depth - 1) + [-1]) ** 2 + lam * depth * fmpq_poly([0, 0, 1])
    assert loss.derivative()(x) == 2 * depth * x * (lam - stationary(depth)(x))
    assert loss(x) - loss(0) == depth * x**2 * (lam - better(depth)(x))


@pytest.mark.parametrize("depth", [3, 12])
def test_the_rest_shrinks_as_the_precision_asks(depth):
    measures = []
    for bits in (8, 16, 32, 64):
        low, high = shape(better(depth), bits).rest
        measures.append(number(high - low))
    # Of second order: 2 · 8 bits more are a factor of 4^8 less, 4^4 of it lost to rounding outwards.
    assert all(
        after < before * 4.0 ** -((i + 1) * 4)
        for i, (before, after) in enumerate(pairwise(measures))
    )


def test_what_rises_twice_is_refused():
    twice = fmpq_poly([0, 9, -24, 17]) * fmpq_poly([0, 1])
    with pytest.raises(ArithmeticError, match="expected a rise, then a fall"):
        shape(twice)


def test_a_weight_in_a_rest_is_not_decided():
    assert not Box(2, fmpq(1)).decides(fmpq(1))
    assert Box(2).decides(fmpq(1, 2))
