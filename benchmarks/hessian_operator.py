"""The operator's product beside evaluations of the loss and products by automatic differentiation.

Run as ``python -m benchmarks.hessian_operator``. One thread each: two that wait for each other on a busy
machine measure the neighbours.
"""

import os

os.environ |= {
    "OPENBLAS_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}

import jax
import numpy as np

import dmfbook as dmf
from benchmarks import timing

GOAL = "goal: a product within 3 times of two evaluations of loss and gradient"
COLUMNS = 16
LARGE = [(200, 300, 250), (150, 200, 180, 220, 120), (100, *(90, 110, 120) * 9, 80, 100)]


def main() -> None:
    """Print the table."""
    jax.config.update("jax_enable_x64", True)
    print(f"\nHessian–vector product ({GOAL})\n")
    timing.print_head(
        ["depth", "widths", "N", "product (ms)", "product / two evaluations"]
        + [f"matmat of {COLUMNS}, a column / product", "jax / product"]
    )
    for widths in timing.PROFILES + LARGE:
        problem, factors = timing.random_case(widths)
        best = timing.fastest(contestants(problem, factors), seconds=5.0)
        timing.print_row(
            [
                *timing.describe(problem),
                f"{1e3 * best['product']:.2f}",
                f"{best['product'] / (2 * best['evaluation']):.2f}",
                f"{best['matmat'] / COLUMNS / best['product']:.2f}",
                f"{best['jax'] / best['product']:.1f}",
            ]
        )


def contestants(problem, factors):
    """A product, an evaluation of loss and gradient, a product with many columns, jax's product."""
    loss = timing.objective(problem, jax.numpy, jax.numpy.asarray)
    jax_product = jax.jit(lambda point, move: jax.jvp(jax.grad(loss), (point,), (move,))[1])
    operator = dmf.hessian_operator(problem, factors)
    directions = np.random.default_rng(1).standard_normal((problem.size, COLUMNS))
    direction = directions[:, 0].copy()
    jax_arguments = [jax.numpy.asarray(value) for value in (dmf.flatten(factors), direction)]
    functions = {
        "product": lambda: operator @ direction,
        "evaluation": lambda: (problem.loss(factors), problem.gradient(factors)),
        "matmat": lambda: operator @ directions,
        "jax": lambda: jax_product(*jax_arguments).block_until_ready(),
    }
    expected = functions["product"]()
    np.testing.assert_allclose(np.asarray(functions["jax"]()), expected, rtol=0, atol=1e-9)
    return functions


if __name__ == "__main__":
    main()
