"""A loss of each kind, with its definition in functions that autograd differentiates."""

import autograd.numpy as anp
import numpy as np

import dmfbook as dmf

RNG = np.random.default_rng(0)
WIDTHS = (4, 5, 3, 6, 2)
INPUTS, OUTPUTS = RNG.standard_normal((4, 9)), RNG.standard_normal((2, 9))
OPERATOR = dmf.gaussian_sensing((2, 4), 6, RNG)
SEEN = RNG.standard_normal(6)
TARGET = RNG.standard_normal((2, 4))
MASK = np.array([[1.0, 0, 1, 1], [0, 1, 1, 0]])


class LogCosh:
    """A loss of a reader's own, without any base class; some entries are not seen."""

    shape = (2, 4)

    def value(self, X):
        return np.sum(MASK * np.log(np.cosh(X - TARGET)), axis=(-2, -1))

    def gradient(self, X):
        return MASK * np.tanh(X - TARGET)

    def curvature(self, X, Z):
        return MASK * Z / np.cosh(X - TARGET) ** 2


MATRICES = np.array(
    [OPERATOR.adjoint(row) for row in np.eye(6)]
)  # what the operator measures with, one by one

# The loss, and its definition in functions that autograd differentiates.
LOSSES = {
    "factorization": (dmf.Factorization(TARGET), lambda X: anp.sum((TARGET - X) ** 2)),
    "regression": (
        dmf.Regression(INPUTS, OUTPUTS, scale=0.3),
        lambda X: 0.3 * anp.sum((OUTPUTS - anp.dot(X, INPUTS)) ** 2),
    ),
    "few samples": (
        dmf.Regression(INPUTS[:, :2], OUTPUTS[:, :2]),
        lambda X: anp.sum((OUTPUTS[:, :2] - anp.dot(X, INPUTS[:, :2])) ** 2),
    ),
    "sensing": (
        dmf.Sensing(OPERATOR, SEEN),
        lambda X: anp.sum((anp.sum(MATRICES * X, axis=(1, 2)) - SEEN) ** 2),
    ),
    "own": (LogCosh(), lambda X: anp.sum(MASK * anp.log(anp.cosh(X - TARGET)))),
}


def loss_case(loss, hidden_widths=WIDTHS[1:-1], seed=0):
    """A problem with this loss and a Gaussian point."""
    rng = np.random.default_rng(seed)
    problem = dmf.Problem(loss, hidden_widths, reg=rng.uniform(0, 1, len(hidden_widths) + 1))
    shapes = zip(problem.widths[1:], problem.widths, strict=False)
    return problem, [rng.standard_normal(shape) / 1.5 for shape in shapes]
