"""The loss of measurements as a quadratic, and what it refuses."""

import copy
import pickle

import joblib
import numpy as np
import pytest

import dmfbook as dmf

RNG = np.random.default_rng(0)
MATRICES, MEASUREMENTS = RNG.normal(size=(6, 4, 3)), RNG.normal(size=6)
LOSS = dmf.Sensing(dmf.dense_sensing(MATRICES), MEASUREMENTS)
X, Z = RNG.normal(size=(2, 4, 3))
LEFT, RIGHT = X @ X.T, X.T @ X


def test_the_loss_is_its_own_quadratic():
    """Sums written out, and ``ℓ(X + Z) = ℓ(X) + ⟨∇ℓ(X), Z⟩ + ½ ⟨Z, ∇²ℓ(X)[Z]⟩``."""
    misfits = [np.sum(s * X) - y for s, y in zip(MATRICES, MEASUREMENTS, strict=True)]
    assert LOSS.value(X) == pytest.approx(sum(m**2 for m in misfits), rel=1e-13)
    slope = sum(2 * m * s for m, s in zip(misfits, MATRICES, strict=True))
    np.testing.assert_allclose(LOSS.gradient(X), slope, rtol=0, atol=1e-13 * np.abs(slope).max())
    bend = np.vdot(Z, LOSS.curvature(X, Z)) / 2
    expected = LOSS.value(X) + np.vdot(LOSS.gradient(X), Z) + bend
    assert LOSS.value(X + Z) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("lead", [(), (2,), (3, 2)])
def test_the_trace_is_a_sum_over_units(lead):
    lefts, rights = np.ones((*lead, 1, 1)) * LEFT, np.ones((*lead[1:], 1, 1)) * RIGHT
    lefts = lefts * np.arange(1.0, 1 + lefts.size // 16).reshape(*lead, 1, 1)
    units = np.eye(12).reshape(12, 4, 3)
    one = sum(np.vdot(LOSS.curvature(X, unit), LEFT @ unit @ RIGHT) for unit in units)
    found = LOSS.curvature_trace(X, lefts, rights)
    assert np.shape(found) == lead
    np.testing.assert_allclose(np.ravel(found), one * np.arange(1, 1 + found.size), rtol=1e-12)
    rights = np.ones((*lead, 1, 1)) * RIGHT
    np.testing.assert_allclose(
        LOSS.curvature_trace(X, LEFT, rights), np.full(lead, one), rtol=1e-12
    )


def test_matrices_of_a_stack_have_each_their_own_loss():
    stack = np.stack([X, Z, X - Z])
    np.testing.assert_allclose(LOSS.value(stack), [LOSS.value(x) for x in stack], rtol=1e-13)
    for many in (LOSS.gradient, lambda x: LOSS.curvature(X, x)):
        np.testing.assert_allclose(many(stack), [many(x) for x in stack], rtol=0, atol=1e-13)


@pytest.mark.parametrize("size", [-300, 0, 1, 300])
def test_units_make_matrices_and_measurements_of_order_one(size):
    """``ℓ(X) = 4^c ℓ'(X / 2^x)``, where neither is above one and one of them is at least a half."""
    for power in (-200, 0, 200):
        loss = dmf.Sensing(LOSS.operator, np.ldexp(MEASUREMENTS, power))
        matrix = np.ldexp(X / np.abs(X).max(), size - 1)  # the largest entry is 2^(size − 1)
        x, c = loss.units(size)
        other, there = loss.in_units(x, c), np.ldexp(matrix, -x)
        assert loss.value(matrix) == np.ldexp(other.value(there), 2 * c)
        assert 0.5 <= max(np.abs(other.measurements).max(), np.abs(there).max()) < 1
    nothing = dmf.Sensing(LOSS.operator, np.zeros(6))
    assert nothing.units(size) == (size, size)
    assert dmf.Sensing(LOSS.operator, np.ones((2, 6))).units(size) is None


def test_a_loss_beyond_float64_is_infinite():
    assert dmf.Sensing(LOSS.operator, 1e200 * MEASUREMENTS).value(X) == np.inf


def test_the_loss_hashes_the_same_after_use():
    before = joblib.hash(LOSS)
    LOSS.gradient(X), LOSS.value(X), LOSS.curvature(X, Z)
    for other in (LOSS, copy.deepcopy(LOSS), pickle.loads(pickle.dumps(LOSS))):
        assert joblib.hash(other) == before and not other.measurements.flags.writeable
    assert repr(LOSS) == "Sensing(6 measurements of 4 × 3 matrices)"


ENTRIES = dmf.Sensing(dmf.entry_sampling((2, 2), entries=([0, 1], [1, 0])), [1.0, 2.0])
BAD = {
    "larger": (lambda: ENTRIES.value(np.ones((3, 3))), ValueError, r"X must have shape \(2, 2\)"),
    "vector": (lambda: ENTRIES.gradient(np.ones(4)), ValueError, r"got \(4,\)"),
    "direction": (lambda: ENTRIES.curvature(np.eye(2), np.ones((2, 3))), ValueError, "Z must have"),
    "complex": (lambda: ENTRIES.gradient(1j * np.eye(2)), TypeError, "X must hold real numbers"),
    "scalar": (lambda: dmf.Sensing(LOSS.operator, 1.0), ValueError, r"must have shape \(6,\)"),
    "text": (lambda: dmf.Sensing(LOSS.operator, ["a"] * 6), TypeError, "measurements must hold"),
    "array": (lambda: dmf.Sensing(MATRICES, MEASUREMENTS), TypeError, "got ndarray; dmfbook.sens"),
}


@pytest.mark.parametrize(("call", "error", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
