"""Kinds of critical points without weight decay against dense Hessians, on every block pattern of small networks."""

from itertools import combinations

import numpy as np
import pytest

import dmfbook as dmf
from dmfbook.claims.cases.linear_networks.critical_points.families import KindCase, regression
from dmfbook.claims.cases.linear_networks.critical_points.patterns import (
    all_patterns,
    no_blocks,
)
from dmfbook.claims.statements.linear_networks.unregularized import Kinds, Products

# Widths, singular values of the whitened target, directions of the inputs.
NETWORKS = {
    "depth 2": ((3, 2, 2), (2.0, 1.0), 3),
    "depth 3": ((2, 2, 2, 2), (2.0, 1.0), 2),
    "depth 3, more inputs": ((3, 2, 2, 2), (2.0, 1.0), 3),
    "depth 3, more outputs": ((2, 2, 2, 3), (2.0, 1.0), 2),
    "depth 4": ((2, 2, 2, 2, 2), (2.0, 1.0), 2),
    "depth 5, one unit a layer": ((2, 1, 2, 1, 1, 2), (2.0, 1.0), 2),
    "equal values": ((2, 2, 2, 2), (2.0, 2.0), 2),
    "a value zero": ((2, 2, 2, 2), (2.0, 0.0), 2),
    "dependent inputs": ((3, 2, 2, 2), (2.0, 1.0), 2),
    "a bottleneck": ((2, 2, 1, 2), (2.0, 1.0), 2),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_block_pattern(name):
    rng = np.random.default_rng(5)
    widths, values, directions = NETWORKS[name]
    whitened = regression(rng, values, widths, directions)
    seen = 0
    for rank in range(whitened.capacity + 1):
        for active in combinations(range(2), rank):
            if values[1] == 0 and 1 in active:
                continue
            for blocks in all_patterns(*whitened.rest(active)):
                factors = whitened.factors(active, blocks, rng)
                point = KindCase(Products(whitened.problem, factors), 0)
                kind = dmf.kind_without_reg(whitened.problem, factors)
                assert kind == Kinds().kind(point.point)
                assert (kind == "strict saddle") == (point.least < -point.rounding)
                best = whitened.loss.least + np.sum(whitened.bases[1][whitened.capacity :] ** 2)
                is_best = np.isclose(whitened.problem.loss(factors), best, rtol=1e-9)
                assert (kind == "global minimizer") == is_best
                seen += 1
    assert seen >= 4


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_factorization_is_regression_on_white_inputs(depth):
    target = np.diag([3.0, 2.0, 1.0])[:, :2]
    zeros = [np.zeros((2, 2))] * (depth - 1) + [np.zeros((3, 2))]
    problems = (
        dmf.Problem(target, (2,) * (depth - 1)),
        dmf.Problem(dmf.Regression(np.eye(2), target), (2,) * (depth - 1)),
    )
    expected = "strict saddle" if depth == 2 else "non-strict saddle"
    assert [dmf.kind_without_reg(problem, zeros) for problem in problems] == [expected] * 2


def test_no_data_and_no_target():
    zeros = [np.zeros((2, 3)), np.zeros((2, 2))]
    nothing = dmf.Problem(dmf.Regression(np.zeros((3, 4)), np.ones((2, 4))), (2,))
    assert dmf.kind_without_reg(nothing, zeros) == "global minimizer"
    assert dmf.kind_without_reg(nothing, [np.ones((2, 3)), np.ones((2, 2))]) == "global minimizer"
    untargeted = dmf.Problem(np.zeros((2, 3)), (2,))
    assert dmf.kind_without_reg(untargeted, zeros) == "global minimizer"
    one = dmf.Problem(dmf.Regression([[1.0], [0.0], [2.0]], [[1.0], [1.0]]), (2,))
    assert dmf.kind_without_reg(one, zeros) == "strict saddle"


def test_training_arrives_at_a_global_minimizer():
    rng = np.random.default_rng(0)
    problem = dmf.Problem(rng.normal(size=(3, 4)), (2, 3))
    start = [0.5 * rng.normal(size=shape) for shape in ((2, 4), (3, 2), (3, 3))]
    end = dmf.gradient_flow(problem, start, 400.0, tolerance=1e-9)
    assert dmf.kind_without_reg(problem, end.factors, tolerance=1e-7) == "global minimizer"


def test_errors_below_the_tolerance_change_nothing_and_larger_ones_are_refused():
    rng = np.random.default_rng(2)
    whitened = regression(rng, (2.0, 1.0), (3, 2, 2, 2))
    for active in ((), (0,), (1,), (0, 1)):
        factors = whitened.factors(active, no_blocks(whitened.rest(active)[0]), rng)
        kind = dmf.kind_without_reg(whitened.problem, factors)
        moved = [factor + 1e-9 * rng.normal(size=factor.shape) for factor in factors]
        assert dmf.kind_without_reg(whitened.problem, moved, tolerance=1e-7) == kind
        with pytest.raises(ValueError, match=r"factors must be a critical point .* of layer \d is"):
            dmf.kind_without_reg(
                whitened.problem, [f + 0.1 * rng.normal(size=f.shape) for f in factors]
            )


def test_what_is_refused():
    zeros = [np.zeros((1, 2)), np.zeros((2, 1))]
    target = np.eye(2)
    with pytest.raises(ValueError, match="without weight decay, got reg"):
        dmf.kind_without_reg(dmf.Problem(target, (1,), (0.0, 0.1)), zeros)
    with pytest.raises(ValueError, match="tolerance must be positive"):
        dmf.kind_without_reg(dmf.Problem(target, (1,)), zeros, tolerance=0.0)
    with pytest.raises(TypeError, match="tolerance must be a number"):
        dmf.kind_without_reg(dmf.Problem(target, (1,)), zeros, tolerance="little")
    with pytest.raises(ValueError, match="factors\\[0\\] must have shape"):
        dmf.kind_without_reg(dmf.Problem(target, (1,)), zeros[::-1])
    with pytest.raises(TypeError, match=r"problem must be a dmfbook\.Problem"):
        dmf.kind_without_reg(target, zeros)
    operator = dmf.entry_sampling((2, 2), 3, np.random.default_rng(0))
    sensing = dmf.Sensing(operator, np.ones(3))
    with pytest.raises(TypeError, match="factorization or regression"):
        dmf.kind_without_reg(dmf.Problem(sensing, (1,)), zeros)


TAU = 1e-6


@pytest.mark.parametrize(("gap", "kind"), [(8.5, "non-strict saddle"), (9.5, "strict saddle")])
def test_values_that_errors_can_exchange_count_as_equal(gap, kind):
    # Three layers, inputs and target of norm one: the product is known up to 4 τ, the residual up to 5 τ.
    one = np.diag([0.0, 1.0])
    problem = dmf.Problem(np.diag([1.0 + gap * TAU, 1.0]), (2, 2))
    assert dmf.kind_without_reg(problem, [one] * 3, TAU) == kind


def accepts(problem, factors):
    """Whether the point passes as critical."""
    try:
        dmf.kind_without_reg(problem, factors, TAU)
    except ValueError:
        return False
    return True


def test_a_slope_is_compared_with_errors_of_the_other_layers():
    # The largest layer is 5, so each is known up to 5 τ; the slope of the first is 5 ν, known up to 25 τ.
    problem = dmf.Problem([[1.0]], (1, 1))
    points = [[[[0.0]], [[share * TAU]], [[5.0]]] for share in (4.5, 5.5)]
    assert [accepts(problem, point) for point in points] == [True, False]


def test_layers_near_zero_have_the_error_of_a_natural_size():
    # Q = 2 and M̃ = 18: two equal layers that fit are √(18 / 2) = 3.
    problem = dmf.Problem(dmf.Regression([[2.0]], [[18.0]]), (1,))
    points = [[[[share * TAU]], [[0.0]]] for share in (2.8, 3.2)]
    assert [accepts(problem, point) for point in points] == [True, False]


@pytest.mark.parametrize(("share", "kind"), [(0.9, "non-strict saddle"), (1.1, "strict saddle")])
def test_a_layer_bends_the_loss_where_it_is_larger_than_its_error(share, kind):
    # The slope of either zero layer is the other one times the third, which is known up to τ.
    problem = dmf.Problem([[1.0]], (1, 1))
    assert dmf.kind_without_reg(problem, [[[0.0]], [[0.0]], [[share * TAU]]], TAU) == kind


def test_points_are_known_up_to_1e_10_unless_said_otherwise():
    problem = dmf.Problem([[1.0]], (1,))
    assert dmf.kind_without_reg(problem, [[[0.9e-10]], [[0.0]]]) == "strict saddle"
    with pytest.raises(ValueError, match="up to tolerance 1e-10: "):
        dmf.kind_without_reg(problem, [[[1.1e-10]], [[0.0]]])


def test_values_of_very_different_sizes():
    one = np.diag([0.0, 1.0])
    problem = dmf.Problem(np.diag([100.0, 1.0]), (2, 2))
    assert dmf.kind_without_reg(problem, [one] * 3) == "strict saddle"
    problem = dmf.Problem(np.diag([1e200, 1e-20]), (2, 2))
    assert dmf.kind_without_reg(problem, [np.zeros((2, 2))] * 3) == "non-strict saddle"


def test_a_layer_that_is_negligible_beside_another_is_known_to_no_digit():
    problem = dmf.Problem([[1.0]], (1,))
    assert dmf.kind_without_reg(problem, [[[1e200]], [[1e-200]]]) == "global minimizer"
    problem = dmf.Problem([[1.0]], (1, 1))
    assert dmf.kind_without_reg(problem, [[[1e200]], [[1e200]], [[1e-200]]]) == "global minimizer"
