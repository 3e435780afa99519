"""Critical points against dense Hessians, local optimizers and counting by hand."""

from itertools import islice, pairwise
from math import comb

import numpy as np
import pytest
from critical_cases import accuracy, all_points, haar, regularized_problems, rotated
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import least_squares, minimize
from strategies import EPS, absolute, np_abs

import dmfbook as dmf

KINDS = {"global minimizer", "local minimizer", "strict saddle", "degenerate"}


@given(regularized_problems(), st.integers(0, 2**32 - 1))
def test_points_are_critical_at_every_member_of_the_orbit(problem, seed):
    for point in all_points(problem):
        for factors in (point.factors(), point.factors(np.random.default_rng(seed))):
            slope = dmf.flatten(problem.gradient(factors))
            scale = dmf.flatten(np_abs(absolute(problem).gradient(np_abs(factors))))
            bound = accuracy(problem) * np.linalg.norm(scale)
            assert np.linalg.norm(slope) <= bound
            assert dmf.imbalance(factors, problem.reg) <= bound


@given(regularized_problems(), st.integers(0, 2**32 - 1))
def test_attributes_hold_at_every_member_of_the_orbit(problem, seed):
    rng = np.random.default_rng(seed)
    for point in all_points(problem):
        factors = point.factors(rng)
        size = problem.depth * (problem.widths[0] + problem.widths[-1])
        scale = absolute(problem).loss(np_abs(factors))
        assert abs(problem.loss(factors) - point.loss) <= accuracy(problem) * scale
        error = dmf.end_to_end(factors) - point.end_to_end
        assert np.linalg.norm(error) <= 8 * size * EPS * np.linalg.norm(point.end_to_end)
        for factor, values in zip(factors, point.layer_values, strict=True):
            found = np.linalg.svd(factor, compute_uv=False)[: point.rank]
            expected = np.sort(values)[::-1][: point.rank]
            np.testing.assert_allclose(found, expected, rtol=8 * size * EPS)
            assert np.linalg.matrix_rank(factor) == point.rank
        trace = dmf.hessian_trace(problem, factors)
        assert abs(trace - point.trace) <= accuracy(problem) * trace


@given(regularized_problems(max_depth=4))
def test_index_nullity_and_kind_agree_with_the_dense_hessian(problem):
    for point in all_points(problem):
        factors = point.factors()
        eigenvalues = np.linalg.eigvalsh(dmf.hessian(problem, factors))
        scale = np.linalg.norm(dmf.hessian(absolute(problem), np_abs(factors)), 2)
        # The dense solver is backward stable; nothing but exact zeros comes as near to zero here:
        # one part in 1e9 above the fold the small eigenvalue is of order √1e-9.
        zero = (accuracy(problem) + problem.size * EPS) * scale
        assert np.count_nonzero(eigenvalues < -zero) == point.morse_index
        assert np.count_nonzero(abs(eigenvalues) <= zero) == point.nullity
        assert point.nullity >= point.orbit_dimension
        assert point.kind in KINDS
        assert (point.kind == "strict saddle") == (point.morse_index > 0)


@given(regularized_problems())
def test_global_minimizers_are_those_of_least_loss(problem):
    best = dmf.global_minimizer(problem)
    assert best.kind == "global minimizer"
    for point in islice(dmf.critical_points(problem), 200):
        tie = accuracy(problem) * (1 + best.loss)
        assert point.loss >= best.loss - tie
        if point.kind == "global minimizer":
            assert point.loss <= best.loss + tie
        elif problem.depth > 2:
            # A mode 1e-9 off the collapse threshold costs about 1e-9, far above rounding. (At
            # depth 2 the loss is smooth there, and it costs the square.)
            assert point.loss > best.loss + tie


BRUTE_FORCE = {
    "wide": ((3, 4, 2), (2.0, 0.4), 0.5),
    "bottleneck": ((3, 1, 3), (2.0, 1.5, 0.1), 0.3),
    "depth 3, unequal weights": ((2, 3, 2, 3), (2.5, 0.8), (0.2, 0.6, 0.4)),
    "depth 4, one mode collapsed": ((2, 2, 3, 2, 2), (3.0, 0.5), 0.2),
    "depth 3, all collapsed": ((2, 2, 2, 2), (1.0, 0.9), 1.0),
    "repeated": ((2, 3, 2), (1.5, 1.5), 0.5),
}


@pytest.mark.parametrize("case", BRUTE_FORCE, ids=str)
def test_global_minimizer_is_what_many_local_searches_find(case):
    shape, values, reg = BRUTE_FORCE[case]
    rng = np.random.default_rng(1)
    problem = rotated(shape, values, reg, rng)
    point = dmf.global_minimizer(problem)
    results = [search(problem, rng.standard_normal(problem.size)) for _ in range(8)]
    best = min(results, key=lambda result: result.fun)
    # The searches stop at slopes of 1e-9, where the loss is off by the square over a curvature.
    assert abs(best.fun - point.loss) <= 1e-12
    found = dmf.end_to_end(dmf.unflatten(best.x, problem.widths))
    np.testing.assert_allclose(found, point.end_to_end, atol=1e-7)


def search(problem: dmf.Problem, start: np.ndarray):
    """Minimize the loss over the factors from a start."""

    def objective(vector):
        factors = dmf.unflatten(vector, problem.widths)
        return problem.loss(factors), dmf.flatten(problem.gradient(factors))

    options = {"gtol": 1e-9, "ftol": 0, "maxiter": 5000, "maxcor": 30}
    return minimize(objective, start, jac=True, method="L-BFGS-B", options=options)


@pytest.mark.parametrize(
    ("shape", "values", "reg"),
    [
        ((2, 2, 2), (2.0, 1.5), 0.5),
        ((2, 1, 2), (2.0, 1.5), 0.5),
        ((2, 3, 1), (2.0,), (0.5, 1.5)),
        ((1, 1, 1, 1), (3.0,), (1.0, 0.5, 0.8)),
        ((2, 2, 2, 2), (3.0, 2.2), 0.5),
    ],
)
def test_list_of_critical_points_is_complete(shape, values, reg):
    rng = np.random.default_rng(2)
    problem = rotated(shape, values, reg, rng)
    listed = [point.end_to_end for point in dmf.critical_points(problem)]
    found = set()
    for _ in range(250):
        start = rng.standard_normal(problem.size) * rng.choice([0.3, 1.0, 2.0])
        result = least_squares(
            lambda x: dmf.flatten(problem.gradient(dmf.unflatten(x, problem.widths))),
            start,
            jac=lambda x: dmf.hessian(problem, dmf.unflatten(x, problem.widths)),
            xtol=1e-15,
            ftol=1e-15,
            gtol=1e-15,
        )
        if np.linalg.norm(result.fun) > 1e-10:  # a stationary point of the slope's norm alone
            continue
        product = dmf.end_to_end(dmf.unflatten(result.x, problem.widths))
        distances = [np.linalg.norm(product - other) for other in listed]
        # The Hessian does not vanish across these orbits: the slope bounds the distance.
        assert min(distances) <= 1e-8
        found.add(int(np.argmin(distances)))
    assert len(found) == len(listed)


@pytest.mark.parametrize("depth", [2, 3, 6])
@pytest.mark.parametrize("narrow", [1, 2, 5])
def test_number_of_points_and_their_order(depth, narrow):
    values = np.array([5.0, 4.0, 3.5, 0.1])
    problem = dmf.Problem(np.diag(values), [narrow] + [5] * (depth - 2), reg=0.5)
    points = list(dmf.critical_points(problem))
    roots = 1 if depth == 2 else 2
    assert len(points) == sum(comb(3, k) * roots**k for k in range(min(3, narrow) + 1))
    order = [
        (point.rank, [(i, -root) for i, root in enumerate(point.roots) if root]) for point in points
    ]
    assert order == sorted(order)
    assert all(before < after for before, after in pairwise(order))
    for rank in range(points[-1].rank + 1):
        losses = [point.loss for point in points if point.rank == rank]
        assert losses[0] == min(losses)


def test_equal_singular_values_count_once():
    problem = dmf.Problem(3 * np.eye(3), (3, 3), reg=0.5)
    counts = [tuple(np.bincount(p.roots, minlength=3)) for p in dmf.critical_points(problem)]
    assert sorted(counts) == sorted({(3 - a - b, a, b) for a in range(4) for b in range(4 - a)})


def test_groups_of_equal_singular_values_count_once_each():
    # Of a pair and a single mode, each mode has two roots or none: 6 and 3 ways.
    problem = dmf.Problem(np.diag([3.0, 3.0, 2.5]), (3, 3), reg=0.5)
    points = list(dmf.critical_points(problem))
    ways = {(*sorted(point.roots[:2]), point.roots[2]) for point in points}
    assert len(points) == len(ways) == 6 * 3


def test_members_of_a_family_of_equal_singular_values_are_all_critical():
    rng = np.random.default_rng(3)
    problem = dmf.Problem(3 * np.eye(3), (4, 3), reg=(0.5, 0.4, 0.6))
    turn = haar(3, rng)
    for point in dmf.critical_points(problem):
        first, *middle, last = point.factors(rng)
        factors = [first @ turn.T, *middle, turn @ last]
        slope = np.linalg.norm(dmf.flatten(problem.gradient(factors)))
        assert slope <= 100 * accuracy(problem)  # losses, values and weights are of order one
        assert abs(problem.loss(factors) - point.loss) <= 100 * accuracy(problem)


def test_enumeration_is_lazy():
    problem = dmf.Problem(np.diag(np.linspace(3, 4, 500)), (500, 500), reg=0.1)
    ranks = [point.rank for point in islice(dmf.critical_points(problem), 1005)]
    assert ranks == [0] + [1] * 1000 + [2] * 4


def test_local_minimizers_hold_and_degenerate_points_do_not():
    depth, reg = 3, 1.0
    fold, collapse = dmf.fold_threshold(reg, depth), dmf.collapse_threshold(reg, depth)
    between = dmf.Problem([[0.5 * (fold + collapse)]], (1, 1), reg)
    spurious = [p for p in dmf.critical_points(between) if p.kind == "local minimizer"]
    assert [point.rank for point in spurious] == [1]
    start = dmf.flatten(spurious[0].factors())
    rng = np.random.default_rng(4)
    for _ in range(10):
        back = search(between, start + 0.05 * rng.standard_normal(3))
        assert abs(back.fun - spurious[0].loss) <= 1e-12

    at_fold = list(dmf.critical_points(dmf.Problem([[fold]], (1, 1), reg)))
    assert [point.kind for point in at_fold] == ["global minimizer", "degenerate"]
    point = at_fold[1]
    # Towards zero the loss falls with the cube of the step.
    steps = np.array([1e-1, 1e-2, 1e-3])
    losses = [point.problem.loss([(1 - t) * w for w in point.factors()]) for t in steps]
    fall = np.log(point.loss - np.array(losses))
    assert np.all(np.diff(fall) / np.diff(np.log(steps)) == pytest.approx(3, abs=0.3))


def test_strict_saddles_of_depth_2_and_minimizers_of_depth_3():
    values = np.diag([3.0, 2.0])
    kinds = {p.roots.tobytes(): p.kind for p in dmf.critical_points(dmf.Problem(values, (2,), 0.5))}
    assert sorted(kinds.values()) == ["global minimizer"] + 3 * ["strict saddle"]
    deep = list(dmf.critical_points(dmf.Problem(values, (2, 2), 0.5)))
    leading = [point for point in deep if point.kind != "strict saddle"]
    assert [tuple(point.roots) for point in leading] == [(0, 0), (2, 0), (2, 2)]
    assert [p.kind for p in leading] == 2 * ["local minimizer"] + ["global minimizer"]


@given(regularized_problems(), st.integers(0, 2**32 - 1))
def test_nothing_changes_within_the_exceptional_gap(problem, seed):
    gap = dmf.exceptional_gap(problem)
    rng = np.random.default_rng(seed)
    move = rng.standard_normal(problem.target.shape)
    unit = max(np.linalg.norm(problem.target, 2), threshold(problem))
    move *= 0.99 * min(gap, 1.0) * unit / np.linalg.norm(move, 2)
    moved = dmf.Problem(problem.target + move, problem.hidden_widths, problem.reg)
    if gap > 1e-6:
        assert problem.depth == 2 or np.array_equal(
            dmf.global_minimizer(moved).roots, dmf.global_minimizer(problem).roots
        )
        # The nearest exceptional target is no nearer than a first-order move says.
        assert dmf.exceptional_gap(moved) > 0


def threshold(problem: dmf.Problem) -> float:
    """Collapse threshold of the geometric mean of the weights."""
    return dmf.collapse_threshold(np.exp(np.log(problem.reg).mean()), problem.depth)


@pytest.mark.parametrize("depth", [3, 4, 9, 30])
def test_two_minimizers_tie_on_the_null_set(depth):
    reg = 0.3
    collapse = dmf.collapse_threshold(reg, depth)
    problem = dmf.Problem(np.diag([2 * collapse, collapse]), (2,) * (depth - 1), reg)
    assert dmf.exceptional_gap(problem) == 0
    points = islice(dmf.critical_points(problem), 30)
    tied = [point for point in points if point.kind == "global minimizer"]
    assert [tuple(point.roots) for point in tied] == [(2, 0), (2, 2)]
    assert tied[0].loss == pytest.approx(tied[1].loss, rel=8 * depth * EPS)
    assert dmf.global_minimizer(problem).rank == 2
    apart = np.linalg.norm(tied[0].end_to_end - tied[1].end_to_end)
    assert apart == pytest.approx(collapse * (depth - 2) / (depth - 1))


def test_bottleneck_needs_a_gap_of_its_own():
    def gap(*values):
        return dmf.exceptional_gap(dmf.Problem(np.diag(values), (1,), reg=1.0))

    assert gap(3.0, 3.0) == 0
    assert gap(3.0, 2.0) == pytest.approx(0.5 / 3)
    assert gap(3.0, 0.0) == pytest.approx(1.5 / 3)
    assert gap(0.5, 0.4) == pytest.approx(0.6)
    wide = dmf.Problem(np.diag([3.0, 3.0]), (2,), reg=1.0)
    assert dmf.exceptional_gap(wide) == np.inf


def test_gap_does_not_depend_on_units():
    target, unit = np.diag([3.0, 1.2]), 7.0
    for depth in (2, 3, 5):
        widths = (1,) * (depth - 1)
        reg = np.full(depth, 0.3) * np.linspace(0.5, 1.5, depth)
        gap = dmf.exceptional_gap(dmf.Problem(target, widths, reg))
        scaled = dmf.Problem(unit * target, widths, unit ** (2 - 2 / depth) * reg)
        assert dmf.exceptional_gap(scaled) == pytest.approx(gap)


def test_random_members_fill_the_orbit():
    point = dmf.global_minimizer(dmf.Problem([[2.0, 0.0]], (1, 3), reg=0.2))
    rng = np.random.default_rng(5)
    members = [point.factors(rng) for _ in range(2000)]
    signs = [np.sign(member[0][0, 0]) for member in members]
    assert set(signs) == {-1.0, 1.0}
    # Means of 2000 independent entries of variance at most one: five standard deviations.
    assert abs(np.mean(signs)) <= 5 / np.sqrt(2000)
    column = np.array([member[1][:, 0] / np.linalg.norm(member[1]) for member in members])
    assert np.all(abs(column.mean(axis=0)) <= 5 / np.sqrt(2000))
    np.testing.assert_allclose(column.T @ column / 2000, np.eye(3) / 3, atol=5 / np.sqrt(2000))
    first, second = (point.factors(np.random.default_rng(6)) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_diagonal_targets_need_no_decomposition(monkeypatch):
    target = np.zeros((3, 5))
    target[[0, 1, 2], [0, 1, 2]] = 1.0, -3.0, 2.0
    expected = np.zeros((3, 5))
    expected[[0, 1, 2], [0, 1, 2]] = 0.5, -2.5, 1.5

    def refuse(*_, **__):
        raise AssertionError("decomposed")

    monkeypatch.setattr(np.linalg, "svd", refuse)
    point = dmf.global_minimizer(dmf.Problem(target, (4,), reg=0.5))
    np.testing.assert_array_equal(point.target_values, [3.0, 2.0, 1.0])
    np.testing.assert_allclose(point.end_to_end, expected, rtol=4 * EPS)
    np.testing.assert_allclose(dmf.end_to_end(point.factors()), expected, rtol=8 * EPS)


@pytest.mark.parametrize("depth", [2, 3, 12, 30])
@pytest.mark.parametrize("reg", [1e-12, 1e-4, 1.0, 1e6])
def test_extreme_depths_and_weights(depth, reg):
    rng = np.random.default_rng(7)
    problem = rotated((3, *[2, 4] * (depth // 2), 3)[: depth + 1], (1.0, 0.9, 0.0), reg, rng)
    point = dmf.global_minimizer(problem)
    expected = dmf.shrink([1.0, 0.9, 0.0], reg, depth)
    found = np.linalg.svd(point.end_to_end, compute_uv=False)
    kept = min(problem.widths)
    # The SVD of the product has the absolute error, the root at most the condition of the depth.
    np.testing.assert_allclose(found[:kept], expected[:kept], atol=8 * depth * 6 * EPS)
    assert point.kind == "global minimizer"


def test_zero_target():
    point = dmf.global_minimizer(dmf.Problem(np.zeros((2, 3)), (2, 2), reg=1.0))
    assert (point.rank, point.loss, point.kind) == (0, 0.0, "global minimizer")
    assert not point.end_to_end.any()
    assert dmf.exceptional_gap(point.problem) == 1.0


def test_values_are_read_only():
    point = dmf.global_minimizer(dmf.Problem([[2.0]], (1,), reg=1.0))
    for values in (point.target_values, point.roots, point.mode_values):
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 0


@pytest.mark.parametrize(
    "function", [dmf.global_minimizer, dmf.critical_points, dmf.exceptional_gap]
)
def test_weights_must_be_positive(function):
    with pytest.raises(ValueError, match=r"reg must be positive in every layer, got \(1.0, 0.0\)"):
        function(dmf.Problem([[1.0]], (1,), reg=(1.0, 0.0)))


def test_random_source_must_be_a_generator():
    point = dmf.global_minimizer(dmf.Problem([[2.0]], (1,), reg=1.0))
    with pytest.raises(TypeError, match=r"rng must be a numpy.random.Generator or None, got 0"):
        point.factors(0)


def test_shapes_of_factors():
    problem = dmf.Problem(np.diag([3.0, 2.0])[:, :1], (4, 3), reg=0.1)
    shapes = [factor.shape for factor in dmf.global_minimizer(problem).factors()]
    assert shapes == [(after, before) for before, after in pairwise(problem.widths)]


@given(regularized_problems())
def test_local_minimizers_are_those_among_all_critical_points(problem):
    minimizers = {"global minimizer", "local minimizer"}
    expected = [p for p in dmf.critical_points(problem) if p.kind in minimizers]
    found = list(dmf.local_minimizers(problem))
    assert [tuple(p.roots) for p in found] == [tuple(p.roots) for p in expected]
    assert [p.kind for p in found] == [p.kind for p in expected]
    assert [p.loss for p in found] == [p.loss for p in expected]


def test_local_minimizers_need_no_walk_through_all_points():
    # Above the fold 30 modes have 3^30 critical points.
    problem = dmf.Problem(np.diag(np.linspace(3, 4, 30)), (30, 30), reg=0.1)
    assert [point.rank for point in dmf.local_minimizers(problem)] == list(range(31))
    shallow = dmf.Problem(np.diag(np.linspace(3, 4, 30)), (20,), reg=0.1)
    assert [point.rank for point in dmf.local_minimizers(shallow)] == [20]
