"""Degrees of measurements, of their loss, and of how far they are from an isometry."""

import numpy as np
from homogeneity.row import Row

import dmfbook as dmf

RNG = np.random.default_rng(4)
MATRICES, MEASUREMENTS = RNG.standard_normal((6, 4, 3)), RNG.standard_normal(6)
X, Z = RNG.standard_normal((2, 4, 3))
RUNS = np.stack([X, Z, X - Z])
LEFT, RIGHT = X @ X.T, X.T @ X
MASK = np.array([[1, 0, 1], [0, 1, 0], [1, 1, 0], [0, 0, 1]], dtype=bool)


def loss(matrices, measurements):
    """The loss of dense measurements."""
    return dmf.Sensing(dmf.dense_sensing(matrices), measurements)


def of_entries(values):
    """The loss of some entries."""
    return dmf.Sensing(dmf.entry_sampling((4, 3), entries=MASK), values)


def isometry(matrices, rank):
    """The extremes that the search finds from the same starts."""
    operator = dmf.dense_sensing(matrices)
    found = dmf.isometry_lower_bound(operator, rank, np.random.default_rng(5), starts=3)
    return [found.smallest, found.largest]


MEASURED, SEEN = {"matrices": MATRICES, "measurements": MEASUREMENTS}, {"values": MEASUREMENTS}

ROWS = {
    "forward": Row(
        lambda matrices, X: dmf.dense_sensing(matrices).forward(X),
        {"matrices": MATRICES, "X": RUNS},
        {"matrices": 2, "X": -1},
        1,
    ),
    "adjoint": Row(
        lambda matrices, y: dmf.dense_sensing(matrices).adjoint(y),
        {"matrices": MATRICES, "y": MEASUREMENTS},
        {"matrices": 2, "y": -1},
        1,
    ),
    "forward and adjoint of entries": Row(
        lambda X: [
            (operator := dmf.entry_sampling((4, 3), entries=MASK)).forward(X),
            operator.adjoint(operator.forward(X)),
        ],
        {"X": RUNS},
        {"X": 1},
        1,
    ),
    "sensing_operator": Row(
        lambda rows, X: dmf.sensing_operator(rows, (4, 3)).forward(X),
        {"rows": MATRICES.mT.reshape(6, 12), "X": X},
        {"rows": 1, "X": 1},
        2,
    ),
    "value": Row(
        lambda matrices, measurements, X: loss(matrices, measurements).value(X),
        MEASURED | {"X": RUNS},
        {"matrices": 1, "measurements": 2, "X": 1},
        4,
    ),
    "gradient": Row(
        lambda matrices, measurements, X: loss(matrices, measurements).gradient(X),
        MEASURED | {"X": RUNS},
        {"matrices": 1, "measurements": 1},
        2,
    ),
    "curvature": Row(
        lambda matrices, measurements, Z: loss(matrices, measurements).curvature(X, Z),
        MEASURED | {"Z": RUNS},
        {"matrices": 1, "Z": -1},
        1,
    ),
    "curvature_trace": Row(
        lambda matrices, left, right: loss(matrices, MEASUREMENTS).curvature_trace(X, left, right),
        {"matrices": MATRICES, "left": LEFT, "right": RIGHT},
        {"matrices": 1, "left": 1, "right": -2},
        1,
    ),
    "value and gradient for entries": Row(
        lambda values, X: [of_entries(values).value(X), of_entries(values).gradient(X)],
        SEEN | {"X": X},
        {"values": 1, "X": 1},
        [2, 1],
    ),
    "isometry, rank 1": Row(
        lambda matrices: isometry(matrices, 1), {"matrices": MATRICES}, {"matrices": 1}, 2
    ),
    "isometry, rank 2": Row(
        lambda matrices: isometry(matrices, 2), {"matrices": MATRICES}, {"matrices": 1}, 2
    ),
}
