"""Claims of the chapter *Which flatness*; measures are descended from random factorizations, with dense Hessians."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from dmfbook._validation import Array
from dmfbook.claims.cases.training import favourites, flat_runs
from dmfbook.claims.cases.training.favourites import FlatCase, Size, flat_case, grams, noisy
from dmfbook.claims.cases.training.flat_runs import AwareRun, NoisyRun
from dmfbook.claims.claim import CaseMaker, Check, claim
from dmfbook.claims.evidence import Evidence, worst
from dmfbook.claims.statements.training import favourites as statements
from dmfbook.zero_loss.favourites import favourite_factors
from dmfbook.zero_loss.measures import NoiseMeasure, PowerMeasure
from dmfbook.zero_loss.trace import flattest_factors

# A search ends at a relative slope of 1e-9; curvatures are above 1e-3, for targets and orders like these.
REACHED = 1e-5


def compare_favourite(case: FlatCase, layers: str = "favourite") -> Evidence:
    """Compare what both searches find, up to a change of hidden bases, with what is predicted."""
    expected = grams(getattr(case, layers))
    found = [gram for search in case.searches for gram in grams(search.factors)]
    errors = [
        float(np.linalg.norm(one - other) / np.linalg.norm(other))
        for one, other in zip(found, expected * 2, strict=True)
    ]
    return Evidence(max(errors), REACHED)


@claim(
    "thm-one-favourite",
    "Each measure has one favourite",
    source="this book",
    status="new",
    cases={
        "a power": partial(flat_case, shape=(2, 2), depth=3),
        "a power, three modes": partial(flat_case, shape=(3, 3), depth=3),
        "the determinant": partial(flat_case, shape=(2, 2), depth=4, measure=PowerMeasure(0)),
        "more rows than columns": partial(flat_case, shape=(3, 2), depth=2),
        "rank below both sides": partial(flat_case, shape=(3, 3), depth=3, rank=2),
        "full rank, spare units": partial(flat_case, shape=(2, 2), depth=3, spare=1),
        "label noise": partial(noisy, shape=(2, 2), depth=3, share=0.5),
        "fewer rows than columns, deep": partial(flat_case, shape=(2, 3), depth=4),
    },
    controls={
        "φ increases strictly": favourites.not_strictly,
        "φ(eˣ) is convex": favourites.not_convex,
        "hidden widths at the rank, or full rank": partial(favourites.with_idle_units, depth=2),
    },
    rivals={
        "balanced factors": partial(compare_favourite, layers="balanced"),
        "what the trace prefers": partial(compare_favourite, layers="of_the_trace"),
        "the layers in reverse order": partial(compare_favourite, layers="reversed_layers"),
    },
)
def one_favourite(case: FlatCase) -> Evidence:
    """Compare what searches from two random factorizations find with the minimum of the convex problem."""
    return compare_favourite(case)


FAR = 3.0  # of the spread of all layers: with a least value it is below 2, without one the farther descent goes beyond 5


def compare_attained(
    case: FlatCase,
    rule: Callable[[int, int, int, int], bool] = statements.determinant_is_attained,
) -> Evidence:
    """Compare whether the layers of a search stay together, and if so its end, with a rule of sides, rank and depth."""
    rows, columns = case.target.shape
    if (case.spread < FAR) != rule(rows, columns, len(case.values), case.depth):
        return Evidence(np.inf, 1.0)
    if case.spread > FAR:
        return Evidence(FAR / case.spread, 1.0)
    return worst([Evidence(case.spread, FAR), compare_favourite(case)])


def _rule(change: Callable[[int, int, int, int], bool]) -> Check:
    """Check another rule of rows, columns, rank and depth."""
    return partial(compare_attained, rule=change)


def of_size(*sizes: Size) -> CaseMaker:
    """Maker of cases of one of these rows, columns, ranks and depths."""
    return lambda rng: favourites.determinant(rng, *sizes)


@claim(
    "thm-determinant-attained",
    "When the determinant has a least value",
    source="this book",
    status="new",
    cases={
        "it has, full rank and square": of_size((2, 2, 2, 2), (2, 2, 2, 4), (1, 1, 1, 3)),
        "it has, other sides": of_size((3, 2, 2, 2), (2, 3, 2, 2), (4, 3, 3, 3)),
        "it has, deficient rank": of_size((3, 3, 2, 3)),
        "equality, more rows": of_size((3, 2, 2, 3), (2, 1, 1, 2), (4, 2, 2, 2)),
        "equality, more columns": of_size((2, 3, 2, 3), (1, 2, 1, 2), (2, 4, 2, 2)),
        "equality, deficient rank": of_size((3, 3, 2, 4), (2, 2, 1, 3)),
        "beyond": of_size((1, 3, 1, 2), (4, 2, 2, 3)),
    },
    controls={
        "hidden widths at the rank, or full rank": partial(favourites.with_idle_units, depth=2)
    },
    rivals={
        "always": _rule(lambda rows, columns, rank, depth: True),
        "for full rank alone": _rule(lambda rows, columns, rank, depth: rank == min(rows, columns)),
        "for square targets alone": _rule(lambda rows, columns, rank, depth: rows == columns),
        "|d_L − d_0| < r at every depth": _rule(
            lambda rows, columns, rank, depth: abs(rows - columns) < rank
        ),
        "at equality, too": _rule(
            lambda rows, columns, rank, depth: (
                (depth - 1) * (rows - rank) <= columns and (depth - 1) * (columns - rank) <= rows
            )
        ),
        "the first condition alone": _rule(
            lambda rows, columns, rank, depth: (depth - 1) * (rows - rank) < columns
        ),
        "L in the place of L − 1": _rule(
            lambda rows, columns, rank, depth: (
                depth * (rows - rank) < columns and depth * (columns - rank) < rows
            )
        ),
    },
)
def determinant_attained(case: FlatCase) -> Evidence:
    """Compare whether the layers of a search stay together, and its end, with the prediction."""
    return compare_attained(case)


def compare_two_layers(case: FlatCase, share: Callable[[float], float] | None = None) -> Evidence:
    """Compare the eigenvalues of ``W_2 W_2ᵀ`` at a search's end with a multiple of the target's values."""
    rows, columns = case.target.shape
    power = getattr(case.measure, "order", 1.0)
    ratio = share(rows / columns) if share else (rows / columns) ** (1 / power if power else 1)
    expected = ratio**0.5 * case.values
    found = case.layers[-1] ** 2
    return Evidence(float(np.abs(found / expected - 1).max()), REACHED)


two_layers = partial(flat_case, depth=2)


@claim(
    "prop-two-layers-agree",
    "Two layers",
    source="this book",
    status="new",
    cases={
        "square, a power": partial(two_layers, shape=(3, 3)),
        "square, the determinant": partial(two_layers, shape=(3, 3), measure=PowerMeasure(0)),
        "square, deficient rank": partial(two_layers, shape=(3, 3), rank=2),
        "square, label noise": partial(noisy, shape=(2, 2), depth=2, share=0.6),
        "the trace": partial(two_layers, shape=(3, 2), measure=PowerMeasure(1)),
        "the Frobenius norm": partial(two_layers, shape=(2, 4), measure=PowerMeasure(2)),
    },
    controls={
        "two layers": partial(flat_case, shape=(3, 3), depth=3),
        "a square target, or trace, or Frobenius norm": partial(
            two_layers, shape=(4, 2), orders=(3.0, 4.0)
        ),
        "φ(eˣ) is convex": partial(favourites.not_convex, depth=2),
    },
    rivals={
        "always balanced": partial(compare_two_layers, share=lambda ratio: 1.0),
        "the Frobenius norm like the trace": partial(compare_two_layers, share=lambda ratio: ratio),
        "the trace like the Frobenius norm": partial(
            compare_two_layers, share=lambda ratio: ratio**0.5
        ),
    },
)
def two_layers_agree(case: FlatCase) -> Evidence:
    """Compare the layers that a search finds with a multiple of the target's values."""
    return compare_two_layers(case)


def compare_frobenius(case: FlatCase, **changed: float) -> Evidence:
    """Compare the formula with the least squared norm that a search finds."""
    formula = statements.least_frobenius(case.values, case.target.size, **changed)
    return Evidence(abs(case.searches[0].value - formula), 1e-9 * formula)


frobenius = partial(flat_case, measure=PowerMeasure(2))


@claim(
    "prop-least-frobenius",
    "The least Frobenius norm, two layers",
    source="this book",
    status="new",
    cases={
        "more rows than columns": partial(frobenius, shape=(4, 2), depth=2),
        "rank below both sides": partial(frobenius, shape=(3, 4), depth=2, rank=2),
        "spare units": partial(frobenius, shape=(2, 3), depth=2, spare=1),
    },
    controls={
        "two layers": partial(frobenius, shape=(3, 2), depth=3),
        "the Frobenius norm is least": partial(
            flat_case, shape=(3, 2), depth=2, measure=PowerMeasure(2.2)
        ),
    },
    rivals={
        "without the nuclear norm": partial(compare_frobenius, cross=0.0),
        "half the nuclear norm's part": partial(compare_frobenius, cross=0.5),
        "without the sides": lambda case: compare_frobenius(case, single=case.target.size**-0.5),
    },
)
def frobenius_norm(case: FlatCase) -> Evidence:
    """Compare the formula with the least squared norm that a search finds."""
    return compare_frobenius(case)


def compare_balance(
    case: FlatCase, rule: Callable[[Array, int, int], bool] = statements.wants_balance
) -> Evidence:
    """Compare whether all layers have the same singular values at a search's end with the prediction."""
    deviation = float(np.ptp(np.array(case.layers), axis=0).max() / case.layers[0].max())
    if rule(case.values, *case.target.shape):
        return Evidence(deviation, REACHED)
    # Values and orders are such that the layers are never as near as this.
    return Evidence(10 * REACHED / deviation if deviation else np.inf, 1.0)


deep = partial(flat_case, depth=3)


@claim(
    "thm-never-balanced",
    "Deep favourites are not balanced",
    source="this book",
    status="new",
    cases={
        "unequal values": partial(deep, shape=(2, 2)),
        "unequal values, the determinant": partial(
            flat_case, shape=(3, 3), depth=4, measure=PowerMeasure(0)
        ),
        "equal values, a long side": partial(deep, shape=(3, 2), equal=True),
        "equal values, deficient rank": partial(deep, shape=(3, 3), rank=2, equal=True),
        "equal values, square": partial(deep, shape=(2, 2), equal=True),
        "label noise": partial(noisy, shape=(2, 2), depth=3, share=0.5),
    },
    controls={
        "three layers or more": partial(flat_case, shape=(3, 3), depth=2),
        "φ increases strictly": favourites.not_strictly_from_balance,
    },
    rivals={
        "always balanced": partial(compare_balance, rule=lambda *_: True),
        "never balanced": partial(compare_balance, rule=lambda *_: False),
        "balanced for equal values": partial(
            compare_balance, rule=lambda values, *_: statements.all_equal(values)
        ),
        "balanced for square targets": partial(
            compare_balance, rule=lambda _, rows, columns: rows == columns
        ),
    },
)
def never_balanced(case: FlatCase) -> Evidence:
    """Compare whether all layers have the same singular values at a search's end with the prediction."""
    return compare_balance(case)


def compare_lean(case: FlatCase, turn: float = 1.0, sign: float = 1.0) -> Evidence:
    """Compare which mode the middle layer favours at a search's end with the sign of ``1 − p``."""
    left, middle = np.linalg.svd(case.target)[0], case.depth // 2
    around = grams(case.searches[0].factors)[middle - 1 : middle + 1]
    first, second = (np.diag(left.T @ gram @ left) for gram in around)
    lean = float(first[0] / second[0] / (first[1] / second[1]) - 1)
    order = case.measure.order  # type: ignore[attr-defined]
    if order == turn:
        return Evidence(abs(lean), REACHED)
    return Evidence(REACHED / abs(lean) if sign * (turn - order) * lean > 0 else np.inf, 1.0)


lean = partial(flat_case, shape=(2, 2), depth=3)


@claim(
    "prop-inner-layer",
    "The inner layer turns at the trace",
    source="this book",
    status="new",
    cases={
        "p < 1": partial(lean, orders=(0.2, 0.9)),
        "the determinant": partial(lean, measure=PowerMeasure(0)),
        "the trace": partial(lean, measure=PowerMeasure(1)),
        "1 < p < 2": partial(lean, orders=(1.1, 1.9)),
        "p > 2": partial(lean, orders=(2.1, 3.0)),
    },
    controls={
        "different singular values": partial(lean, orders=(0.2, 0.9), equal=True),
        "three layers": partial(flat_case, shape=(2, 2), depth=5, orders=(1.5, 3.0)),
    },
    not_needed={
        "two modes, a square target": "400 others with up to four modes, p from 0.1 to 4: no failure"
    },
    rivals={
        "it turns at the Frobenius norm": partial(compare_lean, turn=2.0),
        "it turns at p = 1/2": partial(compare_lean, turn=0.5),
        "the other way": partial(compare_lean, sign=-1.0),
    },
)
def inner_layer(case: FlatCase) -> Evidence:
    """Compare which mode the inner layer favours at a search's end with the sign of ``1 − p``."""
    return compare_lean(case)


def drift_error(case: AwareRun | NoisyRun, expected: list[Array]) -> float:
    """Largest relative error of the norms of the layers."""
    return float(np.abs(case.norms / flat_runs.layer_norms(expected) - 1).max())


def flattest_of(case: AwareRun) -> list[Array]:
    """Layers of least trace."""
    return flattest_factors(case.target, case.hidden_widths)


def evenly(case: AwareRun | NoisyRun) -> list[Array]:
    """Layers of least sharpness: for a vector all norms are equal."""
    return [np.ones((1, 1))] * case.depth


def compare_aware(
    case: AwareRun,
    whole: Callable[[AwareRun], list[Array]] = evenly,
    single: Callable[[AwareRun], list[Array]] = flattest_of,
) -> Evidence:
    """Compare the layers late in a run with those of least sharpness, or of least trace."""
    rule = single if case.single else whole
    return Evidence(drift_error(case, rule(case)), 0.08 if case.single else 0.01)


@claim(
    "obs-sharpness-aware",
    "Sharpness-aware steps",
    source="wen2023how",
    status="empirical",
    cases={
        "all entries at once, depth 2": partial(flat_runs.aware, depth=2),
        "all entries at once, depth 3": partial(flat_runs.aware, depth=3),
        "one entry at a time, depth 2": partial(flat_runs.aware, depth=2, single=True),
    },
    controls={"the gradient is taken uphill": partial(flat_runs.aware, depth=2, radius=0.0)},
    rivals={
        "all entries: the least trace": partial(compare_aware, whole=flattest_of),
        "one entry: the least sharpness": partial(compare_aware, single=evenly),
    },
)
def sharpness_aware(case: AwareRun) -> Evidence:
    """Compare the layers late in a run with those of least sharpness, or of least trace."""
    return compare_aware(case)


def compare_noisy(case: NoisyRun, rule: Callable[[NoisyRun], list[Array]]) -> Evidence:
    """Compare the layers late in noisy runs with a favourite."""
    return Evidence(drift_error(case, rule(case)), 0.02)


def of_the_noise(case: NoisyRun) -> list[Array]:
    """The favourite of label noise at this step."""
    return favourite_factors(case.target, case.hidden_widths, NoiseMeasure(case.step))


@claim(
    "obs-noise-favourite",
    "Where label noise comes to rest",
    source="damian2021label",
    status="empirical",
    cases={
        "depth 2": partial(flat_runs.noisy_labels, depth=2),
        "depth 3": partial(flat_runs.noisy_labels, depth=3),
    },
    controls={"the labels are noisy": flat_runs.silent},
    rivals={
        "the least trace": partial(
            compare_noisy, rule=lambda case: flattest_factors(case.target, case.hidden_widths)
        ),
        "the least sharpness": partial(compare_noisy, rule=evenly),
    },
)
def noise_favourite(case: NoisyRun) -> Evidence:
    """Compare the layers late in noisy runs with the favourite of the noise at this step."""
    return compare_noisy(case, of_the_noise)
