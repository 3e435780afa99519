"""Sensing operators against the matrices they stand for."""

import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator

import dmfbook as dmf

SHAPE = (4, 3)


def operators():
    rng = np.random.default_rng(0)
    return {
        "dense": dmf.dense_sensing(rng.normal(size=(5, *SHAPE))),
        "gaussian": dmf.gaussian_sensing(SHAPE, 7, rng),
        "entries": dmf.entry_sampling(SHAPE, 7, rng),
        "all entries": dmf.entry_sampling(SHAPE, 12, rng),
        "symmetric": dmf.symmetric_gaussian_sensing(4, 6, rng),
    }


def matrices_of(operator):
    """Measurement matrices, one at a time, from the images of unit vectors under the adjoint."""
    return np.array([operator.adjoint(unit) for unit in np.eye(operator.shape[0])])


every_operator = pytest.mark.parametrize("operator", operators().values(), ids=operators())


@every_operator
def test_measurements_are_inner_products(operator):
    rng = np.random.default_rng(1)
    matrices = matrices_of(operator)
    stack = rng.normal(size=(2, 3, *operator.matrix_shape))
    expected = np.einsum("kab,xyab->xyk", matrices, stack)
    np.testing.assert_allclose(operator.forward(stack), expected, rtol=0, atol=1e-13)
    np.testing.assert_allclose(operator.forward(stack[1, 2]), expected[1, 2], rtol=0, atol=1e-13)
    values = rng.normal(size=(2, operator.shape[0]))
    back = np.einsum("kab,xk->xab", matrices, values)
    np.testing.assert_allclose(operator.adjoint(values), back, rtol=0, atol=1e-13)


@every_operator
def test_it_is_a_linear_operator_on_stacked_columns(operator):
    rng = np.random.default_rng(2)
    assert isinstance(operator, LinearOperator)
    assert operator.shape[1] == np.prod(operator.matrix_shape)
    rows = np.array([matrix.ravel(order="F") for matrix in matrices_of(operator)])
    matrix, values = rng.normal(size=operator.matrix_shape), rng.normal(size=operator.shape[0])
    close = {"rtol": 0, "atol": 1e-13}
    np.testing.assert_allclose(operator @ np.eye(operator.shape[1]), rows, **close)
    np.testing.assert_allclose(operator @ matrix.ravel(order="F"), rows @ matrix.T.ravel(), **close)
    np.testing.assert_allclose(operator.adjoint() @ np.eye(operator.shape[0]), rows.T, **close)
    np.testing.assert_allclose(operator.H @ values, operator.adjoint(values).T.ravel(), **close)


@every_operator
def test_private_products_are_sums_over_measurements(operator):
    rng = np.random.default_rng(3)
    matrices, (rows, cols) = matrices_of(operator), operator.matrix_shape
    root, other = rng.normal(size=(cols, cols)), rng.normal(size=(rows, rows))
    right, left = root @ root.T, other @ other.T
    for result, expected in (
        (operator._spread(right), sum(s @ right @ s.T for s in matrices)),
        (operator._spread_back(left), sum(s.T @ left @ s for s in matrices)),
        (operator._right_slices(root[:, :2]), matrices @ root[:, :2]),
        (operator._left_slices(other[:, :2]), matrices.mT @ other[:, :2]),
    ):
        np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-12)


@every_operator
def test_orthonormal_measurements_fit_the_same_matrices(operator):
    truth = np.random.default_rng(4).normal(size=operator.matrix_shape)
    orthonormal, values = operator._orthonormal(operator.forward(truth))
    rows = orthonormal @ np.eye(operator.shape[1])
    np.testing.assert_allclose(rows @ rows.T, np.eye(len(rows)), rtol=0, atol=1e-13)
    np.testing.assert_allclose(orthonormal.forward(truth), values, rtol=0, atol=1e-12)
    assert len(rows) == np.linalg.matrix_rank(operator @ np.eye(operator.shape[1]))


def test_dependent_measurements_lose_nothing():
    matrices = np.random.default_rng(5).normal(size=(20, 3, 2))
    operator = dmf.dense_sensing(matrices)
    truth = np.arange(6.0).reshape(3, 2)
    orthonormal, values = operator._orthonormal(operator.forward(truth))
    assert orthonormal.shape == (6, 6)
    np.testing.assert_allclose(orthonormal.adjoint(values), truth, rtol=0, atol=1e-12)


RNG = np.random.default_rng(0)
DENSE = dmf.gaussian_sensing(SHAPE, 7, RNG)
BAD = {
    "wrong matrix": (lambda: DENSE.forward(np.ones((3, 4))), ValueError, r"shape \(4, 3\)"),
    "a vector": (lambda: DENSE.forward(np.ones(12)), ValueError, r"got \(12,\)"),
    "NaN": (lambda: DENSE.forward(np.full(SHAPE, np.nan)), ValueError, "matrices must be finite"),
    "complex": (lambda: DENSE.forward(np.ones(SHAPE) * 1j), TypeError, "matrices must hold real"),
    "wrong measurements": (lambda: DENSE.adjoint(np.ones(6)), ValueError, r"shape \(7,\)"),
    "infinite": (lambda: DENSE.adjoint(np.full(7, np.inf)), ValueError, "measurements must be fin"),
}


@pytest.mark.parametrize("call, error, message", BAD.values(), ids=BAD)
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
