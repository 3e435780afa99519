"""Objectives of a reader's own, with a loss and a gradient and nothing else."""

import numpy as np


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
