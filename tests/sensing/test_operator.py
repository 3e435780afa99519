"""Sensing operators against the matrices they stand for."""

import copy
import pickle

import joblib
import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.linalg import LinearOperator, aslinearoperator

import dmfbook as dmf

SHAPE = (4, 3)


class Margins(dmf.SensingOperator):
    """Sums of rows and of columns: an operator of a reader's own, with nothing but the two methods."""

    def __init__(self, rows, cols):
        super().__init__(rows + cols, (rows, cols))

    def measure(self, matrices):
        return np.concatenate([matrices.sum(axis=-1), matrices.sum(axis=-2)], axis=-1)

    def back(self, measurements):
        rows = self.matrix_shape[0]
        return measurements[..., :rows, None] + measurements[..., None, rows:]


def operators():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(5, 12)) * rng.integers(2, size=(5, 12))
    return {
        "dense": dmf.dense_sensing(rng.normal(size=(5, *SHAPE))),
        "gaussian": dmf.gaussian_sensing(SHAPE, 7, rng),
        "entries": dmf.entry_sampling(SHAPE, 7, rng),
        "all entries": dmf.entry_sampling(SHAPE, 12, rng),
        "own entries": dmf.entry_sampling(SHAPE, entries=([3, 0, 3], [0, 2, 1])),
        "symmetric": dmf.symmetric_gaussian_sensing(4, 6, rng),
        "own": Margins(*SHAPE),
        "array": dmf.sensing_operator(rows, SHAPE),
        "sparse": dmf.sensing_operator(csr_array(rows), SHAPE),
        "scipy": dmf.sensing_operator(2 * aslinearoperator(rows), SHAPE),
        "as many as entries": dmf.sensing_operator(csr_array(np.diag(np.arange(1.0, 13))), SHAPE),
        "another": dmf.sensing_operator(dmf.gaussian_sensing(SHAPE, 7, rng), SHAPE),
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
@pytest.mark.parametrize("block", [2**22, 40, 1])  # all matrices at once, two or three, and one
def test_private_products_are_sums_over_measurements(operator, block, monkeypatch):
    monkeypatch.setattr("dmfbook.sensing.operator.BLOCK_ENTRIES", block)
    rng = np.random.default_rng(3)
    matrices, (rows, cols) = matrices_of(operator), operator.matrix_shape
    root, other = rng.normal(size=(cols, cols)), rng.normal(size=(rows, rows))
    right, left = root + root.T, other + other.T  # of any signature

    def gram(slices):
        flat = slices.reshape(len(slices), -1)
        return flat.T @ flat

    for result, expected in (
        (operator._spread(right), sum(s @ right @ s.T for s in matrices)),
        (operator._spread_back(left), sum(s.T @ left @ s for s in matrices)),
        (operator._right_gram(root[:, :2]), gram(matrices @ root[:, :2])),
        (operator._left_gram(other[:, :2]), gram(matrices.mT @ other[:, :2])),
    ):
        np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-12)


@every_operator
@pytest.mark.parametrize("block", [2**22, 40])
def test_orthonormal_measurements_fit_the_same_matrices(operator, block, monkeypatch):
    monkeypatch.setattr("dmfbook.sensing.operator.BLOCK_ENTRIES", block)
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


def test_one_measurement_is_enough_and_none_is_not():
    truth = np.arange(6.0).reshape(3, 2)
    operator = dmf.dense_sensing([truth, 2 * truth])
    orthonormal, values = operator._orthonormal(operator.forward(truth))
    assert orthonormal.shape == (1, 6)
    np.testing.assert_allclose(orthonormal.adjoint(values), truth, rtol=0, atol=1e-13)
    with pytest.raises(ValueError, match="operator must not vanish"):
        dmf.dense_sensing(np.zeros((2, 3, 2)))._orthonormal(np.zeros(2))


@pytest.mark.parametrize("power", [-200, 0, 200])
def test_measurements_that_differ_little_are_independent_up_to_rounding(power):
    """Two that are alike in six digits, and their sum."""
    one, other = np.random.default_rng(12).normal(size=(2, 3, 2))
    near = one + 1e-6 * other
    operator = dmf.dense_sensing(np.ldexp([one, near, one + near], power))
    orthonormal, values = operator._orthonormal(operator.forward(other))
    assert orthonormal.shape == (2, 6)
    np.testing.assert_allclose(orthonormal.forward(other), values, rtol=0, atol=1e-9)
    rows = orthonormal @ np.eye(6)
    np.testing.assert_allclose(rows @ rows.T, np.eye(2), rtol=0, atol=1e-13)
    np.testing.assert_allclose(rows.T @ rows @ other.T.ravel(), other.T.ravel(), rtol=0, atol=1e-9)


@every_operator
def test_vectors_are_real_and_blocks_may_be_empty(operator):
    n, size = operator.shape
    for view, length in ((operator, size), (operator.H, n), (operator.T, n)):
        assert (view @ np.empty((length, 0))).shape == (view.shape[0], 0)
        np.testing.assert_array_equal(view @ np.ones(length, dtype=bool), view @ np.ones(length))
        for wrong in (np.ones(length) * 1j, np.ones((length, 2)) * 1j):
            with pytest.raises(TypeError, match="acts on real vectors"):
                view @ wrong
        with pytest.raises(TypeError):
            view @ np.full(length, None)
    with pytest.raises(TypeError, match="measurements must hold real numbers"):
        operator.adjoint(np.ones(n) * 1j)


@every_operator
def test_scipy_composes_operators(operator):
    rng = np.random.default_rng(7)
    rows, vector = operator @ np.eye(operator.shape[1]), rng.normal(size=operator.shape[1])
    close = {"rtol": 1e-12, "atol": 1e-12}
    np.testing.assert_allclose((2 * operator) @ vector, 2 * rows @ vector, **close)
    np.testing.assert_allclose((operator.H * operator) @ vector, rows.T @ rows @ vector, **close)
    np.testing.assert_allclose(operator.T @ rows, rows.T @ rows, **close)


@every_operator
@pytest.mark.parametrize("power", [-400, -3, 400])
def test_operators_are_linear_at_any_scale(operator, power):
    rng = np.random.default_rng(8)
    matrix, values = rng.normal(size=operator.matrix_shape), rng.normal(size=operator.shape[0])
    s = 2.0**power
    np.testing.assert_array_equal(operator.forward(s * matrix), s * operator.forward(matrix))
    np.testing.assert_array_equal(operator.adjoint(s * values), s * operator.adjoint(values))


@every_operator
def test_operators_survive_pickle_and_stay_read_only(operator):
    matrix = np.random.default_rng(9).normal(size=operator.matrix_shape)
    before = joblib.hash(operator)
    values = operator.forward(matrix)
    dmf.Sensing(operator, values).gradient(matrix)
    dmf.isometry_lower_bound(operator, 1, np.random.default_rng(0), starts=1)
    assert joblib.hash(operator) == before
    for other in (pickle.loads(pickle.dumps(operator)), copy.deepcopy(operator)):
        assert type(other) is type(operator) and other.matrix_shape == operator.matrix_shape
        np.testing.assert_array_equal(other.forward(matrix), values)
        assert joblib.hash(other) == before
        arrays = [value for value in vars(other).values() if isinstance(value, np.ndarray)]
        assert not any(array.flags.writeable for array in arrays)


@every_operator
def test_an_operator_prints_its_size(operator):
    n, (rows, cols) = operator.shape[0], operator.matrix_shape
    assert f"{n} measurements of {rows} × {cols} matrices" in repr(operator)


def test_measurements_beyond_float64_are_an_error():
    operator = dmf.dense_sensing(2.0**600 * np.ones((2, 3, 4)))
    with pytest.raises(OverflowError, match="a measurement is beyond the range"):
        operator.forward(2.0**600 * np.ones((3, 4)))
    with pytest.raises(OverflowError, match="a matrix of measurements is beyond"):
        operator.adjoint([2.0**600, 1.0])


def test_given_matrices_are_copied():
    for matrices in (np.ones((2, 3, 4)), np.ones((2, 4, 3)).mT):
        operator = dmf.dense_sensing(matrices)
        matrices[:] = 7
        np.testing.assert_array_equal(operator.forward(np.ones((3, 4))), [12.0, 12.0])


class Halved(Margins):
    def back(self, measurements):
        return super().back(measurements) / 2


class Transposed(Margins):
    def back(self, measurements):
        return super().back(measurements).mT


class Silent(Margins):
    def measure(self, matrices):
        pass


class Single(Margins):
    """Knows no stacks."""

    def measure(self, matrices):
        return np.append(matrices.sum(axis=1), matrices.sum(axis=0))


class Writing(Margins):
    """Writes to its argument."""

    def measure(self, matrices):
        matrices *= 1.0
        return super().measure(matrices)


class Unborn(Margins):
    def __init__(self, rows, cols):
        pass


class OneWay(dmf.SensingOperator):
    def measure(self, matrices):
        return matrices[..., 0, :1]


UNFIT = {
    "halved": (Halved, ValueError, "back must be the adjoint of measure"),
    "transposed": (Transposed, ValueError, r"Transposed.back must return shape \(2, 4, 3\)"),
    "silent": (Silent, TypeError, "the result of Silent.measure must hold real numbers"),
    "writing": (Writing, ValueError, "read-only"),
    "unborn": (Unborn, TypeError, r"Unborn.__init__ must call super\(\).__init__"),
    "single": (Single, ValueError, r"Single.measure must return shape \(2, 7\)"),
}


@pytest.mark.parametrize(("cls", "error", "message"), UNFIT.values(), ids=UNFIT)
def test_unfit_operators_are_refused_before_use(cls, error, message):
    operator, values = cls(*SHAPE), np.ones(7)
    for call in (
        lambda: dmf.Sensing(operator, values),
        lambda: dmf.SensingProblem(operator, values),
        lambda: dmf.isometry_lower_bound(operator, 1, RNG),
        lambda: dmf.flattest_interpolator(operator, values, (2,)),
    ):
        with pytest.raises(error, match=message):
            call()


@pytest.mark.parametrize("power", [-300, -40, 40, 300])
def test_operators_are_tried_in_units_of_their_own(power):
    class Scaled(Margins):
        """In other units."""

        def measure(self, matrices):
            return np.ldexp(super().measure(matrices), power)

        def back(self, measurements):
            return np.ldexp(super().back(measurements), power)

    class Unequal(Scaled):
        def back(self, measurements):
            return super().back(measurements) * (1 + 1e-6)

    dmf.Sensing(Scaled(*SHAPE), np.ones(7))
    with pytest.raises(ValueError, match="back must be the adjoint of measure"):
        dmf.Sensing(Unequal(*SHAPE), np.ones(7))


def test_an_operator_may_see_nothing():
    operator = dmf.sensing_operator(csr_array((5, 12)), SHAPE)
    assert not operator.forward(np.ones(SHAPE)).any()


def test_an_operator_needs_both_methods():
    with pytest.raises(TypeError, match="abstract.*back"):
        OneWay(1, SHAPE)
    with pytest.raises(TypeError, match="abstract"):
        dmf.SensingOperator(1, SHAPE)


RNG = np.random.default_rng(0)
DENSE = dmf.gaussian_sensing(SHAPE, 7, RNG)
BAD = {
    "wrong matrix": (lambda: DENSE.forward(np.ones((3, 4))), ValueError, r"shape \(4, 3\)"),
    "a vector": (lambda: DENSE.forward(np.ones(12)), ValueError, r"got \(12,\)"),
    "NaN": (lambda: DENSE.forward(np.full(SHAPE, np.nan)), ValueError, "matrices must be finite"),
    "complex": (lambda: DENSE.forward(np.ones(SHAPE) * 1j), TypeError, "matrices must hold real"),
    "wrong measurements": (lambda: DENSE.adjoint(np.ones(6)), ValueError, r"shape \(7,\)"),
    "infinite": (lambda: DENSE.adjoint(np.full(7, np.inf)), ValueError, "measurements must be fin"),
    "no count": (lambda: Margins(0, 0), ValueError, "measurements must be at least 1"),
    "no rows": (lambda: Margins(0, 2), ValueError, r"shape\[0\] must be at least 1"),
    "sparse": (lambda: DENSE.forward(csr_array(np.eye(4, 3))), TypeError, "must be a dense array"),
}


@pytest.mark.parametrize("call, error, message", BAD.values(), ids=BAD)
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
