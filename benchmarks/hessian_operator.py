"""The operator's product beside its own matrix products alone, and beside automatic differentiation.

Run as ``python -m benchmarks.hessian_operator``. All contestants share one core: asked for one thread, jax
still runs some of its operations side by side, and two threads on a busy machine measure the neighbours.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"
if hasattr(os, "sched_setaffinity"):  # before jax counts its cores
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import time
from collections.abc import Callable

import jax
import numpy as np

import dmfbook as dmf
from benchmarks import timing

GOALS = (
    "goals: a product 1.3 times as fast as jax's, or at most 1.2 times its bare matrix products; a column in a block "
    "of 16 at most 0.7 products, where its bare products allow it"
)
COLUMNS = 16
LARGE = [(200, 300, 250), (150, 200, 180, 220, 120), (100, *(90, 110, 120) * 9, 80, 100)]
UNEQUAL = [(784, 128, 64, 10), (10, 200, 784), (784, 128, 32, 128, 784), (10, 1000, 10)]
WITH_DATA = [(30, 40, 50, 35, 25), (784, 128, 64, 10), (784, 128, 32, 128, 784)]
SAMPLES = 2000


def main() -> None:
    """Print the table."""
    jax.config.update("jax_enable_x64", True)
    print(f"\nHessian–vector product ({GOALS})\n")
    timing.print_libraries()
    print()
    timing.print_head(
        ["loss", "widths", "N", "product (ms)", "jax / product", "product / bare"]
        + ["column of 16 / product", "bare column / bare"]
    )
    rng = np.random.default_rng(0)
    cases = [("factorization", widths, None) for widths in timing.PROFILES + LARGE + UNEQUAL]
    for widths in WITH_DATA:
        inputs, outputs = (rng.standard_normal((d, SAMPLES)) for d in (widths[0], widths[-1]))
        cases.append(("data", widths, dmf.Regression(inputs, outputs, scale=1 / SAMPLES)))
    for widths in WITH_DATA[:2]:
        target = rng.standard_normal((widths[-1], widths[0]))
        cases.append(("log-cosh", widths, timing.LogCosh(target)))
    for name, widths, loss in cases:
        problem, factors = timing.random_case(widths, loss)
        # On one core all work is counted, and what others do on it is not.
        best = timing.fastest(contestants(problem, factors), 4.0, clock=time.process_time)
        described = "-".join(map(str, widths)) if len(widths) < 7 else timing.describe(problem)[1]
        timing.print_row(
            [
                name,
                described if len(widths) < 7 else f"{len(widths) - 1} layers, {described}",
                f"{problem.size:,}",
                f"{1e3 * best['product'] / COLUMNS:.3f}",
                f"{best['jax'] / best['product']:.1f}",
                f"{best['product'] / best['bare']:.2f}",
                f"{best['block'] / best['product']:.2f}",
                f"{best['bare block'] / best['bare']:.2f}",
            ]
        )


def contestants(problem, factors) -> dict[str, Callable[[], object]]:
    """All do the work of 16 products: one after the other, jax's, side by side, and their matrix products alone."""
    operator = dmf.hessian_operator(problem, factors)
    block = np.random.default_rng(1).standard_normal((problem.size, COLUMNS))
    columns = [column.copy() for column in block.T]
    loss = timing.objective(problem, jax.numpy, jax.numpy.asarray)
    jax_product = jax.jit(lambda point, move: jax.jvp(jax.grad(loss), (point,), (move,))[1])
    jax_point, *jax_columns = map(jax.numpy.asarray, [dmf.flatten(factors), *columns])
    for column, jax_column in zip(columns[:2], jax_columns, strict=False):
        found, expected = operator @ column, np.asarray(jax_product(jax_point, jax_column))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9 * np.abs(expected).max())
    return {
        "product": lambda: [operator @ column for column in columns],
        "jax": lambda: [jax_product(jax_point, c).block_until_ready() for c in jax_columns],
        "block": lambda: operator @ block,
        "bare": bare_products(operator, columns),
        "bare block": bare_products(operator, [block]),
    }


def bare_products(operator, directions) -> Callable[[], None]:
    """The matrix products of some products with the operator, recorded, to be made again without all else."""
    record = []

    def recorded(product):
        def call(a, b, out):
            record.append((product, a, b, np.empty(out.shape)))
            return product(a, b, out)

        return call

    for direction in directions:  # now its buffers exist
        operator @ direction
    buffers = [sweeps for idle in operator._idle.values() for sweeps in idle]
    for sweeps in buffers:
        sweeps._product = recorded(sweeps._product)
    turn = operator._ring.turn
    loss = operator._ring._loss
    if isinstance(loss, dmf.Regression):

        def recorded_turn(moves):
            record.append((np.matmul, moves.copy(), loss.second_moment, np.empty(moves.shape)))
            return turn(moves)

        operator._ring.turn = recorded_turn
    for direction in directions:
        operator @ direction
    operator._idle.clear()
    operator._ring.turn = turn

    def run():
        for product, a, b, out in record:
            product(a, b, out)

    return run


if __name__ == "__main__":
    main()
