"""Claims of the chapter *Collapse*; the oracle optimizes factors and knows the loss alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases import problems
from dmfbook.claims.cases.problems import MatrixCase, mean_reg
from dmfbook.claims.cases.regularized import thresholds
from dmfbook.claims.cases.regularized.thresholds import EntriesCase, PointCase, StepCase, SweepCase
from dmfbook.claims.claim import CaseMaker, claim
from dmfbook.claims.evidence import Evidence, worst
from dmfbook.claims.oracles.search import EPS
from dmfbook.regularized.scalar import critical_reg, fold_threshold, stationary_values

Formula = Callable[[Any, int], Any]


def of(make: Callable[..., Any], maker: CaseMaker, *more: Callable[..., Any]) -> CaseMaker:
    """A maker that passes the case of another one on; further steps draw from the generator, too."""

    def made(rng: np.random.Generator) -> Any:
        case = make(maker(rng), rng) if make is thresholds.above_fold else make(maker(rng))
        for step in more:
            case = step(case, rng)
        return case

    return made


def changed_critical(
    sigma: Any, depth: int, power: float = 2.0, first: float = 2.0, second: float = 2.0
) -> Any:
    """``λ_c`` with other exponents ``2 − power/L``, ``1 − first/L`` and ``2 − second/L``."""
    inner = float(max(depth - 2, 1)) ** (1 - first / depth)
    return sigma ** (2 - power / depth) * inner / (depth - 1.0) ** (2 - second / depth)


def compare_critical(case: EntriesCase, formula: Formula = critical_reg, norm: Any = 2) -> Evidence:
    """Compare with the largest mean weight at which some factors have a loss as small as zero has."""
    size = np.linalg.norm(case.problem.target, norm)
    value = float(formula(size, case.problem.depth))
    # Near its maximum the logarithm is quadratic: a gradient of 1e-6 leaves an error of order 1e-11.
    return Evidence(abs(case.largest_mean - value), 1e-9 * value)


@claim(
    "thm-collapse-matrix",
    "The critical regularization of a matrix",
    source="kamber2026landscape",
    status="paper's claim",
    cases={
        "depth 4 or 5, unequal weights": of(thresholds.alike, problems.deeper),
        "depth 2": of(thresholds.alike, problems.shallow),
        "a narrow hidden layer": of(thresholds.alike, problems.narrow),
    },
    controls={
        "the loss counts all entries alike": of(
            thresholds.alike, problems.generic, thresholds.unlike
        )
    },
    rivals={
        "the Frobenius norm of the target": partial(compare_critical, norm="fro"),
        "the nuclear norm of the target": partial(compare_critical, norm="nuc"),
        "the target has the power 2−1/L": partial(
            compare_critical, formula=partial(changed_critical, power=1.0)
        ),
        "L−2 has the power 1−1/L": partial(
            compare_critical, formula=partial(changed_critical, first=1.0)
        ),
        "L−1 has the power 2−1/L": partial(
            compare_critical, formula=partial(changed_critical, second=1.0)
        ),
        "it is σ_1 at every depth": partial(compare_critical, formula=lambda sigma, depth: sigma),
    },
)
def critical_weight(case: EntriesCase) -> Evidence:
    """Compare with the largest mean weight at which some factors have a smaller loss than zero."""
    return compare_critical(case)


def fold_reg(sigma: Any, depth: int) -> Any:
    """Weight at which the larger root of a singular value ends."""
    return (sigma / fold_threshold(1.0, depth)) ** (2 - 2 / depth)


def compare_rank(
    case: MatrixCase,
    formula: Formula = critical_reg,
    mean: Callable[[Array], Any] = lambda reg: np.exp(np.log(reg).mean()),
    limit: bool = True,
) -> Evidence:
    """Compare the rank of all products found with the least loss with the number of steps above."""
    problem = case.problem
    values = np.linalg.svd(problem.target, compute_uv=False)
    above = np.count_nonzero(formula(values, problem.depth) > mean(np.array(problem.reg)))
    predicted = min(int(above), min(problem.widths)) if limit else int(above)
    ranks = [
        np.count_nonzero(
            np.linalg.svd(found.end_to_end, compute_uv=False)
            > 10 * found.end_to_end_uncertainty + EPS
        )
        for found in case.best
    ]
    return worst(Evidence(float(abs(rank - predicted)), 0.5) for rank in ranks)


@claim(
    "thm-staircase",
    "The rank of the minimizer",
    source="kamber2026landscape",
    status="derived",
    cases={
        "depth 3 to 5, unequal weights": problems.generic,
        "values on both sides of the threshold": problems.near_threshold,
        "repeated and vanishing values": problems.repeated,
        "depth 2": problems.shallow,
        "a narrow hidden layer": problems.narrow,
        "very unequal weights": problems.uneven,
    },
    controls={"off the exceptional set": problems.at_collapse},
    rivals={
        "a mode lasts until its fold": partial(compare_rank, formula=fold_reg),
        "the narrow layer limits nothing": partial(compare_rank, limit=False),
        "a mode ends where depth 2 ends it": partial(
            compare_rank, formula=lambda sigma, depth: sigma
        ),
        "the arithmetic mean of the weights": partial(compare_rank, mean=np.mean),
    },
)
def staircase(case: MatrixCase) -> Evidence:
    """Compare the rank of all products found with the least loss with the number of steps above."""
    return compare_rank(case)


def compare_step(
    case: StepCase, share: Callable[[int], float] = lambda depth: (depth - 2) / (depth - 1)
) -> Evidence:
    """Compare the nuclear norm of the jump between the best products just below and just above."""
    below, above = case.products
    jump = np.linalg.norm(below.end_to_end - above.end_to_end, "nuc")
    # |λ ds/dλ| ≤ L σ / (L−1)² ≤ 2σ above the collapse threshold.
    drift = 4 * thresholds.CHANGE * np.linalg.norm(case.problem.target, "nuc")
    error = below.end_to_end_uncertainty + above.end_to_end_uncertainty
    height = share(case.problem.depth) * case.value
    return Evidence(abs(float(jump) - height), float(drift) + 4 * error)


@claim(
    "cor-steps",
    "The height of the steps",
    source="ziyin2022phase",
    status="derived",
    cases={
        "the first step, depth 3": lambda rng: thresholds.step(rng, 3, 1),
        "the last step, depth 4": lambda rng: thresholds.step(rng, 4, 0),
        "depth 2": lambda rng: thresholds.step(rng, 2, 0),
    },
    controls={
        "the weight is at a step": thresholds.between_steps,
        "different singular values": lambda rng: thresholds.step(rng, 3, 0, repeated=True),
    },
    rivals={
        "all of the singular value": partial(compare_step, share=lambda depth: 1.0),
        "(L−1)/L of it": partial(compare_step, share=lambda depth: (depth - 1) / depth),
        "half of it at every depth": partial(compare_step, share=lambda depth: 0.5),
        "nothing": partial(compare_step, share=lambda depth: 0.0),
    },
)
def step_height(case: StepCase) -> Evidence:
    """Compare the nuclear norm of the jump between the best products just below and just above."""
    return compare_step(case)


def compare_zero(case: PointCase, shared: bool = False, coupling: float = 2.0) -> Evidence:
    """Compare all eigenvalues of the dense Hessian with the formula."""
    problem, reg = case.problem, np.array(case.problem.reg)
    if shared:
        reg = np.full(len(reg), mean_reg(problem))
    sizes = [factor.size for factor in case.factors]
    predicted = np.repeat(2 * reg, sizes)
    if problem.depth == 2:
        values, hidden = np.linalg.svd(problem.target, compute_uv=False), problem.widths[1]
        spread = np.hypot(reg[1] - reg[0], coupling * values)
        pairs = np.repeat([reg.sum() + spread, reg.sum() - spread], hidden)
        alone = np.array(sizes) - len(values) * hidden
        predicted = np.concatenate([pairs, np.repeat(2 * reg, alone)])
    error = float(np.abs(case.eigenvalues - np.sort(predicted)).max())
    rounding = 8 * problem.size * EPS * float(np.abs(predicted).max())
    return Evidence(error, rounding)


def zero_is_minimizer(case: PointCase, always: bool) -> Evidence:
    """The rivals that zero is a strict local minimizer at every depth, or a saddle at every one."""
    return Evidence(1.0 if (case.eigenvalues[0] > 0) != always else 0.0, 0.5)


@claim(
    "prop-zero-local-minimizer",
    "The Hessian at zero",
    source="ziyin2022exact",
    status="paper's claim",
    cases={
        "depth 3 and 4": lambda rng: thresholds.at_zero(
            rng, (2, *rng.integers(1, 4, rng.integers(2, 4)), 3), 3.0
        ),
        "depth 2, a small target": lambda rng: thresholds.at_zero(rng, (4, 3, 2), 0.9),
        "depth 2, a large target": lambda rng: thresholds.at_zero(rng, (2, 3, 4), 3.0),
    },
    controls={"at zero": thresholds.off_zero},
    rivals={
        "the mean weight in every layer": partial(compare_zero, shared=True),
        "half the coupling at depth 2": partial(compare_zero, coupling=1.0),
        "a strict local minimizer at depth 2, too": partial(zero_is_minimizer, always=True),
        "a saddle at every depth": partial(zero_is_minimizer, always=False),
    },
)
def hessian_at_zero(case: PointCase) -> Evidence:
    """Compare all eigenvalues of the dense Hessian with the formula."""
    return compare_zero(case)


def compare_barrier(
    case: EntriesCase, first: float = 2.0, power: float = 2.0, larger: bool = False
) -> Evidence:
    """Compare with the least loss among factors whose product has spectral norm ``s_−``, minimized."""
    mean, depth, root = case.mean, case.problem.depth, case.root
    if larger:
        root = float(stationary_values(case.norm, mean, depth)[1])
    height = (depth - first) * mean * root**2 - root ** (power * depth)
    # Terms of the loss that nearly cancel, each good to the accuracy of the optimizer.
    return Evidence(abs(case.lowest_rise - height), 1e-8 * depth * mean * case.root**2)


@claim(
    "thm-barrier",
    "The barrier around zero",
    source="this book",
    status="new",
    cases={
        "depth 3 to 5, unequal weights": of(thresholds.above_fold, problems.generic),
        "a narrow hidden layer": of(thresholds.above_fold, problems.narrow),
        "repeated values, depth 3 or 4": of(thresholds.above_fold, problems.deep_repeated),
    },
    controls={
        "the loss counts all entries alike": of(
            thresholds.above_fold, problems.generic, thresholds.unlike
        )
    },
    not_needed={"L ≥ 3": "at depth 2 there is no smaller root, and the statement has no meaning"},
    rivals={
        "L−1 in place of L−2": partial(compare_barrier, first=1.0),
        "the product enters once": partial(compare_barrier, power=1.0),
        "the height of the larger root": partial(compare_barrier, larger=True),
    },
)
def barrier(case: EntriesCase) -> Evidence:
    """Compare with the least loss among factors whose product has spectral norm ``s_−``, minimized."""
    return compare_barrier(case)


def compare_sweeps(
    case: SweepCase, end: Formula = fold_reg, back: bool = False, limit: bool = True
) -> Evidence:
    """Follow minimizers up from the best one and down from zero; compare both with their branches."""
    problem, depth = case.problem, case.problem.depth
    values = np.linalg.svd(problem.target, compute_uv=False)
    roots = np.nan_to_num(stationary_values(values, case.means[:, None], depth)[1]) ** depth
    branch = np.where(case.means[:, None] < end(values, depth), roots, 0.0)
    if limit:
        branch[:, min(problem.widths) :] = 0.0
    up, down = case.ways
    returning = branch[::-1] if back else np.zeros_like(branch)
    # At zero the products of layers vanish, and the bound with them: rounding remains.
    return worst(
        Evidence(
            float(np.abs(np.linalg.svd(point.end_to_end, compute_uv=False) - line).max()),
            point.end_to_end_uncertainty + EPS,
        )
        for point, line in [*zip(up, branch, strict=True), *zip(down, returning, strict=True)]
    )


@claim(
    "cor-hysteresis",
    "Hysteresis",
    source="wang2024implicit",
    status="derived",
    cases={
        "depth 3 or 4": lambda rng: thresholds.sweeps(rng, int(rng.integers(3, 5))),
        "one hidden unit, depth 3": lambda rng: thresholds.sweeps(rng, 3, narrow=True),
    },
    controls={"at least three layers": lambda rng: thresholds.sweeps(rng, 2)},
    rivals={
        "on the way up a mode ends at its step": partial(compare_sweeps, end=critical_reg),
        "the way down retraces the way up": partial(compare_sweeps, back=True),
        "the narrow layer limits nothing": partial(compare_sweeps, limit=False),
    },
)
def hysteresis(case: SweepCase) -> Evidence:
    """Follow minimizers up from the best one and down from zero; compare both with their branches."""
    return compare_sweeps(case)
