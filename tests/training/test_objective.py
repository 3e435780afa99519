"""Objectives of a reader's own: what is asked of them, how often, and what is refused."""

import numpy as np
import pytest
from runs import PROBLEM, START, After, Distance, both, descend

import dmfbook as dmf


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


BAD = {
    "tolerances": ({"tolerance": [0.1]}, TypeError, "tolerance must be a number"),
    "no tolerance": ({"tolerance": None}, TypeError, "tolerance must be a real number, got None"),
    "negative": ({"tolerance": -1.0}, ValueError, "tolerance must be finite and not negative"),
    "NaN": ({"tolerance": np.nan}, ValueError, "tolerance must be finite and not negative"),
    "a class": ({"objective": dmf.Problem}, TypeError, "got the class Problem"),
    "no objective": ({"objective": np.eye(2)}, TypeError, "without loss and gradient"),
    "half of one": ({"objective": Loss()}, TypeError, "got Loss without gradient"),
    "no factors": ({"factors": 5, "objective": Distance([1.0])}, TypeError, "factors must be a se"),
    "number": ({"factors": 5}, TypeError, "factors must be a sequence"),
    "none": ({"factors": [], "objective": Distance([1.0])}, ValueError, "at least 1 array"),
    "empty": ({"factors": [[]], "objective": Distance([1.0])}, ValueError, "must not be empty"),
    "swapped": ({"factors": START[::-1]}, ValueError, "must have"),
}


@both
@pytest.mark.parametrize(("options", "error", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_refused(run, options, error, message):
    with pytest.raises(error, match=message):
        run(**options)
