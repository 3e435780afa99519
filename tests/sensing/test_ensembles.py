"""Ensembles of measurements: their scale, their structure, what they refuse."""

import tracemalloc

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


def test_entry_sampling_forms_no_matrices():
    operator = dmf.entry_sampling((3000, 2000), 500, np.random.default_rng(9))
    assert operator.forward(np.ones((3000, 2000))).shape == (500,)


def test_own_entries_are_taken_in_their_order():
    matrix = np.arange(12.0).reshape(4, 3)
    rows, cols = [3, 0, 3], [0, 2, 1]
    for entries in ((rows, cols), (np.array(rows), np.array(cols, float)), np.array([rows, cols])):
        operator = dmf.entry_sampling((4, 3), entries=entries)
        assert operator.scale == 2.0  # √(12 / 3)
        np.testing.assert_array_equal(operator.forward(matrix), 2 * matrix[rows, cols])
        np.testing.assert_array_equal(operator.entries, [rows, cols])


def test_a_mask_is_taken_row_by_row():
    mask = np.random.default_rng(10).integers(2, size=(4, 3)).astype(bool)
    matrix = np.arange(12.0).reshape(4, 3)
    for entries in (mask, mask.tolist(), np.nonzero(mask), np.array(np.nonzero(mask))):
        operator = dmf.entry_sampling((4, 3), entries=entries)
        np.testing.assert_array_equal(operator.forward(matrix), operator.scale * matrix[mask])
    np.testing.assert_array_equal(operator.entries, np.nonzero(mask))


def test_entries_are_the_caller_s_to_read_and_nobody_s_to_write():
    rows, cols = np.array([0, 1]), np.array([1, 1])
    operator = dmf.entry_sampling((2, 2), entries=(rows, cols))
    rows[:] = 7
    np.testing.assert_array_equal(operator.entries[0], [0, 1])
    with pytest.raises(ValueError, match="read-only"):
        operator.entries[1][0] = 0
    drawn = dmf.entry_sampling((4, 3), 5, np.random.default_rng(11))
    again = dmf.entry_sampling((4, 3), entries=drawn.entries)
    matrix = np.arange(12.0).reshape(4, 3)
    np.testing.assert_array_equal(again.forward(matrix), drawn.forward(matrix))


def test_completion_of_a_large_matrix_takes_the_memory_of_a_few_matrices():
    side, rank, count = 1000, 5, 100_000
    dense = 8 * side * side  # one measured matrix; a list of measurement matrices would be 100,000
    tracemalloc.start()
    try:
        operator = dmf.entry_sampling((side, side), count, np.random.default_rng(12))
        assert tracemalloc.get_traced_memory()[0] < 1.1 * 2 * 8 * count  # two indices an entry
        truth = np.ones((side, rank)) @ np.ones((rank, side))
        loss = dmf.Sensing(operator, operator.forward(truth))
        problem = dmf.Problem(loss, (rank,), reg=0.1)
        factors = [np.ones((rank, side)) / 2, np.ones((side, rank))]
        calls = {
            "value": lambda: problem.loss(factors),
            "gradient": lambda: problem.gradient(factors),
            "curvature": lambda: loss.curvature(truth, truth),
            "trace": lambda: dmf.hessian_trace(problem, factors),
            "sensing trace": lambda: dmf.sensing_hessian_trace(operator, factors),
            "product": lambda: dmf.hessian_operator(problem, factors) @ np.ones(problem.size),
        }
        peaks = {}
        for name, call in calls.items():
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            call()
            peaks[name] = (tracemalloc.get_traced_memory()[1] - before) / dense
    finally:
        tracemalloc.stop()
    assert max(peaks.values()) < 8, peaks


class NeedsGradient:
    """Like a torch parameter, which NumPy cannot read."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


def own(shape, entries):
    return lambda: dmf.entry_sampling(shape, entries=entries)


RNG = np.random.default_rng(0)
BAD = {
    "two axes": (lambda: dmf.dense_sensing(np.ones((2, 3))), ValueError, r"\(n, d_L, d_0\)"),
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
    "negative": (own((3, 2), ([-1], [0])), ValueError, "rows of entries must lie from 0 to 2"),
    "beyond": (own((3, 2), ([0], [2])), ValueError, "columns of entries must lie from 0 to 1"),
    "repeated": (own((3, 2), ([1, 0, 1], [1, 0, 1])), ValueError, r"distinct, got \(1, 1\) more"),
    "unequal": (own((3, 2), ([0, 1], [0])), ValueError, "equally many, got 2 and 1"),
    "halves": (own((3, 2), ([0.5], [0])), TypeError, "rows of entries must be integers"),
    "empty": (own((3, 2), ([], [])), ValueError, "not empty"),
    "masks": (own((3, 2), ([True], [False])), TypeError, "rows of entries must be integers"),
    "three": (own((3, 2), ([0], [0], [0])), TypeError, "or a pair"),
    "a number": (own((3, 2), 5), TypeError, "or a pair"),
    "transposed": (own((3, 2), np.ones((2, 3), bool)), ValueError, r"shape \(3, 2\), got \(2, 3\)"),
    "nowhere": (own((3, 2), np.zeros((3, 2), bool)), ValueError, "true somewhere"),
    "sparse mask": (own((2, 2), csr_array(np.eye(2, dtype=bool))), TypeError, "got a sparse one"),
    "masked": (own((2, 2), np.ma.masked_array(np.eye(2))), TypeError, "must not be a masked array"),
    # Rows [1, 0, 1] and columns [0, 1, 1], or a mask?
    "ambiguous": (own((2, 3), [[1, 0, 1], [0, 1, 1]]), TypeError, "or a mask of dtype bool"),
    "side": (lambda: dmf.symmetric_gaussian_sensing(0, 2, RNG), ValueError, "side must be at"),
}


@pytest.mark.parametrize("call, error, message", BAD.values(), ids=BAD)
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
