"""Eigenvectors at critical points against the dense Hessian, and by residuals of the operator where it is too large."""

import numpy as np
import pytest
from critical_cases import accuracy, all_points, regularized_problems, rotated
from hypothesis import given
from hypothesis import strategies as st
from strategies import EPS, absolute, np_abs

import dmfbook as dmf
from dmfbook.regularized import blocks

ENDS = ["largest", "smallest", "both"]


def expected_values(spectrum, which, k):
    """Values of an ascending spectrum in the documented order."""
    largest, smallest = spectrum[::-1][:k], spectrum[:k]
    return {"largest": largest, "smallest": smallest, "both": np.r_[largest, smallest]}[which]


@given(regularized_problems(max_depth=4), st.sampled_from(ENDS), st.floats(0, 1))
def test_eigenpairs_are_those_of_the_dense_hessian(problem, which, part):
    k = 1 + round(part * (problem.size // (2 if which == "both" else 1) - 1))
    for point in all_points(problem)[:8]:
        dense = dmf.hessian(problem, point.factors())
        scale = np.linalg.norm(dmf.hessian(absolute(problem), np_abs(point.factors())), 2)
        # Both are backward stable; the singular vectors of the target bring the rest.
        error = 4 * (accuracy(problem) + problem.size * EPS) * scale
        values, directions = dmf.hessian_eigenpairs(point, which, k)
        spectrum = np.linalg.eigvalsh(dense)
        np.testing.assert_allclose(values, expected_values(spectrum, which, k), rtol=0, atol=error)
        vectors = np.array([dmf.flatten(direction) for direction in directions]).T
        assert (
            np.linalg.norm(vectors.T @ vectors - np.eye(len(values)), 2) <= 8 * problem.size * EPS
        )
        assert np.linalg.norm(dense @ vectors - vectors * values, 2) <= error


@pytest.mark.parametrize(
    ("widths", "reg", "which"),
    [
        *[((300, 200, 250), 0.4, which) for which in ENDS],
        *[((60, 300, 300, 70), (0.5, 0.3, 0.4), which) for which in ENDS],
        ((580, 580, 580, 580), 0.3, "both"),
        ((40, 90, 60, 50, 80, 45), 0.2, "both"),
    ],
    ids=str,
)
def test_residuals_are_small_where_the_matrix_is_too_large(widths, reg, which):
    rng = np.random.default_rng(1)
    target = rng.standard_normal((widths[-1], widths[0])) / 4
    problem = dmf.Problem(target, widths[1:-1], reg)
    leading = dmf.global_minimizer(problem)
    roots = leading.roots.copy()
    roots[[0, 2]] = 0
    for point in (leading, dmf.critical_point(problem, roots)):
        smallest, largest = dmf.hessian_extremes(point)
        values, directions = dmf.hessian_eigenpairs(point, which, 5)
        ends = {"largest": [largest], "smallest": [smallest], "both": [largest, smallest]}[which]
        found = [values[0], values[5]] if which == "both" else [values[0]]
        size = max(largest, -smallest)
        np.testing.assert_allclose(found, ends, rtol=0, atol=100 * len(widths) * EPS * size)
        operator = dmf.hessian_operator(problem, point.factors())
        vectors = np.array([dmf.flatten(direction) for direction in directions])
        # Singular vectors of the target are known to some (d_0 + d_L) ε.
        error = len(widths) * (widths[0] + widths[-1]) * EPS
        for value, vector in zip(values, vectors, strict=True):
            assert np.linalg.norm(operator @ vector - value * vector) <= error * size
        assert np.linalg.norm(vectors @ vectors.T - np.eye(len(values)), 2) <= error


def test_zeros_of_the_orbit_are_found_as_often_as_they_are_there():
    problem = rotated((3, 4, 3, 2), (3.0, 2.4), 0.5, np.random.default_rng(2))
    point = dmf.global_minimizer(problem)
    values, directions = dmf.hessian_eigenpairs(point, "smallest", point.nullity + 1)
    assert np.all(abs(values[:-1]) <= 1e-14 * values[-1]) and values[-1] > 0.1
    operator = dmf.hessian_operator(problem, point.factors())
    for direction in directions[:-1]:
        assert np.linalg.norm(operator @ dmf.flatten(direction)) <= accuracy(problem) * 100


SMALL = {
    "more inputs, few hidden units": ((5, 2, 2, 2), (3.0, 0.4), (0.3, 0.9, 0.5)),
    "more outputs, many hidden units": ((2, 3, 4, 3), (3.0, 0.4), (0.9, 0.2, 0.4)),
    "four layers": ((2, 3, 2, 3, 2), (2.0, 1.8), (0.2, 0.9, 0.5, 0.3)),
    "more active modes": ((5, 4, 5), (3.0, 2.5, 2.2, 0.3, 0.2), 0.5),
    "equal weights": ((4, 2, 3, 2), (3.0, 2.4), 0.5),
    "two layers, more inputs": ((4, 5, 3), (3.0, 2.0, 0.4), (0.3, 0.9)),
    "two layers, more outputs": ((3, 5, 4), (3.0, 2.0, 0.4), (0.3, 0.9)),
}


@pytest.mark.parametrize(("widths", "values", "reg"), SMALL.values(), ids=SMALL)
def test_any_number_of_eigenpairs_from_either_end(widths, values, reg, monkeypatch):
    monkeypatch.setattr(blocks, "TILE_ENTRIES", 1)  # each active mode is a tile
    problem = rotated(widths, values, reg, np.random.default_rng(3))
    one = dmf.critical_point(problem, [2] + [0] * (len(values) - 1))
    for point in (one, dmf.global_minimizer(problem)):
        dense = dmf.hessian(problem, point.factors())
        spectrum = np.linalg.eigvalsh(dense)
        error = 1000 * EPS * abs(spectrum).max()
        for k in range(1, problem.size + 1):
            for which in ("largest", "smallest"):
                found, _ = dmf.hessian_eigenpairs(point, which, k)
                expected = expected_values(spectrum, which, k)
                np.testing.assert_allclose(found, expected, rtol=0, atol=error)


def test_the_largest_eigenvalue_alone_unless_said_otherwise():
    point = dmf.global_minimizer(dmf.Problem([[3.0]], (1,), 1.0))
    values, directions = dmf.hessian_eigenpairs(point)
    np.testing.assert_allclose(values, [8.0], rtol=8 * EPS)
    assert len(directions) == 1


BAD = {
    "no point": (
        (DEEP := dmf.Problem([[3.0]], (2,), 1.0), "largest", 1),
        TypeError,
        "CriticalPoint",
    ),
    "which": ((dmf.global_minimizer(DEEP), "top", 1), ValueError, "which must be .* got 'top'"),
    "no word": ((dmf.global_minimizer(DEEP), ["largest"], 1), ValueError, "which must be"),
    "none": ((dmf.global_minimizer(DEEP), "largest", 0), ValueError, "k must be at least 1, got 0"),
    "part": ((dmf.global_minimizer(DEEP), "largest", 1.5), TypeError, "k must be an integer"),
    "many": (
        (dmf.global_minimizer(DEEP), "largest", 5),
        ValueError,
        "k must be at most 4 of N = 4, got 5",
    ),
}


@pytest.mark.parametrize(("arguments", "error", "message"), BAD.values(), ids=BAD)
def test_bad_arguments_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        dmf.hessian_eigenpairs(*arguments)
