"""matfree: Lanczos in jax for a number of steps that the user fixes."""

from collections.abc import Callable
from functools import partial

import jax
import numpy as np
from matfree import decomp, eig, stochtrace

from benchmarks.peers import density
from benchmarks.peers.case import Answer, Case, Tool, sequence
from benchmarks.peers.products import jax_product

PROBES = 10
STEPS = 80


def eigenvalues(case: Case, steps: int) -> Callable[[], Answer]:
    """Ritz values after some steps with full reorthogonalization, compiled as a whole."""
    number, product = min(steps, case.known.size), jax_product(case)
    decompose = eig.eigh_partial(decomp.tridiag_sym(number))
    start = jax.numpy.asarray(case.start())
    compiled = jax.jit(lambda vector: decompose(product, vector)[0]).lower(start).compile()

    def run() -> Answer:
        values = np.sort(sequence(compiled(start)))[::-1]
        return Answer(values[: case.asked].tolist(), products=number)

    return run


def quadrature(case: Case) -> Callable[[], Answer]:
    """Its tridiagonal matrices give the points and weights of stochastic Lanczos quadrature."""
    steps, product = min(STEPS, case.known.size), jax_product(case)
    tridiagonal = decomp.tridiag_sym(steps)
    sample = stochtrace.sampler_signs(jax.numpy.asarray(case.start()), num=PROBES)
    signs = sample(jax.random.PRNGKey(case.seed))

    def rule(start: jax.Array) -> tuple[jax.Array, jax.Array]:
        values, vectors = jax.numpy.linalg.eigh(tridiagonal(product, start).J_small)
        return values, vectors[0] ** 2

    compiled = jax.jit(rule).lower(signs[0]).compile()

    def run() -> Answer:
        nodes, weights = zip(*map(compiled, signs), strict=True)
        found = density.of_nodes(case.known, np.array(nodes), np.array(weights))
        return Answer(found.values, distance=found.distance, products=PROBES * steps)

    return run


TOOLS = {
    ("matfree Lanczos", "20 steps"): Tool(
        partial(eigenvalues, steps=20), "largest", "eigh_partial(tridiag_sym(20))"
    ),
    ("matfree Lanczos", "100 steps"): Tool(
        partial(eigenvalues, steps=100), "largest", "eigh_partial(tridiag_sym(100))"
    ),
    ("matfree quadrature", "10 probes"): Tool(
        quadrature, "density", "tridiag_sym(80) from 10 vectors of signs"
    ),
}
