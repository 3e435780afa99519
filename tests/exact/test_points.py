"""Rational points against the package's floating point, which knows nothing of them."""

from fractions import Fraction

import numpy as np
import pytest

import dmfbook as dmf
from dmfbook.exact import critical_point, fitted_point, hessian
from dmfbook.exact.catalogue import catalogue
from dmfbook.exact.measures import Facts

POINTS = {about: point for about, point in catalogue().items() if point.size < 60}


def floats(matrix):
    """A rational matrix as floats, each rounded once."""
    rows = [[float(Fraction(str(entry))) for entry in row] for row in matrix.tolist()]
    return np.array(rows)


def problem(point):
    """The package's problem: inputs are samples, the target what they shall give."""
    weights = [float(Fraction(str(reg))) for reg in point.weights]
    target = floats(point.target)
    loss = target if point.inputs is None else dmf.Regression(floats(point.inputs), target)
    return dmf.Problem(loss, point.widths[1:-1], weights)


@pytest.mark.parametrize("about", POINTS)
def test_hessian_and_loss_are_those_of_the_package(about):
    point = POINTS[about]
    factors = [floats(factor) for factor in point.factors]
    exact, rounded = floats(hessian(point)), dmf.hessian(problem(point), factors)
    size = np.abs(exact).max()
    # Sums of L products of at most 2L factors, each of order one and rounded once.
    np.testing.assert_allclose(rounded, exact, rtol=0, atol=1e-12 * max(size, 1))
    loss = float(Fraction(str(Facts(point)["loss"])))
    assert problem(point).loss(factors) == pytest.approx(loss, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("about", [a for a, p in POINTS.items() if p.w is not None])
def test_critical_points_are_critical_unless_they_are_meant_not_to_be(about):
    assert Facts(POINTS[about])["critical"] is (not about.startswith("not"))


def test_every_kind_is_met_at_every_depth():
    for depth in range(2, 6):
        found = [Facts(p) for p in POINTS.values() if p.depth == depth and p.w is not None]
        assert any(facts["k"] == 0 for facts in found)
        assert any(facts["k"] > 0 and facts["index"] == 0 for facts in found)
        assert any(facts["index"] > 0 for facts in found)
        assert any(facts["k"] == min(facts["d"]) < len(facts["w"]) for facts in found)
        if depth > 2:
            assert all(any(facts[name] for facts in found) for name in ("smaller", "folded"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mean": 0.5}, "mean must be an integer, a fraction or a string, got 0.5"),
        ({"mean": "1/0"}, 'mean must be "p/q" or "p", got \'1/0\''),
        ({"mean": -1}, "mean, w and ratios must be positive"),
        ({"w": [1, 1, 1]}, "have place for 2 active modes and 2 in all, got 3 active and 0 idle"),
        ({"w": [0]}, "mean, w and ratios must be positive"),
        ({"widths": (2, 2)}, "widths must have at least 3 entries"),
        ({"ratios": [2, 1]}, "ratios must be 2 numbers whose product is 1"),
        ({"inputs": [[1, 2], [2, 4]]}, "inputs must have 2 rows of full rank"),
        ({"inputs": [[1, 0], [0, 1]], "idle": [1]}, "idle must be empty where there are inputs"),
    ],
)
def test_bad_points_are_refused(arguments, message):
    good = {"widths": (2, 3, 2), "mean": 1, "w": [1]}
    with pytest.raises((ValueError, TypeError)) as caught:
        critical_point(**(good | arguments))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"factors": [[[1]]]}, "factors must be at least 2 matrices, got 1"),
        ({"factors": [[[1]], [[1, 2]]]}, "factors[1] must have 1 columns to follow factors[0]"),
        ({"factors": [[[1], [2, 3]], [[1, 2]]]}, "rows of one positive length"),
        ({"weights": [1]}, "weights must be 2 numbers >= 0"),
        ({"target": [[1, 2]]}, "target must have the shape of the product"),
        ({"inputs": [[1], [2]]}, "inputs must have 1 rows, got 2"),
    ],
)
def test_bad_factors_are_refused(arguments, message):
    with pytest.raises(ValueError) as caught:
        fitted_point(**({"factors": [[[2]], [[3]]]} | arguments))
    assert message in str(caught.value)
