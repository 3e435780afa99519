"""Claims of the chapter *The spectrum in blocks*; the oracle is the dense Hessian."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.critical_points import (
    any_modes,
    critical,
    equal,
    not_critical,
    spread,
    without_weight_decay,
)
from dmfbook.claims.cases.regularized.blocks import (
    BlocksCase,
    by_root_finding,
    disturbed,
    made,
    unbalanced,
)
from dmfbook.claims.cases.regularized.weights import (
    WeightsCase,
    at_critical_point,
    one_weight_vanishes,
    weighted_factors,
)
from dmfbook.claims.claim import Check, claim
from dmfbook.claims.evidence import Evidence, worst
from dmfbook.claims.oracles import search
from dmfbook.claims.statements.modes import OUT, PointCase, mean_of
from dmfbook.claims.statements.regularized.blocks import Blocks
from dmfbook.claims.statements.regularized.signs import (
    INDEX,
    NULLITY,
    Count,
    Summands,
    at_fold,
    on_smaller,
)
from dmfbook.claims.statements.regularized.spectrum import TABLE, spectrum
from dmfbook.claims.statements.regularized.table import Row
from dmfbook.network.factors import flatten
from dmfbook.network.hessian import hessian
from dmfbook.network.problem import Problem
from dmfbook.regularized.modes import LARGER, SMALLER


class _MeanDecay(Blocks):
    def decay(self, l: int) -> float:
        return 2 * mean_of(self.reg)


class _HalfFit(Blocks):
    def fit(self, k: int, l: int, a: int, b: int) -> float:
        return super().fit(k, l, a, b) / (1 if k == l else 2)


class _TransposedReach(Blocks):
    def reach(self, l: int, a: int, b: int) -> float:
        return super().reach(l, b, a)


class _NoBend(Blocks):
    def bend(self, l: int, k: int, c: int, e: int) -> float:
        return 0.0


class _OtherSign(Blocks):
    def bend(self, l: int, k: int, c: int, e: int) -> float:
        return -super().bend(l, k, c, e)


class _OtherBetween(Blocks):
    def bend(self, l: int, k: int, c: int, e: int) -> float:
        return float(-2 * self.residual(c) * np.delete(self.values[:, c], [l, k]).prod())


class _TargetForResidual(Blocks):
    def residual(self, c: int) -> float:
        return float(self.target[c])


def _blocks(formula: type[Blocks]) -> Check:
    """Check of a formula for the blocks."""

    def check(case: BlocksCase) -> Evidence:
        problem, dense = case.problem, case.eigenvalues
        predicted = formula(problem.widths, problem.reg, case.values, case.target).eigenvalues()
        size = float(np.abs(dense).max())
        tolerance = (64 * problem.depth * case.uncertainty + 16 * problem.size * search.EPS) * size
        return Evidence(float(np.abs(predicted - dense).max()), tolerance)

    return check


@claim(
    "thm-blocks",
    "One block for each pair of modes",
    source="this book",
    status="new",
    cases={
        "found by root finding": by_root_finding,
        "depth 2, a saddle": made((2, 2), [(1.6, LARGER), (2.1, OUT), (0.6, OUT)], spare=(1, 2)),
        "deeper, all roots": made((3, 6), [(1.3, SMALLER), (2.2, LARGER), (1.7, OUT)]),
        "ends of different width": made((3, 4), [(1.5, LARGER), (0.5, OUT)], ends=(2, 0)),
        "equal singular values": made((3, 5), [(1.5, LARGER)] * 2 + [(1.5, SMALLER)]),
        "a bottleneck": made((2, 5), [(2.2, LARGER), (1.6, OUT), (1.3, OUT)], narrow=True),
    },
    controls={"the weights are positive": unbalanced, "the point is critical": disturbed},
    rivals={
        "2 λ̄ on the diagonal of every layer": _blocks(_MeanDecay),
        "half the fit between different layers": _blocks(_HalfFit),
        "p_l(b, a) instead of p_l(a, b)": _blocks(_TransposedReach),
        "no residual term": _blocks(_NoBend),
        "the residual term has the other sign": _blocks(_OtherSign),
        "its product between the layers is of mode c": _blocks(_OtherBetween),
        "σ_c in the place of r_c": _blocks(_TargetForResidual),
    },
)
def blocks_of_pairs(case: BlocksCase) -> Evidence:
    """Compare the eigenvalues of all blocks with those of the dense Hessian at the point itself."""
    return _blocks(Blocks)(case)


def _table(*changes: tuple[int, str, str]) -> Check:
    """Check of the table with some rows changed: their number, eigenvalue and how often."""
    table = list(TABLE)
    for place, eigenvalue, times in changes:
        table[place] = Row(table[place].modes, eigenvalue, times)
    return lambda case: compare(case, tuple(table))


def compare(case: PointCase, table: tuple[Row, ...]) -> Evidence:
    """Compare what a table lists, with its multiplicities, with the eigenvalues of the dense Hessian."""
    listed, dense = spectrum(case, table), case.eigenvalues
    if len(listed) != len(dense):
        return Evidence(np.inf, case.rounding)
    # Where two values w are equal the table takes its limits numerically, to some 1e-9.
    limits = 1e-8 * np.abs(dense).max() * (len(set(case.w.tolist())) < len(case.w))
    return Evidence(float(np.abs(listed - dense).max()), case.rounding + float(limits))


@claim(
    "thm-closed-spectrum",
    "The spectrum in closed form",
    source="this book",
    status="new",
    cases={
        "depth 2, the ends differ": critical(
            (2, 2),
            [(1.6, LARGER), (2.1, OUT), (0.6, OUT)],
            ends=(1, 0),
            spare=(1, 2),
            weights=equal,
        ),
        "depth 2, zero": critical((2, 2), [(0.6, OUT), (0.3, OUT)], ends=(0, 1), weights=equal),
        "deeper, larger roots": critical(
            (3, 6),
            [(1.6, LARGER), (2.1, LARGER), (0.6, OUT)],
            ends=(0, 2),
            spare=(1, 2),
            weights=equal,
        ),
        "deeper, all roots": critical(
            (3, 5), [(1.9, SMALLER), (1.3, LARGER), (1.6, OUT)], ends=(1, 0), weights=equal
        ),
        "equal singular values": critical(
            (3, 5), [(1.5, LARGER)] * 2 + [(1.5, SMALLER)], weights=equal
        ),
        "a mode at the fold": critical(
            (3, 5), [(1, LARGER), (1.5, LARGER), (1, OUT)], weights=equal
        ),
        "a bottleneck": critical(
            (2, 5), [(2.2, LARGER), (1.6, OUT), (1.3, OUT)], narrow=True, weights=equal
        ),
    },
    controls={
        "the weights are positive": without_weight_decay,
        "the weights are equal": critical((2, 5), [(1.6, LARGER), (2.2, LARGER)], weights=spread),
        "the point is critical": not_critical(weights=equal),
    },
    rivals={
        "one mode: 4λ also across": _table((0, "4*lam", "L"), (1, "0", "0")),
        "one mode: L − 1 in the place of L − 2": _table((1, "2*L*w_i**(2*L-2) - 2*(L-1)*lam", "1")),
        "two modes: more zeros, fewer 4λ": _table((2, "0", "L"), (3, "4*lam", "L - 2")),
        "two modes: μ⁺ twice": _table((5, "mu_plus_ij", "1")),
        "inactive j: σ_i alone": _table(
            (6, "2*sigma_i*w_i**(L - 2)", "1"), (7, "2*sigma_i*w_i**(L - 2)", "1")
        ),
        "a longer end: 2λ": _table((8, "2*lam", "abs(d[0] - d[L])")),
        "idle units: 2λ twice": _table(
            (9, "2*lam", "sum(d[l] - k for l in range(1, L))"),
            (10, "2*lam", "sum(d[l] - k for l in range(1, L))"),
        ),
        "inactive: 4λ": _table((11, "4*lam", TABLE[11].times)),
        "depth 2: 2λ ± σ_j": _table(
            (12, "2*lam + sigma_j", "d[1] - k"), (13, "2*lam - sigma_j", "d[1] - k")
        ),
        "depth 2: no 2λ where the ends differ": lambda case: compare(case, TABLE[:-1]),
    },
)
def closed_form(case: PointCase) -> Evidence:
    """Compare the table of the page with the dense Hessian at a random member of the orbit."""
    return compare(case, TABLE)


def _units(mean: Callable[[Array], float] = mean_of, power: float = 0.5, around: int = 1) -> Check:
    """Check with a mean of the weights, a power of them in S, and a power of S on both sides of the Hessian."""

    def check(case: WeightsCase) -> Evidence:
        problem, reg = case.problem, np.array(case.problem.reg)
        weight = float(mean(reg[reg > 0]))
        scales = (reg / weight) ** power
        other = Problem(problem.target, problem.hidden_widths, weight)
        rescaled = [s * factor for s, factor in zip(scales, case.factors, strict=True)]
        s = np.repeat(scales, [factor.size for factor in case.factors])
        curvature = s[:, None] ** around * hessian(other, rescaled) * s**around
        slope = s * flatten(other.gradient(rescaled)) - flatten(problem.gradient(case.factors))
        loss = other.loss(rescaled) - problem.loss(case.factors)
        # Both sides add the same products of at most 2 L entries, in different units.
        norms = float(np.prod([1 + np.linalg.norm(factor) for factor in case.factors]))
        size = norms + float(np.linalg.norm(problem.target))
        rounding = 32 * problem.depth * search.EPS * size
        return worst(
            [
                Evidence(abs(loss), rounding * size),
                Evidence(float(np.abs(slope).max()), rounding * norms),
                Evidence(float(np.abs(curvature - case.dense).max()), rounding * norms),
            ]
        )

    return check


def same_spectrum(case: WeightsCase) -> Evidence:
    """Rival: the eigenvalues at the rescaled factors are the same."""
    problem, weight = case.problem, mean_of(case.problem.reg)
    equal_weights = Problem(problem.target, problem.hidden_widths, weight)
    scales = np.sqrt(np.array(problem.reg) / weight)
    there = hessian(equal_weights, [s * f for s, f in zip(scales, case.factors, strict=True)])
    here = np.linalg.eigvalsh(case.dense)
    error = np.abs(np.linalg.eigvalsh(there) - here).max()
    return Evidence(float(error), problem.size * search.EPS * float(np.abs(here).max()))


@claim(
    "prop-weights",
    "Unequal weights are a change of units",
    source="chen2025complete",
    status="derived",
    cases={
        "random factors, two layers": weighted_factors((2, 2)),
        "random factors, more layers": weighted_factors((3, 6)),
        "a critical point": at_critical_point,
    },
    controls={"the weights are positive": one_weight_vanishes},
    rivals={
        "the arithmetic mean": _units(mean=np.mean),
        "S without the square root": _units(power=1.0),
        "the Hessian does not change": _units(around=0),
        "S⁻¹ on both sides of the Hessian": _units(around=-1),
        "the eigenvalues are the same": same_spectrum,
    },
)
def change_of_units(case: WeightsCase) -> Evidence:
    """Compare loss, gradient and Hessian with those of equal weights at rescaled factors."""
    return _units()(case)


def _signs(**changed: Count) -> Check:
    """Check of Morse index and nullity with some of their summands changed."""

    def total(summands: Summands, case: PointCase) -> int:
        return int(sum(changed.get(name, count)(case) for name, count in summands.items()))

    def check(case: PointCase) -> Evidence:
        values, negative, zero = case.eigenvalues, total(INDEX, case), total(NULLITY, case)
        below, null, above = np.split(values, [negative, negative + zero])
        separate = (below < -case.rounding).all() and (above > case.rounding).all()
        error = float(np.abs(null).max(initial=0.0)) if separate else np.inf
        return Evidence(error, case.rounding)

    return check


def nothing(case: PointCase) -> float:
    """A summand that is left out."""
    return 0


@claim(
    "thm-morse-index",
    "Morse index and nullity",
    source="this book",
    status="new",
    cases={
        "two on smaller roots, above a larger": critical(
            (3, 6), [(1.9, SMALLER), (1.5, SMALLER), (1.3, LARGER)]
        ),
        "inactive above active": critical((3, 6), [(1.3, LARGER), (1.8, OUT), (1.6, OUT)]),
        "depth 2, above the weight and at it": critical(
            (2, 2), [(1.5, LARGER), (2, OUT), (1, OUT)], spare=(1, 2)
        ),
        "equal singular values": critical((3, 6), [(1.5, LARGER), (1.5, SMALLER), (1.5, OUT)]),
        "two at the fold": critical((3, 6), [(1, LARGER), (1, LARGER), (1.4, LARGER)]),
        "a bottleneck": critical(
            (2, 6), [(2.2, LARGER), (1.7, LARGER), (1.3, OUT)], narrow=True, spare=(1, 2)
        ),
        "any choice of roots": any_modes,
    },
    controls={
        "the weights are positive": without_weight_decay,
        "the point is critical": not_critical(),
    },
    rivals={
        "smaller roots: ½ k₋ (k₋ − 1)": _signs(
            small_roots=lambda case: on_smaller(case) * (on_smaller(case) - 1) / 2
        ),
        "inactive modes do not count": _signs(swaps=nothing),
        "a smaller root above a larger one does not": _signs(crossings=nothing),
        "depth 2 is no exception": _signs(free=nothing),
        "zeros: no pairs of active modes": _signs(
            orbit=lambda case: sum(case.rank * (d - case.rank) for d in case.problem.hidden_widths)
        ),
        "zeros: none for equal singular values": _signs(ties=nothing),
        "zeros: f at the fold": _signs(folded=at_fold),
        "zeros: none at the weight": _signs(at_weight=nothing),
    },
)
def index_and_nullity(case: PointCase) -> Evidence:
    """Compare with the signs of the eigenvalues of the dense Hessian at a random member of the orbit.

    As many eigenvalues as the nullity says must vanish, and those on both sides of them must not.
    """
    return _signs()(case)
