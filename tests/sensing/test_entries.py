"""Entries of the caller's choice: their order, their memory, and what is refused."""

import tracemalloc

import numpy as np
import pytest
from scipy.sparse import csr_array

import dmfbook as dmf


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


@pytest.mark.parametrize("shape", [(4, 3), (3, 4)])
def test_last_rows_and_columns_may_be_unseen(shape):
    operator = dmf.entry_sampling(shape, entries=([0, 1, 1], [1, 0, 1]))
    dense = dmf.dense_sensing([operator.adjoint(unit) for unit in np.eye(3)])
    left, right = (np.arange(1.0, side + 1) + np.eye(side) for side in shape)
    found, expected = (
        dmf.Sensing(each, np.ones(3)).curvature_trace(
            np.ones(shape), left + left.T, right + right.T
        )
        for each in (operator, dense)
    )
    assert found == pytest.approx(expected, rel=1e-13)


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


def own(shape, entries):
    return lambda: dmf.entry_sampling(shape, entries=entries)


BAD = {
    "negative": (
        own((3, 2), ([0, -1], [0, 1])),
        ValueError,
        "rows of entries must lie from 0 to 2",
    ),
    "beyond": (
        own((3, 2), ([0, 1], [0, 2])),
        ValueError,
        "columns of entries must lie from 0 to 1",
    ),
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
    "two entries": (own((4, 3), [(0, 2), (1, 1)]), TypeError, r"hand over a tuple \(rows, cols\)"),
    # Rows [1, 0, 1] and columns [0, 1, 1], or a mask?
    "ambiguous": (own((2, 3), [[1, 0, 1], [0, 1, 1]]), TypeError, "or a mask of dtype bool"),
}


@pytest.mark.parametrize("call, error, message", BAD.values(), ids=BAD)
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
