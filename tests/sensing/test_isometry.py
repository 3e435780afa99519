"""Estimates of the restricted isometry constant against exhaustive search and exact values."""

import copy
import pickle

import numpy as np
import pytest

import dmfbook as dmf


def exhaustive(operator, sign):
    """Extreme of ‖𝒜(uvᵀ)‖² over unit u, v for two columns, over a fine grid of directions v."""
    rows = operator @ np.eye(operator.shape[1])
    found = []
    for angle in np.linspace(0, np.pi, 4001):
        v = np.array([np.cos(angle), np.sin(angle)])
        maps = rows.reshape(len(rows), 2, -1).transpose(0, 2, 1) @ v
        found.append(sign * np.linalg.eigvalsh(sign * maps.T @ maps)[-1])
    return max(found) if sign > 0 else min(found)


@pytest.mark.parametrize("seed", range(4))
def test_rank_one_agrees_with_all_directions(seed):
    rng = np.random.default_rng(seed)
    operator = dmf.gaussian_sensing((4, 2), 9, rng)
    estimate = dmf.isometry_lower_bound(operator, 1, rng)
    # A grid of 4001 angles misses an extreme by at most (π/4000)²/2 times a second derivative.
    assert estimate.largest == pytest.approx(exhaustive(operator, +1), rel=1e-5)
    assert estimate.smallest == pytest.approx(exhaustive(operator, -1), rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("kind", ["gaussian", "entries"])
def test_full_rank_gives_the_singular_values(kind):
    rng = np.random.default_rng(1)
    make = {"gaussian": dmf.gaussian_sensing, "entries": dmf.entry_sampling}[kind]
    operator = make((4, 3), 12, rng)
    squares = np.linalg.svd(operator @ np.eye(12), compute_uv=False) ** 2
    estimate = dmf.isometry_lower_bound(operator, 3, rng)
    assert estimate.largest == pytest.approx(squares[0], rel=1e-9)
    assert estimate.smallest == pytest.approx(squares[-1], rel=1e-6, abs=1e-12)


def test_the_range_widens_with_the_rank_and_is_attained():
    rng = np.random.default_rng(2)
    operator = dmf.gaussian_sensing((5, 4), 30, rng)
    estimates = [dmf.isometry_lower_bound(operator, rank, rng, starts=12) for rank in (1, 2, 3)]
    deltas = [estimate.delta for estimate in estimates]
    assert deltas == sorted(deltas)
    ratios = [
        np.sum(operator.forward(np.outer(u, v)) ** 2) / (u @ u) / (v @ v)
        for u, v in zip(rng.normal(size=(500, 5)), rng.normal(size=(500, 4)), strict=True)
    ]
    assert estimates[0].smallest <= min(ratios) <= max(ratios) <= estimates[0].largest


def test_delta_is_the_larger_deviation():
    assert dmf.IsometryEstimate(1, smallest=0.7, largest=1.2).delta == pytest.approx(0.3)
    assert dmf.IsometryEstimate(1, smallest=0.9, largest=1.2).delta == pytest.approx(0.2)


def test_few_entries_leave_a_kernel():
    rng = np.random.default_rng(3)
    operator = dmf.entry_sampling((4, 4), 6, rng)
    estimate = dmf.isometry_lower_bound(operator, 1, rng)
    assert estimate.smallest == 0
    assert estimate.largest == pytest.approx(16 / 6)


@pytest.mark.parametrize("power", [-600, -400, 1, 400, 533])
def test_any_scale_will_do(power):
    matrices = np.random.default_rng(4).normal(size=(9, 4, 3))
    plain, scaled = (
        dmf.isometry_lower_bound(dmf.dense_sensing(s * matrices), 2, np.random.default_rng(5))
        for s in (1.0, 2.0**power)
    )
    with np.errstate(over="ignore"):
        expected = np.ldexp([plain.smallest, plain.largest], 2 * power)  # 0 or infinite beyond
    assert [scaled.smallest, scaled.largest] == expected.tolist()
    assert not np.isnan(scaled.delta)


def test_the_forms_of_entries_are_those_of_their_matrices():
    operator = dmf.entry_sampling((4, 3), 7, np.random.default_rng(6))
    dense = dmf.dense_sensing([operator.adjoint(unit) for unit in np.eye(7)])
    for rank in (1, 2, 3):
        by_entries, by_matrices = (
            dmf.isometry_lower_bound(each, rank, np.random.default_rng(7))
            for each in (operator, dense)
        )
        assert by_entries.largest == pytest.approx(by_matrices.largest, rel=1e-9)
        assert by_entries.smallest == pytest.approx(by_matrices.smallest, rel=1e-6, abs=1e-12)


def test_eight_starts_are_usual_and_one_will_do():
    operator = dmf.gaussian_sensing((4, 3), 9, np.random.default_rng(8))
    first, second = np.random.default_rng(9), np.random.default_rng(9)
    usual = dmf.isometry_lower_bound(operator, 2, first)
    assert usual == dmf.isometry_lower_bound(operator, 2, second, starts=8)
    assert first.normal() == second.normal()  # as many draws
    one = dmf.isometry_lower_bound(operator, 2, np.random.default_rng(9), starts=1)
    assert usual.smallest <= one.smallest <= one.largest <= usual.largest


def test_an_estimate_is_short_and_survives_pickle():
    estimate = dmf.IsometryEstimate(2, smallest=0.5, largest=1.5)
    assert repr(estimate) == "IsometryEstimate(rank=2, smallest=0.5, largest=1.5)"
    assert pickle.loads(pickle.dumps(estimate)) == copy.deepcopy(estimate) == estimate


def test_bad_input_is_refused():
    rng = np.random.default_rng(0)
    operator = dmf.gaussian_sensing((4, 2), 9, rng)
    with pytest.raises(ValueError, match="rank must be at most 2, the smaller side, got 3"):
        dmf.isometry_lower_bound(operator, 3, rng)
    with pytest.raises(ValueError, match="rank must be at least 1"):
        dmf.isometry_lower_bound(operator, 0, rng)
    with pytest.raises(ValueError, match="starts must be at least 1"):
        dmf.isometry_lower_bound(operator, 1, rng, starts=0)
    with pytest.raises(TypeError, match="rank must be an integer"):
        dmf.isometry_lower_bound(operator, 1.5, rng)
    with pytest.raises(TypeError, match="rng must be a numpy.random.Generator, got 0"):
        dmf.isometry_lower_bound(operator, 1, 0)
    with pytest.raises(TypeError, match="operator must be a SensingOperator, got ndarray"):
        dmf.isometry_lower_bound(np.eye(4), 1, rng)
