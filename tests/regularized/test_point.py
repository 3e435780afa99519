"""A critical point as an object: made from roots, checked, copied, printed."""

import copy
import dataclasses
import importlib.util
import pickle
from itertools import islice

import numpy as np
import pytest
from critical_cases import regularized_problems, rotated
from hypothesis import given

import dmfbook as dmf


@given(regularized_problems())
def test_a_point_is_found_by_its_roots(problem):
    for point in islice(dmf.critical_points(problem), 20):
        found = dmf.critical_point(problem, point.roots)
        assert found.loss == point.loss and found.kind == point.kind
        np.testing.assert_array_equal(found.end_to_end, point.end_to_end)


DEEP = dmf.Problem(np.diag([4.0, 3.0, 0.1]), (2, 4), reg=1.0)
BAD_ROOTS = {
    "too few": (DEEP, [2, 0], ValueError, r"roots must have shape \(3,\), one for each mode, got"),
    "a number": (DEEP, 2, ValueError, r"roots must have shape \(3,\)"),
    "unknown": (DEEP, [3, 0, 0], ValueError, r"roots must be 0 .*, 1 .* or 2 .*, got \[3, 0, 0\]"),
    "negative": (DEEP, [-1, 0, 0], ValueError, "roots must be 0"),
    "huge": (DEEP, [1e300, 0, 0], ValueError, "roots must be 0"),
    "fraction": (DEEP, [1.5, 0, 0], ValueError, "roots must be 0"),
    "words": (DEEP, ["larger", "0", "0"], TypeError, "roots must hold real numbers"),
    "below the fold": (DEEP, [0, 0, 2], ValueError, r"roots\[2\] is 2, .* has no larger root"),
    "bottleneck": (
        dmf.Problem(np.diag([4.0, 3.0, 2.5]), (2, 4), 1.0),
        [2, 2, 1],
        ValueError,
        "at most 2 active modes, the narrowest width, got 3",
    ),
    "depth 2": (dmf.Problem([[3.0]], (2,), 1.0), [1], ValueError, "has no smaller root"),
    "at the fold": (
        dmf.Problem([[dmf.fold_threshold(1.0, 3)]], (2, 2), 1.0),
        [1],
        ValueError,
        "has no smaller root",
    ),
    "underflow": (dmf.Problem([[1e200]], (1, 1), 1e-200), [1], OverflowError, "below the range"),
    "not a problem": (DEEP.target, [0, 0, 0], TypeError, "problem must be a dmfbook.Problem"),
}


@pytest.mark.parametrize(
    ("problem", "roots", "error", "message"), BAD_ROOTS.values(), ids=BAD_ROOTS
)
def test_roots_that_no_point_has_are_refused(problem, roots, error, message):
    with pytest.raises(error, match=message):
        dmf.critical_point(problem, roots)


def test_replaced_roots_are_checked():
    point = dmf.global_minimizer(DEEP)
    other = dataclasses.replace(point, roots=[1, 0, 0])
    assert (other.rank, other.kind) == (1, "strict saddle")
    with pytest.raises(ValueError, match="one for each mode"):
        dataclasses.replace(point, roots=[2])
    elsewhere = dataclasses.replace(point, problem=dmf.Problem(2 * DEEP.target, (2, 4), reg=1.0))
    assert elsewhere.target_values[0] == 8.0
    with pytest.raises(ValueError, match="no larger root"):
        dataclasses.replace(point, problem=dmf.Problem(DEEP.target, (2, 4), reg=100.0))


@pytest.mark.parametrize(
    "copies",
    [lambda x: pickle.loads(pickle.dumps(x)), copy.deepcopy, copy.copy],
    ids=["pickle", "deepcopy", "copy"],
)
def test_copies_are_the_same_read_only_and_agree(copies):
    rng = np.random.default_rng(8)
    problem = rotated((4, 3, 5), (3.0, 2.0, 2.0, 0.1), (0.5, 0.7), rng)
    point = dmf.global_minimizer(problem)
    known, others = [point, problem], []
    for used in (False, True):
        again, with_problem = copies(known)
        assert again.problem is with_problem
        others.append(again)
        if not used:
            point.factors(), point.nullity, point.loss
    for other in others:
        assert repr(other) == repr(point) and repr(other.problem) == repr(problem)
        assert other.problem.reg == problem.reg
        np.testing.assert_array_equal(other.problem.target, problem.target)
        np.testing.assert_array_equal(other.end_to_end, point.end_to_end)
        np.testing.assert_array_equal(dmf.hessian_spectrum(other), dmf.hessian_spectrum(point))
        for array in (other.roots, other.mode_values, other.target_values, other.problem.target):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0


def test_a_point_has_one_hash_before_and_after_use():
    problem = rotated((3, 2, 4), (3.0, 2.0, 0.1), 0.5, np.random.default_rng(9))
    point = dmf.global_minimizer(problem)

    def prints():
        found = [pickle.dumps(point)]
        if importlib.util.find_spec("joblib"):
            import joblib

            found += [joblib.hash(point), joblib.hash(problem)]
        return found

    before = prints()
    for name in dir(point):
        getattr(point, name)
    point.factors()
    problem.loss(point.factors())
    assert prints() == before
    if importlib.util.find_spec("joblib"):
        import joblib

        assert joblib.hash(pickle.loads(pickle.dumps(point))) == before[1]


def test_a_point_prints_what_one_would_ask_it():
    point = dmf.critical_point(DEEP, [2, 1, 0])
    assert repr(point) == f"CriticalPoint(rank 2 of 3, strict saddle, loss {point.loss:.3g}, L = 3)"


@pytest.mark.parametrize("size", [1e50, 1e150, 1e-50])
def test_loss_does_not_cancel_where_the_weight_is_small(size):
    # With w³ + λ/w = σ and a small weight w is the root of σ: F = 3 λ w² + (λ / w)².
    reg = 1.0 if size > 1 else 1e-90
    point = dmf.global_minimizer(dmf.Problem([[size]], (1, 1), reg))
    w = size ** (1 / 3)
    assert point.loss == pytest.approx(3 * reg * w**2, rel=1e-13)
    assert dmf.global_minimizer(dmf.Problem([[1e200]], (1, 1), 1e100)).loss == pytest.approx(
        3e100 * 1e200 ** (2 / 3), rel=1e-12
    )


FOLD = dmf.fold_threshold(1.0, 3)
# Problem, roots, number of zero eigenvalues, and whether no symmetry explains some of them.
ZEROS = {
    "larger and smaller root tie": (dmf.Problem(3 * np.eye(2), (2, 2), 1.0), [2, 1], 2 + 1, False),
    "larger root and none tie": (dmf.Problem(3 * np.eye(2), (2, 2), 1.0), [2, 0], 2 + 1, False),
    "one mode at the fold": (dmf.Problem([[FOLD]], (1, 1), 1.0), [2], 1, True),
    "two modes at the fold": (dmf.Problem(FOLD * np.eye(2), (2, 2), 1.0), [2, 2], 2 + 3, True),
    "depth 2, spare unit": (dmf.Problem([[1.0]], (1,), 1.0), [0], 1, True),
    "depth 2, no spare unit": (dmf.Problem(np.diag([2.0, 1.0]), (1,), 1.0), [2, 0], 0, False),
}


@pytest.mark.parametrize(("problem", "roots", "number", "degenerate"), ZEROS.values(), ids=ZEROS)
def test_zero_eigenvalues_are_counted_and_explained(problem, roots, number, degenerate):
    point = dmf.critical_point(problem, roots)
    eigenvalues = np.linalg.eigvalsh(dmf.hessian(problem, point.factors()))
    assert np.count_nonzero(abs(eigenvalues) < 1e-12) == point.nullity == number
    assert point.is_degenerate is degenerate
