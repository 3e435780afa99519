"""The exact sharpness beside Lanczos and power iteration with automatic differentiation.

Lanczos is SciPy's with products from curvlinops, and with those of torch.func, to a residual of 1e-6,
which gives eigenvalues as accurate as ours; power iteration is PyHessian's, which stops when it
moves little, at six digits or fewer. A peer is left out where it would take longer than two minutes. Run
as ``python -m benchmarks.sharpness``. A column gives the time with samples over that with white inputs.
"""

import time
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from curvlinops import HessianLinearOperator
from pyhessian import hessian as PyHessian
from scipy.sparse.linalg import LinearOperator, eigsh

import dmfbook as dmf
from benchmarks import timing

GOALS = (
    "goals against the fastest peer: 5 times for equal widths from N = 100,000 on, 50 times at depth 2, "
    "for numbers, and with hidden widths ten times the outer ones"
)
RESIDUAL = 1e-6
STANDSTILL = 1e-8
SECONDS = 120.0
# Families of growing size; the cost of a peer grows with N^(3/2), for numbers with N.
FAMILIES = {
    "equal, depth 3": [(side,) * 4 for side in (18, 58, 183, 577, 1826)],
    "equal, depth 10": [(side,) * 11 for side in (10, 32, 100, 316, 1000)],
    "depth 2": [(side,) * 3 for side in (22, 71, 224, 707, 2236)],
    "numbers": [(1, side, side, 1) for side in (31, 99, 315, 999, 3161)],
    "hidden 10 ×": [(side, 10 * side, 10 * side, side) for side in (3, 9, 29, 91, 289)],
}


def main() -> None:
    """Print the table."""
    torch.set_default_dtype(torch.float64)
    print(f"\nSharpness ({GOALS})\n")
    timing.print_libraries()
    print()
    timing.print_head(
        ["family", "widths", "N", "dmfbook (ms)", "on data / white"]
        + [f"{name}{what}" for name in PEERS for what in (" / dmfbook", " error")]
    )
    for family, members in FAMILIES.items():
        power = 1.0 if family == "numbers" else 1.5
        expected = dict.fromkeys(PEERS, 0.0)
        sizes = [sum(a * b for a, b in pairwise(widths)) for widths in members]
        for widths, size, after in zip(members, sizes, [*sizes[1:], 0], strict=True):
            factors = random_factors(widths)
            allowed = [name for name in PEERS if expected[name] < SECONDS]
            best, value = measure({"dmfbook": dmf.sharpness}, factors)
            row = [family, " ".join(map(str, widths[:4])), f"{size:,}"]
            samples = correlated_samples(widths[0])
            on_data, _ = measure({"data": lambda w, x=samples: dmf.sharpness(w, x)}, factors)
            row += [f"{1e3 * best['dmfbook']:.2f}", f"{on_data['data'] / best['dmfbook']:.1f}"]
            for name in PEERS:
                if name not in allowed:
                    row += ["–", "–"]
                    continue
                seconds, found = measure({name: PEERS[name](factors)}, factors)
                expected[name] = seconds[name] * (after / size) ** power
                error = abs(found[name] / value["dmfbook"] - 1)
                row += [f"{seconds[name] / best['dmfbook']:.1f}", f"{error:.0e}"]
            timing.print_row(row)


def random_factors(widths: tuple[int, ...]) -> list[np.ndarray]:
    """Gaussian factors whose product is of order one."""
    rng = np.random.default_rng(0)
    return [
        rng.standard_normal((after, before)) / np.sqrt(before) for before, after in pairwise(widths)
    ]


def correlated_samples(size: int) -> np.ndarray:
    """Twice as many samples as inputs, these of unequal size."""
    rng = np.random.default_rng(1)
    return rng.standard_normal((size, 2 * size)) * np.geomspace(0.1, 1, size)[:, None]


def measure(
    functions: dict[str, Callable[[list[np.ndarray]], float]], factors: list[np.ndarray]
) -> tuple[dict[str, float], dict[str, float]]:
    """Shortest of up to five times of each function, fewer for slow ones, and what it returns."""
    best, values = {}, {}
    for name, function in functions.items():
        times: list[float] = []
        while len(times) < 5 and sum(times) < 10:
            start = time.perf_counter()
            values[name] = float(function(factors))
            times.append(time.perf_counter() - start)
        best[name] = min(times)
    return best, values


def network(factors: list[np.ndarray]) -> tuple[torch.nn.Module, torch.Tensor, torch.Tensor]:
    """The factorization as a linear network, whose inputs are unit vectors and whose loss is zero."""
    layers = []
    for factor in factors:
        layer = torch.nn.Linear(factor.shape[1], len(factor), bias=False)
        layer.weight.data = torch.tensor(factor)
        layers.append(layer)
    inputs = torch.eye(factors[0].shape[1])
    return (
        torch.nn.Sequential(*layers),
        inputs,
        torch.tensor(dmf.end_to_end(factors)).T.contiguous(),
    )


def lanczos_curvlinops(factors: list[np.ndarray]) -> Callable[[list[np.ndarray]], float]:
    """SciPy's Lanczos with products from curvlinops."""
    model, inputs, targets = network(factors)
    loss = torch.nn.MSELoss(reduction="sum")
    operator = HessianLinearOperator(
        model, loss, list(model.parameters()), [(inputs, targets)], check_deterministic=False
    ).to_scipy()
    return lambda _: largest(operator)


def lanczos_torch(factors: list[np.ndarray]) -> Callable[[list[np.ndarray]], float]:
    """SciPy's Lanczos with forward-over-reverse products of torch.func."""
    target = torch.tensor(dmf.end_to_end(factors))
    weights = tuple(torch.tensor(factor) for factor in factors)
    ends = np.cumsum([0, *(factor.size for factor in factors)])

    def loss(layers: tuple[torch.Tensor, ...]) -> torch.Tensor:
        product = layers[0]
        for layer in layers[1:]:
            product = layer @ product
        return ((target - product) ** 2).sum()

    def product(vector: np.ndarray) -> np.ndarray:
        flat = torch.from_numpy(np.ascontiguousarray(vector).ravel())
        moves = tuple(
            flat[start:end].reshape(weight.shape)
            for (start, end), weight in zip(pairwise(ends), weights, strict=True)
        )
        found = torch.func.jvp(torch.func.grad(loss), (weights,), (moves,))[1]
        return torch.cat([block.ravel() for block in found]).numpy()

    operator = LinearOperator((ends[-1], ends[-1]), matvec=product, dtype=np.float64)
    return lambda _: largest(operator)


def largest(operator: LinearOperator) -> float:
    """Largest eigenvalue."""
    start = np.random.default_rng(1).standard_normal(operator.shape[0])
    return eigsh(operator, k=1, which="LA", v0=start, tol=RESIDUAL, return_eigenvectors=False)[0]


def power_iteration(factors: list[np.ndarray]) -> Callable[[list[np.ndarray]], float]:
    """PyHessian's power iteration."""
    model, inputs, targets = network(factors)
    loss = torch.nn.MSELoss(reduction="sum")

    def run(_: list[np.ndarray]) -> float:
        torch.manual_seed(0)
        found = PyHessian(model, loss, data=(inputs, targets), cuda=False)
        return found.eigenvalues(maxIter=5000, tol=STANDSTILL)[0][0]

    return run


PEERS = {
    "curvlinops": lanczos_curvlinops,
    "torch.func": lanczos_torch,
    "PyHessian": power_iteration,
}


if __name__ == "__main__":
    main()
