"""What ends a run from outside, what of it is kept, and what is refused before it starts."""

import sys
import types

import numpy as np
import pytest
from objectives import Distance

import dmfbook as dmf

PROBLEM, START = dmf.Problem([[1.0]], (2,)), [np.ones((2, 1)), np.ones((1, 2))]


def descend(objective=PROBLEM, factors=START, step=0.01, steps=10, **options):
    return dmf.gradient_descent(objective, factors, step, steps, **options)


def flow(objective=PROBLEM, factors=START, time=10.0, **options):
    return dmf.gradient_flow(objective, factors, time, **options)


both = pytest.mark.parametrize("run", [descend, flow])


class After:
    """Passes on what a function says, and does something else once, after so many calls."""

    def __init__(self, function, count, deed):
        self.function, self.count, self.deed = function, count, deed

    def __call__(self, *arguments):
        self.count -= 1
        return self.deed() if self.count == -1 else self.function(*arguments)


def interrupt():
    raise KeyboardInterrupt


def fail():
    raise ZeroDivisionError("of the reader")


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
@pytest.mark.parametrize("problem", [PROBLEM, Distance([1.0])], ids=["package", "own"])
def test_an_objective_is_evaluated_as_often_as_needed(run, problem):
    calls = []

    class Counted:
        def loss(self, factors):
            calls.append("loss")
            return problem.loss(factors)

        def gradient(self, factors):
            calls.append("gradient")
            return problem.gradient(factors)

    start = START if problem is PROBLEM else [np.zeros(1)]
    taken = run(Counted(), start)
    assert calls.count("loss") == 2  # at the door, and at the end
    if run is descend:
        assert calls.count("gradient") == taken.steps + 1


@both
def test_a_derived_class_may_have_another_gradient(run):
    class Drawn(dmf.Problem):
        """Draws all factors to zero."""

        def loss(self, factors):
            return float(sum(np.sum(np.square(factor)) / 2 for factor in factors))

        def gradient(self, factors):
            return [np.array(factor) for factor in factors]

    end = run(Drawn([[1.0]], (2,)), START)
    shrinking = 0.99**10 if run is descend else np.exp(-10)
    np.testing.assert_allclose(end.factors[0], shrinking, rtol=1e-8)
    assert end.loss == pytest.approx(2 * shrinking**2)


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


class Own:
    """An objective of the reader's, whose methods say what they are told."""

    def __init__(self, gradient, loss=0.0):
        self.gradient, self.loss = lambda _: gradient, lambda _: loss


class Loss:
    """Half an objective."""

    def loss(self, factors):
        return 0.0


SHAPES = [(2, 3), (4, 2)]
FACTORS = [np.ones(shape) for shape in SHAPES]
GRADIENTS = {
    "transposed": (
        [block.T for block in FACTORS],
        ValueError,
        r"got shapes \[\(3, 2\), \(2, 4\)\]",
    ),
    "reversed": (FACTORS[::-1], ValueError, r"arrays of shapes \[\(2, 3\), \(4, 2\)\]"),
    "flat": (np.ones(14), ValueError, "those of the factors"),
    "flat list": ([1.0] * 14, ValueError, "those of the factors"),
    "too few": (FACTORS[:1], ValueError, r"got shapes \[\(2, 3\)\]"),
    "too many": ([*FACTORS, np.ones(1)], ValueError, "those of the factors"),
    "flat blocks": ([block.ravel() for block in FACTORS], ValueError, r"\[\(6,\), \(8,\)\]"),
    "numbers": ([1.0, 1.0], ValueError, r"got shapes \[\(\), \(\)\]"),
    "none": (None, TypeError, "must return a list of 2 arrays, got None"),
    "complex": ([1j * block for block in FACTORS], TypeError, "got dtype complex128 for layer 1"),
    "objects": ([block.astype(object) for block in FACTORS], TypeError, "got dtype object"),
}


@both
@pytest.mark.parametrize(("gradient", "error", "message"), GRADIENTS.values(), ids=GRADIENTS)
def test_gradients_of_other_shapes_are_refused(run, gradient, error, message):
    with pytest.raises(error, match=message):
        run(Own(gradient), FACTORS)


@both
@pytest.mark.parametrize("blocks", [FACTORS, tuple(FACTORS), [f.tolist() for f in FACTORS]])
def test_blocks_of_the_right_shapes_will_do(run, blocks):
    assert run(Own(blocks), FACTORS).status == "finished"


@both
@pytest.mark.parametrize("loss", [None, "1", np.ones(2), 1j, [1.0]], ids=repr)
def test_losses_that_are_no_numbers_are_refused(run, loss):
    with pytest.raises(TypeError, match=r"objective.loss\(factors\) must be a"):
        run(Own(FACTORS, loss), FACTORS)


@both
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_has_diverged(run, bad):
    """At the start, or later."""
    for count in (0, 3):
        objective = Distance([8.0])
        objective.gradient = After(objective.gradient, count, lambda: [np.full(1, bad)])
        if run is descend or count == 0:
            end = run(objective, [np.zeros(1)])
            assert end.status == "diverged" and end.steps == len(end.times) == count


BOTH = {
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
    "tolerances": ({"tolerance": [0.1]}, TypeError, "tolerance must be a number"),
    "no tolerance": ({"tolerance": None}, TypeError, "tolerance must be a real number, got None"),
    "negative": ({"tolerance": -1.0}, ValueError, "tolerance must be finite and not negative"),
    "NaN": ({"tolerance": np.nan}, ValueError, "tolerance must be finite and not negative"),
    "no objective": ({"objective": np.eye(2)}, TypeError, "without loss and gradient"),
    "half of one": ({"objective": Loss()}, TypeError, "got Loss without gradient"),
    "no factors": ({"factors": 5, "objective": Distance([1.0])}, TypeError, "factors must be a se"),
    "number": ({"factors": 5}, TypeError, "factors must be a sequence"),
    "none": ({"factors": [], "objective": Distance([1.0])}, ValueError, "at least 1 array"),
    "empty": ({"factors": [[]], "objective": Distance([1.0])}, ValueError, "must not be empty"),
    "swapped": ({"factors": START[::-1]}, ValueError, "must have"),
}


@both
@pytest.mark.parametrize(("options", "error", "message"), BOTH.values(), ids=BOTH)
def test_bad_input_is_refused(run, options, error, message):
    with pytest.raises(error, match=message):
        run(**options)


DESCENT = {
    "zero": ({"step": 0.0}, ValueError, "step must be positive"),
    "uphill": ({"step": -1.0}, ValueError, "step must be positive"),
    "NaN": ({"step": np.nan}, ValueError, "step must be positive and finite"),
    "list": ({"step": [0.1]}, TypeError, "step must be a number"),
    "array": ({"step": np.array([0.1])}, TypeError, "step must be a number"),
    "None": ({"step": None}, TypeError, "step must be a real number"),
    "text": ({"step": "0.1"}, TypeError, "step must be a number"),
    "silent": ({"step": lambda t: None}, TypeError, r"step\(0\) must be a real number"),
    "backward": ({"step": lambda t: -0.1}, ValueError, r"step\(0\) must be positive"),
    "count": ({"steps": -1}, ValueError, "steps must be at least 0"),
    "half": ({"steps": 1.5}, TypeError, "steps must be an integer"),
    "every": ({"every": 0}, ValueError, "every must be at least 1"),
    "momentum": ({"momentum": 1.0}, ValueError, "momentum must be below 1, got 1"),
    "friction": ({"momentum": -0.1}, ValueError, "momentum must be finite and not negative"),
    "momenta": ({"momentum": [0.1]}, TypeError, "momentum must be a number"),
}


@pytest.mark.parametrize(("options", "error", "message"), DESCENT.values(), ids=DESCENT)
def test_bad_options_of_descent_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        descend(**options)


FLOW = {
    "time": ({"time": 0.0}, ValueError, "time must be positive"),
    "times": ({"time": [1.0]}, TypeError, "time must be a number"),
    "exact": ({"accuracy": 0.0}, ValueError, "accuracy must be positive"),
    "too exact": ({"accuracy": 1e-16}, ValueError, "accuracy must be at least 2.2e-14"),
    "None": ({"accuracy": None}, TypeError, "accuracy must be a real number"),
}


@pytest.mark.parametrize(("options", "error", "message"), FLOW.values(), ids=FLOW)
def test_bad_options_of_flow_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        flow(**options)
