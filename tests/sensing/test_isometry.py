"""Estimates of the restricted isometry constant against exhaustive search and exact values."""

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
