"""Distance of an estimated spectral density from the exact one.

The distance is that of Wasserstein (1-norm), over the length of the exact spectrum: the mean way by which eigenvalues
would have to move. Where a tool blurs its density with a Gaussian, the exact one is blurred likewise, so that the blur
counts as no error.
"""

import numpy as np
from scipy.special import ndtr
from scipy.stats import wasserstein_distance

import dmfbook as dmf
from benchmarks.peers.case import Answer


def of_nodes(known: dmf.KnownNetwork, nodes: np.ndarray, weights: np.ndarray) -> Answer:
    """Answer of a tool that returns points and their weights."""
    nodes, weights = np.ravel(nodes).astype(float), np.ravel(weights).astype(float)
    weights = weights / weights.sum()
    distance = wasserstein_distance(known.values, nodes, known.counts, weights)
    trace = known.size * float(nodes @ weights)
    return Answer([trace], distance=distance / length(known))


def of_curve(
    known: dmf.KnownNetwork, grid: np.ndarray, density: np.ndarray, sigma: float
) -> Answer:
    """Answer of a tool that returns a density on an even grid, blurred with standard deviation `sigma`.

    What the curve lacks to one, or has too much, counts where the grid ends.
    """
    grid, density = grid.astype(float), density.astype(float)
    step = grid[1] - grid[0]
    found = np.cumsum((density[1:] + density[:-1]) / 2) * step
    shares = known.counts / known.size
    exact = ndtr((grid[1:, None] - known.values) / sigma) @ shares
    distance = float(np.abs(found - exact).sum() * step)
    trace = known.size * float(np.trapezoid(grid * density, grid))
    return Answer([trace], distance=distance / length(known))


def length(known: dmf.KnownNetwork) -> float:
    """From the smallest to the largest eigenvalue."""
    return known.largest - known.smallest
