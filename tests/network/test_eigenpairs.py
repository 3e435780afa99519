"""Eigenpairs at the ends of the spectrum against those of the dense Hessian, by either method."""

import numpy as np
import pytest
from loss_cases import LOSSES, loss_case
from strategies import EPS, exact_case, real_case

import dmfbook as dmf
from dmfbook.network import eigenpairs

every_loss = pytest.mark.parametrize("loss", [loss for loss, _ in LOSSES.values()], ids=LOSSES)
ENDS = {
    "largest": lambda values, k: values[::-1][:k],
    "smallest": lambda values, k: values[:k],
    "both": lambda values, k: np.r_[values[::-1][:k], values[:k]],
}


@pytest.fixture(params=["dense", "iterated"])
def method(request, monkeypatch):
    """Which of the two methods is used."""
    if request.param == "iterated":
        monkeypatch.setattr(eigenpairs, "DENSE", 0)
        monkeypatch.setattr(eigenpairs, "DENSE_AT_LAST", 0)


def check(problem, factors, k, which):
    """The values are those of a dense solver, the directions orthonormal with the residual that is promised."""
    values, directions = dmf.leading_eigenpairs(problem, factors, k, which)
    hessian = dmf.hessian(problem, factors)
    everything = np.linalg.eigvalsh(hessian)
    norm = np.max(abs(everything))
    # An eigenvalue errs at most by its residual; the dense solver by N ε ‖H‖.
    np.testing.assert_allclose(values, ENDS[which](everything, k), rtol=0, atol=1e-10 * norm)
    vectors = np.array([dmf.flatten(direction) for direction in directions])
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(len(vectors)), rtol=0, atol=1e4 * EPS)
    residuals = np.linalg.norm(hessian @ vectors.T - vectors.T * values, axis=0)
    assert np.max(residuals) <= 1.01e-10 * norm
    for direction in directions:
        assert [move.shape for move in direction] == [factor.shape for factor in factors]
    again, moves = dmf.leading_eigenpairs(problem, factors, k, which)
    np.testing.assert_array_equal(again, values)
    np.testing.assert_array_equal(moves[-1][0], directions[-1][0])


@every_loss
@pytest.mark.parametrize("which", ENDS)
@pytest.mark.parametrize("k", [1, 4])
def test_every_loss(loss, which, k, method):
    check(*loss_case(loss), k, which)


TARGET = np.diag([3.0, 3.0, 3.0, 1.0, 1.0])[:, :4]


def points():
    """Problems and points with eigenvalues that are repeated, up to most of them."""
    for hidden, reg in (((6,), 0.1), ((5, 6), 0.1), ((4, 5, 4), 0.3)):
        problem = dmf.Problem(TARGET, hidden, reg)
        shapes = zip(problem.widths[1:], problem.widths, strict=False)
        yield problem, [np.zeros(shape) for shape in shapes]
        yield problem, dmf.global_minimizer(problem).factors()
        yield (
            dmf.Problem(TARGET, hidden),
            dmf.flat_factors(TARGET, hidden, np.random.default_rng(0)),
        )
        spread = dmf.zero_loss_factors(TARGET, hidden, np.random.default_rng(1))
        yield dmf.Problem(TARGET, hidden), spread


@pytest.mark.parametrize("which", ENDS)
@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("case", list(points()))
def test_repeated_eigenvalues_count_as_often_as_they_occur(case, k, which, method):
    check(*case, k, which)


@pytest.mark.parametrize("which", ENDS)
def test_more_parameters_than_a_dense_solver_is_used_for(which):
    problem, factors = real_case((15, 22, 13), seed=0)
    assert problem.size > eigenpairs.DENSE
    check(problem, factors, 2, which)


def test_the_largest_is_found_unless_more_are_asked_for():
    problem, factors = exact_case((2, 3, 2), seed=3)
    values, directions = dmf.leading_eigenpairs(problem, factors)
    assert len(values) == len(directions) == 1
    assert values[0] == pytest.approx(np.linalg.eigvalsh(dmf.hessian(problem, factors))[-1])


def test_all_eigenpairs(method):
    problem, factors = exact_case((2, 3, 2), seed=1)
    check(problem, factors, problem.size, "largest")
    check(problem, factors, problem.size // 2, "both")


@pytest.mark.parametrize("which", ENDS)
@pytest.mark.parametrize("k", [5, 12])
def test_copies_that_a_search_misses_are_found_by_the_next(k, which, method):
    target = np.diag(np.r_[3.0, 3.0, 3.0, np.linspace(2, 0.5, 5)])
    problem = dmf.Problem(target, (8,), 0.05)
    # Eigenvalues 2 λ ± 2 σ, each eight times for each σ.
    check(problem, [np.zeros((8, 8))] * 2, k, which)


@pytest.mark.parametrize("place", [0, 1])
def test_a_pair_that_is_not_accurate_is_an_error(place, monkeypatch):
    problem, factors = exact_case((2, 3, 2), seed=3)
    search = eigenpairs.lanczos

    def inaccurate(apply, locked, *arguments):
        pairs = search(apply, locked, *arguments)
        if len(locked) == 0:
            vector, size = pairs.vectors[place], len(pairs.vectors[place])
            move = np.random.default_rng(1).standard_normal(size)
            rest = np.linalg.norm(apply(move) - pairs.values[place] * move)
            vector += 1.5e-10 * pairs.norm / rest * move
        return pairs

    monkeypatch.setattr(eigenpairs, "DENSE", 0)
    monkeypatch.setattr(eigenpairs, "DENSE_AT_LAST", 0)
    monkeypatch.setattr(eigenpairs, "lanczos", inaccurate)
    with pytest.raises(FloatingPointError, match=r"a residual of 1\.5e-10 of the Hessian's norm"):
        dmf.leading_eigenpairs(problem, factors, 1, "both")


def test_a_hessian_that_vanishes(method):
    problem = dmf.Problem(TARGET, (5, 6))
    factors = [np.zeros((5, 4)), np.zeros((6, 5)), np.zeros((5, 6))]
    values, directions = dmf.leading_eigenpairs(problem, factors, 3, "both")
    assert not values.any()
    vectors = np.array([dmf.flatten(direction) for direction in directions])
    np.testing.assert_array_equal(vectors @ vectors.T, np.eye(6))


def test_what_does_not_converge_is_decomposed_or_an_error(monkeypatch):
    problem, factors = real_case((12, 20, 11), seed=2)
    expected = dmf.leading_eigenpairs(problem, factors, 2, "smallest")[0]
    monkeypatch.setattr(eigenpairs, "DENSE", 0)
    monkeypatch.setattr("dmfbook.network.lanczos.RESTARTS", 1)
    np.testing.assert_array_equal(
        dmf.leading_eigenpairs(problem, factors, 2, "smallest")[0], expected
    )
    monkeypatch.setattr(eigenpairs, "DENSE_AT_LAST", 0)
    with pytest.raises(FloatingPointError, match="no convergence to 2 eigenpairs: a residual of"):
        dmf.leading_eigenpairs(problem, factors, 2, "smallest")


PROBLEM, FACTORS = exact_case((2, 3, 2), seed=3)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((PROBLEM, FACTORS[:1]), ValueError, "factors must hold"),
        ((PROBLEM.target, FACTORS), TypeError, "problem must be a dmfbook.Problem"),
        ((PROBLEM, FACTORS, 0), ValueError, "k must be at least 1, got 0"),
        ((PROBLEM, FACTORS, 1.5), TypeError, "k must be an integer"),
        ((PROBLEM, FACTORS, 13), ValueError, "k must be at most 12 for 12 parameters"),
        ((PROBLEM, FACTORS, 7, "both"), ValueError, "k must be at most 6 for 12 parameters"),
        ((PROBLEM, FACTORS, 1, "LM"), ValueError, "which must be 'largest', 'smallest' or 'both'"),
        ((PROBLEM, FACTORS, 1, None), ValueError, "which must be"),
        ((PROBLEM, FACTORS, 1, ["both"]), ValueError, "which must be"),
    ],
)
def test_bad_input_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        dmf.leading_eigenpairs(*arguments)
