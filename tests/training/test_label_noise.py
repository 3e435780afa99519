"""Label noise: fresh, unbiased, of the given size, and drawn once a gradient."""

import copy
import pickle

import numpy as np
import pytest

import dmfbook as dmf

RNG = np.random.default_rng(0)
OPERATOR = dmf.gaussian_sensing((4, 3), 7, RNG)
VALUES = RNG.normal(size=7)
PROBLEM = dmf.SensingProblem(OPERATOR, VALUES)


def test_noise_is_fresh_unbiased_and_of_the_given_size():
    rng = np.random.default_rng(6)
    problem = dmf.SensingProblem(OPERATOR, VALUES)
    noisy = dmf.NoisyLabels(problem, 0.5, np.random.default_rng(7))
    runs = 20_000
    factor = np.broadcast_to(rng.normal(size=(4, 3)), (runs, 4, 3))
    assert noisy.loss([factor]) == problem.loss([factor])
    (gradients,) = noisy.gradient([factor])
    (clean,) = problem.gradient([factor[0]])
    noise = (gradients - clean).mT.reshape(runs, -1)
    # The gradient sees −2 𝒜*(ξ), of covariance 4 σ² 𝒜*𝒜; means are good to 1/√runs.
    rows = OPERATOR @ np.eye(12)
    covariance = 4 * 0.25 * rows.T @ rows
    spread = np.sqrt(np.diag(covariance).max() / runs)
    assert np.abs(noise.mean(axis=0)).max() < 5 * spread
    assert np.abs(noise.T @ noise / runs - covariance).max() < 8 * spread * np.sqrt(
        np.diag(covariance).max()
    )
    assert not np.array_equal(noisy.gradient([factor[:1]])[0], noisy.gradient([factor[:1]])[0])


def test_noise_is_that_of_other_measurements():
    factors = [np.ones((2, 5, 3)), np.ones((2, 4, 5)) / 3]
    for values in (VALUES, np.arange(14.0).reshape(2, 7)):
        noisy = dmf.NoisyLabels(dmf.SensingProblem(OPERATOR, values), 0.5, np.random.default_rng(8))
        seen = values + 0.5 * np.random.default_rng(8).normal(size=(2, 7))
        expected = dmf.SensingProblem(OPERATOR, seen).gradient(factors)
        for block, other in zip(noisy.gradient(factors), expected, strict=True):
            np.testing.assert_array_equal(block, other)


def test_descent_on_noisy_labels_draws_once_a_step():
    problem, start = dmf.SensingProblem(OPERATOR, VALUES), [np.ones((5, 3)), np.ones((4, 5)) / 3]
    noisy = dmf.NoisyLabels(problem, 0.5, np.random.default_rng(9))
    run = dmf.gradient_descent(noisy, start, 1e-3, 4, record={"loss": problem.loss})
    rng, factors = np.random.default_rng(9), start
    for _ in range(4):
        seen = VALUES + 0.5 * rng.normal(size=7)
        slopes = dmf.SensingProblem(OPERATOR, seen).gradient(factors)
        factors = [w - 1e-3 * slope for w, slope in zip(factors, slopes, strict=True)]
    for found, expected in zip(run.factors, factors, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-14)
    assert run.loss == problem.loss(run.factors) == run.records["loss"][-1]


def test_noisy_labels_survive_pickle_with_their_generator():
    noisy = dmf.NoisyLabels(PROBLEM, 0.5, np.random.default_rng(11))
    others = [copy.deepcopy(noisy), pickle.loads(pickle.dumps(noisy))]
    (expected,) = noisy.gradient([np.ones((4, 3))])
    for other in others:  # the generator goes with it
        np.testing.assert_array_equal(other.gradient([np.ones((4, 3))])[0], expected)
    assert repr(noisy) == (
        "NoisyLabels(SensingProblem(7 measurements of 4 × 3 matrices), noise=0.5)"
    )


def test_gradients_beyond_float64_are_an_error():
    with pytest.raises(OverflowError, match="the gradient is beyond the range of float64"):
        dmf.NoisyLabels(PROBLEM, 0.1, RNG).gradient([np.full((4, 3), 2.0**1023)])


SYMMETRIC = dmf.SymmetricSensingProblem(dmf.gaussian_sensing((4, 4), 9, RNG), np.ones(9))
BAD = {
    "negative": (
        lambda: dmf.NoisyLabels(PROBLEM, -1.0, RNG),
        ValueError,
        "noise must be finite and not",
    ),
    "NaN": (lambda: dmf.NoisyLabels(PROBLEM, np.nan, RNG), ValueError, "noise must be finite"),
    "seed": (lambda: dmf.NoisyLabels(PROBLEM, 0.1, 0), TypeError, "rng must be a numpy.random.Gen"),
    "none": (lambda: dmf.NoisyLabels(PROBLEM, None, RNG), TypeError, "noise must be a"),
    "list": (lambda: dmf.NoisyLabels(PROBLEM, [0.1], RNG), TypeError, "noise must be a number"),
    "operator": (
        lambda: dmf.NoisyLabels(OPERATOR, 0.1, RNG),
        TypeError,
        "must be a dmfbook.Sensing",
    ),
    "symmetric": (lambda: dmf.NoisyLabels(SYMMETRIC, 0.1, RNG), TypeError, "got SymmetricSensing"),
}


@pytest.mark.parametrize(("call", "error", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
