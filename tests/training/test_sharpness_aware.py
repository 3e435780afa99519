"""Sharpness-aware gradients: taken uphill, of one part, with a length of their own."""

import copy
import pickle

import numpy as np
import pytest

import dmfbook as dmf

RNG = np.random.default_rng(5)
PROBLEM = dmf.Problem(RNG.normal(size=(3, 2)), (4,))
OTHER = dmf.Problem(RNG.normal(size=(3, 2)), (4,))
FACTORS = [RNG.normal(size=(4, 2)), RNG.normal(size=(3, 4))]


def uphill(problem, radius):
    slope = dmf.flatten(problem.gradient(FACTORS))
    there = dmf.flatten(FACTORS) + radius * slope / np.linalg.norm(slope)
    return dmf.flatten(problem.gradient(dmf.unflatten(there, problem.widths)))


def test_the_gradient_is_taken_uphill():
    for radius in (0.0, 0.1, 2.0):
        aware = dmf.SharpnessAware([PROBLEM], radius)
        found = dmf.flatten(aware.gradient(FACTORS))
        np.testing.assert_allclose(found, uphill(PROBLEM, radius), rtol=1e-13)
        assert aware.loss(FACTORS) == PROBLEM.loss(FACTORS)


def test_each_gradient_is_that_of_one_part_drawn_at_random():
    aware = dmf.SharpnessAware([PROBLEM, OTHER], 0.3, np.random.default_rng(1))
    drawn = np.random.default_rng(1).integers(2, size=12)
    parts = [uphill(problem, 0.3) for problem in (PROBLEM, OTHER)]
    assert set(drawn) == {0, 1}
    for number in drawn:
        found = dmf.flatten(aware.gradient(FACTORS))
        np.testing.assert_allclose(found, parts[number], rtol=1e-13)
    assert aware.loss(FACTORS) == PROBLEM.loss(FACTORS) + OTHER.loss(FACTORS)


def test_where_the_gradient_vanishes_nothing_is_uphill():
    zero = [np.zeros((4, 2)), np.zeros((3, 4))]
    for block in dmf.SharpnessAware([PROBLEM], 0.1).gradient(zero):
        assert not block.any()


def test_descent_on_it_takes_such_steps():
    aware = dmf.SharpnessAware([PROBLEM], 0.05)
    run = dmf.gradient_descent(aware, FACTORS, 1e-3, 1)
    expected = dmf.flatten(FACTORS) - 1e-3 * uphill(PROBLEM, 0.05)
    np.testing.assert_allclose(dmf.flatten(run.factors), expected, rtol=1e-13)


def test_it_survives_pickle_with_its_generator():
    aware = dmf.SharpnessAware([PROBLEM, OTHER], 0.3, np.random.default_rng(2))
    others = [copy.deepcopy(aware), pickle.loads(pickle.dumps(aware))]
    expected = dmf.flatten(aware.gradient(FACTORS))
    for other in others:
        np.testing.assert_array_equal(dmf.flatten(other.gradient(FACTORS)), expected)
    assert repr(aware) == "SharpnessAware(2 parts, radius=0.3)"


BAD = {
    "none": (lambda: dmf.SharpnessAware([], 0.1), ValueError, "at least 1 objective"),
    "no sequence": (lambda: dmf.SharpnessAware(PROBLEM, 0.1), TypeError, "must be a sequence"),
    "no objective": (lambda: dmf.SharpnessAware([1.0], 0.1), TypeError, r"parts\[0\] must have"),
    "class": (lambda: dmf.SharpnessAware([dmf.Problem], 0.1), TypeError, r"parts\[0\] must have"),
    "radius": (lambda: dmf.SharpnessAware([PROBLEM], -0.1), ValueError, "radius must be"),
    "rng": (lambda: dmf.SharpnessAware([PROBLEM] * 2, 0.1), TypeError, "rng must be"),
    "seed": (lambda: dmf.SharpnessAware([PROBLEM], 0.1, 0), TypeError, "rng must be"),
}


@pytest.mark.parametrize(("call", "error", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
