"""The spectrum from the blocks against the dense Hessian, Lanczos, closed forms and its own sums."""

import copy
import os
import pickle
import subprocess
import sys
import tracemalloc
from itertools import islice

import numpy as np
import pytest
from critical_cases import accuracy, all_points, regularized_problems, rotated
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse.linalg import eigsh
from strategies import EPS, absolute, np_abs

import dmfbook as dmf
from dmfbook.regularized import blocks

TOLERANCE = 1e-10


def dense_spectrum(point, factors) -> np.ndarray:
    """Eigenvalues of the dense Hessian."""
    return np.linalg.eigvalsh(dmf.hessian(point.problem, factors))


def error_bound(point) -> float:
    """Bound on the distance of the dense spectrum from the exact one, and from ours.

    Weyl's inequality on the error of the entries, and the backward error of the dense solver.
    """
    factors = point.factors()
    scale = np.linalg.norm(dmf.hessian(absolute(point.problem), np_abs(factors)), 2)
    return (accuracy(point.problem) + point.problem.size * EPS) * scale


@given(regularized_problems(max_depth=6, max_width=3))
def test_spectrum_is_that_of_the_dense_hessian(problem):
    for point in all_points(problem):
        expected = dense_spectrum(point, point.factors())
        error = abs(dmf.hessian_spectrum(point) - expected).max()
        assert error <= error_bound(point)
        assert error <= TOLERANCE * abs(expected).max()


DEEP = {
    "depth 2": ((9, 12, 7), (5.0, 4.0, 3.0, 2.5, 2.5, 0.7, 0.0), 0.8),
    "depth 3, bottleneck": ((8, 5, 9, 8), (5.0, 4.0, 3.9, 3.0, 2.5, 2.0, 0.3, 0.0), 0.5),
    "depth 4": ((6, 8, 7, 6, 9), (5.0, 4.0, 3.5, 3.0, 3.0, 0.1), 0.4),
    "depth 6": ((4, 5, 4, 6, 4, 5, 4), (5.0, 4.0, 3.0, 0.5), 0.3),
    "depth 12": ((3, *(4, 5) * 5, 4, 2), (4.0, 3.0), 0.1),
    "depth 30": ((2, *(2, 3) * 14, 3, 2), (4.0, 3.0), 0.05),
}


@pytest.mark.parametrize("weights", ["equal", "unequal"])
@pytest.mark.parametrize("case", DEEP, ids=str)
def test_larger_spectra_and_a_control(case, weights):
    shape, values, reg = DEEP[case]
    rng = np.random.default_rng(0)
    if weights == "unequal":
        reg = reg * rng.uniform(0.4, 1.6, len(shape) - 1)
    problem = rotated(shape, values, reg, rng)
    for point in [dmf.global_minimizer(problem), *islice(dmf.critical_points(problem), 3, 50, 9)]:
        found = dmf.hessian_spectrum(point)
        factors = point.factors(rng)
        expected = dense_spectrum(point, factors)
        limit = TOLERANCE * abs(expected).max()
        assert abs(found - expected).max() <= limit
        # Control: a weight altered by one part in a million is seen.
        altered = dmf.Problem(problem.target, shape[1:-1], np.multiply(problem.reg, 1 + 1e-6))
        assert abs(found - np.linalg.eigvalsh(dmf.hessian(altered, factors))).max() > limit


def test_without_regularization_spectra_of_minimizers_differ():
    problem = dmf.Problem([[1.0]], (1, 1))
    spectra = [
        np.linalg.eigvalsh(dmf.hessian(problem, [[[t]], [[1.0]], [[1 / t]]])) for t in (1.0, 2.0)
    ]
    assert abs(spectra[0] - spectra[1]).max() > 1


@pytest.mark.parametrize("hidden", [(3,), (2, 5), (4, 1, 3), (2, 3, 3, 2)])
def test_scalar_factorization(hidden):
    depth, reg = len(hidden) + 1, 0.3
    point = dmf.global_minimizer(dmf.Problem([[3.0]], hidden, reg))
    (s,) = point.end_to_end_values
    extra = np.array(hidden) - 1
    expected = np.repeat(
        [2 * depth * s ** (2 - 2 / depth) - 2 * (depth - 2) * reg, 4 * reg, 2 * reg, 0],
        [1, depth - 1 + extra.sum(), extra[1:] @ extra[:-1], extra.sum()],
    )
    np.testing.assert_allclose(
        dmf.hessian_spectrum(point), np.sort(expected), atol=8 * depth * EPS * expected.max()
    )


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_numbers_with_weights_of_their_own_have_extremes(depth):
    point = dmf.global_minimizer(
        dmf.Problem([[3.0]], [1] * (depth - 1), np.linspace(0.1, 0.2, depth))
    )
    expected = dense_spectrum(point, point.factors())
    np.testing.assert_allclose(dmf.hessian_extremes(point), expected[[0, -1]], rtol=TOLERANCE)
    assert dmf.spectral_density(point, 3).counts.sum() == depth


@given(regularized_problems(max_depth=6), st.integers(1, 30))
def test_sums_extremes_and_counts_need_no_spectrum(problem, bins):
    for point in islice(dmf.critical_points(problem), 10):
        spectrum = dmf.hessian_spectrum(point)
        size = abs(spectrum).max()
        rounding = 16 * (problem.depth + problem.widths[0] + problem.widths[-1]) * EPS * size
        assert spectrum.shape == (problem.size,)
        assert np.all(spectrum[1:] >= spectrum[:-1])
        assert abs(spectrum.sum() - point.trace) <= problem.size * rounding
        assert abs(np.array(dmf.hessian_extremes(point)) - spectrum[[0, -1]]).max() <= rounding
        assert np.count_nonzero(spectrum < -rounding) == point.morse_index
        assert np.count_nonzero(abs(spectrum) <= rounding) == point.nullity
        density = dmf.spectral_density(point, bins)
        assert density.counts.dtype == np.int64
        assert density.counts.sum() == problem.size
        # Within rounding of an edge an eigenvalue may be counted on either side.
        below = np.cumsum(density.counts)[:-1]
        for edge, count in zip(density.edges[1:-1], below, strict=True):
            low, high = np.searchsorted(spectrum, [edge - rounding, edge + rounding])
            assert low <= count <= high


def test_density_in_a_window():
    point = dmf.global_minimizer(dmf.Problem(np.diag([4.0, 2.0]), (3,), reg=0.5))
    spectrum = dmf.hessian_spectrum(point)
    edges = [-1.0, 1.0, 5.0, 5.5]
    density = dmf.spectral_density(point, edges)
    np.testing.assert_array_equal(density.edges, edges)
    np.testing.assert_array_equal(density.counts, np.histogram(spectrum, edges)[0])


def test_density_where_all_eigenvalues_are_equal():
    point = next(dmf.critical_points(dmf.Problem(np.eye(3), (3, 3), reg=0.5)))
    density = dmf.spectral_density(point, bins=4)
    assert density.counts.sum() == 27
    assert np.all(np.diff(density.edges) > 0)
    np.testing.assert_allclose(dmf.hessian_spectrum(point), 1.0)


def test_progress_bar_is_optional():
    program = (
        "import numpy as np, dmfbook as dmf\n"
        "point = dmf.global_minimizer(dmf.Problem(np.diag([4.0, 2.0]), (3,), reg=0.5))\n"
        "print(dmf.spectral_density(point, progress={}).counts)"
    )
    # Another process, since test runs switch progress bars off.
    shows = {name: value for name, value in os.environ.items() if name != "TQDM_DISABLE"}
    silent, shown = (
        subprocess.run(
            [sys.executable, "-c", program.format(progress)],
            env=shows,
            capture_output=True,
            text=True,
            check=True,
        )
        for progress in (False, True)
    )
    assert silent.stderr == ""
    assert "100%" in shown.stderr
    assert silent.stdout == shown.stdout


@pytest.mark.parametrize("reg", [0.1, (0.1, 0.2, 0.15)])
def test_tiles_change_nothing_but_rounding(reg, monkeypatch):
    rng = np.random.default_rng(1)
    problem = rotated((7, 9, 8, 6), np.linspace(0.1, 2, 6), reg, rng)
    point = dmf.global_minimizer(problem)
    whole = dmf.hessian_spectrum(point)
    monkeypatch.setattr(blocks, "TILE_ENTRIES", 1)
    assert len(list(blocks.ActiveBlocks(point).tiles())) == point.rank > 2
    np.testing.assert_allclose(dmf.hessian_spectrum(point), whole, atol=32 * EPS * whole[-1])
    counts = dmf.spectral_density(point, [-1, 0.5, 1.5, 50]).counts
    np.testing.assert_array_equal(counts, np.histogram(whole, [-1, 0.5, 1.5, 50])[0])


@pytest.mark.parametrize("reg", [0.4, (0.3, 0.5, 0.4)])
def test_extremes_agree_with_lanczos(reg):
    rng = np.random.default_rng(2)
    problem = dmf.Problem(rng.standard_normal((60, 50)) / 3, (55, 70), reg)
    for point in [dmf.global_minimizer(problem), *islice(dmf.critical_points(problem), 1, 4, 2)]:
        operator = dmf.hessian_operator(problem, point.factors())
        smallest, largest = dmf.hessian_extremes(point)
        start = rng.standard_normal(problem.size)
        found = eigsh(operator, k=1, which="LA", tol=1e-12, v0=start, return_eigenvectors=False)
        assert found[0] == pytest.approx(largest, rel=TOLERANCE)
        if point.morse_index == 1:  # alone below a crowd of zeros otherwise
            low = eigsh(operator, k=1, which="SA", tol=1e-12, v0=start, return_eigenvectors=False)
            assert low[0] == pytest.approx(smallest, rel=TOLERANCE)


def sharpness_formula(point) -> float:
    """Largest eigenvalue at the global minimizer, equal weights: three blocks compete."""
    depth, reg = point.problem.depth, point.mean_reg
    (w, v), (sigma, tau) = point.mode_values[:2], point.target_values[:2]
    alone = 2 * depth * w ** (2 * depth - 2) - 2 * (depth - 2) * reg
    slope = sum(w ** (depth - 1 - l) * v**l for l in range(depth))
    return max(alone, 2 * (sigma + tau) * slope / (w + v), 4 * reg)


@pytest.mark.parametrize("depth", [2, 3, 4, 5, 8])
@pytest.mark.parametrize("second", [0.0, 0.5, 0.9, 0.999, 1.0])
@pytest.mark.parametrize("first", [1.0001, 1.2, 3.0])
def test_sharpness_of_the_global_minimizer(depth, first, second):
    reg = 0.7
    values = dmf.collapse_threshold(reg, depth) * first * np.array([1, second, 0.5 * second])
    point = dmf.global_minimizer(dmf.Problem(np.diag(values), (3,) * (depth - 1), reg))
    expected = sharpness_formula(point)
    assert dmf.hessian_extremes(point)[1] == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("depth", [2, 3, 4, 7])
def test_two_equal_leading_modes_are_sharper_than_one_at_every_depth(depth):
    reg = 0.2
    sharpness = []
    for target in (np.diag([3.0, 0.0]), np.diag([3.0, 3.0])):
        point = dmf.global_minimizer(dmf.Problem(target, (2,) * (depth - 1), reg))
        sharpness.append(dmf.hessian_extremes(point)[1])
    if depth > 2:
        assert sharpness[1] - sharpness[0] == pytest.approx(4 * (depth - 1) * reg)
    w = point.mode_values[0]
    assert sharpness[1] == pytest.approx(2 * depth * (w ** (2 * depth - 2) + reg))


@pytest.mark.parametrize("rank", [300, 150])
def test_a_million_parameters_within_twice_the_output(rank):
    values = np.linspace(2, 0.5, 300)
    reg = 0.999 * dmf.critical_reg(values[rank - 1], 10)
    point = dmf.global_minimizer(dmf.Problem(np.diag(values), (350,) * 9, reg))
    tracemalloc.start()
    spectrum = dmf.hessian_spectrum(point)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (point.rank, len(spectrum) > 1_000_000) == (rank, True)
    assert peak <= 2 * spectrum.nbytes
    assert spectrum.sum() == pytest.approx(point.trace, rel=1e-12)
    assert np.count_nonzero(abs(spectrum) < 1e-12) == point.nullity


@pytest.mark.parametrize(
    "function", [dmf.hessian_spectrum, dmf.hessian_extremes, dmf.spectral_density]
)
def test_points_must_be_critical_points(function):
    with pytest.raises(TypeError, match="point must be a CriticalPoint, got list"):
        function([[[1.0]]])


@pytest.mark.parametrize(
    ("bins", "message"),
    [
        (0, "bins must be at least 1, got 0"),
        ([1.0], "bins must be a number or at least 2 ascending edges"),
        ([1.0, 1.0], "bins must be a number or at least 2 ascending edges"),
        ([[0.0, 1.0]], "bins must be a number or at least 2 ascending edges"),
        ([0.0, np.nan], "bins must be finite"),
    ],
)
def test_bins_must_be_a_number_or_edges(bins, message):
    point = dmf.global_minimizer(dmf.Problem([[2.0]], (1,), reg=1.0))
    with pytest.raises(ValueError, match=message):
        dmf.spectral_density(point, bins)


@pytest.mark.parametrize("copies", [lambda x: pickle.loads(pickle.dumps(x)), copy.deepcopy])
def test_copies_of_a_density_are_the_same_and_read_only(copies):
    point = dmf.global_minimizer(dmf.Problem([[2.0]], (2,), reg=1.0))
    density = dmf.spectral_density(point, 3)
    again = copies(density)
    assert repr(again) == repr(density) == "SpectralDensity(4 eigenvalues in 3 bins from 0 to 4)"
    for array, other in ((density.edges, again.edges), (density.counts, again.counts)):
        np.testing.assert_array_equal(other, array)
        for one in (array, other):
            with pytest.raises(ValueError, match="read-only"):
                one[0] = 0


def test_a_progress_bar_is_wanted_or_not():
    point = dmf.global_minimizer(dmf.Problem([[2.0]], (2,), reg=1.0))
    with pytest.raises(TypeError, match="progress must be True or False, got 'yes'"):
        dmf.spectral_density(point, 3, progress="yes")


@pytest.mark.parametrize("scale", [1e-100, 1e-60, 1e70])
def test_no_scale_is_special(scale):
    # Not a power of two: rounding differs, so that both sides are known to the accuracy of the case.
    target, depth = np.array([[2.0, 1.0], [0.5, 3.0]]), 5
    plain, scaled = (
        dmf.hessian_spectrum(dmf.global_minimizer(dmf.Problem(unit * target, (2,) * 4, weight)))
        for unit, weight in ((1.0, 0.1), (scale, 0.1 * scale ** (2 - 2 / depth)))
    )
    error = 100 * depth * EPS * plain[-1]
    np.testing.assert_allclose(scaled / scale ** (2 - 2 / depth), plain, rtol=0, atol=error)


@pytest.mark.parametrize("reg", [(1e-9, 1e9, 1.0), (1e-100, 1e100, 1.0), (1e-150, 1e150)])
def test_weights_may_be_very_unequal(reg):
    problem = dmf.Problem(np.diag([30.0, 20.0, 3.0]), (3,) * (len(reg) - 1), reg)
    for roots in ([2, 2, 0], [0, 2, 2]):
        point = dmf.critical_point(problem, roots)
        dense = np.linalg.eigvalsh(dmf.hessian(problem, point.factors()))
        # Both know an eigenvalue to rounding of the largest.
        error = 100 * EPS * dense[-1]
        np.testing.assert_allclose(dmf.hessian_spectrum(point), dense, rtol=0, atol=error)
        values, _ = dmf.hessian_eigenpairs(point, "both", 2)
        np.testing.assert_allclose(values[:2], dense[:-3:-1], rtol=100 * EPS)


def test_bins_by_default_and_where_all_eigenvalues_agree():
    point = dmf.global_minimizer(dmf.Problem([[0.0]], (1,), reg=1.0))
    density = dmf.spectral_density(point)
    assert len(density.counts) == 200 and density.edges[[0, -1]].tolist() == [1.0, 3.0]
    assert dmf.spectral_density(point, [1.5, 2.5]).counts.tolist() == [2]
    with pytest.raises(ValueError, match="at least 2 ascending edges"):
        dmf.spectral_density(point, [1.0, 3.0, 2.0])


def test_bins_of_a_small_spectrum_reach_from_end_to_end():
    point = dmf.global_minimizer(dmf.Problem(np.diag([2e-20, 1e-20]), (2,), reg=1e-21))
    density = dmf.spectral_density(point, 5)
    assert tuple(density.edges[[0, -1]]) == dmf.hessian_extremes(point)
