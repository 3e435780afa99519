"""The best shrinkage of singular values, and the threshold of each depth, against what defines them."""

import numpy as np
import pytest

import dmfbook as dmf

EPS = np.finfo(float).eps
RATIOS = np.array([1.0, 0.6, 0.1, 1e-3])


@pytest.mark.parametrize("ratio", RATIOS)
def test_shrinkage_is_the_size_times_both_cosines(ratio):
    """Where the spiked model puts the singular value of a signal of size x, and how far it turns its vectors."""
    x = ratio**0.25 * np.geomspace(1.01, 1e4, 200)
    y = np.sqrt((x + 1 / x) * (x + ratio / x))
    cosines = np.sqrt((x**4 - ratio) / (x**4 + ratio * x**2) * (x**4 - ratio) / (x**4 + x**2))
    # Rounding of y moves the value by its derivative, which grows like y over the value towards the edge.
    allowed = 16 * EPS * y * (1 + y / (x * cosines))
    assert (np.abs(dmf.optimal_shrink(y, ratio) - x * cosines) <= allowed).all()


def test_what_noise_alone_gives_goes():
    edges = 1 + np.sqrt(RATIOS)
    np.testing.assert_array_equal(dmf.optimal_shrink(edges * (1 - EPS), RATIOS), 0.0)
    assert (dmf.optimal_shrink(edges * (1 + 1e-9), RATIOS) > 0).all()
    assert dmf.optimal_shrink(0.0) == 0.0


def test_large_values_are_kept_but_for_their_excess():
    y = np.array([1e3, 1e5])
    np.testing.assert_allclose(dmf.optimal_shrink(y, 0.5), y - 1.5 / y, rtol=0, atol=4e-9)
    assert dmf.optimal_shrink(1e300) == 1e300


def test_two_layers_begin_at_the_edge():
    np.testing.assert_allclose(
        dmf.denoising_threshold(2, RATIOS), 1 + np.sqrt(RATIOS), rtol=4 * EPS
    )


def test_a_matrix_is_square_unless_said_otherwise():
    assert dmf.denoising_threshold(3) == pytest.approx(8 / 15**0.5, rel=4 * EPS)


@pytest.mark.parametrize("depth", [3, 4, 7, 40])
def test_at_the_threshold_both_answers_are_as_far_off(depth):
    """Zero is too little by as much as the minimizer that appears there is too much."""
    threshold = dmf.denoising_threshold(depth, RATIOS)
    best = dmf.optimal_shrink(threshold, RATIOS)
    kept = dmf.shrink(threshold, dmf.critical_reg(threshold, depth), depth)
    kept = np.where(kept > 0, kept, threshold * (depth - 2) / (depth - 1))
    np.testing.assert_allclose(kept - best, best, rtol=1e-11)


def test_the_deepest_is_the_hard_threshold():
    """The optimal hard threshold of Gavish and Donoho, for a matrix of any shape."""
    root = np.sqrt(RATIOS**2 + 14 * RATIOS + 1)
    hard = np.sqrt(2 * (RATIOS + 1) + 8 * RATIOS / (RATIOS + 1 + root))
    np.testing.assert_allclose(dmf.denoising_threshold(10**9, RATIOS), hard, rtol=1e-8)


def test_noise_of_another_size_is_another_unit():
    y = np.linspace(0, 9, 50)[:, None]
    np.testing.assert_allclose(
        dmf.optimal_shrink(y, RATIOS, 3.0), 3 * dmf.optimal_shrink(y / 3, RATIOS), rtol=1e-12
    )
    np.testing.assert_allclose(
        dmf.denoising_threshold(4, RATIOS, 3.0),
        3 * dmf.denoising_threshold(4, RATIOS),
        rtol=4 * EPS,
    )


def test_arguments_broadcast():
    assert dmf.denoising_threshold([[2], [3]], RATIOS).shape == (2, 4)
    assert dmf.optimal_shrink(np.ones((3, 1)), RATIOS, 2.0).shape == (3, 4)


BAD = {
    "value": (lambda: dmf.optimal_shrink(-1.0), ValueError, "value must not be negative"),
    "ratio": (lambda: dmf.optimal_shrink(1.0, 1.5), ValueError, "ratio must be at most 1, got 1.5"),
    "no ratio": (lambda: dmf.denoising_threshold(3, 0.0), ValueError, "ratio must be positive"),
    "noise": (lambda: dmf.denoising_threshold(3, 1.0, -1.0), ValueError, "noise must be positive"),
    "depth": (lambda: dmf.denoising_threshold(1), ValueError, "depth must be at least 2"),
    "shapes": (
        lambda: dmf.optimal_shrink(np.ones(2), np.ones(3)),
        ValueError,
        "value, ratio and noise must broadcast",
    ),
}


@pytest.mark.parametrize(("call", "error", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
