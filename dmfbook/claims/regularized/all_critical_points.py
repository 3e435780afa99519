"""Claims of the chapter *All critical points*; oracles are root finding, descents, dense Hessians."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.critical_points import not_critical
from dmfbook.claims.cases.regularized.found_points import (
    ListCase,
    by_root_finding,
    found_unbalanced,
)
from dmfbook.claims.cases.regularized.kinds import (
    LOSS_ROUNDING,
    KindCase,
    LandscapeCase,
    flat_landscape,
    landscape,
    of_kind,
    zero_without_decay,
)
from dmfbook.claims.claim import Check, claim
from dmfbook.claims.evidence import Evidence, worst
from dmfbook.claims.statements.modes import OUT, PointCase, mean_of, positive_roots
from dmfbook.claims.statements.regularized.kinds import Kinds
from dmfbook.claims.statements.regularized.points import Form
from dmfbook.claims.statements.regularized.signs import TIE
from dmfbook.regularized.modes import LARGER, SMALLER
from dmfbook.regularized.scalar import collapse_threshold, fold_threshold


class _ArithmeticMean(Form):
    def mean_weight(self) -> float:
        return float(np.mean(self.problem.reg))


class _SameLayers(Form):
    def scales(self) -> Array:
        return np.ones(self.problem.depth)


class _OtherPower(Form):
    def values(self, sigma: float) -> Array:
        return np.append(0.0, positive_roots(self.problem.depth + 1, sigma, self.mean))


class _LargerRoots(Form):
    def values(self, sigma: float) -> Array:
        return super().values(sigma)[[0, -1]]


class _SmallerRoots(Form):
    def values(self, sigma: float) -> Array:
        return super().values(sigma)[:2]


class _NothingLeftOut(Form):
    def allows(self, sigma: Array, w: Array) -> bool:
        possible = sum(len(self.values(each)) > 1 for each in sigma)
        return int(np.count_nonzero(w)) == min(possible, *self.problem.widths)


class _LeadingModes(Form):
    def allows(self, sigma: Array, w: Array) -> bool:
        return bool(np.all(np.diff((w > 0).astype(int)) <= 0))


class _OneModeFewer(Form):
    def allows(self, sigma: Array, w: Array) -> bool:
        return bool(np.count_nonzero(w) < min(self.problem.widths))


class _PenaltyWithoutDepth(Form):
    def penalty(self, w: Array) -> float:
        return float(self.mean * (w @ w))


def _of_form(form: type[Form]) -> Check:
    """Check that all points that were found are of a form."""

    def check(case: ListCase) -> Evidence:
        shape = form(case.made.problem)
        return worst(
            [*(each for found in case.found for each in shape.distances(found)), case.slope]
        )

    return check


@claim(
    "thm-all-critical-points",
    "All critical points",
    source="chen2025error",
    status="paper's claim",
    cases={
        "two layers": by_root_finding((2, 2), [(1.6, LARGER), (2.1, OUT), (0.6, OUT)]),
        "more layers": by_root_finding((3, 5), [(2.0, LARGER), (1.4, SMALLER), (0.6, OUT)]),
        "one mode": by_root_finding((3, 5), [(1.5, LARGER)]),
        "equal and zero singular values": by_root_finding(
            (3, 4), [(1.5, LARGER), (1.5, OUT), (0, OUT)]
        ),
        "a bottleneck": by_root_finding(
            (2, 4), [(1.5, LARGER), (2.1, LARGER), (1.8, OUT)], narrow=True
        ),
    },
    controls={"the weights are positive": found_unbalanced},
    rivals={
        "the arithmetic mean of the weights": _of_form(_ArithmeticMean),
        "the same values in all layers": _of_form(_SameLayers),
        "w^(L+1) + λ̄ w^(1−L) is σ": _of_form(_OtherPower),
        "larger roots alone": _of_form(_LargerRoots),
        "smaller roots alone": _of_form(_SmallerRoots),
        "every mode that has a root is active": _of_form(_NothingLeftOut),
        "leading modes alone are active": _of_form(_LeadingModes),
        "fewer modes than the narrowest layer has units": _of_form(_OneModeFewer),
        "the penalty is λ̄ Σ w²": _of_form(_PenaltyWithoutDepth),
    },
)
def all_listed(case: ListCase) -> Evidence:
    """Compare what root finding reaches with the theorem, and test the gradient at a point it makes.

    Compared are the product, the singular values of all layers and the loss.
    """
    return _of_form(Form)(case)


class _Swapped(Kinds):
    def is_global(self, case: PointCase) -> bool:
        return not super().is_global(case)


class _FoldForCollapse(Kinds):
    def threshold(self, case: PointCase) -> float:
        return float(fold_threshold(case.mean, case.problem.depth))


class _AllGlobal(Kinds):
    def is_global(self, case: PointCase) -> bool:
        return True


class _NoBottleneck(Kinds):
    def is_full(self, case: PointCase) -> bool:
        return case.rank == len(case.sigma)


class _AnyOrder(Kinds):
    def in_order(self, case: PointCase) -> bool:
        return True


class _AnyRoot(Kinds):
    def on_larger(self, case: PointCase) -> bool:
        return True


class _NothingFree(Kinds):
    def nothing_to_gain(self, case: PointCase) -> bool:
        return True


class _FoldIsMinimizer(Kinds):
    def is_local(self, case: PointCase) -> bool:
        return super().is_local(case) or self.is_degenerate(case)


class _AllStrict(Kinds):
    def is_degenerate(self, case: PointCase) -> bool:
        return False


def _kind(conditions: type[Kinds]) -> Check:
    """Check of conditions on what kind a point is of."""
    return lambda case: case.evidence(conditions().kind(case.point))


@claim(
    "thm-kinds",
    "Minimizers and saddles",
    source="chen2025complete",
    status="paper's claim",
    cases={
        "global": of_kind((3, 5), [(1.5, LARGER), (0.9, OUT)], unit="collapse"),
        "global, two layers": of_kind((2, 2), [(1.5, LARGER), (0.9, OUT)]),
        "global, a bottleneck": of_kind(
            (2, 4), [(2.0, LARGER), (1.4, OUT)], narrow=True, unit="collapse"
        ),
        "global, at the threshold": of_kind((3, 5), [(1, LARGER), (0.5, OUT)], unit="collapse"),
        "local, an active mode too small": of_kind((3, 5), [(0.95, LARGER)], unit="collapse"),
        "local, an inactive mode too large": of_kind(
            (3, 5), [(2.0, LARGER), (1.5, OUT)], spare=(1, 2), unit="collapse"
        ),
        "inactive above active": of_kind((3, 5), [(1.4, LARGER), (1.8, OUT)], narrow=True),
        "two layers, room for a mode": of_kind((2, 2), [(1.8, LARGER), (1.4, OUT)], spare=(1, 2)),
        "on a smaller root": of_kind((3, 5), [(1.8, LARGER), (1.4, SMALLER)]),
        "at the fold": of_kind((3, 4), [(1.6, LARGER), (1, LARGER), (0.5, OUT)]),
    },
    controls={
        "the weights are positive": zero_without_decay,
        "the point is critical": lambda rng: KindCase(not_critical()(rng)),
    },
    rivals={
        "global and local are swapped": _kind(_Swapped),
        "the fold in the place of collapse": _kind(_FoldForCollapse),
        "every minimizer is global": _kind(_AllGlobal),
        "a bottleneck makes no difference": _kind(_NoBottleneck),
        "inactive above active does no harm": _kind(_AnyOrder),
        "smaller roots do no harm": _kind(_AnyRoot),
        "two layers: nothing to gain from a free unit": _kind(_NothingFree),
        "at the fold is a minimizer": _kind(_FoldIsMinimizer),
        "every saddle is strict": _kind(_AllStrict),
    },
)
def kinds(case: KindCase) -> Evidence:
    """Compare with what descents from nearby and from afar find, and with the least eigenvalue.

    Descents that start a small step away get below a saddle and not below a local minimizer. A minimizer
    is global if no descent from afar ends lower.
    """
    return _kind(Kinds)(case)


def all_global(case: LandscapeCase) -> Evidence:
    """Rival: every critical point is a global minimizer."""
    return Evidence(max(0.0, *case.excesses), LOSS_ROUNDING)


def all_saddles(case: LandscapeCase) -> Evidence:
    """Rival: every critical point has a negative eigenvalue."""
    return Evidence(float(case.negative.count(0)), 0.0)


def index_one(case: LandscapeCase) -> Evidence:
    """Rival: a strict saddle has one negative eigenvalue."""
    return Evidence(float(max(case.negative) - 1), 0.0)


@claim(
    "cor-no-spurious",
    "No spurious minimizers at depth 2",
    source="li2019nonconvex",
    status="paper's claim",
    cases={
        "wide": landscape((2, 2), [2.0, 1.5, 0.6]),
        "a bottleneck": landscape((2, 2), [2.0, 1.5], narrow=True),
        "equal and zero singular values": landscape((2, 2), [1.5, 1.5, 0]),
        "a singular value at the weight": landscape((2, 2), [1.5, 1]),
    },
    controls={"two layers": landscape((3, 5), [2.0, 1.8], unit="collapse")},
    not_needed={"the weights are positive": "zero ones searched"},
    rivals={
        "every critical point is a global minimizer": all_global,
        "every critical point is a strict saddle": all_saddles,
        "a strict saddle has index 1": index_one,
    },
)
def one_level(case: LandscapeCase) -> Evidence:
    """Measure how far losses are above the least at points whose Hessian has no negative eigenvalue."""
    excesses = [e for e, count in zip(case.excesses, case.negative, strict=True) if count == 0]
    return Evidence(max(0.0, *excesses), LOSS_ROUNDING)


def _strict(at_fold: Callable[[LandscapeCase], bool]) -> Check:
    """Check that there is a saddle that is not strict if and only if something is at the fold."""

    def check(case: LandscapeCase) -> Evidence:
        lowest = max(case.drops)
        if at_fold(case):
            return Evidence(0.0 if lowest > LOSS_ROUNDING else np.inf, LOSS_ROUNDING)
        return Evidence(lowest, LOSS_ROUNDING)

    return check


def _among(sigma: Array, threshold: float) -> bool:
    return bool(np.isclose(sigma, threshold, rtol=TIE, atol=0.0).any())


def at_fold(case: LandscapeCase, leading: int | None = None, shallow: bool = False) -> bool:
    """Whether one of the singular values that fit through all layers is at the fold, and L ≥ 3."""
    problem = case.problem
    fold = float(fold_threshold(mean_of(problem.reg), problem.depth))
    fits = min(problem.widths) if leading is None else leading
    return (shallow or problem.depth > 2) and _among(np.sort(case.sigma)[::-1][:fits], fold)


def at_collapse(case: LandscapeCase) -> bool:
    """The same with the collapse threshold."""
    problem = case.problem
    collapse = float(collapse_threshold(mean_of(problem.reg), problem.depth))
    return problem.depth > 2 and _among(case.sigma, collapse)


@claim(
    "cor-strict-saddles",
    "Every saddle is strict off the fold",
    source="chen2025complete",
    status="paper's claim",
    cases={
        "off the fold": landscape((3, 4), [1.7, 0.6]),
        "at the fold": landscape((3, 4), [1.7, 1]),
        "two layers, at the weight": landscape((2, 2), [1.7, 1]),
        "at the fold behind a bottleneck": landscape((3, 4), [1.7, 1], narrow=True),
        "at the collapse threshold": landscape((3, 4), [1, 0.3], unit="collapse"),
    },
    controls={"the weights are positive": flat_landscape},
    rivals={
        "every saddle is strict": _strict(lambda case: False),
        "the first singular value alone matters": _strict(partial(at_fold, leading=1)),
        "two layers are no exception": _strict(partial(at_fold, shallow=True)),
        "a bottleneck makes no difference": _strict(partial(at_fold, leading=9)),
        "the collapse threshold in the place of the fold": _strict(at_collapse),
    },
)
def saddles_are_strict(case: LandscapeCase) -> Evidence:
    """Measure how far descents get below points whose Hessian has no negative eigenvalue."""
    return _strict(at_fold)(case)
