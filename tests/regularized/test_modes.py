"""Modes of a problem: which singular values count as equal, and at a threshold."""

import numpy as np
from scipy.stats import ortho_group

import dmfbook as dmf
from dmfbook.regularized.modes import Modes


def turned(values, seed=0):
    """A target with these singular values whose bases are turned, so that rounding blurs them."""
    size = len(values)
    left, right = (ortho_group.rvs(size, random_state=seed + i) for i in range(2))
    return left * values @ right


def test_small_values_of_a_diagonal_target_stay_apart():
    values = np.array([1.0, 3e-17, 2e-17])
    modes = Modes(dmf.Problem(np.diag(values), (3, 3), reg=0.1))
    assert np.unique(modes.values).size == 3


def test_equal_values_of_a_turned_target_count_as_one():
    modes = Modes(dmf.Problem(turned(np.array([3.0, 3.0, 1.5, 1.5, 1.5])), (5,), reg=0.1))
    assert np.unique(modes.values).size == 2


def test_a_value_of_zero_is_not_taken_to_a_tiny_threshold():
    # One entry off the diagonal: decomposed, with zeros that are exact; the fold is below their rounding.
    target = np.zeros((3, 3))
    target[0, 1] = 3.0
    modes = Modes(dmf.Problem(target, (3, 3), reg=1e-30))
    assert 0 < modes.fold < 1e-20
    assert (modes.values > 0).tolist() == [True, False, False]
    assert np.isnan(modes.larger).tolist() == [False, True, True]
