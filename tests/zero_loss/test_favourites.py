"""Favourites against closed forms, against other factorizations, and their limits."""

import numpy as np
import pytest

import dmfbook as dmf
from dmfbook.zero_loss.measures import measure_gradient

RNG = np.random.default_rng(8)
TARGETS = {
    "square": RNG.normal(size=(3, 3)),
    "tall": RNG.normal(size=(4, 2)),
    "deficient": RNG.normal(size=(3, 2)) @ RNG.normal(size=(2, 4)),
    "row": RNG.normal(size=(1, 3)),
}


def values(factors, rank):
    return np.array([np.linalg.svd(w, compute_uv=False)[:rank] for w in factors])


@pytest.mark.parametrize("depth", [2, 3, 5])
@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_they_multiply_to_the_target_and_nearby_factorizations_are_worse(target, depth):
    rank = np.linalg.matrix_rank(target)
    rng = np.random.default_rng(depth)
    edge = 1 / (depth * np.linalg.norm(target, 2) ** (2 - 2 / depth))
    for measure in (dmf.PowerMeasure(0.5), dmf.PowerMeasure(3), dmf.NoiseMeasure(0.7 * edge)):
        factors = dmf.favourite_factors(target, (rank,) * (depth - 1), measure, rng)
        np.testing.assert_allclose(dmf.end_to_end(factors), target, atol=1e-13)
        least = dmf.hessian_measure(factors, measure)
        for size in (0.03, 0.1):
            turn = np.eye(rank) + size * rng.normal(size=(rank, rank))
            other = [turn @ factors[0], factors[1] @ np.linalg.inv(turn), *factors[2:]]
            assert dmf.hessian_measure(other, measure) > least * (1 - 1e-12)


@pytest.mark.parametrize("ratios", [(4, 1), (1, 0.9, 1e-3), (1, 1e-6)], ids=str)
@pytest.mark.parametrize("depth", [2, 3, 6])
def test_no_layer_would_give_a_mode_to_another(ratios, depth):
    """By the logarithm of a mode's value each layer has the same derivative: a minimum with fixed products."""
    target, edge = np.diag(np.array(ratios, float)), 1 / (depth * ratios[0] ** (2 - 2 / depth))
    measures = [dmf.PowerMeasure(p) for p in (0, 0.01, 0.5, 2, 10, 30, 100)]
    for measure in [*measures, *(dmf.NoiseMeasure(s * edge) for s in (0.1, 0.999, 0.999999))]:
        factors = dmf.favourite_factors(target, (len(ratios),) * (depth - 1), measure)
        slopes = measure_gradient(factors, measure)
        prices = [np.diag(w * slope) for w, slope in zip(factors, slopes, strict=True)]
        np.testing.assert_allclose(prices, np.tile(prices[0], (depth, 1)), rtol=1e-12)


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_the_trace_has_the_favourite_that_is_known(depth):
    for target in TARGETS.values():
        rank = np.linalg.matrix_rank(target)
        found = dmf.favourite_factors(target, (4,) * (depth - 1), dmf.PowerMeasure(1))
        known = dmf.flattest_factors(target, (4,) * (depth - 1))
        np.testing.assert_allclose(values(found, rank), values(known, rank), rtol=1e-8)


def test_the_determinant_of_equal_values_and_two_layers():
    """Ratio ``(r + d_L − d_0) / (r − d_L + d_0)``, from one variable."""
    for rows in (3, 4, 5):
        first, last = dmf.favourite_factors(np.eye(rows, 3), (3,), dmf.PowerMeasure(0))
        expected = (3 + rows - 3) / (3 - rows + 3)
        ratio = (np.linalg.norm(last) / np.linalg.norm(first)) ** 2
        assert ratio == pytest.approx(expected, rel=1e-10)


def test_large_powers_and_long_steps_come_to_the_least_sharpness():
    target = TARGETS["tall"]
    least = dmf.flat_sharpness(target, 3)
    found = dmf.favourite_factors(target, (2, 2), dmf.PowerMeasure(30))
    assert 1 <= dmf.sharpness(found) / least * (1 + 1e-12) < 1.02
    # The largest step is 2 over the least sharpness.
    found = dmf.favourite_factors(target, (2, 2), dmf.NoiseMeasure(1.9998 / least))
    assert 1 <= dmf.sharpness(found) / least * (1 + 1e-12) < 1.0001


def test_hidden_bases_are_those_of_the_generator():
    measure = dmf.PowerMeasure(2)
    plain = dmf.favourite_factors(TARGETS["square"], (4, 5), measure)
    turned = dmf.favourite_factors(TARGETS["square"], (4, 5), measure, np.random.default_rng(0))
    np.testing.assert_allclose(values(plain, 3), values(turned, 3), rtol=1e-12)
    assert not np.allclose(plain[1], turned[1])
    assert [w.shape for w in turned] == [(4, 3), (5, 4), (3, 5)]


def test_a_zero_target_has_zero_factors():
    for measure in (dmf.PowerMeasure(0), dmf.NoiseMeasure(1.0)):
        factors = dmf.favourite_factors(np.zeros((2, 3)), (2, 4), measure)
        assert [w.shape for w in factors] == [(2, 3), (4, 2), (2, 4)]
        assert not any(w.any() for w in factors)


@pytest.mark.parametrize(
    ("shape", "depth", "attained"),
    [
        ((3, 2), 2, True),
        ((3, 2), 3, False),
        ((4, 2), 2, False),
        ((2, 1), 2, False),
        ((2, 3), 2, True),
        ((2, 3), 3, False),
        ((2, 4), 2, False),
    ],
)
def test_the_determinant_is_refused_where_it_has_no_least_value(shape, depth, attained):
    def call():
        return dmf.favourite_factors(
            np.eye(*shape), (min(shape),) * (depth - 1), dmf.PowerMeasure(0)
        )

    if attained:
        assert len(call()) == depth
    else:
        with pytest.raises(ValueError, match="the determinant has no least value"):
            call()


TARGET = TARGETS["square"]
BAD = {
    "width": (
        lambda: dmf.favourite_factors(TARGET, (2,), dmf.PowerMeasure(1)),
        ValueError,
        "must not be below the rank 3",
    ),
    "step": (
        lambda: dmf.favourite_factors(np.eye(2), (2,), dmf.NoiseMeasure(0.5)),
        ValueError,
        "step must be below",
    ),
    "measure": (
        lambda: dmf.favourite_factors(TARGET, (3,), 2.0),
        TypeError,
        "measure must be a PowerMeasure or a NoiseMeasure",
    ),
    "rng": (
        lambda: dmf.favourite_factors(TARGET, (3,), dmf.PowerMeasure(1), 0),
        TypeError,
        "rng must be",
    ),
    "target": (
        lambda: dmf.favourite_factors([1.0], (3,), dmf.PowerMeasure(1)),
        ValueError,
        "target must be a matrix",
    ),
}


@pytest.mark.parametrize(("call", "error", "message"), BAD.values(), ids=BAD)
def test_bad_input_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
