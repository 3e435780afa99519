"""Random measurements."""

from __future__ import annotations

import numpy as np

from dmfbook.sensing.ensembles import entry_sampling, gaussian_sensing
from dmfbook.sensing.operator import SensingOperator


def random_operator(rng: np.random.Generator, shape: tuple[int, int]) -> SensingOperator:
    """Gaussian measurements or entries, at most as many as the matrix has entries."""
    count = int(rng.integers(1, shape[0] * shape[1] + 1))
    return (gaussian_sensing if rng.integers(2) else entry_sampling)(shape, count, rng)
