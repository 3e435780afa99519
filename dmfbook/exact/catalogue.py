"""The rational points that the book's certificates are about: all kinds and strata, small ones first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from flint import fmpq

from dmfbook.exact.points import RationalPoint, critical_point, fitted_point, reflection
from dmfbook.exact.rationals import Number, diagonal, identity

Kinds = dict[str, RationalPoint]
Rows = list[list[Number]]


@cache
def catalogue() -> Kinds:
    """All points by kind, in a few words, the smallest first."""
    found = {**_small(), **_fitted(), **_on_data(), **_unbalanced(), **_outside()}
    for depth in range(2, 6):
        found |= {f"depth {depth}: {kind}": point for kind, point in _at_depth(depth)}
    found["depth 4: some hundreds of parameters"] = critical_point(
        (7, 8, 9, 8, 7), 1, [3, 2, "3/2", "1/2"], ["5/4", 1]
    )
    return dict(sorted(found.items(), key=lambda item: item[1].size))


def _small() -> Kinds:
    """Numbers in the narrowest layers: where rivals are refuted first."""
    points = {}
    for depth in range(2, 6):
        widths = (1,) * (depth + 1)
        points[f"a number, depth {depth}"] = critical_point(widths, 1, [2])
        points[f"a number at zero, depth {depth}"] = critical_point(widths, 1, [], [3])
        if depth > 2:
            points[f"a number on its smaller root, depth {depth}"] = critical_point(
                widths, 1, ["1/2"]
            )
        if depth > 2:  # m = (L − 1)/(L − 2) at λ = 1/(L − 2): zero and w = 1 tie
            points[f"a number at the collapse, depth {depth}"] = critical_point(
                widths, fmpq(1, depth - 2), [1]
            )
    points["a small number, depth 2"] = critical_point((1, 1, 1), 1, ["1/2"])
    points["a number near the fold"] = critical_point((1, 1, 1, 1), 1, ["4/5"])
    points["an inactive mode just below"] = critical_point((2, 1, 1, 2), 1, [2], ["33/4"])
    points["a number, idle units"] = critical_point((1, 2, 2, 1), 2, [2])
    return points


def _at_depth(depth: int) -> Iterator[tuple[str, RationalPoint]]:
    """Each stratum of the critical points of one depth."""
    hidden = (3, 2, 3, 2)[: depth - 1]
    two, wide, tall = (2, *hidden, 2), (4, *hidden, 2), (2, *hidden, 3)
    yield "zero", critical_point(two, 2, [], [3, 1])
    yield "one active mode", critical_point(wide, 1, ["3/2"], ["1/2"], turn=1)
    yield "a mode that vanishes", critical_point(tall, 1, [2], [0])
    yield "two active modes", critical_point(tall, 1, [2, "3/2"], turn=2).turned(3)
    yield "equal modes", critical_point(two, 1, [2, 2]).turned(1)
    yield "an inactive mode above an active one", critical_point(two, 1, [1], [7], turn=4)
    tied = 1 + 2 * fmpq(1)  # σ at w = 1, λ = 2
    yield "an inactive mode equal to an active one", critical_point(two, 2, [1], [tied])
    yield "a bottleneck", critical_point((3, *hidden[:-1], 1, 2), 1, [2], [3], turn=5)
    ratios: list[Number] = [2, *[1] * (depth - 2), "1/2"]
    unequal = critical_point(tall, 1, [2, "3/2"], ratios=ratios, turn=6)
    yield "unequal weights", unequal.turned(2)
    yield "unequal weights, diagonal", critical_point(tall, 1, [2, 1], ratios=ratios)
    yield "four layers of units apart", critical_point((2, *(3,) * (depth - 1), 2), 3, [3], [1])
    if depth == 2:
        yield "an inactive mode at the weight", critical_point(two, 2, [1], [2])
        yield "an inactive mode above the weight", critical_point((3, 3, 2), 2, [2], [3])
        return
    yield "a smaller root", critical_point(wide, 1, [2, "1/2"], turn=7)
    yield "a smaller root above a larger one", critical_point(two, 1, ["1/4", 1])
    yield "two smaller roots", critical_point(tall, 1, ["1/2", "1/4"], turn=8)
    larger, smaller = fmpq(2), fmpq(1)
    both = (larger**depth - smaller**depth) / (smaller ** (2 - depth) - larger ** (2 - depth))
    yield "both roots of one value", critical_point(two, both, [larger, smaller])
    fold = fmpq(depth, depth - 2)
    yield "at the fold", critical_point(two, fold, [1], [1], turn=9)
    yield "two modes at the fold", critical_point(tall, fold, [1, 1])
    yield "at the fold, below a larger root", critical_point(wide, fold, [2, 1])


def _fitted() -> Kinds:
    """Zero loss without weights, at factors of no kind in particular."""
    return {
        "fitted, a number": fitted_point([[[2]], [[3]]]),
        "fitted, a number, three layers": fitted_point([[[1], [2]], [[1, -1], [2, 1]], [[3, 1]]]),
        "fitted, two layers": fitted_point(_matrices((2, 3, 2), 1)),
        "fitted, a bottleneck": fitted_point(_matrices((3, 1, 2), 2)),
        "fitted, three layers": fitted_point(_matrices((2, 3, 2, 3), 3)),
        "fitted, four layers": fitted_point(_matrices((2, 2, 3, 2, 2), 4)),
        "fitted, five layers": fitted_point(_matrices((1, 2, 2, 2, 2, 2), 5)),
    }


def _on_data() -> Kinds:
    """The same with inputs, square ones and such with more columns than rows, or of lower rank."""
    square: Rows = [[1, 2], ["1/2", -1]]
    more: Rows = [[1, 0, 2], [1, "1/3", 0]]
    lower = [[1], [2]]
    return {
        "fitted, a number on data": fitted_point([[[2]], [[3]]], inputs=[[2]]),
        "fitted, two layers on data": fitted_point(_matrices((2, 3, 2), 1), inputs=square),
        "fitted, three layers on data": fitted_point(_matrices((2, 2, 2, 3), 6), inputs=more),
        "fitted, inputs of lower rank": fitted_point(_matrices((2, 3, 2), 7), inputs=lower),
        "critical on data, a number": critical_point((1, 1, 1), 1, [2], inputs=[[2]]).turned(1),
        "critical on data, two layers": critical_point(
            (2, 3, 2), 1, [2, 1], inputs=square, turn=1
        ).turned(4),
        "critical on data, three layers": critical_point(
            (2, 2, 3, 3), 1, [2, "1/2"], inputs=more, ratios=[2, 1, "1/2"], turn=2
        ).turned(5),
    }


def _unbalanced() -> Kinds:
    """No critical points: the product of one, with the bases of its hidden layers changed by more than a turn."""
    ratios: list[Number] = [2, "1/2"]
    points = {
        "depth 2": critical_point((2, 3, 2), 1, [2, "3/2"], turn=1),
        "depth 2, unequal weights": critical_point((3, 2, 2), 1, [2, 1], ratios=ratios),
        "depth 2, a bottleneck": critical_point((3, 1, 2), 1, [2], [1], turn=2),
        "depth 3": critical_point((2, 3, 2, 3), 1, [2, "3/2"], turn=3),
        "depth 4": critical_point((2, 2, 3, 2, 1), 2, [2], turn=4),
        "depth 5": critical_point((1, 2, 2, 2, 2, 2), 1, [1]),
    }
    return {f"not critical, {about}": _stretched(point) for about, point in points.items()}


def _stretched(point: RationalPoint) -> RationalPoint:
    first, *hidden, last = point.widths
    stretches = [diagonal([fmpq(2), *[fmpq(1)] * (d - 1)], d, d) for d in hidden]
    bases = [
        each * reflection(d, 1, l)
        for l, (d, each) in enumerate(zip(hidden, stretches, strict=True))
    ]
    bases = [identity(first), *bases, identity(last)]
    layers = zip(bases[:-1], bases[1:], point.factors, strict=True)
    return replace(point, factors=tuple(b * factor * a.inv() for a, b, factor in layers))


def _outside() -> Kinds:
    """Points that drop one hypothesis, for controls."""
    plain = _matrices((2, 3, 2), 1)
    more: Rows = [[1, 2], ["1/2", -1]]
    goal = [[1, 0], [0, 2]]
    critical = critical_point((2, 3, 2), 1, [2, 1], [])
    on_data = critical_point((2, 3, 2), 1, [2, 1], inputs=more)
    doubled, doubled_on_data = (
        (2 * first, second / 2) for first, second in (critical.factors, on_data.factors)
    )
    return {
        "off the target": fitted_point(plain, target=goal),
        "off the target, a number": fitted_point([[[2]], [[3]]], target=[[1]]),
        "off the target, on data": fitted_point(plain, target=goal, inputs=more),
        "not balanced": replace(critical, factors=doubled),
        "not balanced, on data": replace(on_data, factors=doubled_on_data),
        "fitted, with weights": fitted_point(plain, weights=[1, 2]),
        "another factorization": replace(critical, other=doubled),
        "another factorization, on data": replace(on_data, other=doubled_on_data),
        "modes, unequal weights": critical_point((2, 2, 2), 1, [2, 1], ratios=[2, "1/2"]),
        "modes, a smaller root first": critical_point((2, 2, 2, 2), 1, ["1/4", "3/2"]),
        "modes, a smaller root last": critical_point((2, 2, 2, 2), 1, [2, "1/2"]),
        "zero at depth 2": critical_point((2, 2, 2), 1, [], [3, 1]),
    }


def _matrices(widths: tuple[int, ...], seed: int) -> list[list[list[int]]]:
    """Small integers that have no structure."""
    return [
        [
            [(seed + 3 * i * i + 5 * j + 7 * l + i * j) % 5 - 2 + (i == j) for j in range(before)]
            for i in range(after)
        ]
        for l, (before, after) in enumerate(zip(widths[:-1], widths[1:], strict=True))
    ]
