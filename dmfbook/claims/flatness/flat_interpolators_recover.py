"""Claims of the chapter *Flat interpolators recover*; the oracle is a convex solver."""

from __future__ import annotations

from functools import partial

import numpy as np

from dmfbook.claims.cases.flatness import interpolations, label_noise
from dmfbook.claims.cases.flatness.interpolations import InterpolationCase
from dmfbook.claims.cases.flatness.label_noise import LabelNoiseCase
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence
from dmfbook.claims.oracles.convex import nuclear_norm_minimizer
from dmfbook.claims.oracles.measurements import (
    dense_matrices,
    dense_rows,
    rank_one_extreme,
    square_root,
)
from dmfbook.sensing.ensembles import dense_sensing


def allowed_excess(case: InterpolationCase) -> float:
    """The bound on the nuclear norm over the least one, from second moments and rank one, less 1."""
    smallest, largest = (rank_one_extreme(case.operator, sign)[0] for sign in (-1, 1))
    condition = np.prod([np.linalg.cond(moment) for moment in case.second_moments])
    condition *= (largest / smallest) ** (case.depth - 2)
    return float(condition ** (1 / (2 * case.depth - 2)) - 1)


def compare_excess(case: InterpolationCase, share: float = 1.0) -> Evidence:
    """Compare its nuclear norm with the least one, from a convex solver, and the excess allowed."""
    excess = float(np.linalg.norm(case.interpolator, "nuc")) / case.least_norm - 1
    # Both solvers are good to 1e-7; the excess may be negative by as much.
    return Evidence(max(excess, 0.0), share * allowed_excess(case) + 1e-6)


@claim(
    "cor-nuclear-norm",
    "The nuclear norm of the flattest interpolator",
    source="gatmiry2023flatness",
    status="paper's claim",
    cases={
        "depth 3": partial(interpolations.few_missing, depth=3),
        "depth 2": partial(interpolations.few_missing, depth=2),
        "depth 4": partial(interpolations.few_missing, depth=4),
    },
    controls={"the interpolator is the flattest": interpolations.not_flattest},
    rivals={
        "it has the least nuclear norm": partial(compare_excess, share=0.0),
    },
)
def nuclear_norm_excess(case: InterpolationCase) -> Evidence:
    """Compare its nuclear norm with the least one, from a convex solver, and the excess allowed."""
    return compare_excess(case)


def compare_convex(case: InterpolationCase, weighted: bool = True) -> Evidence:
    """Compare the weighted nuclear norm of the interpolator with the least, from a convex solver."""
    values = case.operator.forward(case.truth)
    if not weighted:
        found = float(np.linalg.norm(case.interpolator, "nuc"))
        return Evidence(abs(found / case.least_norm - 1), 2e-6)
    matrices = dense_matrices(case.operator)
    left, right = (square_root(moment) for moment in case.second_moments)
    # In the unknown P^{1/2} X Q^{1/2} the problem is one of plain nuclear norm.
    whitened = dense_sensing(np.linalg.inv(left) @ matrices @ np.linalg.inv(right))
    least = np.linalg.norm(nuclear_norm_minimizer(whitened, values), "nuc")
    found = float(np.linalg.norm(left @ case.interpolator @ right, "nuc"))
    return Evidence(float(abs(found / least - 1)), 2e-6)


@claim(
    "cor-convex-at-depth-two",
    "A convex problem at depth two",
    source="ding2024flat",
    status="paper's claim",
    cases={
        "half as many measurements as entries": interpolations.shallow,
        "a third": partial(interpolations.shallow, share=1 / 3),
    },
    controls={
        "the interpolator is the flattest": interpolations.another_interpolator,
        "two layers": interpolations.deep,
    },
    rivals={"the nuclear norm without weights": partial(compare_convex, weighted=False)},
)
def convex_at_depth_two(case: InterpolationCase) -> Evidence:
    """Compare the weighted nuclear norm of the interpolator with the least, from a convex solver."""
    return compare_convex(case)


def compare_recovery(case: InterpolationCase, least_squares: bool = False) -> Evidence:
    """Relative test error of the flattest interpolator, or of the one of least Frobenius norm."""
    found = case.interpolator
    if least_squares:
        rows = dense_rows(case.operator)
        vector = np.linalg.pinv(rows) @ case.operator.forward(case.truth)
        found = vector.reshape(found.shape[::-1]).T
    return Evidence(float(np.linalg.norm(found - case.truth)), 1e-5)


@claim(
    "obs-flat-recovery",
    "Flat interpolators recover",
    source="gatmiry2023flatness",
    status="empirical",
    cases={
        "depth 2": partial(interpolations.enough_measurements, depth=2),
        "depth 3": partial(interpolations.enough_measurements, depth=3),
        "depth 4": partial(interpolations.enough_measurements, depth=4),
    },
    controls={
        "enough measurements": interpolations.too_few_measurements,
        "a truth of low rank": interpolations.full_rank,
    },
    rivals={
        "the interpolator of least Frobenius norm does, too": partial(
            compare_recovery, least_squares=True
        )
    },
)
def flat_recovery(case: InterpolationCase) -> Evidence:
    """Relative test error of the flattest interpolator."""
    return compare_recovery(case)


def compare_drift(case: LabelNoiseCase, finite: bool = True, pace: float = 1.0) -> Evidence:
    """Compare the fall of the trace at rest, averaged over runs, with that along the slow flow."""
    predicted = pace * (case.predicted if finite else case.predicted_fall(finite))
    fall, error = case.fall
    # The next order is of the square of the noise: under 1 per cent in 600 cases.
    return Evidence(abs(fall / predicted - 1), 0.02 + 4 * error / predicted)


@claim(
    "obs-label-noise",
    "Label noise follows the slow flow",
    source="blanc2020implicit",
    status="empirical",
    cases={
        "depth 3": partial(label_noise.label_noise, depth=3),
        "depth 2": partial(label_noise.label_noise, depth=2),
    },
    controls={"the labels are noisy": label_noise.silence},
    rivals={
        "the trace itself, as for small steps": partial(compare_drift, finite=False),
        "nine tenths of it": partial(compare_drift, pace=0.9),
    },
)
def label_noise_drift(case: LabelNoiseCase) -> Evidence:
    """Compare the fall of the trace at rest, averaged over runs, with that along the slow flow."""
    return compare_drift(case)
