"""No scale is special: each function is homogeneous, to the last bit where powers of two allow it."""

from itertools import pairwise

import numpy as np
import pytest

import dmfbook as dmf

TARGET = np.random.default_rng(0).standard_normal((4, 3))
INPUTS = np.random.default_rng(1).standard_normal((3, 7))
POWERS = [-400, -171, -2, 5, 163, 400]


def gaussian(shape, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((b, a)) for a, b in pairwise(shape)]


def scaled(factors, power):
    return [np.ldexp(factor, power) for factor in factors]


def rng():
    return np.random.default_rng(5)


def check(value, reference, exponent, rtol=0.0):
    """The scaled result, or an OverflowError if it is beyond float64; below the normal range bits are lost.

    Wide matrices may take another path through the BLAS from call to call, by how they lie in memory.
    """
    try:
        found = value()
    except OverflowError:
        with np.errstate(over="ignore"):
            assert np.isinf(np.ldexp(np.max(np.abs(reference)), exponent))
        return
    expected = np.ldexp(reference, exponent)
    normal = np.abs(expected) >= np.finfo(float).tiny
    np.testing.assert_allclose(np.asarray(found)[normal], expected[normal], rtol=rtol, atol=0)
    np.testing.assert_allclose(found, expected, rtol=0, atol=2.0**-1072)


@pytest.mark.parametrize("power", POWERS)
@pytest.mark.parametrize(
    "shape",
    [(3, 4, 2), (1, 5, 1), (1, 2, 3, 1), (5, 6, 7, 4), (5,) * 16, (150, 150, 150), (2,) * 41],
)
def test_sharpness_of_scaled_factors(shape, power):
    factors = gaussian(shape)
    degree = 2 * len(factors) - 2
    rtol = 1e-14 if max(shape) > 100 else 0.0
    for inputs in (None, gaussian((9, shape[0]))[0]):
        reference, exponent = dmf.sharpness(factors, inputs), degree * power
        check(lambda i=inputs: dmf.sharpness(scaled(factors, power), i), reference, exponent, rtol)
    products = dmf.spectral_products(factors)
    power_of_product = (len(factors) - 1) * power
    check(lambda: dmf.spectral_products(scaled(factors, power)), products, power_of_product, rtol)
    imbalance = dmf.spectral_imbalance(factors)
    assert dmf.spectral_imbalance(scaled(factors, power)) == pytest.approx(imbalance, rel=1e-13)


@pytest.mark.parametrize("power", [-400, -3, 400])
def test_sharpness_of_scaled_inputs(power):
    factors = gaussian((3, 5, 4))
    moved = np.ldexp(INPUTS, power)
    check(lambda: dmf.sharpness(factors, moved), dmf.sharpness(factors, INPUTS), 2 * power)
    for least in (dmf.flat_sharpness, dmf.flattest_trace):
        check(lambda f=least: f(TARGET, 3, moved), least(TARGET, 3, INPUTS), 2 * power)
    factors = dmf.flat_factors(TARGET, (4, 5), rng(), inputs=INPUTS)
    same = dmf.flat_factors(TARGET, (4, 5), rng(), inputs=moved)
    np.testing.assert_array_equal(dmf.flatten(same), dmf.flatten(factors))
    factors = dmf.flattest_factors(TARGET, (4, 5), rng(), inputs=INPUTS)
    same = dmf.flattest_factors(TARGET, (4, 5), rng(), inputs=moved)
    np.testing.assert_array_equal(dmf.flatten(same), dmf.flatten(factors))


@pytest.mark.parametrize("shape", [(3, 4, 2), (4, 3, 5, 2), (5, 4, 3, 4, 6)])
@pytest.mark.parametrize("seed", range(4))
def test_layers_of_very_different_size(shape, seed):
    factors = gaussian(shape, seed)
    powers = np.random.default_rng(seed).integers(-12, 13, len(factors)) * 25
    moved = [np.ldexp(factor, power) for factor, power in zip(factors, powers, strict=True)]
    # Each term of the small matrix lacks one layer: as exact numbers, times a power of two of its own.
    exponents = 2 * (powers.sum() - powers)
    pairs = zip(*dmf.partial_products(factors), exponents - exponents.max(), strict=True)
    small = sum(np.ldexp(np.kron(b.T @ b, a @ a.T), e) for a, b, e in pairs)
    top = 2 * np.linalg.eigvalsh(small)[-1]
    found = dmf.sharpness(moved)
    assert np.ldexp(found, -exponents.max()) == pytest.approx(top, rel=1e-11)
    value, moves = dmf.sharpest_direction(moved)
    assert value == pytest.approx(found, rel=1e-11)
    assert np.linalg.norm(dmf.flatten(moves)) == pytest.approx(1, abs=1e-12)


def test_one_large_layer_and_one_small():
    factors = gaussian((150, 150, 150))
    moved = [np.ldexp(factors[0], 300), np.ldexp(factors[1], -300)]
    assert np.ldexp(dmf.sharpness(moved), -600) == pytest.approx(
        2 * np.linalg.norm(factors[0], 2) ** 2, rel=1e-12
    )
    norms = [np.linalg.norm(factor, 2) for factor in factors]
    products = np.ldexp(dmf.spectral_products(moved), [300, -300])
    np.testing.assert_allclose(products, norms[::-1], rtol=1e-12)


@pytest.mark.parametrize("root", [-19, -1, 2, 19])
@pytest.mark.parametrize("depth", [2, 3, 21])
def test_least_values_of_scaled_targets(depth, root):
    moved, degree = np.ldexp(TARGET, depth * root), (2 * depth - 2) * root
    for least in (dmf.flat_sharpness, dmf.flattest_trace):
        for inputs in (None, INPUTS):
            check(
                lambda f=least, i=inputs: f(moved, depth, i), least(TARGET, depth, inputs), degree
            )


@pytest.mark.parametrize("power", [-1000, -37, 1, 1000])
@pytest.mark.parametrize("depth", [2, 3, 5])
def test_least_values_of_targets_scaled_by_odd_powers(depth, power):
    moved = np.ldexp(TARGET, power)
    for least in (dmf.flat_sharpness, dmf.flattest_trace):
        with np.errstate(over="ignore"):
            log = np.log2(least(TARGET, depth)) + power * (2 - 2 / depth)
        if log > 1023:
            with pytest.raises(OverflowError, match="beyond the range"):
                least(moved, depth)
        elif log > -1020:
            # The logarithm itself is rounded.
            assert np.log2(least(moved, depth)) == pytest.approx(log, rel=4e-16, abs=1e-13)


@pytest.mark.parametrize("power", POWERS)
@pytest.mark.parametrize("hidden", [(4,), (4, 5), (5, 3, 4)])
def test_factors_of_scaled_targets(hidden, power):
    depth = len(hidden) + 1
    power = power // depth
    moved = np.ldexp(TARGET, depth * power)
    makers = {
        "zero-loss": lambda target: dmf.zero_loss_factors(target, hidden, rng()),
        "flat": lambda target: dmf.flat_factors(target, hidden, rng(), 0.5),
        "spare": lambda target: dmf.flat_factors(target, hidden, rng(), 0.5, 3.0),
        "flat on data": lambda target: dmf.flat_factors(target, hidden, rng(), inputs=INPUTS),
        "flattest": lambda target: dmf.flattest_factors(target, hidden, rng()),
        "flattest on data": lambda target: dmf.flattest_factors(target, hidden, None, INPUTS),
    }
    for make in makers.values():
        check(lambda f=make: dmf.flatten(f(moved)), dmf.flatten(make(TARGET)), power)


@pytest.mark.parametrize("power", [-400, -100, 3, 150])
def test_trace_of_sensing_losses(power):
    operators = [
        dmf.gaussian_sensing((4, 3), 7, rng()),
        dmf.entry_sampling((4, 3), 7, rng()),
    ]
    for hidden in [(5,), (5, 2)]:
        factors = gaussian((3, *hidden, 4))
        for operator in operators:
            check(
                lambda f=factors, o=operator: dmf.sensing_hessian_trace(o, scaled(f, power)),
                dmf.sensing_hessian_trace(operator, factors),
                2 * len(hidden) * power,
            )


def test_what_is_representable_is_returned():
    wide = np.random.default_rng(2).standard_normal((150, 150))
    least = dmf.flat_sharpness(wide, 2)
    for power in (-1000, -532, 0, 515, 1000):
        assert dmf.flat_sharpness(np.ldexp(wide, power), 2) == np.ldexp(least, power)
    assert dmf.flat_sharpness([[1e-300]], 2) == pytest.approx(4e-300)
    assert dmf.flat_sharpness([[1e155]], 2) == pytest.approx(4e155)
    with pytest.raises(OverflowError, match="least sharpness"):
        dmf.flat_sharpness([[1e200]], 9)
    with pytest.raises(OverflowError, match="least trace"):
        dmf.flattest_trace([[1e200]], 9)
    with pytest.raises(OverflowError, match="the trace"):
        dmf.sensing_hessian_trace(dmf.dense_sensing([[[1.0]]]), [[[1e200]]] * 2)
    with pytest.raises(OverflowError, match="a product"):
        dmf.spectral_products([[[1e200]]] * 3)
    # Entries just within the range, a norm beyond it.
    huge = np.full((3, 3), 1.7e308)
    flat = dmf.flat_factors(huge, (4, 3), rng())
    assert max(np.abs(factor).max() for factor in flat) < 1e104
    # A product that underflows, and one that does not vanish although its end-to-end matrix would.
    tiny = [[[1e-200]], [[1e-200]], [[1e-200]]]
    assert dmf.spectral_imbalance(tiny) == pytest.approx(0, abs=1e-14)
