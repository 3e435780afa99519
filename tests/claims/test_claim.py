"""The mechanism of claims: it notices what does not hold and what cannot fail."""

import math

import numpy as np
import pytest

from dmfbook.claims import Claim, Evidence, all_claims


def toy(check, case=lambda rng: rng.uniform(0, 1), control=lambda rng: 10.0) -> Claim:
    return Claim("thm-toy", "A toy", "this book", "derived", check, case, control)


def below_two(value: float) -> Evidence:
    return Evidence(error=value, tolerance=2.0)


def test_true_claim_with_failing_control_passes() -> None:
    verdict = toy(below_two).verify(cases=5)
    assert (verdict.holds, verdict.control_fails, verdict.passed) == (True, True, True)
    assert "holds on 5 random cases" in str(verdict)


def test_one_failing_case_fails_the_claim() -> None:
    values = iter([0.0, 3.0, 0.0])
    verdict = toy(below_two, case=lambda rng: next(values)).verify(cases=3)
    assert not verdict.holds
    assert verdict.worst_error == 3.0
    assert "FAILS" in str(verdict)


def test_one_passing_control_is_noticed() -> None:
    values = iter([10.0, 0.0, 10.0])
    verdict = toy(below_two, control=lambda rng: next(values)).verify(cases=3)
    assert verdict.holds and not verdict.control_fails and not verdict.passed
    assert "HOLDS, and must not" in str(verdict)


@pytest.mark.parametrize("error", [math.nan, math.inf])
def test_an_error_that_is_no_number_never_holds(error: float) -> None:
    evidence = Evidence(error, 1.0)
    assert not evidence.holds
    assert evidence.margin == 0


def test_nan_is_the_worst_case_wherever_it_stands() -> None:
    values = iter([0.5, math.nan, 1.0])
    assert not toy(below_two, case=lambda rng: next(values)).verify(cases=3).holds


def test_more_cases_extend_fewer() -> None:
    seen: list[float] = []
    recorded = toy(lambda value: Evidence(seen.append(value) or 0.0, 1.0))
    recorded.verify(cases=2, seed=3)
    few = seen[:2]
    seen.clear()
    recorded.verify(cases=4, seed=3)
    assert seen[:2] == few
    assert len(set(seen[:4])) == 4


def test_seeds_and_labels_give_different_cases() -> None:
    first, second = ([], [])
    for store, seed in ((first, 0), (second, 1)):
        toy(lambda value, store=store: Evidence(store.append(value) or 0.0, 1.0)).verify(1, seed)
    assert first != second


@pytest.mark.parametrize(("arguments", "message"), [((0, 0), "cases"), ((1, -1), "seed")])
def test_bad_counts_are_refused(arguments: tuple[int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        toy(below_two).verify(*arguments)


def test_a_label_is_given_once() -> None:
    labels = [claim.label for claim in all_claims()]
    assert len(set(labels)) == len(labels)


def test_values_for_json_are_plain() -> None:
    values = toy(lambda value: Evidence(np.float64(0.0), 1.0)).verify(cases=1).as_dict()
    assert values["margin"] is None
    assert {type(value) for value in values.values()} <= {str, int, float, bool, type(None)}
