"""All eigenvalues at a minimizer beside a dense eigensolver, and beside Lanczos for the largest alone.

Lanczos takes its products from automatic differentiation (curvlinops). A peer is left out of larger
cases once the next one would take longer than a minute or, for the dense Hessian, more than 4 GiB.
Run as ``python -m benchmarks.spectrum``; with ``--largest`` for N beyond a billion, too.
"""

import resource
import sys
import time

import numpy as np
import torch
from curvlinops import HessianLinearOperator
from scipy.sparse.linalg import eigsh

import dmfbook as dmf
from benchmarks import timing

GOALS = "goals: 2 s for 4 million, 8 s for 10 million, twice the output's memory at most"
SECONDS, BYTES = 60.0, 4 * 2**30
CASES = [(10, 4), (20, 4), (30, 4), (45, 4), (60, 4), (100, 4), (200, 4), (500, 4)]
CASES += [(1000, 4), (1000, 10)]

LARGEST = (16_384, 4)


def main() -> None:
    """Print the tables."""
    print(f"\nSpectrum at the global minimizer ({GOALS})\n")
    timing.print_libraries()
    print()
    timing.print_head(
        ["depth", "width", "N", "all N (s)", "all N, unequal weights (s)"]
        + ["dense, all N (s)", "Lanczos, the largest (s)"]
    )
    # Costs of the dense solver grow with N³, those of a product with N^(3/2).
    limits = {dense: (3.0, np.sqrt(BYTES / 16)), lanczos: (1.5, np.inf)}
    expected = dict.fromkeys(limits, 0.0)
    for (width, depth), (after, _) in zip(CASES, [*CASES[1:], (0, 0)], strict=True):
        point, unequal = minimizer(width, depth), minimizer(width, depth, spread=2.0)
        ours, spectrum = timed(dmf.hessian_spectrum, point)
        row = [f"{ours:.4f}", f"{timed(dmf.hessian_spectrum, unequal)[0]:.4f}"]
        for peer, (power, largest) in limits.items():
            if expected[peer] > SECONDS or point.problem.size > largest:
                row.append("–")
                continue
            seconds, found = timed(peer, point)
            np.testing.assert_allclose(found, spectrum[-len(found) :], rtol=1e-6, atol=1e-9)
            expected[peer] = seconds * (after / width) ** (2 * power)
            row.append(f"{seconds:.2f}")
        timing.print_row([str(depth), str(width), f"{point.problem.size:,}", *row])
    if "--largest" in sys.argv[1:]:
        density(*LARGEST)


def minimizer(width: int, depth: int, spread: float = 1.0) -> dmf.CriticalPoint:
    """The global minimizer for a Gaussian-like diagonal target, two thirds of whose modes are active."""
    values = np.sqrt(np.linspace(4, 0, width, endpoint=False))
    reg = 0.999 * dmf.critical_reg(values[2 * width // 3], depth)
    weights = reg * np.geomspace(spread, 1 / spread, depth) if spread > 1 else reg
    return dmf.global_minimizer(dmf.Problem(np.diag(values), (width,) * (depth - 1), weights))


def timed(function, argument):
    """Shortest time in seconds of a few calls, one if it is long, and the result."""
    best, stop = np.inf, time.perf_counter() + 3.0
    for _ in range(3):
        start = time.perf_counter()
        result = function(argument)
        best = min(best, time.perf_counter() - start)
        if time.perf_counter() > stop:
            break
    return best, result


def dense(point: dmf.CriticalPoint) -> np.ndarray:
    """All eigenvalues from the dense Hessian."""
    return np.linalg.eigvalsh(dmf.hessian(point.problem, point.factors()))


def lanczos(point: dmf.CriticalPoint) -> np.ndarray:
    """The largest eigenvalue from products by automatic differentiation."""
    factors = [torch.tensor(factor) for factor in point.factors(np.random.default_rng(0))]
    layers = [torch.nn.Linear(*f.shape[::-1], bias=False, dtype=f.dtype) for f in factors]
    for layer, factor in zip(layers, factors, strict=True):
        layer.weight.data = factor
    model = torch.nn.Sequential(*layers)
    target = torch.tensor(point.problem.target)
    data = [(torch.eye(target.shape[1], dtype=target.dtype), target.T.contiguous())]
    loss = torch.nn.MSELoss(reduction="sum")
    parameters = list(model.parameters())
    operator = HessianLinearOperator(model, loss, parameters, data, check_deterministic=False)
    largest = eigsh(operator.to_scipy(), k=1, which="LA", tol=1e-7, return_eigenvectors=False)
    return largest + 2 * point.problem.reg[0]


def density(width: int, depth: int) -> None:
    """Print time and memory of the density."""
    point = minimizer(width, depth)
    before = peak_memory()
    start = time.perf_counter()
    found = dmf.spectral_density(point, 1000, progress=True)
    seconds = time.perf_counter() - start
    assert found.counts.sum() == point.problem.size
    print(
        f"\nDensity of {point.problem.size:,} eigenvalues in 1,000 bins: {seconds:.0f} s, "
        f"{peak_memory() - before:.0f} MiB beside the target (goals: 600 s, 3 GiB)."
    )


def peak_memory() -> float:
    """Peak memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
