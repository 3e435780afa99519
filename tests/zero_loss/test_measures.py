"""Measures of flatness against dense Hessians, differences, and what they generalize."""

import numpy as np
import pytest

import dmfbook as dmf
from dmfbook.zero_loss.measures import measure_gradient

RNG = np.random.default_rng(4)
FACTORS = [RNG.normal(size=shape) / 2 for shape in ((3, 2), (4, 3), (3, 4))]
PROBLEM = dmf.Problem(dmf.end_to_end(FACTORS), (3, 4))
EIGENVALUES = np.linalg.eigvalsh(dmf.hessian(PROBLEM, FACTORS))
POSITIVE = EIGENVALUES[EIGENVALUES > 1e-9 * EIGENVALUES[-1]]
STEP = 1 / EIGENVALUES[-1]
MEASURES = [dmf.PowerMeasure(p) for p in (0, 0.5, 1, 3)] + [dmf.NoiseMeasure(STEP)]
EXPECTED = [
    np.log(POSITIVE).sum(),
    np.sqrt(POSITIVE).sum(),
    POSITIVE.sum(),
    np.sum(POSITIVE**3),
    -2 / STEP * np.log(1 - STEP * POSITIVE / 2).sum(),
]


@pytest.mark.parametrize(("measure", "expected"), list(zip(MEASURES, EXPECTED, strict=True)))
def test_measures_sum_over_the_positive_eigenvalues_of_the_hessian(measure, expected):
    # The smallest eigenvalue is off by ε times the largest.
    assert dmf.hessian_measure(FACTORS, measure) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("measure", MEASURES)
def test_derivatives_are_those_of_differences(measure):
    x, step = np.log(POSITIVE), 1e-5
    value, slope, bend = measure.at(x)
    ahead, behind = measure.at(x + step), measure.at(x - step)
    # A second-order difference: its error is of order step².
    for derivative, high, low in ((slope, ahead[0], behind[0]), (bend, ahead[1], behind[1])):
        np.testing.assert_allclose((high - low) / (2 * step), derivative, rtol=1e-7, atol=1e-9)
    assert value.shape == x.shape


@pytest.mark.parametrize("measure", MEASURES)
def test_the_gradient_is_that_of_differences(measure):
    directions = [RNG.normal(size=factor.shape) for factor in FACTORS]
    step = 1e-6

    def along(length):
        moved = [w + length * d for w, d in zip(FACTORS, directions, strict=True)]
        return dmf.hessian_measure(moved, measure)

    expected = (along(step) - along(-step)) / (2 * step)
    slopes = measure_gradient(FACTORS, measure)
    found = sum(np.vdot(slope, d) for slope, d in zip(slopes, directions, strict=True))
    assert found == pytest.approx(expected, rel=1e-6)


def test_the_regularized_objective_adds_the_measure():
    measure, weight = dmf.PowerMeasure(2), 0.3
    flat = dmf.Flattened(PROBLEM, measure, weight)
    point = [2 * factor for factor in FACTORS]
    value = PROBLEM.loss(point) + weight * dmf.hessian_measure(point, measure)
    assert flat.loss(point) == pytest.approx(value, rel=1e-14)
    plain, slopes = PROBLEM.gradient(point), measure_gradient(point, measure)
    for found, one, other in zip(flat.gradient(point), plain, slopes, strict=True):
        np.testing.assert_allclose(found, one + weight * other, rtol=1e-14)


def test_a_run_with_a_measure_ends_at_the_favourite_of_its_own_product():
    problem = dmf.Problem(np.diag([1.0, 0.5]), (2, 2))
    measure = dmf.PowerMeasure(2)
    start = dmf.zero_loss_factors(problem.target, (2, 2), np.random.default_rng(0), condition=2.0)
    run = dmf.gradient_descent(dmf.Flattened(problem, measure, 0.003), start, 0.1, 1500)
    product = dmf.end_to_end(run.factors)
    least = dmf.hessian_measure(dmf.favourite_factors(product, (2, 2), measure), measure)
    assert dmf.hessian_measure(run.factors, measure) == pytest.approx(least, rel=1e-6)
    assert dmf.hessian_measure(start, measure) > 1.2 * least


def test_noise_is_infinite_beyond_its_edge_and_the_trace_for_short_steps():
    assert dmf.hessian_measure(FACTORS, dmf.NoiseMeasure(2.001 * STEP)) == np.inf
    assert dmf.hessian_measure(FACTORS, dmf.NoiseMeasure(1e-9)) == pytest.approx(
        POSITIVE.sum(), rel=1e-6
    )


def test_noise_is_infinite_at_its_edge():
    with np.errstate(all="raise"):
        assert np.all(np.isinf(dmf.NoiseMeasure(2.0).at(np.zeros(1))))


@pytest.mark.parametrize("power", [-150, 150])
def test_eigenvalues_scale_with_the_factors(power):
    scaled = [np.ldexp(factor, power) for factor in FACTORS]
    logs = EXPECTED[0] + len(POSITIVE) * 4 * power * np.log(2)
    assert dmf.hessian_measure(scaled, dmf.PowerMeasure(0)) == pytest.approx(logs, rel=1e-12)
    roots = EXPECTED[1] * 4.0**power
    assert dmf.hessian_measure(scaled, dmf.PowerMeasure(0.5)) == pytest.approx(roots, rel=1e-10)


def test_eigenvalues_of_rounding_size_do_not_count():
    # Without a first layer they are twice the squares of the second's values, 1, 1e-10 and 1e-18.
    factors = [np.zeros((3, 1)), np.diag([1.0, 1e-5, 1e-9])]
    found = dmf.hessian_measure(factors, dmf.PowerMeasure(0))
    assert found == pytest.approx(np.log(2) + np.log(2e-10), rel=1e-13)


def test_no_positive_eigenvalue_gives_zero():
    zero = [np.zeros((2, 2)), np.zeros((2, 2))]
    for measure in MEASURES:
        assert dmf.hessian_measure(zero, measure) == 0


BAD = {
    "order": (lambda: dmf.PowerMeasure(-1), ValueError, "order must be finite and not negative"),
    "step": (lambda: dmf.NoiseMeasure(0.0), ValueError, "step must be positive"),
    "class": (lambda: dmf.hessian_measure(FACTORS, dmf.PowerMeasure), TypeError, "a method at"),
    "number": (lambda: dmf.hessian_measure(FACTORS, 2), TypeError, "measure must have a method at"),
    "factors": (
        lambda: dmf.hessian_measure(FACTORS[:1], MEASURES[0]),
        ValueError,
        "at least 2 matrices",
    ),
    "overflow": (
        lambda: dmf.hessian_measure([1e150 * w for w in FACTORS], dmf.PowerMeasure(3)),
        OverflowError,
        "beyond the range",
    ),
    "problem": (
        lambda: dmf.Flattened(PROBLEM.target, MEASURES[0], 1.0),
        TypeError,
        "problem must be a dmfbook.Problem",
    ),
    "weight": (lambda: dmf.Flattened(PROBLEM, MEASURES[0], -1.0), ValueError, "weight must be"),
    "no measure": (lambda: dmf.Flattened(PROBLEM, None, 1.0), TypeError, "measure must have"),
}


@pytest.mark.parametrize(("call", "error", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
