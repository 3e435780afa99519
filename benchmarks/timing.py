"""What the benchmarks share: cases, the peers' objective, fair timing, tables."""

import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import threadpoolctl

import dmfbook as dmf

# Rectangular, unequal widths; N between 2,000 and 8,000.
PROFILES = [
    (30, 45, 20),
    (50, 80, 40),
    (30, 40, 50, 35, 25),
    (40, 45, 50, 48, 30),
    (20, 25, 24, 21, 23, 26, 22, 20, 25, 24, 18),
    (9, *(14, 15, 13) * 9, 14, 12, 10),
]


def random_case(
    widths: Sequence[int], loss: Any = None, seed: int = 0
) -> tuple[dmf.Problem, list[np.ndarray]]:
    """A regularized problem of these widths and a random point, whose product is of order one.

    Without a loss its target is random.
    """
    rng = np.random.default_rng(seed)
    factors = [
        rng.standard_normal((after, before)) / np.sqrt(max(before, after))
        for before, after in pairwise(widths)
    ]
    target = rng.standard_normal((widths[-1], widths[0])) if loss is None else loss
    return dmf.Problem(target, widths[1:-1], reg=rng.uniform(0.1, 1, len(factors))), factors


def objective(problem: dmf.Problem, library: ModuleType, asarray: Callable) -> Callable[[Any], Any]:
    """The objective as a function of the stacked vector, in the operations of another library."""
    reg = asarray(np.array(problem.reg))
    shapes = list(pairwise(problem.widths))
    ends = np.cumsum([0, *(before * after for before, after in shapes)]).tolist()
    loss = problem.end_to_end_loss
    if isinstance(loss, dmf.Regression):
        # What a user who knows of whitening would hand over: no more columns than inputs.
        inputs, target = asarray(loss.input_factor), asarray(loss.whitened_target)
    else:
        inputs, target = None, asarray(loss.target)

    def value(vector: Any) -> Any:
        layers = [
            vector[start:end].reshape(shape).T
            for (start, end), shape in zip(pairwise(ends), shapes, strict=True)
        ]
        product = layers[0] if inputs is None else layers[0] @ inputs
        for layer in layers[1:]:
            product = layer @ product
        penalty = sum(
            weight * library.sum(layer**2) for weight, layer in zip(reg, layers, strict=True)
        )
        if isinstance(loss, LogCosh):
            return library.sum(library.log(library.cosh(target - product))) + penalty
        return library.sum((target - product) ** 2) + penalty

    return value


class LogCosh:
    """Logarithm of the hyperbolic cosine of each residual: a loss of a user's own."""

    def __init__(self, target: np.ndarray) -> None:
        self.target, self.shape = target, target.shape

    def value(self, X: np.ndarray) -> Any:
        return np.sum(np.log(np.cosh(X - self.target)), axis=(-2, -1))

    def gradient(self, X: np.ndarray) -> np.ndarray:
        return np.tanh(X - self.target)

    def curvature(self, X: np.ndarray, Z: np.ndarray) -> np.ndarray:
        return Z / np.cosh(X - self.target) ** 2


def fastest(
    functions: dict[str, Callable[[], Any]],
    seconds: float = 15.0,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Shortest time of one call of each function.

    All functions take turns, so that a busy moment of the machine hits them alike; the minimum is
    what the machine can do when nobody disturbs it. A turn has two samples: the first may have to wait
    for memory that the function before has given back to the system.
    """
    calls = {}
    for name, function in functions.items():
        function()  # compiles, fills caches
        # Short samples: on a busy machine a long one is never undisturbed.
        calls[name] = max(1, int(0.002 / min(once(function, 1, clock) for _ in range(3))))
    best = dict.fromkeys(functions, np.inf)
    rounds, stop = 0, time.perf_counter() + seconds
    while rounds < 2 or time.perf_counter() < stop:
        for name, function in functions.items():
            best[name] = min(best[name], *(once(function, calls[name], clock) for _ in range(2)))
        rounds += 1
    return best


def once(function: Callable[[], Any], calls: int, clock: Callable[[], float]) -> float:
    """Mean time of some calls in a row."""
    start = clock()
    for _ in range(calls):
        function()
    return (clock() - start) / calls


def print_libraries() -> None:
    """Print which kernels NumPy's linear algebra runs, and SciPy's."""
    for pool in threadpoolctl.threadpool_info():
        if pool["user_api"] == "blas":
            owner = Path(pool["filepath"]).parent.name.split(".")[0]
            kernel, threads = pool.get("architecture", "unknown"), pool["num_threads"]
            print(f"{owner}: {pool['internal_api']} {pool['version']}, {kernel}, {threads} threads")


def describe(problem: dmf.Problem) -> list[str]:
    """Cells that name a problem: depth, widths, N."""
    narrow, wide = min(problem.widths), max(problem.widths)
    return [str(problem.depth), f"{narrow} to {wide}", f"{problem.size:,}"]


def print_row(cells: Sequence[str]) -> None:
    """Print a row of a markdown table at once."""
    print("|", " | ".join(cells), "|", flush=True)


def print_head(cells: Sequence[str]) -> None:
    """Print the head of a markdown table, numbers to the right."""
    print_row(cells)
    print_row(["--:"] * len(cells))
