"""Degrees of the sharpness, of the trace, of their least values, and of the factors that attain them."""

from itertools import pairwise

import numpy as np
from homogeneity.row import Row

import dmfbook as dmf

WIDTHS = (3, 4, 2, 5)
RNG = np.random.default_rng(2)
FACTORS = [RNG.standard_normal((after, before)) for before, after in pairwise(WIDTHS)]
SHALLOW = [RNG.standard_normal((after, before)) for before, after in pairwise((4, 6, 3))]
NUMBERS = [RNG.standard_normal((after, before)) for before, after in pairwise((1, 4, 3, 2, 1))]
DEEP = [RNG.standard_normal((3, 3)) for _ in range(21)]
TARGET, INPUTS, OTHERS = (RNG.standard_normal(shape) for shape in [(5, 3), (3, 6), (4, 2)])
# Shifts of the factors that leave their product alone.
GAUGE = (5, -9, 4)
MEASURED = dmf.gaussian_sensing((5, 3), 7, RNG)
MATRICES = MEASURED.adjoint(np.eye(7))
PAIR = np.array([[[1.0, 2.0], [3.0, 4.0]], [[0.0, 0.0], [-1.0, -1.0]]])
SEEN = np.array([-7.0, 2.0])


def rng():
    """The same generator each time."""
    return np.random.default_rng(3)


def least(function, depth):
    """A least value over factorizations of one depth."""
    return lambda target, inputs=None: function(target, depth, inputs)


def direction(factors, inputs=None):
    """The sharpest direction alone, all layers in one vector."""
    return dmf.flatten(dmf.sharpest_direction(factors, inputs)[1])


def trace(matrices, factors):
    """Trace of a sensing loss."""
    return dmf.sensing_hessian_trace(dmf.dense_sensing(matrices), factors)


def entry_trace(factors):
    """Trace for some entries."""
    return dmf.sensing_hessian_trace(dmf.entry_sampling((5, 3), 6, rng()), factors)


def interpolator(depth):
    """Factors and trace of the flattest interpolator of two measurements."""

    def call(measurements):
        found = dmf.flattest_interpolator(
            dmf.dense_sensing(PAIR), measurements, (2,) * (depth - 1), starts=2
        )
        return [*found.factors, found.trace, found.misfit, found.stationarity, found.curvature]

    return call


FROM_TARGET, FROM_DATA = {"target": TARGET}, {"target": TARGET, "inputs": INPUTS}
OF_FACTORS, ON_DATA = {"factors": FACTORS}, {"factors": FACTORS, "inputs": INPUTS}

ROWS = {
    "sharpness": Row(dmf.sharpness, OF_FACTORS, {"factors": 1}, 4),
    "sharpness, depth 2": Row(dmf.sharpness, {"factors": SHALLOW}, {"factors": 1}, 2),
    "sharpness of numbers": Row(dmf.sharpness, {"factors": NUMBERS}, {"factors": 1}, 6),
    "sharpness, depth 21": Row(dmf.sharpness, {"factors": DEEP}, {"factors": 1}, 40),
    "sharpness on data": Row(dmf.sharpness, ON_DATA, {"factors": 1, "inputs": 2}, 8),
    "sharpness on scaled data": Row(dmf.sharpness, ON_DATA, {"inputs": 1}, 2),
    "sharpness on data, depth 2": Row(
        dmf.sharpness, {"factors": SHALLOW, "inputs": OTHERS}, {"factors": -1, "inputs": 1}, 0
    ),
    "sharpest direction": Row(direction, {"factors": SHALLOW}, {"factors": 1}, 0),
    "sharpest direction on data": Row(direction, ON_DATA, {"factors": 1, "inputs": -2}, 0),
    "least sharpness": Row(least(dmf.flat_sharpness, 3), FROM_TARGET, {"target": 3}, 4),
    "least sharpness, depth 2": Row(least(dmf.flat_sharpness, 2), FROM_TARGET, {"target": 1}, 1),
    "least sharpness on data": Row(
        least(dmf.flat_sharpness, 3),
        FROM_DATA,
        {"target": 3, "inputs": 1},
        6,
    ),
    "least trace": Row(least(dmf.flattest_trace, 3), FROM_TARGET, {"target": 3}, 4),
    "least trace on data": Row(
        least(dmf.flattest_trace, 3),
        FROM_DATA,
        {"target": 3, "inputs": 1},
        6,
    ),
    "spectral products": Row(dmf.spectral_products, OF_FACTORS, {"factors": 1}, 2),
    "spectral products, layer by layer": Row(
        lambda factors: list(dmf.spectral_products(factors)),
        OF_FACTORS,
        {"factors": GAUGE},
        [-shift for shift in GAUGE],
    ),
    # A product of degree 2 over the power 2/3 of one of degree 3, each rounded for itself.
    "spectral imbalance": Row(dmf.spectral_imbalance, OF_FACTORS, {"factors": 1}, 0, 4e-16),
    "zero-loss factors": Row(
        lambda target: dmf.zero_loss_factors(target, (4, 6), rng()), FROM_TARGET, {"target": 3}, 1
    ),
    "flat factors": Row(
        lambda target: dmf.flat_factors(target, (4, 6), rng(), 0.7), FROM_TARGET, {"target": 3}, 1
    ),
    "flat factors with room to spare": Row(
        lambda target: dmf.flat_factors(target, (4, 6), rng(), 0.7, 9.0),
        FROM_TARGET,
        {"target": 3},
        1,
    ),
    "flat factors on data": Row(
        lambda target, inputs: dmf.flat_factors(target, (4, 6), rng(), 0, 9.0, inputs),
        FROM_DATA,
        {"target": 3, "inputs": -2},
        1,
    ),
    "flattest factors": Row(
        lambda target: dmf.flattest_factors(target, (4, 6), rng()), FROM_TARGET, {"target": 3}, 1
    ),
    "flattest factors on data": Row(
        lambda target, inputs: dmf.flattest_factors(target, (4, 6), None, inputs),
        FROM_DATA,
        {"target": 3, "inputs": -2},
        1,
    ),
    "favourite factors": Row(
        lambda target: dmf.favourite_factors(target, (4, 6), dmf.PowerMeasure(2), rng()),
        FROM_TARGET,
        {"target": 3},
        1,
    ),
    "favourite factors of label noise": Row(
        lambda target, step: dmf.favourite_factors(target, (4, 6), dmf.NoiseMeasure(step)),
        FROM_TARGET | {"step": 1e-3},
        {"target": 3, "step": -4},
        1,
    ),
    # Powers of eigenvalues are taken through logarithms, of up to some thousands.
    "a power as a measure": Row(
        lambda factors: dmf.hessian_measure(factors, dmf.PowerMeasure(2)),
        OF_FACTORS,
        {"factors": 1},
        8,
        1e-12,
    ),
    "sensing trace": Row(
        trace, {"matrices": MATRICES, "factors": FACTORS}, {"factors": 1, "matrices": 1}, 6
    ),
    "sensing trace of entries": Row(entry_trace, OF_FACTORS, {"factors": 1}, 4),
    "flattest interpolator, depth 2": Row(
        interpolator(2), {"measurements": SEEN}, {"measurements": 2}, [1, 1, 2, 0, 0, 0]
    ),
    "flattest interpolator, depth 3": Row(
        interpolator(3), {"measurements": SEEN}, {"measurements": 3}, [1, 1, 1, 4, 0, 0, 0]
    ),
}
