"""Both kinds of runs, and objectives of a reader's own, with a loss and a gradient and nothing else."""

import numpy as np
import pytest

import dmfbook as dmf


class Distance:
    """``½ ‖U − T‖²`` for one array, whose flow is ``T + e^{−t} (U_0 − T)``."""

    def __init__(self, target):
        self.target = np.asarray(target, dtype=float)

    def loss(self, factors):
        return float(np.sum((factors[0] - self.target) ** 2) / 2)

    def gradient(self, factors):
        return [factors[0] - self.target]


class Runaway:
    """``−u³ / 3``: from a positive start both methods go to infinity, the flow in finite time."""

    def loss(self, factors):
        return float(-np.sum(factors[0] ** 3) / 3)

    def gradient(self, factors):
        return [-(factors[0] ** 2)]


PROBLEM, START = dmf.Problem([[1.0]], (2,)), [np.ones((2, 1)), np.ones((1, 2))]


def descend(objective=PROBLEM, factors=START, step=0.01, steps=10, **options):
    return dmf.gradient_descent(objective, factors, step, steps, **options)


def flow(objective=PROBLEM, factors=START, time=10.0, **options):
    return dmf.gradient_flow(objective, factors, time, **options)


both = pytest.mark.parametrize("run", [descend, flow])


class After:
    """Passes on what a function says, and does something else once, after so many calls."""

    def __init__(self, function, count, deed):
        self.function, self.count, self.deed = function, count, deed

    def __call__(self, *arguments):
        self.count -= 1
        return self.deed() if self.count == -1 else self.function(*arguments)


def interrupt():
    raise KeyboardInterrupt


def fail():
    raise ZeroDivisionError("of the reader")
