"""The mechanism of claims: it notices what does not hold and what cannot fail."""

import json
import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pytest

from dmfbook.claims import Claim, ClaimFailed, Evidence, all_claims, claim, worst
from dmfbook.claims.verdict import joined


def below_two(value: float) -> Evidence:
    return Evidence(error=value, tolerance=2.0)


def toy(
    check=below_two,
    cases=lambda rng: rng.uniform(0, 1),
    controls=lambda rng: 10.0,
    rivals=lambda value: Evidence(value, 1e-3),
    **rest,
) -> Claim:
    def named(name, one):
        return one if isinstance(one, dict) else {name: one}

    return Claim(
        label="thm-toy",
        title="A toy",
        source="this book",
        status="derived",
        check=check,
        cases=named("small", cases),
        controls=named("small enough", controls),
        rivals=named("below 0.001", rivals),
        **rest,
    )


def test_what_holds_and_can_fail_passes() -> None:
    verdict = toy().verify(cases=5)
    assert verdict.holds and verdict.passed and not verdict.failures
    assert str(verdict).splitlines() == [
        "A toy (thm-toy)",
        "  holds on 5 cases",
        "  fails, as it must, without: small enough",
        "  refuted: below 0.001",
    ]
    verdict.require()


def test_one_failing_case_fails_the_claim() -> None:
    values = iter([0.0, 3.0, 0.0])
    verdict = toy(cases=lambda rng: next(values)).verify(cases=3, seed=7)
    assert not verdict.holds and not verdict.passed
    assert (verdict.worst_error, verdict.worst.number) == (3.0, 1)
    assert "FAILS on 3 cases" in str(verdict)
    with pytest.raises(ClaimFailed) as caught:
        verdict.require()
    for part in ("A toy (thm-toy)", "case 1 (small)", "dmfbook verify thm-toy --seed 7 --case 1"):
        assert part in str(caught.value)


def test_one_passing_control_is_noticed_among_failing_ones() -> None:
    values = iter([10.0, 0.0, 10.0])
    controls = {"small enough": lambda rng: 10.0, "real": lambda rng: next(values)}
    verdict = toy(controls=controls).verify(cases=3)
    assert verdict.holds and not verdict.passed
    assert verdict.controls["real"].number == 1
    assert "fails, as it must, without: small enough" in str(verdict)
    assert "HOLDS, and must not, without: real" in str(verdict)
    with pytest.raises(ClaimFailed, match=r"(?s)without 'real'.*--seed 0 --case 1"):
        verdict.require()


def test_one_case_refutes_a_rival_and_none_does_not() -> None:
    rivals = {
        "below 1/2": lambda value: Evidence(value, 0.5),
        "below 3/2": lambda value: Evidence(value, 1.5),
    }
    values = [0.1, 0.9, 0.2]
    cases = {str(value): lambda rng, value=value: value for value in values}
    verdict = toy(cases=cases, rivals=rivals).verify(cases=3)
    assert verdict.holds and not verdict.passed
    assert list(verdict.surviving_rivals) == ["below 3/2"]
    assert verdict.rivals["below 1/2"].number == 1
    assert "  refuted: below 1/2\n  NOT REFUTED: below 3/2" in str(verdict)
    with pytest.raises(ClaimFailed, match="no case of 3 refutes 'below 3/2'.*--seed 0 --cases 3"):
        verdict.require()


@pytest.mark.parametrize("cases", [1, 3, 7])
def test_every_kind_is_met_in_turn(cases: int) -> None:
    seen: list[str] = []
    kinds = {name: lambda rng, name=name: seen.append(name) or 0.5 for name in "abc"}
    verdict = toy(cases=kinds, controls={}).verify(cases=cases)
    assert verdict.cases == max(3, cases)
    assert seen == [*"abcabca"][: verdict.cases]
    assert f"holds on {verdict.cases} cases of 3 kinds" in str(verdict)


def test_a_named_case_can_be_made_again() -> None:
    kinds = {name: lambda rng, name=name: (name, rng.random()) for name in "ab"}
    largest = toy(
        lambda case: Evidence(case[1], 2.0),
        cases=kinds,
        controls={"small": lambda rng: ("c", 3 + rng.random())},
        rivals={},
    )
    verdict = largest.verify(cases=9, seed=4)
    number = verdict.worst.number
    kind, value = largest.example(number, seed=4)
    assert (verdict.stratum, verdict.worst_error) == (kind, value) == ("ab"[number % 2], value)
    alone = largest.repeat(number, seed=4)
    assert (alone.cases, alone.worst) == (1, verdict.worst)
    control = verdict.controls["small"]
    assert largest.example(control.number, 4, without="small") == ("c", control.evidence.error)
    with pytest.raises(ValueError, match="'small', got 'tall'"):
        largest.example(0, without="tall")


def test_rivals_are_given_the_same_objects() -> None:
    @dataclass(frozen=True)
    class Costly:
        seed: float

        @cached_property
        def oracle(self) -> list[float]:
            computed.append(self.seed)
            return [self.seed]

    computed: list[float] = []
    toy(
        lambda case: Evidence(case.oracle[0], 2.0),
        cases=lambda rng: Costly(rng.uniform()),
        controls={},
        rivals={name: lambda case: Evidence(case.oracle[0], 1e-3) for name in "ab"},
    ).verify(cases=4)
    assert len(computed) == len(set(computed)) == 4


def test_what_is_not_needed_is_said() -> None:
    verdict = toy(controls={}, not_needed={"real": "1000 complex cases"}).verify(cases=2)
    assert verdict.passed
    assert "  not needed, as far as searched: real" in str(verdict)


def test_long_lists_are_broken_for_the_page() -> None:
    rivals = {f"{number}{20 * ' word'}": lambda value: Evidence(1, 0.5) for number in range(3)}
    text = str(toy(rivals=rivals).verify(cases=1))
    assert max(map(len, text.splitlines())) <= 78
    assert "  holds on 1 case\n" in text


@pytest.mark.parametrize("error", [math.nan, math.inf])
def test_an_error_that_is_no_number_never_holds(error: float) -> None:
    evidence = Evidence(error, 1.0)
    assert not evidence.holds
    assert evidence.margin == 0


def test_nan_is_the_worst_case_wherever_it_stands() -> None:
    values = iter([0.5, math.nan, 1.0])
    assert not toy(cases=lambda rng: next(values)).verify(cases=3).holds


def test_nan_shows_nothing_against_a_control_or_a_rival() -> None:
    verdict = toy(controls=lambda rng: math.nan).verify(cases=2)
    assert list(verdict.passing_controls) == ["small enough"]
    verdict = toy(rivals=lambda value: Evidence(math.nan, 1.0)).verify(cases=2)
    assert list(verdict.surviving_rivals) == ["below 0.001"]


@pytest.mark.parametrize(
    ("error", "tolerance", "kind", "message"),
    [
        (-1e-300, 1.0, ValueError, "error must not be negative"),
        (0.0, -1.0, ValueError, "tolerance must be finite and not negative"),
        (0.0, math.nan, ValueError, "tolerance must be finite and not negative"),
        (0.0, math.inf, ValueError, "tolerance must be finite and not negative"),
        (np.zeros(2), 1.0, TypeError, "error must be a real number, got ndarray"),
        (0.0, None, TypeError, "tolerance must be a real number, got NoneType"),
    ],
)
def test_nonsense_is_no_evidence(error, tolerance, kind, message) -> None:
    with pytest.raises(kind, match=message):
        Evidence(error, tolerance)


def test_the_worst_of_many_and_of_none() -> None:
    far, near, nothing = Evidence(1e-16, 1e-12), Evidence(1e-3, 2e-3), Evidence(math.nan, 1.0)
    assert worst(iter([far, near])) is near
    assert worst([far, nothing, near]) is nothing
    with pytest.raises(ValueError, match="nothing was compared"):
        worst([])


def test_an_empty_comparison_is_an_error_that_names_its_case() -> None:
    sizes = iter([2, 0])
    empty = toy(lambda size: worst(Evidence(0, 1) for _ in range(size)), lambda rng: next(sizes))
    empty = Claim(**{**vars(empty), "controls": {}, "rivals": {}})
    with pytest.raises(ValueError, match="nothing was compared") as caught:
        empty.verify(cases=2, seed=3)
    assert caught.value.__notes__ == [
        "in case 1 of thm-toy; again: dmfbook verify thm-toy --seed 3 --case 1"
    ]


def test_more_cases_extend_fewer() -> None:
    seen: list[float] = []
    recorded = toy(lambda value: Evidence(seen.append(value) or 0.0, 1.0), controls={})
    recorded.verify(cases=2, seed=3)
    few = seen[:]
    seen.clear()
    recorded.verify(cases=4, seed=3)
    assert seen[:2] == few
    assert len(set(seen)) == len(seen) == 4


def test_seeds_and_labels_give_different_cases() -> None:
    other = Claim("thm-other", "Another", "this book", "new", below_two, toy().cases)
    values = {toy().example(0, 0), toy().example(0, 1), other.example(0, 0)}
    assert len(values) == 3


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        ((0, 0), ValueError, "cases must be at least 1, got 0"),
        ((1, -1), ValueError, "seed must be at least 0, got -1"),
        ((1.5, 0), TypeError, "cases must be an integer, got 1.5"),
        ((1, True), TypeError, "seed must be an integer, got True"),
    ],
)
def test_bad_counts_are_refused(arguments, kind, message: str) -> None:
    with pytest.raises(kind, match=message):
        toy().verify(*arguments)
    with pytest.raises(kind):
        toy().show(*arguments)
    with pytest.raises(kind):
        toy().repeat(arguments[0] - 1, arguments[1])


@pytest.mark.parametrize(
    ("wrong", "kind", "message"),
    [
        ({"cases": {}}, ValueError, "thm-toy must have a maker of cases"),
        ({"cases": below_two}, TypeError, "cases of thm-toy must be a dict"),
        ({"controls": {"a": 1}}, TypeError, "controls of thm-toy must be functions"),
        ({"rivals": {"a": None}}, TypeError, "rivals of thm-toy must be functions"),
        ({"not_needed": {"small enough": "x"}}, ValueError, "controls for what is not needed"),
        ({"status": "believed"}, ValueError, "status must be one of .* got 'believed'"),
    ],
)
def test_wrong_claims_are_refused(wrong, kind, message) -> None:
    with pytest.raises(kind, match=message):
        Claim(**{**vars(toy()), **wrong})


def test_decorator_passes_everything_on() -> None:
    makers = {"a": lambda rng: 0.0}
    made = claim(
        "thm-a",
        "A",
        source="this book",
        status="new",
        cases=makers,
        controls={"b": makers["a"]},
        not_needed={"c": "d"},
        rivals={"e": below_two},
    )(below_two)
    assert made(1.0) == below_two(1.0)
    fields = (made.label, made.title, made.source, made.status, made.check)
    assert fields == ("thm-a", "A", "this book", "new", below_two)
    mappings = (made.cases, made.controls, made.not_needed, made.rivals)
    assert mappings == (makers, {"b": makers["a"]}, {"c": "d"}, {"e": below_two})


def test_show_prints_and_fails_loudly(capsys) -> None:
    assert toy().show(cases=2, seed=1) is None
    assert capsys.readouterr().out == f"{toy().verify(2, 1)}\n"
    with pytest.raises(ClaimFailed, match="fails on case 0"):
        toy(lambda value: Evidence(1.0, 0.5)).show(cases=1)
    assert "FAILS on 1 case" in capsys.readouterr().out


def test_a_notebook_is_given_the_verdict_as_data(monkeypatch) -> None:
    shown: list[tuple] = []
    monkeypatch.setattr("IPython.get_ipython", lambda: object())
    monkeypatch.setattr("IPython.display.display", lambda *args, **kw: shown.append((args, kw)))
    with pytest.raises(ClaimFailed):
        toy(controls=lambda rng: 0.0).show(cases=2, seed=1)
    (((bundle,), options),) = shown
    assert options == {"raw": True}
    (values,) = bundle.values()
    assert list(bundle) == ["application/vnd.dmfbook.verdict+json"]
    assert values["label"] == "thm-toy" and values["passed"] is False


def test_a_label_is_given_once() -> None:
    labels = [claim.label for claim in all_claims()]
    assert len(set(labels)) == len(labels)


def test_values_for_json_are_plain() -> None:
    values = toy(lambda value: Evidence(np.float64(0.0), np.float32(1.0))).verify(1, 2).as_dict()
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert values["margin"] is None
    assert values["controls"] == [{"hypothesis": "small enough", "fails": False, "margin": None}]
    (rival,) = values["rivals"]
    assert rival == {"statement": "below 0.001", "refuted": True, "margin": rival["margin"]}
    assert 0 < rival["margin"] < 1
    assert values["worst_case"] == {
        "stratum": "small",
        "number": 0,
        "seed": 2,
        "command": "dmfbook verify thm-toy --seed 2 --case 0",
    }
    assert list(values) == [
        *("label", "title", "source", "status", "cases", "worst_error", "tolerance", "margin"),
        *("holds", "controls", "rivals", "passed", "failures", "worst_case", "seconds"),
    ]


def test_parts_join_to_the_whole() -> None:
    some = toy(controls=lambda rng: rng.uniform(3, 4))
    whole = some.verify(17, seed=3)
    parts = [some.verify_on(range(first, min(first + 5, 17)), 3) for first in range(0, 17, 5)]
    assert replace(joined(parts), seconds=0) == replace(whole, seconds=0)
    for wrong in ([], [parts[0], some.verify(2, seed=4)], [parts[0], toy().verify(2, seed=3)]):
        with pytest.raises(ValueError, match="one claim and one seed"):
            joined(wrong)
    with pytest.raises(ValueError, match="at least one"):
        some.verify_on([])
