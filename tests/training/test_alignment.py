"""Angles and parts of factors against singular value decompositions, one matrix at a time."""

import numpy as np
import pytest
from scipy.linalg import subspace_angles

import dmfbook as dmf


def test_angles_and_parts():
    rng = np.random.default_rng(8)
    basis = np.linalg.qr(rng.normal(size=(5, 2)))[0]
    stack = rng.normal(size=(3, 5, 4))
    sines, signal, noise = (
        watch(stack, basis) for watch in (dmf.misalignment, dmf.signal_values, dmf.noise_norm)
    )
    for i, matrix in enumerate(stack):
        leading = np.linalg.svd(matrix)[0][:, :2]
        assert sines[i] == pytest.approx(np.sin(subspace_angles(leading, basis)[0]), rel=1e-9)
        inside = basis @ basis.T @ matrix
        assert signal[i] == pytest.approx(np.linalg.svd(inside, compute_uv=False)[:2], rel=1e-9)
        assert noise[i] == pytest.approx(np.linalg.norm(matrix - inside, 2), rel=1e-9)
        assert dmf.misalignment(matrix, basis) == pytest.approx(sines[i])


def test_small_angles_are_accurate():
    matrix = np.array([[1.0, 0.0], [1e-12, 0.0], [0.0, 1e-3]])
    assert dmf.misalignment(matrix, np.eye(3, 1)) == pytest.approx(1e-12, rel=1e-3)


@pytest.mark.parametrize("power", [-400, -1, 400, 1000])
def test_any_scale_will_do(power):
    rng = np.random.default_rng(9)
    basis, stack = np.linalg.qr(rng.normal(size=(5, 2)))[0], rng.normal(size=(3, 5, 4))
    scaled = np.ldexp(stack, power)
    scaled[1] = stack[1]  # a matrix of a stack may have a scale of its own
    for watch, degree in ((dmf.misalignment, 0), (dmf.signal_values, 1), (dmf.noise_norm, 1)):
        expected = watch(stack, basis)
        expected[::2] = np.ldexp(expected[::2], degree * power)
        np.testing.assert_array_equal(watch(scaled, basis), expected)


def test_entries_of_one_matrix_may_differ_in_scale():
    matrix = np.diag(2.0 ** np.array([1000, 0, -1000]))
    for k in range(3):
        values = dmf.signal_values(matrix, np.eye(3)[:, [k]])
        assert values.tolist() == [matrix[k, k]]
    assert dmf.noise_norm(matrix, np.eye(3, 1)) == 1
    assert dmf.noise_norm(matrix + 2.0**-900, np.eye(3, 2)) >= 2.0**-900
    spread = np.ldexp(np.ones((2, 2)), [[1000, -1000], [-1000, -1000]])
    assert dmf.signal_values(spread, np.eye(2, 1)).tolist() == [2.0**1000]
    assert dmf.misalignment(spread, np.eye(2, 1)) == 0


def test_a_basis_is_orthonormal_up_to_rounding():
    rng = np.random.default_rng(10)
    for shape in ((2, 1), (5, 2), (60, 60), (400, 30)):
        basis = np.linalg.qr(rng.normal(size=shape))[0]
        dmf.noise_norm(np.ones((shape[0], shape[1])), basis)
        dmf.noise_norm(np.ones((shape[0], shape[1])), np.linalg.svd(basis)[0][:, : shape[1]])
        for wrong in (2 * basis, basis * (1 + 1e-9), np.hstack([basis[:, :1]] * 2), 1e200 * basis):
            if wrong.shape[1] > shape[1]:
                continue
            for watch in (dmf.misalignment, dmf.signal_values, dmf.noise_norm):
                with pytest.raises(ValueError, match="basis must have orthonormal columns"):
                    watch(np.ones((shape[0], wrong.shape[1])), wrong)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="must have 3 rows"):
        dmf.misalignment(np.ones((4, 2)), np.ones((3, 1)))
    with pytest.raises(ValueError, match="at least 2 columns"):
        dmf.noise_norm(np.ones((4, 1)), np.eye(4, 2))
    with pytest.raises(ValueError, match="must have 5 rows and at least 3 columns"):
        dmf.noise_norm(np.ones((4, 5, 2)), np.eye(5, 3))
    with pytest.raises(ValueError, match="must have 5 rows"):
        dmf.noise_norm(np.ones(5), np.eye(5, 1))
    with pytest.raises(ValueError, match="basis must be a matrix"):
        dmf.signal_values(np.ones((4, 1)), np.ones(4))
    with pytest.raises(ValueError, match="matrices must be finite"):
        dmf.signal_values(np.full((4, 1), np.nan), np.eye(4, 1))
