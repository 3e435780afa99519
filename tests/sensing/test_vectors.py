"""Linear operators on vectors as measurements of matrices."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.linalg import LinearOperator, aslinearoperator

import dmfbook as dmf

SHAPE = (4, 3)
ROWS = np.random.default_rng(0).normal(size=(5, 12))


def test_an_operator_of_a_vector_is_that_of_its_matrix():
    rows = np.random.default_rng(6).normal(size=(5, 12))
    matrix = np.arange(12.0).reshape(SHAPE)
    for given in (
        rows,
        rows.tolist(),
        csr_array(rows),
        csr_array(rows).tocoo(),
        aslinearoperator(rows),
    ):
        operator = dmf.sensing_operator(given, SHAPE)
        np.testing.assert_allclose(operator.forward(matrix), rows @ matrix.T.ravel(), rtol=1e-14)
    rows32 = rows.astype(np.float32)
    single = dmf.sensing_operator(csr_array(rows32), SHAPE)
    assert single.forward(matrix).dtype == single.adjoint(np.ones(5)).dtype == np.float64


def test_an_operator_may_compute_in_single_precision():
    rows = ROWS.astype(np.float32)
    single = LinearOperator(
        (5, 12),
        matvec=lambda x: rows @ x.astype(np.float32),
        rmatvec=lambda y: rows.T @ y.astype(np.float32),
        dtype=np.float32,
    )
    operator, matrix = dmf.sensing_operator(single, SHAPE), np.arange(12.0).reshape(SHAPE)
    found = operator.forward(matrix)
    assert found.dtype == np.float64
    size = 12 * np.abs(rows).max() * 11
    np.testing.assert_allclose(
        found, rows @ matrix.T.ravel(), rtol=0, atol=size * np.finfo(np.float32).eps
    )


def test_stacks_of_any_depth_are_one_product():
    products = []

    class Watched(LinearOperator):
        def __init__(self):
            super().__init__(float, ROWS.shape)

        def _matmat(self, columns):
            products.append(columns.shape)
            return ROWS @ columns

        def _rmatmat(self, columns):
            products.append(columns.shape)
            return ROWS.T @ columns

    operator, dense = (dmf.sensing_operator(given, SHAPE) for given in (Watched(), ROWS))
    stack = np.random.default_rng(1).normal(size=(2, 3, *SHAPE))
    products.clear()
    np.testing.assert_allclose(operator.forward(stack), dense.forward(stack), rtol=1e-13)
    values = dense.forward(stack)
    np.testing.assert_allclose(operator.adjoint(values), dense.adjoint(values), rtol=1e-13)
    assert products == [(12, 6), (5, 6)]


BAD = {
    "wide": (lambda: dmf.sensing_operator(ROWS, (3, 5)), ValueError, r"shape \(n, 15\)"),
    "vector": (lambda: dmf.sensing_operator(ROWS[0], SHAPE), ValueError, "must be a matrix"),
    "complex rows": (lambda: dmf.sensing_operator(1j * ROWS, SHAPE), TypeError, "must hold real"),
    "complex operator": (
        lambda: dmf.sensing_operator(csr_array(1j * ROWS), SHAPE),
        TypeError,
        "operator must be real",
    ),
    "no rows at all": (
        lambda: dmf.sensing_operator(csr_array((0, 12)), SHAPE),
        ValueError,
        r"got \(0, 12\)",
    ),
    "no adjoint": (
        lambda: dmf.sensing_operator(LinearOperator((5, 12), matvec=lambda x: ROWS @ x), SHAPE),
        TypeError,
        "must have an adjoint",
    ),
    "wrong adjoint": (
        lambda: dmf.sensing_operator(
            LinearOperator((5, 12), matvec=lambda x: ROWS @ x, rmatvec=lambda y: -ROWS.T @ y), SHAPE
        ),
        ValueError,
        "must be the adjoint",
    ),
    "NaN rows": (
        lambda: dmf.sensing_operator(csr_array(np.nan * ROWS), SHAPE),
        ValueError,
        "must be finite",
    ),
    "no operator": (lambda: dmf.sensing_operator(None, SHAPE), TypeError, "operator must hold"),
}


@pytest.mark.parametrize("call, error, message", BAD.values(), ids=BAD)
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
