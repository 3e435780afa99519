"""Claims of the chapter *Unbalanced and ill-conditioned*; every descent is run, Hessians are dense."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.training import minimizers, scaled, small_starts
from dmfbook.claims.cases.training.minimizers import MinimizerCase
from dmfbook.claims.cases.training.scaled import ScaledCase, SubspaceCase
from dmfbook.claims.cases.training.small_starts import BalanceCase, DampedCase, Race, squared_size
from dmfbook.claims.claim import claim
from dmfbook.claims.evidence import Evidence, worst
from dmfbook.claims.statements.imbalance import differences
from dmfbook.claims.statements.training import scaling
from dmfbook.network.factors import end_to_end

EPS = float(np.finfo(float).eps)


def compare_balance(case: BalanceCase, constant: float = 2.0, decides: bool = True) -> Evidence:
    """Compare the change of imbalance over a run with what the loss has fallen by."""
    loss = case.run.records["loss"]
    bound = max(constant * case.step * float(loss[0] - loss[-1]), 0.0) if decides else 0.0
    evidences = [Evidence(case.change, bound + case.rounding)]
    if case.problem.depth == 2:
        first, last = (
            float(np.linalg.norm(differences(factors)[0], "nuc"))
            for factors in (case.factors, case.run.factors)
        )
        product = float(np.linalg.norm(end_to_end(case.run.factors), "nuc"))
        allowed = (first + bound + case.rounding) / (2 * product) * (1 + 1e-12)
        evidences.append(Evidence(last / squared_size(case.run.factors), allowed))
    return worst(evidences)


@claim(
    "prop-self-balance",
    "Small starts balance themselves",
    source="soltanolkotabi2023implicit",
    status="derived",
    cases={
        "depth 2, a small start": partial(small_starts.descending, scale=1e-3),
        "depth 2, any start": partial(small_starts.descending, share=0.5),
        "depth 3": partial(small_starts.descending, depth=3, scale=0.5),
        "to the end at once": small_starts.to_the_end_at_once,
    },
    controls={
        "each step descends": small_starts.too_long_a_step,
        "no weight decay": small_starts.with_weight_decay,
    },
    rivals={
        "η times the fall of the loss": partial(compare_balance, constant=1.0),
        "1.9 η times the fall of the loss": partial(compare_balance, constant=1.9),
        "imbalance does not change at all": partial(compare_balance, decides=False),
    },
)
def self_balance(case: BalanceCase) -> Evidence:
    """Compare the change of imbalance over a run with what the loss has fallen by."""
    return compare_balance(case)


def compare_condition(
    case: MinimizerCase, factor: float = 2.0, balanced_only: bool = False
) -> Evidence:
    """Compare the ends of the dense spectrum with the formulas, at a balanced minimizer and at another one."""
    sigma = case.values
    wanted = factor * sigma[0] / sigma[-1]
    least, largest = case.ends(case.balanced)
    error = abs(largest / least / wanted - 1)
    evidences = [Evidence(error, case.rounding)]
    for found, value in ((least, 2 * sigma[-1]), (largest, 4 * sigma[0])):
        evidences.append(Evidence(abs(found / value - 1), case.rounding))
    low, high = case.ends(case.other)
    lack = abs(high / low - wanted) if balanced_only else max(wanted - high / low, 0.0)
    evidences.append(Evidence(lack / wanted, case.rounding))
    return worst(evidences)


@claim(
    "thm-plain-condition",
    "What gradient descent pays without weight decay",
    source="this book",
    status="derived",
    cases={
        "well conditioned": partial(minimizers.factorization, condition=2.0),
        "ill conditioned": partial(minimizers.factorization, condition=30.0),
        "one mode": partial(minimizers.factorization, condition=1.0, rank=1),
    },
    controls={
        "rows and columns beyond the rank": minimizers.without_room,
        "no idle units": minimizers.with_idle_units,
        "no weight decay": partial(minimizers.factorization, condition=5.0, reg=0.3),
        "zero loss": partial(minimizers.factorization, condition=5.0, off=0.2),
    },
    rivals={
        "σ_1 / σ_r": partial(compare_condition, factor=1.0),
        "4 σ_1 / σ_r": partial(compare_condition, factor=4.0),
        "every minimizer has the same": partial(compare_condition, balanced_only=True),
    },
)
def plain_condition(case: MinimizerCase) -> Evidence:
    """Compare condition numbers of dense Hessians with the formula."""
    return compare_condition(case)


def compare_path(case: ScaledCase, plain: bool = False, **changed: float) -> Evidence:
    """Compare each step of a run with the recursion, and the paths from two hidden bases with each other."""
    rank, before = case.factors[0].shape[0], case.products[0]
    slope = case.problem.end_to_end_loss.gradient(before)
    wanted = scaling.product_step(before, slope, case.step, rank, **changed)
    size = float(np.linalg.norm(wanted) + np.linalg.norm(before))
    damping = None if plain else case.damping
    here, there = (case.path(w, damping)[1] for w in (case.factors, case.in_other_basis()))
    other = 9 * case.rounding * size  # the other basis has a condition of 3
    return worst(
        [
            Evidence(float(np.linalg.norm(here - wanted)), case.rounding * size),
            Evidence(float(np.linalg.norm(here - there)), other),
        ]
    )


@claim(
    "thm-scaled-path",
    "Scaled descent moves the product alone",
    source="this book",
    status="derived",
    cases={
        "a target": partial(scaled.any_loss, kind="target"),
        "a target, no room beyond the rank": partial(scaled.any_loss, kind="square"),
        "Gaussian measurements": partial(scaled.any_loss, kind="gaussian"),
        "entries": partial(scaled.any_loss, kind="entries"),
        "another loss": partial(scaled.any_loss, kind="log cosh"),
    },
    controls={
        "no damping": partial(scaled.any_loss, kind="target", damping=0.3),
        "no weight decay": partial(scaled.any_loss, kind="target", reg=0.3),
    },
    rivals={
        "gradient descent, too": partial(compare_path, plain=True),
        "along the tangent space": partial(compare_path, overlap=1.0),
        "half the step": partial(compare_path, share=0.5),
        "no term of second order": partial(compare_path, square=0.0),
        "the term of second order is subtracted": partial(compare_path, square=-1.0),
    },
)
def scaled_path(case: ScaledCase) -> Evidence:
    """Compare each step with the recursion, and the paths from two hidden bases with each other."""
    return compare_path(case)


def compare_scaled_rate(
    case: ScaledCase,
    square: float = 1.0,
    unit: int = -1,
    plain: bool = False,
    across: float = 2.0,
    within: float = 4.0,
) -> Evidence:
    """Compare each step's distance with the bound, and the derivative of a step at the target."""
    target, rank = case.problem.target, case.problem.hidden_widths[0]
    sigma = np.linalg.svd(target)[1][:rank]
    distances = np.linalg.norm(case.products - target, axis=(1, 2)) / sigma[unit]
    rate = max(abs(1 - 2 * case.step), abs(1 - 4 * case.step))
    excess = max(
        max(after - scaling.step_bound(before, rate, case.step, square), 0.0)
        for before, after in pairwise(distances)
    )
    exact = scaled.at_target(case)
    wanted = scaling.multipliers(rank, target.shape, case.step, across, within)
    found = exact.multipliers(None if plain else case.damping)
    return worst(
        [
            Evidence(excess, case.rounding * float(sigma[0] / sigma[-1])),
            Evidence(float(np.abs(found - wanted).max()), exact.difference_error),
        ]
    )


@claim(
    "thm-scaled-rate",
    "The rate of scaled descent",
    source="tong2021accelerating",
    status="derived",
    cases={
        "near": partial(scaled.near_target, first=(0.05, 0.3)),
        "as far as the bound reaches": partial(scaled.near_target, first=(0.6, 0.95)),
        "ill conditioned": partial(scaled.near_target, first=(0.3, 0.9), condition=50.0),
        "the least mode turned": partial(scaled.with_a_mode_turned, condition=30.0),
        "no room beyond the rank": partial(scaled.near_target, first=(0.1, 0.9), square=True),
    },
    controls={
        "the target has the rank": partial(scaled.near_target, first=(0.05, 0.1), beyond=0.1),
        "no damping": partial(scaled.near_target, first=(0.05, 0.3), damping=0.5),
        "no weight decay": partial(scaled.near_target, first=(0.05, 0.3), reg=0.0005),
    },
    rivals={
        "gradient descent, too": partial(compare_scaled_rate, plain=True),
        "one rate, that of 2η": partial(compare_scaled_rate, within=2.0),
        "one rate, that of 4η": partial(compare_scaled_rate, across=4.0),
        "distances in units of σ_1": partial(compare_scaled_rate, unit=0),
        "no term of second order": partial(compare_scaled_rate, square=0.0),
    },
)
def scaled_rate(case: ScaledCase) -> Evidence:
    """Compare each step's distance with the bound, and the derivative of a step at the target."""
    return compare_scaled_rate(case)


def compare_subspaces(case: SubspaceCase, plain: bool = False, overlap: float = 0.0) -> Evidence:
    """Compare the derivative of a step at two matrices with the map of their tangent space."""
    wanted = scaling.subspace_multipliers(case.operator, *case.bases, case.cases[0].step, overlap)
    errors = []
    for each in case.cases:
        found = each.multipliers(None if plain else each.damping)
        allowed = each.difference_error * (1 + float(np.abs(wanted).max()))
        errors.append(Evidence(float(np.abs(found - wanted).max()), allowed))
    return worst(errors)


@claim(
    "prop-rate-by-subspaces",
    "The rate is a matter of subspaces",
    source="this book",
    status="derived",
    cases={
        "Gaussian measurements": partial(scaled.same_subspaces, kind="gaussian"),
        "entries": partial(scaled.same_subspaces, kind="entries"),
    },
    controls={
        "no damping": partial(scaled.same_subspaces, kind="gaussian", damping=0.2),
        "no weight decay": partial(scaled.same_subspaces, kind="gaussian", reg=0.2),
        "zero loss": partial(scaled.same_subspaces, kind="gaussian", noise=0.3),
    },
    rivals={
        "gradient descent, too": partial(compare_subspaces, plain=True),
        "along the tangent space": partial(compare_subspaces, overlap=1.0),
    },
)
def rate_by_subspaces(case: SubspaceCase) -> Evidence:
    """Compare the derivative of a step at two matrices with the map of their tangent space."""
    return compare_subspaces(case)


def compare_modes(case: DampedCase, w: Array) -> Evidence:
    """Compare values of the modes after each step with the end-to-end matrix of the run."""
    # A step multiplies a relative error by three at most, and mixes rounding of the largest mode into all.
    largest = np.maximum.accumulate((w**2).max(axis=1))
    allowed = 4096 * EPS * 3.0 ** np.arange(len(w)) * largest
    return Evidence(float((np.abs(case.products - w**2).max(axis=1) / allowed).max()), 1.0)


def compare_damped(case: DampedCase, power: float = 1.0, share: float = 1.0) -> Evidence:
    """Iterate the map of each mode; compare with the end-to-end matrix of the run."""
    rule = case.step, share * case.damping, power
    return compare_modes(case, scaling.damped_path(case.values, case.sigma, case.steps, *rule))


undamped = partial(small_starts.damped, damping=0.0, spare=0)


@claim(
    "thm-damped-modes",
    "Modes under scaled descent",
    source="this book",
    status="derived",
    cases={
        "damped": partial(small_starts.damped, scale=0.3, step=0.2),
        "much damped": partial(small_starts.damped, scale=0.3, damping=10.0, step=0.3),
        "not damped": partial(undamped, scale=0.3, step=0.2),
        "larger than the target": partial(small_starts.damped, scale=1.5, step=0.2),
    },
    controls={
        "the bases are those of the target": partial(small_starts.damped, scale=0.3, tilt=0.3),
    },
    rivals={
        "as gradient descent does": partial(compare_damped, power=0.0),
        "the damping does not count": partial(compare_damped, share=0.0),
        "divided by the root of the Gram matrix": partial(compare_damped, power=0.5),
    },
)
def damped_modes(case: DampedCase) -> Evidence:
    """Iterate the map of each mode; compare with the end-to-end matrix of the run."""
    return compare_damped(case)


def compare_heron(case: DampedCase, squares: bool = True, root: bool = True) -> Evidence:
    """Compare each mode with the closed form of Heron's method."""
    return compare_modes(case, scaling.heron(case.values, case.sigma, case.steps, squares, root))


@claim(
    "cor-heron",
    "Scaled descent is Heron's method",
    source="this book",
    status="derived",
    cases={
        "from below": partial(undamped, scale=0.3),
        "from above": partial(undamped, scale=3.0),
        "from far below": partial(undamped, scale=1e-2),
    },
    controls={
        "the step is a quarter": partial(undamped, scale=0.3, step=0.2),
        "no damping": partial(small_starts.damped, scale=0.3, damping=1.0, spare=0),
        "the bases are those of the target": partial(undamped, scale=0.3, tilt=0.3),
    },
    rivals={
        "the ratio is halved in each step": partial(compare_heron, squares=False),
        "towards σ in place of its root": partial(compare_heron, root=False),
    },
)
def heron_steps(case: DampedCase) -> Evidence:
    """Compare each mode with the closed form of Heron's method."""
    return compare_heron(case)


CLOSE = 1e-3  # relative distance of a mode at which it counts as found


def compare_count(case: DampedCase, share: float = 1.0, grows: bool = True) -> Evidence:
    """Count the steps after which a mode stays close to its value; compare with the bound."""
    w = np.sqrt(np.maximum(case.products, 0.0))
    is_far = np.abs(w / np.sqrt(case.sigma) - 1) > CLOSE
    counts = [float(np.flatnonzero(far).max(initial=-1) + 1) for far in is_far.T]
    bounds = share * scaling.damped_steps(case.values, case.sigma, case.damping, CLOSE, grows)
    return worst(
        [Evidence(count, float(bound)) for count, bound in zip(counts, bounds, strict=True)]
    )


@claim(
    "prop-damped-steps",
    "Steps from a small start",
    source="xu2023power",
    status="derived",
    cases={
        "a small start": partial(small_starts.damped, steps=60),
        "a tiny start": partial(small_starts.damped, scale=1e-6, steps=120),
        "little damping": partial(small_starts.damped, damping=0.05, scale=1e-4, steps=60),
        "ill conditioned": partial(small_starts.damped, condition=100.0, scale=1e-4, steps=80),
    },
    controls={
        "the damping is at most σ_i": partial(small_starts.damped, damping=60.0, steps=1500),
    },
    not_needed={"the bases are those of the target": "300 hidden bases turned, by hand"},
    rivals={
        "a tenth as many": partial(compare_count, share=0.1),
        "no matter how small the start": partial(compare_count, grows=False),
    },
)
def damped_count(case: DampedCase) -> Evidence:
    """Count the steps after which a mode stays close to its value; compare with the bound."""
    return compare_count(case)


def compare_race(case: Race) -> Evidence:
    """Compare both descents at κ = 10 with each other, and gradient descent there with itself at κ = 1."""
    if not np.isfinite(max(case.scaled)):
        return Evidence(np.inf, 1.0)
    return worst([Evidence(2 * case.scaled[1], case.plain[1]), Evidence(4.0, case.growth[1])])


SLOWS_DOWN = {"scaled descent slows down as well": lambda case: Evidence(1 / case.growth[0], 0.25)}


@claim(
    "obs-scaled-completion",
    "Condition numbers in matrix completion",
    source="tong2021accelerating",
    status="empirical",
    cases={"nine tenths of all entries": small_starts.completion},
    controls={
        "exact entries": partial(small_starts.completion, noise=0.02),
        "spread singular vectors": partial(small_starts.completion, spiked=True),
    },
    rivals=SLOWS_DOWN,
)
def scaled_completion(case: Race) -> Evidence:
    """Compare the steps at κ = 1 and κ = 10."""
    return compare_race(case)


@claim(
    "obs-damped-small-starts",
    "Condition numbers from small starts",
    source="xu2023power",
    status="empirical",
    cases={"Gaussian measurements, width beyond the rank": small_starts.over_parameterized},
    controls={
        "the damping is small": partial(small_starts.over_parameterized, damping=100.0),
    },
    rivals=SLOWS_DOWN,
)
def damped_small_starts(case: Race) -> Evidence:
    """Compare the steps at κ = 1 and κ = 10."""
    return compare_race(case)
