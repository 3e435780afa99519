"""Claims of the chapter *Without weight decay*; oracles are root finding, descents, dense Hessians."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.linear_networks.critical_points import critical_values, families
from dmfbook.claims.cases.linear_networks.critical_points.critical_values import (
    FormCase,
    by_root_finding,
)
from dmfbook.claims.cases.linear_networks.critical_points.families import (
    FamilyCase,
    NormalForm,
    family,
)
from dmfbook.claims.claim import Check, claim
from dmfbook.claims.evidence import Evidence, worst
from dmfbook.claims.statements.linear_networks.unregularized import (
    FLAT,
    STRICT,
    Form,
    Kinds,
    Products,
    rank_of,
    swaps,
)
from dmfbook.unregularized.kinds import kind_without_reg


class _LeadingValues(Form):
    def allows(self, point: Products, rank: int) -> bool:
        values = np.linalg.svd(point.fitted, compute_uv=False)
        return not rank or bool(np.linalg.norm(point.residual, 2) <= 1.001 * values[rank - 1])


class _UnwhitenedVectors(Form):
    def square(self, point: Products) -> Array:
        cross = point.target @ point.inputs.T
        return cross @ cross.T


class _WhiteInputs(Form):
    def fitted(self, point: Products) -> Array:
        return point.fitted @ np.linalg.pinv(point.inputs)

    def aim(self, point: Products) -> Array:
        return point.target @ point.inputs.T


class _AsManyAsFit(Form):
    def allows(self, point: Products, rank: int) -> bool:
        return rank == min(*point.problem.widths[1:], rank_of(point.target))


class _OneFewer(Form):
    def allows(self, point: Products, rank: int) -> bool:
        return rank < min(point.problem.widths)


def _of_form(form: type[Form]) -> Check:
    """Check that what was found, and the point that was made, are of a form."""

    def check(case: FormCase) -> Evidence:
        points = [*case.found, (case.made.point, 1e-11)]
        distances = (each for point, error in points for each in form().distances(point, error))
        return worst([*distances, case.slope])

    return check


@claim(
    "thm-critical-without-decay",
    "All critical values without weight decay",
    source="achour2024loss",
    status="derived",
    cases={
        "a value left out, condition number 100": by_root_finding(
            (3, 4, 3, 3), (1,), condition=100.0
        ),
        "depth 2": by_root_finding((3, 3, 2), (1,)),
        "equal values, one of them active": by_root_finding(
            (3, 3, 3), (0, 2), values=(2.0, 2.0, 0.8)
        ),
        "dependent inputs, a value zero": by_root_finding(
            (4, 3, 3, 2), (0,), values=(2.0, 0.0), directions=2
        ),
        "a bottleneck": by_root_finding((3, 3, 1, 2), (0,)),
    },
    controls={
        "the point is critical": critical_values.elsewhere(families.shrunk),
        "the weights are zero": critical_values.elsewhere(critical_values.shrunk_by_decay),
        "errors of all outputs and samples count alike": critical_values.entries_found,
    },
    rivals={
        "leading values alone are active": _of_form(_LeadingValues),
        "the singular vectors are those of C": _of_form(_UnwhitenedVectors),
        "X is the projection of C": _of_form(_WhiteInputs),
        "as many values as fit are active": _of_form(_AsManyAsFit),
        "fewer values than the narrowest layer has units": _of_form(_OneFewer),
    },
)
def all_products(case: FormCase) -> Evidence:
    """Compare what root finding reaches with the theorem, and test the gradient at a point that it makes."""
    return _of_form(Form)(case)


def compare_index(
    case: FamilyCase,
    pairs: Callable[[Array, tuple[int, ...]], int] = swaps,
    beyond: Callable[[NormalForm], int] = lambda form: form.negative_beyond,
) -> Evidence:
    """Compare the number of negative eigenvalues of dense Hessians with pairs and blocks."""
    return worst(
        Evidence(
            abs(each.negative - pairs(each.form.values, each.form.active) - beyond(each.form)), 0.5
        )
        for each in case.points
        if each.form
    )


def not_larger(values: Array, active: tuple[int, ...]) -> int:
    """Pairs of an active value and one left out that is not smaller."""
    return swaps(values * (1 + 1e-6 * np.isin(range(len(values)), active, invert=True)), active)


def smaller(values: Array, active: tuple[int, ...]) -> int:
    """Pairs of an active value and a smaller one that is left out."""
    inactive = [i for i in range(len(values)) if i not in active]
    return swaps(values, inactive)


def deep_beyond(form: NormalForm) -> int:
    """Rival: blocks that vanish add nothing at any depth."""
    return form.negative_beyond if any(block.any() for block in form.blocks) else 0


@claim(
    "thm-three-parts",
    "The Hessian in three parts",
    source="this book",
    status="derived",
    cases={
        "depth 3": family((3, 4, 3, 3), (0, 1, 2)),
        "depth 4, smaller values active": family((3, 3, 4, 3, 3), (1, 2), leading=False),
        "depth 2, nothing beyond": families.plain_points((4, 4, 3)),
        "depth 3, nothing beyond": families.plain_points((3, 4, 4, 3)),
        "equal values": family((3, 3, 4, 3), (1, 2), values=(2.0, 2.0, 1.0), leading=False),
        "a bottleneck, dependent inputs": family((4, 3, 1, 3), (0, 1), directions=3, leading=False),
    },
    controls={
        "the point is critical": families.pushed,
        "the weights are zero": families.heavy_decay,
        "errors of all outputs and samples count alike": families.unequal_entries,
    },
    rivals={
        "the pairs alone": partial(compare_index, beyond=lambda form: 0),
        "the blocks alone": partial(compare_index, pairs=lambda values, active: 0),
        "pairs of equal values count, too": partial(compare_index, pairs=not_larger),
        "pairs with a smaller value left out": partial(compare_index, pairs=smaller),
        "blocks that vanish add nothing": partial(compare_index, beyond=deep_beyond),
    },
)
def three_parts(case: FamilyCase) -> Evidence:
    """Compare the number of negative eigenvalues of dense Hessians with pairs and blocks."""
    return compare_index(case)


class _AllStrict(Kinds):
    def kind(self, point: Products) -> str:
        found = super().kind(point)
        return STRICT if found == FLAT else found


class _DepthDecides(Kinds):
    def bends(self, point: Products, l: int, k: int) -> bool:
        return point.problem.depth == 2


class _AnyOrder(Kinds):
    def in_order(self, point: Products) -> bool:
        return True


class _AllGlobal(Kinds):
    def is_best(self, point: Products) -> bool:
        return True


class _NoBottleneck(Kinds):
    def is_best(self, point: Products) -> bool:
        return bool(np.linalg.norm(point.residual, 2) <= 1e-8 * np.linalg.norm(point.target, 2))


class _SingleRanks(Kinds):
    def is_coupled(self, point: Products, l: int, k: int) -> bool:
        left, right = point.sides
        return min(rank_of(left[k]), rank_of(right[l])) > self.rank(point)


class _CouplingAlone(Kinds):
    def is_open(self, point: Products, l: int, k: int) -> bool:
        return True


class _OpenAlone(Kinds):
    def is_coupled(self, point: Products, l: int, k: int) -> bool:
        return True


class _Neighbours(Kinds):
    def pairs(self, point: Products) -> Iterator[tuple[int, int]]:
        return pairwise(range(point.problem.depth))


class _Ends(Kinds):
    def pairs(self, point: Products) -> Iterator[tuple[int, int]]:
        return iter([(0, point.problem.depth - 1)])


class _NotZero(Kinds):
    def is_open(self, point: Products, l: int, k: int) -> bool:
        return rank_of(point.between(l, k)) > 0


def _kind(conditions: type[Kinds]) -> Check:
    """Check of conditions on what kind each point is of."""
    return lambda case: worst(each.evidence(conditions().kind(each.point)) for each in case.points)


@claim(
    "thm-kinds-without-decay",
    "Minimizers, strict and other saddles",
    source="achour2024loss",
    status="paper's claim",
    cases={
        "depth 3": family((2, 3, 3, 3), (0, 1), count=6),
        "depth 4": family((3, 2, 3, 2, 2), (0, 1), count=5),
        "depth 2": family((3, 3, 2), (0, 1)),
        "one condition alone decides": families.telling_patterns,
        "a larger value left out": family((3, 3, 2, 3), (1, 2), leading=False),
        "equal values": family((3, 3, 3, 3), (0, 1, 2), values=(2.0, 2.0, 1.0), count=5),
        "values zero": family((3, 3, 3, 3), (0, 1), values=(2.0, 1.0, 0.0), count=5),
        "dependent inputs": family((4, 3, 3, 2), (0, 1), directions=2, condition=100.0, count=5),
        "a bottleneck": family((3, 1, 2, 2), (0, 1), count=3),
        "global minimizers": families.global_minimizers,
    },
    controls={
        "the point is critical": families.shrunk,
        "the weights are zero": families.decayed,
        "errors of all outputs and samples count alike": families.unequal_entries,
    },
    rivals={
        "every saddle is strict": _kind(_AllStrict),
        "at depth 3 no saddle with the leading values is strict": _kind(_DepthDecides),
        "a larger value left out does no harm": _kind(_AnyOrder),
        "the leading values make a global minimizer": _kind(_AllGlobal),
        "a bottleneck makes no difference": _kind(_NoBottleneck),
        "the ranks of A_k and B_l Q in place of their coupling": _kind(_SingleRanks),
        "the coupling alone": _kind(_CouplingAlone),
        "the product between alone": _kind(_OpenAlone),
        "neighbouring layers alone": _kind(_Neighbours),
        "the first and the last layer alone": _kind(_Ends),
        "the product between is not zero": _kind(_NotZero),
    },
)
def kinds(case: FamilyCase) -> Evidence:
    """Compare conditions and the package's kind with the least eigenvalue and with descents.

    Descents that start a small step away get below a saddle without a negative eigenvalue; a minimizer is global if
    no descent from afar ends lower.
    """
    package = (
        each.evidence(kind_without_reg(each.point.problem, each.point.factors))
        for each in case.points
    )
    statement = _kind(Kinds)(case)
    # At a point that is not critical the package would refuse to answer.
    return worst([statement, *package]) if statement.holds else statement


def compare_strictness(
    case: FamilyCase,
    flat_from: int = 3,
    ranks: Callable[[int], bool] = lambda rank: True,
) -> Evidence:
    """Compare saddles of depth 2, and at greater depth those with the leading values, with what they should be."""
    found = []
    for each, excess in zip(case.points, case.excesses, strict=True):
        deep = each.point.problem.depth >= flat_from
        leads = each.form is not None and each.form.leads
        if excess > 1e-9 and (leads or not deep):
            flat = deep and ranks(rank_of(each.point.fitted))
            found.append(each.evidence(FLAT if flat else STRICT))
    return worst(found)


@claim(
    "cor-strict-at-depth-two",
    "Every saddle is strict at depth two only",
    source="kawaguchi2016",
    status="paper's claim",
    cases={
        "depth 2": families.plain_points((3, 3, 2)),
        "depth 3": families.plain_points((3, 2, 3, 2)),
        "depth 2, blocks beyond": family((4, 4, 3), (0, 1)),
        "depth 4": families.plain_points((2, 3, 2, 2, 2)),
    },
    controls={
        "the weights are zero": families.decayed,
        "errors of all outputs and samples count alike": families.unequal_entries,
    },
    rivals={
        "at every depth": partial(compare_strictness, flat_from=99),
        "at no depth": partial(compare_strictness, flat_from=2),
        "at depth three, too": partial(compare_strictness, flat_from=4),
        "away from zero, at every depth": partial(compare_strictness, ranks=lambda rank: rank == 0),
    },
)
def strict_at_depth_two(case: FamilyCase) -> Evidence:
    """Look for a negative eigenvalue, and for a way down, at critical points above the least loss that descents find."""
    return compare_strictness(case)
