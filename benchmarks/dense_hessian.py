"""The dense Hessian beside jax, torch and the time it takes to fill N × N numbers.

Run as ``python -m benchmarks.dense_hessian``.
"""

import subprocess
import sys

import jax
import numpy as np
import torch

import dmfbook as dmf
from benchmarks import timing

GOALS = (
    "goals: at least 8 times faster than jax, at most 6 times the floor, peak at most 1.5 outputs"
)


def main() -> None:
    """Print the table."""
    jax.config.update("jax_enable_x64", True)
    print(f"\nDense Hessian ({GOALS})\n")
    timing.print_libraries()
    print()
    timing.print_head(
        ["depth", "widths", "N", "dmfbook (ms)", "jax / dmfbook", "torch / dmfbook"]
        + ["dmfbook / floor", "peak / output"]
    )
    for widths in timing.PROFILES:
        problem, factors = timing.random_case(widths)
        best = timing.fastest(contestants(problem, factors))
        timing.print_row(
            [
                *timing.describe(problem),
                f"{1e3 * best['dmfbook']:.0f}",
                f"{best['jax'] / best['dmfbook']:.1f}",
                f"{best['torch'] / best['dmfbook']:.1f}",
                f"{best['dmfbook'] / best['floor']:.1f}",
                f"{peak_memory(widths):.2f}",
            ]
        )


def contestants(problem, factors):
    """Functions that compute the same matrix, after a check that they do; the floor fills one."""
    point = dmf.flatten(factors)
    jax_hessian = jax.jit(jax.hessian(timing.objective(problem, jax.numpy, jax.numpy.asarray)))
    torch_hessian = torch.func.hessian(timing.objective(problem, torch, torch.tensor))
    jax_point, torch_point = jax.numpy.asarray(point), torch.tensor(point)
    functions = {
        "dmfbook": lambda: dmf.hessian(problem, factors),
        "jax": lambda: jax_hessian(jax_point).block_until_ready(),
        "torch": lambda: torch_hessian(torch_point),
    }
    expected = functions["dmfbook"]()
    for name in ("jax", "torch"):
        np.testing.assert_allclose(np.asarray(functions[name]()), expected, rtol=0, atol=1e-9)
    return functions | {"floor": lambda: np.full((problem.size, problem.size), 1.0)}


def peak_memory(widths: tuple[int, ...]) -> float:
    """Peak memory of one dense Hessian beyond what was there before, in units of the output."""
    command = [sys.executable, "-m", "benchmarks.dense_hessian", *map(str, widths)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure_peak(widths: tuple[int, ...]) -> float:
    """The measurement itself, in a fresh process (Linux: its high-water mark starts at zero)."""
    problem, factors = timing.random_case(widths)
    before = memory("VmRSS")
    output = dmf.hessian(problem, factors)
    return (memory("VmHWM") - before) / output.nbytes


def memory(field: str) -> int:
    """A line of this process's status, in bytes."""
    with open("/proc/self/status") as status:
        return next(1024 * int(line.split()[1]) for line in status if line.startswith(field))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(measure_peak(tuple(map(int, sys.argv[1:]))))
    else:
        main()
