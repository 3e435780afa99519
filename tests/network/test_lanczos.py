"""Lanczos' method on matrices whose eigenvalues are known."""

import numpy as np
import pytest
from strategies import EPS

from dmfbook.network import lanczos as module
from dmfbook.network.lanczos import lanczos


def run(values, low, high, locked=0, tolerance=1e-12, norm=(), products=None):
    """Pairs of a matrix with these eigenvalues, the first ones locked, the matrix, and its eigenvectors."""
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.standard_normal((len(values), len(values))))[0]
    matrix = basis * values @ basis.T
    products = [] if products is None else products

    def apply(vector):
        products.append(matrix @ vector)
        return products[-1].copy()

    pairs = lanczos(
        apply,
        basis[:, :locked].T.copy(),
        low,
        high,
        lambda values, residuals, norm: bool((residuals <= tolerance * norm).all()),
        rng,
        *norm,
    )
    return pairs, matrix, basis


def agree(pairs, matrix, expected):
    size = np.max(abs(matrix))
    np.testing.assert_allclose(pairs.values, expected, rtol=0, atol=1e-11 * size * len(matrix))
    gram = pairs.vectors @ pairs.vectors.T
    np.testing.assert_allclose(gram, np.eye(len(gram)), rtol=0, atol=1e3 * EPS)
    rest = pairs.vectors @ matrix - pairs.values[:, None] * pairs.vectors
    assert np.linalg.norm(rest, axis=1).max() <= 1e-11 * pairs.norm


@pytest.mark.parametrize(("low", "high"), [(1, 0), (0, 1), (3, 2), (0, 5), (40, 0), (20, 30)])
@pytest.mark.parametrize("scale", [2.0**-400, 1.0, 2.0**400])
def test_the_ends_of_a_spectrum(low, high, scale):
    values = scale * np.sort(np.random.default_rng(1).standard_normal(150))
    pairs, matrix, _ = run(values, low, high)
    agree(pairs, matrix, np.r_[values[:low], values[150 - high :]])
    assert pairs.norm == pytest.approx(max(-values[0], values[-1])) or not (low and high)


def test_locked_vectors_are_left_alone():
    values = np.sort(np.random.default_rng(2).standard_normal(60))
    pairs, matrix, basis = run(values, 2, 1, locked=4)
    agree(pairs, matrix, np.r_[values[4:6], values[-1:]])
    np.testing.assert_allclose(pairs.vectors @ basis[:, :4], 0, atol=1e3 * EPS)


@pytest.mark.parametrize("values", [np.ones(40), np.zeros(40), np.r_[np.zeros(30), np.ones(10)]])
def test_spaces_may_be_invariant(values):
    pairs, matrix, _ = run(values, 2, 2)
    agree(pairs, matrix, np.r_[values[:2], values[-2:]])


def test_small_spaces_are_searched_as_a_whole():
    values = np.arange(6.0)
    pairs, matrix, _ = run(values, 1, 1, locked=3)
    agree(pairs, matrix, [3.0, 5.0])
    pairs, matrix, _ = run(values, 2, 1, locked=3)
    agree(pairs, matrix, [3.0, 4.0, 5.0])


def test_slow_convergence_enlarges_the_space(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 1)
    values = np.linspace(0, 1, 300) ** 2
    products = []
    pairs, matrix, _ = run(values, 1, 0, products=products)
    agree(pairs, matrix, values[:1])
    assert len(products) < 800


def test_a_restart_keeps_what_was_found():
    products = []
    values = np.linspace(0, 1, 300) ** 2
    pairs, matrix, _ = run(values, 0, 1, products=products)
    agree(pairs, matrix, values[-1:])
    assert len(products) < 300


def test_residuals_are_those_of_the_pairs():
    values = 2.0**-10 * np.r_[np.linspace(0, 1, 100) ** 2, 2.0]
    seen = []

    def enough(found, residuals, norm):
        seen.append((found, residuals, norm))
        return len(seen) == 3

    rng = np.random.default_rng(3)
    pairs = lanczos(lambda vector: values * vector, np.empty((0, 101)), 2, 2, enough, rng)
    rest = pairs.vectors * values - pairs.values[:, None] * pairs.vectors
    found, residuals, norm = seen[-1]
    np.testing.assert_array_equal(found, pairs.values)
    np.testing.assert_allclose(np.linalg.norm(rest, axis=1), residuals, atol=1e3 * EPS * norm)
    assert norm == pairs.norm == pytest.approx(2.0**-9)


def test_the_iteration_gives_up_in_the_end(monkeypatch):
    monkeypatch.setattr(module, "RESTARTS", 2)
    pairs, matrix, _ = run(np.linspace(0, 1, 300) ** 2, 1, 0)
    assert pairs.values[0] > 1e-9 and len(pairs.vectors) == 1


def test_the_norm_may_be_known():
    values = np.linspace(0, 1, 300) ** 2
    rough, _, _ = run(values, 1, 0, norm=(1e6,))
    exact, _, _ = run(values, 1, 0)
    assert rough.norm == 1e6 and rough.values[0] > exact.values[0]
