"""What of a run is kept whatever ends it, what recorders may return, and the bar on the way."""

import sys
import types

import numpy as np
import pytest
from runs import PROBLEM, After, Distance, both, descend, fail, interrupt


@both
def test_an_interrupted_run_keeps_what_it_has(run):
    whole = run(record={"loss": PROBLEM.loss, "w": lambda w: w[0]})
    late = After(lambda w: w[0], 3, interrupt)
    cut = run(record={"loss": PROBLEM.loss, "w": late})
    assert cut.status == "interrupted" and cut.steps == 3
    np.testing.assert_array_equal(cut.times, whole.times[:3])
    for name, values in cut.records.items():  # no half a row
        np.testing.assert_array_equal(values, whole.records[name][:3])
    # The last point is one of the run, not a stage of the integrator.
    np.testing.assert_array_equal(cut.factors[0], whole.records["w"][3])
    assert cut.loss == PROBLEM.loss(cut.factors)


@both
@pytest.mark.parametrize("method", ["loss", "gradient"])
def test_an_interrupt_may_come_in_the_objective(run, method):
    objective = Distance([[8.0]])
    # The tenth loss is asked for by a recorder; no gradient is.
    setattr(objective, method, After(getattr(objective, method), 9, interrupt))
    watch = {"w": lambda w: w[0], "loss": objective.loss}
    cut = run(objective, [np.zeros((1, 1))], record=watch)
    assert cut.status == "interrupted"
    kept = cut.steps if method == "loss" or run is descend else cut.steps + 1
    assert len(cut.times) == len(cut.records["loss"]) == len(cut.records["w"]) == kept
    assert cut.loss == Distance([[8.0]]).loss(cut.factors)


@both
@pytest.mark.parametrize("error", [fail, lambda: None, lambda: np.ones(3)])
def test_what_was_recorded_survives_an_error(run, error):
    whole = run(record={"w": lambda w: w[0], "loss": PROBLEM.loss})
    late = After(PROBLEM.loss, 3, error)
    with pytest.raises((ZeroDivisionError, TypeError, ValueError)) as caught:
        run(record={"w": lambda w: w[0], "loss": late})
    cut = caught.value.trajectory
    assert "trajectory" in caught.value.__notes__[0]
    assert cut.status == "interrupted" and cut.steps == 3 and np.isnan(cut.loss)
    np.testing.assert_array_equal(cut.records["loss"], whole.records["loss"][:3])
    np.testing.assert_array_equal(cut.records["w"], whole.records["w"][:3])


def test_what_was_recorded_survives_a_schedule_that_ends():
    with pytest.raises(ValueError, match=r"step\(4\) must be positive and finite, got 0") as caught:
        descend(step=lambda t: 0.04 - t / 100, record={"loss": PROBLEM.loss})
    assert len(caught.value.trajectory.records["loss"]) == 4


@both
def test_a_run_that_diverges_at_once_has_no_records(run):
    objective = Distance([8.0])
    objective.gradient = lambda factors: [np.full(1, np.inf)]
    end = run(objective, [np.zeros(1)], record={"loss": objective.loss, "w": lambda w: w[0]})
    assert end.status == "diverged" and end.loss == objective.loss([np.zeros(1)])
    assert {name: len(values) for name, values in end.records.items()} == {"loss": 0, "w": 0}


@both
def test_a_bar_shows_the_way(run, monkeypatch):
    moves, bars = [], []

    class Bar:
        def __init__(self, total, **options):
            bars.append(total)
            self.update = moves.append

        def __enter__(self):
            return self

        def __exit__(self, *error):
            bars.append("closed")

    monkeypatch.setitem(sys.modules, "tqdm", types.SimpleNamespace(tqdm=Bar))
    assert run(progress=True).status == "finished"
    assert bars == [10, "closed"]
    assert sum(moves) == pytest.approx(10)


@both
def test_a_bar_needs_tqdm(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(ImportError, match="progress=True needs the package tqdm"):
        run(progress=True)
    assert run().status == "finished"


BAD = {
    "list": ({"record": [PROBLEM.loss]}, TypeError, "record must be a mapping"),
    "function": ({"record": PROBLEM.loss}, TypeError, "record must be a mapping"),
    "no function": ({"record": {"loss": 1.0}}, TypeError, r"record\['loss'\] must be a function"),
    "no name": ({"record": {1: PROBLEM.loss}}, TypeError, "names in record must be strings"),
    "None": (
        {"record": {"none": lambda w: None}},
        TypeError,
        r"record\['none'\] must return a number or an array of numbers, got None",
    ),
    "text": ({"record": {"a": lambda w: "a"}}, TypeError, "must return a number or an array"),
    "factors": ({"record": {"w": lambda w: w}}, ValueError, "must return a rectangular array"),
}


@both
@pytest.mark.parametrize(("options", "error", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_refused(run, options, error, message):
    with pytest.raises(error, match=message):
        run(**options)
