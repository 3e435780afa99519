"""The flattest interpolator against closed forms and against a convex solver."""

import copy
import pickle
from types import SimpleNamespace

import autograd
import autograd.numpy as anp
import numpy as np
import pytest
from scipy.sparse.linalg import ArpackNoConvergence

import dmfbook as dmf
from dmfbook.claims.cases.targets import random_truth
from dmfbook.claims.oracles.convex import nuclear_norm_minimizer
from dmfbook.claims.oracles.measurements import dense_matrices, square_root
from dmfbook.zero_loss import interpolation, lagrangian
from dmfbook.zero_loss.interpolation import balanced_factors


@pytest.mark.parametrize("hidden", [(3,), (4, 3), (3, 5, 3)], ids=str)
def test_determined_problems_end_at_the_flattest_factors(hidden):
    rng = np.random.default_rng(0)
    target = rng.normal(size=(4, 3))
    full = dmf.entry_sampling((4, 3), 12, rng)
    result = dmf.flattest_interpolator(full, full.forward(target), hidden)
    assert result.converged and result.misfit <= 1e-6 and result.stationarity <= 1e-4
    np.testing.assert_allclose(dmf.end_to_end(result.factors), target, atol=1e-5)
    # At a stationary point the trace is off by the misfit times a multiplier of the trace's order.
    least = dmf.flattest_trace(target, len(hidden) + 1)
    assert result.trace == pytest.approx(least, rel=1e-5)
    assert result.trace == pytest.approx(dmf.sensing_hessian_trace(full, result.factors))
    assert result.evaluations > 0


def test_more_measurements_than_entries_do_no_harm():
    rng = np.random.default_rng(1)
    operator = dmf.gaussian_sensing((3, 2), 20, rng)
    target = rng.normal(size=(3, 2))
    result = dmf.flattest_interpolator(operator, operator.forward(target), (2,))
    assert result.converged
    np.testing.assert_allclose(dmf.end_to_end(result.factors), target, atol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_depth_two_solves_the_convex_problem(seed):
    pytest.importorskip("cvxpy")
    rng = np.random.default_rng(seed)
    operator = dmf.gaussian_sensing((5, 4), 12, rng)
    values = operator.forward(random_truth(rng, (5, 4), 4))
    matrices = dense_matrices(operator)
    left = square_root((matrices @ matrices.mT).sum(axis=0))
    right = square_root((matrices.mT @ matrices).sum(axis=0))
    whitened = dmf.dense_sensing(np.linalg.inv(left) @ matrices @ np.linalg.inv(right))
    least = 4 * np.linalg.norm(nuclear_norm_minimizer(whitened, values), "nuc")
    result = dmf.flattest_interpolator(operator, values, (5,), tolerance=1e-7)
    assert result.trace == pytest.approx(least, rel=1e-6)


@pytest.mark.parametrize("depth", [2, 3])
def test_rank_one_is_recovered_from_a_random_start(depth):
    rng = np.random.default_rng(3)
    truth = random_truth(rng, (6, 5), 1)
    operator = dmf.gaussian_sensing((6, 5), 26, rng)
    widths = (5, *(6,) * (depth - 1), 6)
    start = [rng.normal(size=(b, a)) / 3 for a, b in zip(widths, widths[1:], strict=False)]
    before = [factor.copy() for factor in start]
    values = operator.forward(truth)
    result = dmf.flattest_interpolator(operator, values, widths[1:-1], start=start)
    assert result.converged
    assert np.linalg.norm(dmf.end_to_end(result.factors) - truth) < 1e-4
    for factor, kept in zip(start, before, strict=True):
        np.testing.assert_array_equal(factor, kept)


def test_a_bottleneck_limits_the_rank():
    rng = np.random.default_rng(4)
    truth = random_truth(rng, (5, 4), 1)
    operator = dmf.gaussian_sensing((5, 4), 16, rng)
    result = dmf.flattest_interpolator(operator, operator.forward(truth), (1,))
    assert result.converged
    np.testing.assert_allclose(dmf.end_to_end(result.factors), truth, atol=1e-4)


# Two measurements of 2 × 2 matrices, whose matrix of least norm has rank one: balanced factors of it have hidden
# units that are zero, and the gradient leaves them so.
MATRICES = np.array([[[1.0, 2.0], [3.0, 4.0]], [[0.0, 0.0], [-1.0, -1.0]]])
MEASURED, SEEN = dmf.dense_sensing(MATRICES), np.array([-7.0, 2.0])


def zero_units(depth):
    """Balanced factors of the matrix of least norm, with a hidden unit that is zero in each layer."""
    rows = MATRICES.mT.reshape(2, 4)
    return balanced_factors((np.linalg.pinv(rows) @ SEEN).reshape(2, 2).T, (2,) * (depth + 1))


@pytest.mark.parametrize("depth, trace", [(2, 23.5397), (3, 73.3773), (4, 136.983)])
def test_zero_units_are_left(depth, trace):
    result = dmf.flattest_interpolator(MEASURED, SEEN, (2,) * (depth - 1))
    assert result.converged and result.curvature >= -1e-4
    assert result.trace == pytest.approx(trace, rel=1e-5)
    from_there = dmf.flattest_interpolator(
        MEASURED, SEEN, (2,) * (depth - 1), start=zero_units(depth)
    )
    assert from_there.converged and from_there.trace == pytest.approx(trace, rel=1e-5)


@pytest.mark.parametrize("dense", [lagrangian.DENSE, 0])
def test_a_saddle_is_seen_and_left(monkeypatch, dense):
    monkeypatch.setattr(lagrangian, "DENSE", dense)
    result = dmf.flattest_interpolator(MEASURED, SEEN, (2,), start=zero_units(2), starts=1)
    assert result.converged and result.trace == pytest.approx(23.5397, rel=1e-5)
    monkeypatch.setattr(lagrangian, "MOST_ESCAPES", 1)
    saddle = dmf.flattest_interpolator(MEASURED, SEEN, (2,), start=zero_units(2), starts=1)
    assert saddle.trace == pytest.approx(162.8, rel=1e-3)
    assert saddle.misfit <= 1e-6 and saddle.stationarity <= 1e-4
    assert saddle.curvature < -1e-2 and not saddle.converged


def test_a_saddle_is_left_downwards(monkeypatch):
    minimize, ends, moves = lagrangian.minimize, [], []

    def watched(value, x, **given):
        if ends and not np.array_equal(x, ends[-1]):
            moves.append(value(x)[0] - value(ends[-1])[0])
        ends.append(minimize(value, x, **given).x)
        return SimpleNamespace(x=ends[-1])

    monkeypatch.setattr(lagrangian, "minimize", watched)
    result = dmf.flattest_interpolator(MEASURED, SEEN, (2,), start=zero_units(2), starts=1)
    assert result.converged and moves and max(moves) < -1e-4


def curvature_along_the_constraints(matrices, factors):
    """Least eigenvalue of the Lagrangian's Hessian over the largest, at two 2 × 2 layers; differentiated."""
    rows = matrices.mT.reshape(-1, 4)

    def trace_and_values(vector):
        first, last = anp.reshape(vector[:4], (2, 2)).T, anp.reshape(vector[4:], (2, 2)).T
        sides = anp.kron(anp.eye(2), last), anp.kron(first.T, anp.eye(2))
        trace = sum(2 * anp.sum(anp.dot(rows, side) ** 2) for side in sides)
        return trace, anp.dot(rows, anp.reshape(anp.dot(last, first).T, -1))

    point = dmf.flatten(factors)
    slope = autograd.grad(lambda v: trace_and_values(v)[0])(point)
    jacobian = autograd.jacobian(lambda v: trace_and_values(v)[1])(point)
    prices = np.linalg.lstsq(jacobian.T, -slope)[0]

    def lagrangian_at(vector):
        trace, values = trace_and_values(vector)
        return trace + anp.dot(prices, values)

    along = np.eye(8) - np.linalg.pinv(jacobian) @ jacobian
    values = np.linalg.eigvalsh(along @ autograd.hessian(lagrangian_at)(point) @ along)
    return values[0] / np.abs(values).max()


@pytest.mark.parametrize("count", [2, 3])
def test_curvature_is_that_of_the_differentiated_lagrangian(monkeypatch, count):
    monkeypatch.setattr(lagrangian, "MOST_ESCAPES", 1)
    rng = np.random.default_rng(count + 1)
    matrices = MATRICES if count == 2 else rng.standard_normal((3, 2, 2))
    values = SEEN if count == 2 else rng.standard_normal(3)
    # One hidden unit is zero, as at the saddle to which the search comes.
    least = (np.linalg.pinv(matrices.mT.reshape(-1, 4)) @ values).reshape(2, 2).T
    first, last = balanced_factors(least, (2, 1, 2))
    start = [np.vstack([first, np.zeros((1, 2))]), np.hstack([last, np.zeros((2, 1))])]
    given = dmf.dense_sensing(matrices), values, (2,), start
    saddle = dmf.flattest_interpolator(*given, starts=1)
    expected = curvature_along_the_constraints(matrices, saddle.factors)
    assert expected < -1e-2 and saddle.curvature == pytest.approx(expected, rel=1e-2)
    # The Lanczos method knows the largest eigenvalue to one percent.
    monkeypatch.setattr(lagrangian, "DENSE", 0)
    same = dmf.flattest_interpolator(*given, starts=1)
    assert same.curvature == pytest.approx(expected, rel=0.02)


def test_stationarity_where_the_multipliers_vanish(monkeypatch):
    # The start fits, and is left alone: the Lagrangian is the trace.
    monkeypatch.setattr(lagrangian, "minimize", lambda value, x, **given: SimpleNamespace(x=x))
    full = dmf.entry_sampling((1, 1), 1, np.random.default_rng(0))
    result = dmf.flattest_interpolator(full, [9.0], (1,), start=[[[1.0]], [[9.0]]], starts=1)
    assert result.stationarity == pytest.approx(1, rel=1e-12) and result.misfit < 1e-15


def test_an_unknown_curvature_is_no_success(monkeypatch):
    calls = []

    def stop(*args, **kwargs):
        calls.append(1)
        raise ArpackNoConvergence("%s %s", np.zeros(0), np.zeros(0))

    monkeypatch.setattr(lagrangian, "DENSE", 0)
    monkeypatch.setattr(lagrangian, "eigsh", stop)
    result = dmf.flattest_interpolator(MEASURED, SEEN, (2,), starts=1)
    assert result.misfit <= 1e-6 and np.isnan(result.curvature) and not result.converged
    assert len(calls) == 1  # no way down is known


def test_defaults():
    full = dmf.entry_sampling((2, 1), 2, np.random.default_rng(0))
    short = dmf.flattest_interpolator(full, [1.0, 2.0], (2,))
    more = None, 1e-6, 5, np.random.default_rng(0)
    whole = dmf.flattest_interpolator(full, [1.0, 2.0], (2,), *more)
    for one, other in zip(short.factors, whole.factors, strict=True):
        np.testing.assert_array_equal(one, other)
    assert short.evaluations == whole.evaluations


@pytest.mark.parametrize("size", [2.0, 3.0, 5e40])
def test_a_start_scales_with_the_measurements(size):
    rng = np.random.default_rng(0)
    start = [rng.standard_normal((2, 2)) for _ in range(2)]
    found = dmf.flattest_interpolator(MEASURED, SEEN, (2,), start, starts=1)
    values, moved = size**2 * SEEN, [size * w for w in start]
    other = dmf.flattest_interpolator(MEASURED, values, (2,), moved, starts=1)
    for one, same in zip(found.factors, other.factors, strict=True):
        np.testing.assert_allclose(same, size * one, rtol=0, atol=1e-6 * size)


def test_balanced_factors():
    rng = np.random.default_rng(0)
    target = rng.standard_normal((5, 2)) @ rng.standard_normal((2, 3))
    for random in (rng, None):
        factors = balanced_factors(target, (3, 4, 2, 5), random)
        assert [w.shape for w in factors] == [(4, 3), (2, 4), (5, 2)]
        np.testing.assert_allclose(dmf.end_to_end(factors), target, rtol=0, atol=1e-14)
        assert dmf.imbalance(factors) < 1e-14
    u, s, vt = np.linalg.svd(target)
    nearest = s[0] * np.outer(u[:, 0], vt[0])
    factors = balanced_factors(target, (3, 1, 5))
    np.testing.assert_allclose(dmf.end_to_end(factors), nearest, rtol=0, atol=1e-14)


def test_where_searches_start(monkeypatch):
    starts = []

    class Still:
        """A search that stays where it starts."""

        evaluations = 1

        def __init__(self, operator, orthonormal, aims, factors):
            self.factors = factors
            starts.append((factors, orthonormal.back(aims)))

        def run(self, tolerance):
            return lagrangian.Stop(self.factors, 0.0, 0.0, 0.0)

    monkeypatch.setattr(interpolation, "Search", Still)
    operator = dmf.gaussian_sensing((40, 30), 5, np.random.default_rng(0))
    result = dmf.flattest_interpolator(operator, np.ones(5), (20,), starts=3)
    traces = [dmf.sensing_hessian_trace(operator, factors) for factors, _ in starts]
    assert result.evaluations == 3
    for w, found in zip(starts[int(np.argmin(traces))][0], result.factors, strict=True):
        np.testing.assert_allclose(
            found / np.linalg.norm(found), w / np.linalg.norm(w), rtol=0, atol=1e-14
        )
    # The first is near balanced factors of the least matrix, all others are Gaussian.
    (first, least), *others = starts
    assert np.linalg.norm(least) == pytest.approx(1)
    for w, near in zip(first, balanced_factors(least, (30, 20, 40)), strict=True):
        assert (w - near).std() == pytest.approx(0.4 / max(w.shape) ** 0.5, rel=0.1)
    for factors, _ in others:
        for w in factors:
            assert w.std() == pytest.approx(max(w.shape) ** -0.5, rel=0.1)


def test_how_far_measurements_are_from_those_of_a_matrix():
    # The same entry twice, measured as 1 and 3: it is 2, and both are off by one.
    twice = dmf.dense_sensing(np.ones((2, 1, 1)))
    with pytest.raises(ValueError, match=f"off by {(2 / 10) ** 0.5:.1e} relatively"):
        dmf.flattest_interpolator(twice, [1.0, 3.0], (1,))


TOLERANCE = 2.0**-20
AT_THE_BOUNDS = {
    "misfit": TOLERANCE,
    "stationarity": 100 * TOLERANCE,
    "curvature": -100 * TOLERANCE,
}


def test_what_a_minimum_has_to_satisfy():
    assert lagrangian.Stop([], **AT_THE_BOUNDS).is_minimum(TOLERANCE)
    for name, bound in AT_THE_BOUNDS.items():
        for value in (1.001 * bound, np.nan):
            assert not lagrangian.Stop([], **AT_THE_BOUNDS | {name: value}).is_minimum(TOLERANCE)


def test_evaluations_are_counted(monkeypatch):
    calls, evaluate = [], lagrangian.trace_and_gradient
    monkeypatch.setattr(
        lagrangian, "trace_and_gradient", lambda *given: calls.append(1) or evaluate(*given)
    )
    result = dmf.flattest_interpolator(MEASURED, SEEN, (2,), starts=3)
    assert len(calls) == result.evaluations


def test_depth_two_with_room_has_no_other_minima():
    # The weighted nuclear norm is convex, and factors of full width have no local minima but its own.
    for seed in range(4):
        rng = np.random.default_rng(seed)
        operator = dmf.gaussian_sensing((3, 4), 5, rng)
        values = operator.forward(rng.normal(size=(3, 4)))
        traces = [
            dmf.flattest_interpolator(
                operator, values, (3,), starts=1, rng=np.random.default_rng(seed)
            ).trace
            for seed in range(4)
        ]
        assert traces == pytest.approx([traces[0]] * 4, rel=1e-4)


@pytest.mark.parametrize("hidden", [(3,), (3, 3)], ids=str)
def test_no_step_along_the_constraints_leads_down(hidden):
    rng = np.random.default_rng(8)
    operator = dmf.gaussian_sensing((3, 2), 4, rng)
    values = operator.forward(rng.normal(size=(3, 2)))
    result = dmf.flattest_interpolator(operator, values, hidden, tolerance=1e-8)
    assert result.converged
    rows = operator @ np.eye(6)
    for _ in range(60):
        moved = [w + 0.1 * rng.normal(size=w.shape) for w in result.factors]
        for _ in range(20):  # Gauss–Newton steps back to what fits
            lost = operator.forward(dmf.end_to_end(moved)) - values
            pairs = list(zip(*dmf.partial_products(moved), strict=True))
            jacobian = np.hstack([rows @ np.kron(b.T, a) for a, b in pairs])
            step = dmf.unflatten(np.linalg.pinv(jacobian) @ lost, (2, *hidden, 3))
            moved = [w - d for w, d in zip(moved, step, strict=True)]
        assert np.linalg.norm(lost) < 1e-10
        # The trace found is off by the misfit times a multiplier of the trace's order.
        assert dmf.sensing_hessian_trace(operator, moved) >= result.trace * (1 - 1e-6)


@pytest.mark.parametrize("power", [-400, -20, 20, 400])
@pytest.mark.parametrize("depth", [2, 4])
def test_results_scale_with_the_measurements(depth, power):
    hidden, root = (2,) * (depth - 1), power // depth
    result = dmf.flattest_interpolator(MEASURED, SEEN, hidden, starts=2)
    scaled = dmf.flattest_interpolator(MEASURED, np.ldexp(SEEN, depth * root), hidden, starts=2)
    assert scaled.trace == np.ldexp(result.trace, (2 * depth - 2) * root)
    assert scaled.misfit == result.misfit and scaled.converged
    for factor, other in zip(result.factors, scaled.factors, strict=True):
        np.testing.assert_array_equal(np.ldexp(factor, root), other)
    # With S_k 2**(L r) times as large the factors are 2**-r and the trace 2**(2 r) times as large.
    louder = dmf.dense_sensing(np.ldexp(MATRICES, depth * (root // 2)))
    scaled = dmf.flattest_interpolator(louder, SEEN, hidden, starts=2)
    assert scaled.trace == pytest.approx(np.ldexp(result.trace, 2 * (root // 2)), rel=1e-12)


def test_a_million_times_the_measurements():
    for depth in (2, 3):
        least = dmf.flattest_interpolator(MEASURED, SEEN, (2,) * (depth - 1))
        result = dmf.flattest_interpolator(MEASURED, 1e6 * SEEN, (2,) * (depth - 1))
        assert result.converged
        assert result.trace == pytest.approx(1e6 ** (2 - 2 / depth) * least.trace, rel=1e-5)


def test_what_cannot_fit_does_not_converge():
    rng = np.random.default_rng(0)
    full = dmf.entry_sampling((3, 3), 9, rng)
    result = dmf.flattest_interpolator(full, full.forward(rng.normal(size=(3, 3))), (1,), starts=1)
    assert not result.converged and result.misfit > 0.1 and np.isnan(result.curvature)


def test_random_starts_follow_the_generator():
    first, same = (dmf.flattest_interpolator(MEASURED, SEEN, (2,)) for _ in range(2))
    other = dmf.flattest_interpolator(MEASURED, SEEN, (2,), rng=np.random.default_rng(1))
    np.testing.assert_array_equal(first.factors, same.factors)
    assert first.trace == same.trace
    assert not np.array_equal(first.factors[0], other.factors[0])


OPERATOR = dmf.gaussian_sensing((3, 2), 4, np.random.default_rng(0))
VALUES = np.array([1.0, 2.0, 3.0, 4.0])
LONG = dmf.gaussian_sensing((3, 2), 9, np.random.default_rng(0))
BAD = {
    "too short": ((OPERATOR, VALUES[:3], (2,)), ValueError, r"must have shape \(4,\)"),
    "a stack": ((OPERATOR, VALUES[None], (2,)), ValueError, "must be one set"),
    "NaN": ((OPERATOR, VALUES * np.nan, (2,)), ValueError, "measurements must be finite"),
    "zero": ((OPERATOR, 0 * VALUES, (2,)), ValueError, "must not all be zero"),
    "no width": ((OPERATOR, VALUES, ()), ValueError, "at least 1 width"),
    "width zero": ((OPERATOR, VALUES, (0,)), ValueError, "must be at least 1"),
    "unfit": ((LONG, np.arange(9.0), (2,)), ValueError, "must be those of some matrix"),
    "start": ((OPERATOR, VALUES, (2,), [np.eye(2)] * 2), ValueError, r"factors\[1\] must have"),
    "zero start": (
        (OPERATOR, VALUES, (2,), [np.zeros((2, 2)), np.zeros((3, 2))]),
        ValueError,
        "positive trace",
    ),
    "tolerance": ((OPERATOR, VALUES, (2,), None, 0.0), ValueError, "tolerance must be positive"),
    "no tolerance": ((OPERATOR, VALUES, (2,), None, None), TypeError, "tolerance must be a"),
    "tolerances": ((OPERATOR, VALUES, (2,), None, [1e-6]), TypeError, "tolerance must be a number"),
    "no searches": ((OPERATOR, VALUES, (2,), None, 1e-6, 0), ValueError, "starts must be at least"),
    "seed": ((OPERATOR, VALUES, (2,), None, 1e-6, 1, 0), TypeError, "rng must be a numpy.random"),
    "blind": (
        (dmf.dense_sensing(np.zeros((4, 3, 2))), VALUES, (2,)),
        ValueError,
        "must not vanish",
    ),
    "an array": ((np.eye(4), VALUES, (2,)), TypeError, "operator must be a SensingOperator"),
    "None": ((None, VALUES, (2,)), TypeError, "operator must be a SensingOperator"),
    "a width": ((OPERATOR, VALUES, 2), TypeError, "hidden_widths must be a sequence"),
}


@pytest.mark.parametrize("arguments, error, message", BAD.values(), ids=BAD)
def test_bad_input_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        dmf.flattest_interpolator(*arguments)


def test_an_interpolation_is_short_and_survives_pickle():
    found = dmf.flattest_interpolator(OPERATOR, np.ones(4), (2,))
    text = repr(found)
    assert text.startswith("Interpolation(converged, trace ") and len(text) < 150
    for other in (pickle.loads(pickle.dumps(found)), copy.deepcopy(found)):
        assert repr(other) == text and other != found
        for one, same in zip(found.factors, other.factors, strict=True):
            np.testing.assert_array_equal(one, same)
