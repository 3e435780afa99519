"""Ensembles of measurements: their scale, their structure, what they refuse."""

import numpy as np
import pytest
from scipy.sparse import csr_array

import dmfbook as dmf

EPS = np.finfo(float).eps


def matrices_of(operator):
    """Measurement matrices, one at a time, from the images of unit vectors under the adjoint."""
    return np.array([operator.adjoint(unit) for unit in np.eye(operator.shape[0])])


@pytest.mark.parametrize("ensemble", ["gaussian", "entries", "symmetric"])
def test_the_squared_norm_is_kept_on_average(ensemble):
    rng = np.random.default_rng(6)
    matrix = rng.normal(size=(4, 4))
    matrix += matrix.T
    make = {
        "gaussian": lambda: dmf.gaussian_sensing((4, 4), 10, rng),
        "entries": lambda: dmf.entry_sampling((4, 4), 10, rng),
        "symmetric": lambda: dmf.symmetric_gaussian_sensing(4, 10, rng),
    }[ensemble]
    norms = [np.sum(make().forward(matrix) ** 2) for _ in range(2000)]
    error = abs(np.mean(norms) - np.sum(matrix**2))
    assert error < 5 * np.std(norms) / np.sqrt(len(norms))  # five standard errors


def test_symmetric_measurements_are_symmetric():
    matrices = matrices_of(dmf.symmetric_gaussian_sensing(4, 6, np.random.default_rng(7)))
    np.testing.assert_array_equal(matrices, matrices.mT)


def test_sampled_entries_are_distinct_and_scaled():
    operator = dmf.entry_sampling((4, 3), 5, np.random.default_rng(8))
    matrices = matrices_of(operator)
    assert np.count_nonzero(matrices.sum(axis=0)) == np.count_nonzero(matrices) == 5
    np.testing.assert_allclose(matrices[matrices != 0], np.sqrt(12 / 5), rtol=4 * EPS)


def test_one_measurement_of_a_number_will_do():
    rng = np.random.default_rng(9)
    assert dmf.gaussian_sensing((1, 1), 1, rng).shape == (1, 1)
    assert dmf.symmetric_gaussian_sensing(1, 1, rng).shape == (1, 1)
    assert dmf.entry_sampling((1, 1), 1, rng).forward([[2.0]]).tolist() == [2.0]
    assert dmf.entry_sampling((1, 1), entries=([0], [0])).scale == 1
    assert dmf.entry_sampling((2, 4), entries=([1, 0], [0, 3])).scale == 2  # √(8 / 2)


class NeedsGradient:
    """Like a torch parameter, which NumPy cannot read."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


RNG = np.random.default_rng(0)
BAD = {
    "two axes": (lambda: dmf.dense_sensing(np.ones((2, 3))), ValueError, r"\(n, d_L, d_0\)"),
    "four axes": (lambda: dmf.dense_sensing(np.ones((2, 3, 2, 2))), ValueError, "n, d_L, d_0"),
    "no matrix": (lambda: dmf.dense_sensing(np.ones((0, 2, 2))), ValueError, "not be empty"),
    "one side": (lambda: dmf.gaussian_sensing((3,), 2, RNG), ValueError, "must be a pair"),
    "no side": (lambda: dmf.entry_sampling((3, 0), 2, RNG), ValueError, r"shape\[1\] must be at"),
    "no measurement": (lambda: dmf.gaussian_sensing((3, 2), 0, RNG), ValueError, "at least 1"),
    "half one": (lambda: dmf.gaussian_sensing((3, 2), 1.5, RNG), TypeError, "must be an integer"),
    "too many": (lambda: dmf.entry_sampling((3, 2), 7, RNG), ValueError, "at most 6, the number"),
    "no generator": (lambda: dmf.gaussian_sensing((3, 2), 2, 0), TypeError, "rng must be a numpy"),
    "None": (lambda: dmf.symmetric_gaussian_sensing(3, 2, None), TypeError, "rng must be a numpy"),
    "seed": (lambda: dmf.entry_sampling((3, 2), 2, 5), TypeError, "rng must be a numpy.random.Gen"),
    "legacy": (
        lambda: dmf.gaussian_sensing((3, 2), 2, np.random.RandomState(0)),
        TypeError,
        "rng must be a numpy",
    ),
    "sparse": (lambda: dmf.dense_sensing(csr_array(np.eye(2))), TypeError, "must be a dense array"),
    "parameter": (lambda: dmf.dense_sensing(NeedsGradient()), TypeError, "convertible to a NumPy"),
    "no choice": (lambda: dmf.entry_sampling((3, 2)), TypeError, "must be given, got neither"),
    "no source": (lambda: dmf.entry_sampling((3, 2), 2), TypeError, "rng must be a numpy"),
    "both": (
        lambda: dmf.entry_sampling((3, 2), 2, RNG, entries=([0], [0])),
        TypeError,
        "got both",
    ),
    "side": (lambda: dmf.symmetric_gaussian_sensing(0, 2, RNG), ValueError, "side must be at"),
}


@pytest.mark.parametrize("call, error, message", BAD.values(), ids=BAD)
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
