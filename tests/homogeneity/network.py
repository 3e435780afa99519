"""Degrees of products, objectives and their derivatives."""

from itertools import pairwise

import numpy as np
import pytest
from homogeneity.row import Row

import dmfbook as dmf

WIDTHS = (3, 4, 2, 5)
RNG = np.random.default_rng(1)
FACTORS = [RNG.standard_normal((after, before)) for before, after in pairwise(WIDTHS)]
TARGET, REG = RNG.standard_normal((5, 3)), np.array([0.3, 0.5, 0.2])
INPUTS, OUTPUTS = RNG.standard_normal((3, 6)), RNG.standard_normal((5, 6))
RUNS = [np.stack([factor, 2 * factor[::-1]]) for factor in FACTORS]
# Shifts of the factors that leave their product alone: only the scale of a layer changes.
GAUGE = (5, -9, 4)


def factorization(target, factors, reg):
    """The problem that has these factors."""
    return dmf.Problem(target, [len(factor) for factor in factors[:-1]], reg)


def regression(inputs, outputs, factors, reg):
    """The problem of a linear network on data that has these factors."""
    return factorization(dmf.Regression(inputs, outputs), factors, reg)


OF_FACTORIZATION = {"target": TARGET, "factors": FACTORS, "reg": REG}
# A target of degree L, factors of degree 1, weights of degree 2L − 2.
TOGETHER = {"target": 3, "factors": 1, "reg": 4}
LAYER_BY_LAYER = {"factors": GAUGE, "reg": [-2 * shift for shift in GAUGE]}
OF_REGRESSION = {"inputs": INPUTS, "outputs": OUTPUTS, "factors": FACTORS, "reg": REG}
WITH_DATA = {"inputs": 1, "outputs": 4, "factors": 1, "reg": 6}


OPERATOR = dmf.dense_sensing(RNG.standard_normal((7, 5, 3)))
OF_SENSING = {"measurements": RNG.standard_normal(7), "factors": FACTORS, "reg": REG}
OF_MEASUREMENTS = {"measurements": 3, "factors": 1, "reg": 4}


def for_each_loss(call):
    """A function of a problem and factors as one of the arguments of each kind of problem."""

    def of_factorization(target, factors, reg):
        return call(factorization(target, factors, reg), factors)

    def of_regression(inputs, outputs, factors, reg):
        return call(regression(inputs, outputs, factors, reg), factors)

    def of_sensing(measurements, factors, reg):
        return call(factorization(dmf.Sensing(OPERATOR, measurements), factors, reg), factors)

    return of_factorization, of_regression, of_sensing


loss, loss_on_data, loss_of_measurements = for_each_loss(
    lambda problem, factors: problem.loss(factors)
)
gradient, gradient_on_data, gradient_of_measurements = for_each_loss(
    lambda problem, factors: problem.gradient(factors)
)
trace, trace_on_data, trace_of_measurements = for_each_loss(dmf.hessian_trace)


def blocks(problem, factors):
    """The dense Hessian in blocks of layers, row by row."""
    dense = dmf.hessian(problem, factors)
    cuts = np.cumsum([factor.size for factor in factors])[:-1]
    return [block for rows in np.split(dense, cuts) for block in np.split(rows, cuts, axis=1)]


hessian, hessian_on_data, hessian_of_measurements = for_each_loss(blocks)
MOVES = [RNG.standard_normal(factor.shape) for factor in FACTORS]


def product(target, factors, reg, moves):
    """The Hessian's product with a direction, and with a block of two, one of them larger."""
    operator = dmf.hessian_operator(factorization(target, factors, reg), factors)
    vector = dmf.flatten(moves)
    images = np.hstack(
        [(operator @ vector)[:, None], operator @ np.column_stack([vector, 3 * vector])]
    )
    return np.split(images, np.cumsum([factor.size for factor in factors])[:-1])


def product_on_data(inputs, outputs, factors, reg, moves):
    """The same with data."""
    return product(dmf.Regression(inputs, outputs), factors, reg, moves)


def eigenpairs(problem, factors):
    """Eigenvalues and directions, from the dense matrix and by iteration."""
    pairs = []
    for dense in (10**6, 0):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("dmfbook.network.eigenpairs.DENSE", dense)
            values, directions = dmf.leading_eigenpairs(problem, factors, 2, "both")
        pairs += [values, *map(dmf.flatten, directions)]
    return pairs


leading_eigenpairs, leading_eigenpairs_on_data, _ = for_each_loss(eigenpairs)

ROWS = {
    "end_to_end": Row(dmf.end_to_end, {"factors": FACTORS}, {"factors": 1}, 3),
    "end_to_end, layer by layer": Row(dmf.end_to_end, {"factors": FACTORS}, {"factors": GAUGE}, 0),
    "partial_products": Row(
        lambda factors: [part for side in dmf.partial_products(factors) for part in side],
        {"factors": FACTORS},
        {"factors": GAUGE},
        [-5, 4, 0, 0, 5, -4],
    ),
    "flatten": Row(dmf.flatten, {"factors": FACTORS}, {"factors": 1}, 1),
    "unflatten": Row(
        lambda vector: dmf.unflatten(vector, WIDTHS), {"vector": np.arange(30.0)}, {"vector": 1}, 1
    ),
    "imbalance": Row(
        dmf.imbalance, {"factors": FACTORS, "reg": REG}, {"factors": 1, "reg": 2}, result=4
    ),
    "loss": Row(loss, OF_FACTORIZATION, TOGETHER, 6),
    "loss, layer by layer": Row(loss, OF_FACTORIZATION, LAYER_BY_LAYER, 0),
    "loss on data": Row(loss_on_data, OF_REGRESSION, WITH_DATA, 8),
    # Alone, a run is summed in another order.
    "losses of runs": Row(
        lambda target, factors: dmf.Problem(target, WIDTHS[1:-1], 0.0).losses(factors),
        {"target": TARGET, "factors": RUNS},
        {"target": 3, "factors": 1},
        6,
        accuracy=4 * np.finfo(float).eps,
    ),
    "gradient": Row(gradient, OF_FACTORIZATION, TOGETHER, 5),
    "gradient, layer by layer": Row(
        gradient, OF_FACTORIZATION, LAYER_BY_LAYER, [-shift for shift in GAUGE]
    ),
    "gradient on data": Row(gradient_on_data, OF_REGRESSION, WITH_DATA, 7),
    "gradient of runs": Row(
        lambda target, factors: dmf.Problem(target, WIDTHS[1:-1], 0.0).gradient(factors),
        {"target": TARGET, "factors": RUNS},
        {"target": 3, "factors": 1},
        5,
    ),
    "hessian": Row(hessian, OF_FACTORIZATION, TOGETHER, 4),
    "hessian, layer by layer": Row(
        hessian, OF_FACTORIZATION, LAYER_BY_LAYER, [-a - b for a in GAUGE for b in GAUGE]
    ),
    "hessian on data": Row(hessian_on_data, OF_REGRESSION, WITH_DATA, 6),
    "hessian_operator": Row(
        product, OF_FACTORIZATION | {"moves": MOVES}, TOGETHER | {"moves": -6}, -2
    ),
    "hessian_operator, layer by layer": Row(
        product,
        OF_FACTORIZATION | {"moves": MOVES},
        LAYER_BY_LAYER | {"moves": GAUGE},
        [-shift for shift in GAUGE],
    ),
    "hessian_operator on data": Row(
        product_on_data, OF_REGRESSION | {"moves": MOVES}, WITH_DATA | {"moves": 1}, 7
    ),
    "leading_eigenpairs": Row(leading_eigenpairs, OF_FACTORIZATION, TOGETHER, 2 * [4, 0, 0, 0, 0]),
    "leading_eigenpairs on data": Row(
        leading_eigenpairs_on_data, OF_REGRESSION, WITH_DATA, 2 * [6, 0, 0, 0, 0]
    ),
    "loss of measurements": Row(loss_of_measurements, OF_SENSING, OF_MEASUREMENTS, 6),
    "gradient of measurements": Row(gradient_of_measurements, OF_SENSING, OF_MEASUREMENTS, 5),
    "hessian of measurements": Row(hessian_of_measurements, OF_SENSING, OF_MEASUREMENTS, 4),
    "hessian_trace of measurements": Row(trace_of_measurements, OF_SENSING, OF_MEASUREMENTS, 4),
    "hessian_trace": Row(trace, OF_FACTORIZATION, TOGETHER, 4),
    "hessian_trace on data": Row(trace_on_data, OF_REGRESSION, WITH_DATA, 6),
    "moments of data": Row(
        lambda inputs, outputs: [
            (loss := dmf.Regression(inputs, outputs)).second_moment,
            loss.cross_moment,
            loss.input_factor,
            loss.whitened_target,
            loss.least,
        ],
        {"inputs": INPUTS, "outputs": OUTPUTS},
        {"inputs": 1, "outputs": 3},
        [2, 4, 1, 3, 6],
    ),
}
