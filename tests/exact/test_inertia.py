"""Signs of eigenvalues against those that floats leave no doubt about, and exact ones by construction."""

import numpy as np
import pytest
from flint import fmpq_mat
from hypothesis import given
from hypothesis import strategies as st

from dmfbook.exact.inertia import Inertia, inertia


@given(st.integers(0, 2**32 - 1), st.integers(1, 7), st.integers(0, 3), st.booleans())
def test_congruence_keeps_signs(seed, size, zeros, hollow):
    rng = np.random.default_rng(seed)
    signs = rng.choice([-1, 1], size)
    signs[:zeros] = 0
    # Unit triangular: invertible, and so exact.
    change = np.tril(rng.integers(-3, 4, (size, size)), -1) + np.eye(size, dtype=int)
    matrix = change @ np.diag(signs) @ change.T
    if hollow:  # a zero diagonal beside it, with an eigenvalue of each sign
        matrix = np.block(
            [
                [matrix, np.zeros((size, 2), int)],
                [np.zeros((2, size), int), np.array([[0, 5], [5, 0]])],
            ]
        )
    wanted = Inertia((signs < 0).sum() + hollow, (signs == 0).sum(), (signs > 0).sum() + hollow)
    assert inertia(fmpq_mat([[int(x) for x in row] for row in matrix])) == wanted


def test_a_hollow_matrix():
    # All ones off the diagonal: eigenvalues n − 1 once and −1 else.
    ones = [[int(i != j) for j in range(6)] for i in range(6)]
    assert inertia(fmpq_mat(ones)) == Inertia(5, 0, 1)


def test_unsymmetric_is_refused():
    with pytest.raises(ValueError, match="symmetric"):
        inertia(fmpq_mat([[1, 2], [3, 4]]))
