"""Arguments of the wrong kind are refused at the door, in words that name them."""

import re

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.linalg import aslinearoperator

import dmfbook as dmf

FACTORS = [np.ones((4, 3)), np.ones((2, 4))]
TARGET, RNG = np.ones((2, 3)), np.random.default_rng(0)
OPERATOR = dmf.gaussian_sensing((2, 3), 4, RNG)
VALUES = OPERATOR.forward(TARGET)

OF_FACTORS = {
    "sharpness": dmf.sharpness,
    "sharpest_direction": dmf.sharpest_direction,
    "spectral_products": dmf.spectral_products,
    "spectral_imbalance": dmf.spectral_imbalance,
    "sensing_hessian_trace": lambda factors: dmf.sensing_hessian_trace(OPERATOR, factors),
}
OF_TARGET = {
    "flat_sharpness": lambda target: dmf.flat_sharpness(target, 2),
    "flattest_trace": lambda target: dmf.flattest_trace(target, 2),
    "zero_loss_factors": lambda target: dmf.zero_loss_factors(target, (3,), RNG),
    "flat_factors": lambda target: dmf.flat_factors(target, (3,), RNG),
    "flattest_factors": lambda target: dmf.flattest_factors(target, (3,)),
}
OF_DEPTH = {
    "flat_sharpness": lambda depth: dmf.flat_sharpness(TARGET, depth),
    "flattest_trace": lambda depth: dmf.flattest_trace(TARGET, depth),
}
OF_WIDTHS = {
    "zero_loss_factors": lambda widths: dmf.zero_loss_factors(TARGET, widths, RNG),
    "flat_factors": lambda widths: dmf.flat_factors(TARGET, widths, RNG),
    "flattest_factors": lambda widths: dmf.flattest_factors(TARGET, widths),
    "flattest_interpolator": lambda widths: dmf.flattest_interpolator(OPERATOR, VALUES, widths),
}
NEEDS_GENERATOR = {
    "zero_loss_factors": lambda rng: dmf.zero_loss_factors(TARGET, (3,), rng),
    "flat_factors": lambda rng: dmf.flat_factors(TARGET, (3,), rng),
}
TAKES_GENERATOR = {
    "flattest_factors": lambda rng: dmf.flattest_factors(TARGET, (3,), rng),
    "flattest_interpolator": lambda rng: dmf.flattest_interpolator(OPERATOR, VALUES, (3,), rng=rng),
}
OF_OPERATOR = {
    "sensing_hessian_trace": lambda operator: dmf.sensing_hessian_trace(operator, FACTORS),
    "flattest_interpolator": lambda operator: dmf.flattest_interpolator(operator, VALUES, (3,)),
}
OF_NUMBER = {
    "condition": lambda value: dmf.zero_loss_factors(TARGET, (3,), RNG, value),
    "spread": lambda value: dmf.flat_factors(TARGET, (3,), RNG, value),
    "spare": lambda value: dmf.flat_factors(TARGET, (3,), RNG, 0.0, value),
    "tolerance": lambda value: dmf.flattest_interpolator(OPERATOR, VALUES, (3,), None, value),
}

NO_MATRICES = [None, 3, "W", TARGET.tolist(), [TARGET], [None, None], [TARGET, 1j * np.eye(2)]]
NO_MATRICES += [[csr_array(np.eye(2))] * 2, [TARGET, np.ma.masked_array(np.eye(2))], []]
NO_MATRIX = [None, "M", 2.0, [1.0, 2.0], [[1.0], [2.0, 3.0]], 1j * TARGET, csr_array(TARGET)]
NO_MATRIX += [np.ma.masked_array(TARGET), np.full((2, 3), np.nan), np.ones((2, 2, 3)), {1: 2}]
NO_MATRIX += [(row for row in TARGET), np.zeros((0, 3)), np.array([["a"]]), [[None]]]
NO_DEPTH = [None, 1, 2.5, "2", [2], True, np.nan, np.inf]
NO_WIDTHS = [None, 3, (), "3", (3.5,), (0,), (None,), ((3,),), 1]
NO_GENERATOR = [0, "seed", np.random, np.random.RandomState(0), [RNG], np.random.SeedSequence(0)]
NO_OPERATOR = [None, np.eye(6), aslinearoperator(np.eye(6)), csr_array(np.eye(6)), "A"]
NO_NUMBER = [None, "1", [1.0], np.ones(2), 1j, True, np.nan, np.inf, -1.0]

CASES = [
    (f"{name}-{place}", call, value, word)
    for word, calls, values in (
        ("factors", OF_FACTORS, NO_MATRICES),
        ("target", OF_TARGET, NO_MATRIX),
        ("depth", OF_DEPTH, NO_DEPTH),
        ("hidden_widths", OF_WIDTHS, NO_WIDTHS),
        ("rng", NEEDS_GENERATOR, [None, *NO_GENERATOR]),
        ("rng", TAKES_GENERATOR, NO_GENERATOR),
        ("operator", OF_OPERATOR, NO_OPERATOR),
        ("", OF_NUMBER, NO_NUMBER),
    )
    for name, call in calls.items()
    for place, value in enumerate(values)
]


@pytest.mark.parametrize("name, call, value, word", CASES, ids=[case[0] for case in CASES])
def test_wrong_kinds_are_refused(name, call, value, word):
    with pytest.raises((TypeError, ValueError), match=re.escape(word or name.split("-")[0])):
        call(value)


def test_whole_floats_are_integers():
    assert dmf.flat_sharpness(TARGET, 3.0) == dmf.flat_sharpness(TARGET, 3)
    factors = dmf.flattest_factors(TARGET, np.array([3.0, 4.0]))
    assert [factor.shape for factor in factors] == [(3, 3), (4, 3), (2, 4)]
