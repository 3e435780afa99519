"""Kinds without weight decay do not change with the unit: a target has degree L, a factor 1, outputs L more than inputs."""

import numpy as np
from homogeneity.row import Row

import dmfbook as dmf

NAMES = ("global minimizer", "strict saddle", "non-strict saddle")
TARGET = np.array([[3.0, 0.0], [0.0, 2.0]])
FIRST, SECOND = np.diag([1.0, 0.0]), np.diag([0.0, 1.0])
# By their values at depth 3: one that leads, one that does not, both; none, with and without a layer beyond.
POINTS = {
    "leading": [FIRST, FIRST, 3.0 * FIRST],
    "not leading": [SECOND, SECOND, 2.0 * SECOND],
    "both": [np.eye(2), np.eye(2), TARGET],
    "none": [np.zeros((2, 2))] * 3,
    "none, one layer": [np.zeros((2, 2)), np.eye(2), np.zeros((2, 2))],
}


def of_target(target, factors):
    """Number of the kind at factors of a target."""
    return NAMES.index(dmf.kind_without_reg(dmf.Problem(target, (2, 2)), factors))


def of_data(inputs, outputs, factors):
    """Number of the kind of a network on data."""
    loss = dmf.Regression(inputs, outputs)
    return NAMES.index(dmf.kind_without_reg(dmf.Problem(loss, (2, 2)), factors))


ROWS = {
    f"kind_without_reg, {name}": Row(
        of_target, {"target": TARGET, "factors": factors}, {"target": 3, "factors": 1}, 0
    )
    for name, factors in POINTS.items()
} | {
    f"kind_without_reg on data, {name}": Row(
        of_data,
        {"inputs": np.eye(2), "outputs": TARGET, "factors": factors},
        {"inputs": 1, "outputs": 4, "factors": 1},
        0,
    )
    for name, factors in POINTS.items()
}
