"""Products written by hand, with torch.func and with jax, for SciPy's solvers."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import jax
import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator

from benchmarks.peers import scipy_solvers
from benchmarks.peers.case import Answer, Case, Tool
from benchmarks.peers.with_torch import tensor


def torch_operator(case: Case) -> LinearOperator:
    """Forward over reverse, with torch.func."""
    known = case.known
    weights = tuple(tensor(case, factor) for factor in known.factors)
    inputs, outputs = tensor(case, known.inputs), tensor(case, known.outputs)
    gradient = torch.func.grad(lambda layers: known.objective(layers, inputs, outputs))
    ends = np.cumsum([0, *(weight.numel() for weight in weights)]).tolist()

    def product(vector: np.ndarray) -> np.ndarray:
        flat = torch.from_numpy(vector)
        moves = tuple(
            flat[start:end].reshape(weight.shape)
            for (start, end), weight in zip(pairwise(ends), weights, strict=True)
        )
        found = torch.func.jvp(gradient, (weights,), (moves,))[1]
        return torch.cat([block.ravel() for block in found]).numpy()

    return scipy_solvers.operator(case, product)


def jax_product(case: Case) -> Callable[[jax.Array], jax.Array]:
    """Forward over reverse, with jax, on the stacked vector; not compiled."""
    jax.config.update("jax_enable_x64", case.precision == "float64")
    known = case.known
    weights = [jax.numpy.asarray(factor, case.precision) for factor in known.factors]
    inputs = jax.numpy.asarray(known.inputs, case.precision)
    outputs = jax.numpy.asarray(known.outputs, case.precision)
    point, unflatten = jax.flatten_util.ravel_pytree(weights)
    gradient = jax.grad(lambda flat: known.objective(unflatten(flat), inputs, outputs))
    return lambda vector: jax.jvp(gradient, (point,), (vector,))[1]


def jax_operator(case: Case) -> LinearOperator:
    """The compiled product."""
    compiled = jax.jit(jax_product(case))
    compiled(case.start()).block_until_ready()
    return scipy_solvers.operator(case, lambda vector: np.asarray(compiled(vector)))


def solved(
    make: Callable[[Case], LinearOperator],
    solve: Callable[[Case, LinearOperator], Callable[[], Answer]],
) -> Callable[[Case], Callable[[], Answer]]:
    """A solver on products of one kind."""
    return lambda case: solve(case, make(case))


TIGHT, LOOSE = scipy_solvers.by_eigsh, partial(scipy_solvers.by_eigsh, tol=1e-3)
BLOCK, TIGHT_BLOCK = scipy_solvers.by_lobpcg, scipy_solvers.by_tight_lobpcg
BLOCK_CALL = "lobpcg(A, X, largest=True): maxiter=20, one column for each eigenvalue asked for"
TIGHT_BLOCK_CALL = "lobpcg(A, X, largest=True, tol=1e-6 |λ|, maxiter=300), 3 more columns"
TOOLS = {
    ("torch.func eigsh", "tight"): Tool(
        solved(torch_operator, TIGHT), "largest", "eigsh(A, which='LA'): tol=0"
    ),
    ("torch.func eigsh", "tol 1e-3"): Tool(
        solved(torch_operator, LOOSE), "largest", "eigsh(A, which='LA', tol=1e-3)"
    ),
    ("torch.func lobpcg", "defaults"): Tool(solved(torch_operator, BLOCK), "largest", BLOCK_CALL),
    ("torch.func lobpcg", "tight"): Tool(
        solved(torch_operator, TIGHT_BLOCK), "largest", TIGHT_BLOCK_CALL
    ),
    ("jax eigsh", "tight"): Tool(
        solved(jax_operator, TIGHT), "largest", "eigsh(A, which='LA'): tol=0"
    ),
    ("jax eigsh", "tol 1e-3"): Tool(
        solved(jax_operator, LOOSE), "largest", "eigsh(A, which='LA', tol=1e-3)"
    ),
    ("jax lobpcg", "defaults"): Tool(solved(jax_operator, BLOCK), "largest", BLOCK_CALL),
}
