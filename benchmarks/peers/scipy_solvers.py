"""SciPy's Lanczos and LOBPCG on somebody's products."""

import warnings
from collections.abc import Callable

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh, lobpcg

from benchmarks.peers.case import Answer, Case, sequence

# Columns of the block: one more than is asked for helps a double eigenvalue and a narrow gap.
GUARDS = 3
RESIDUAL = 1e-6


def operator(case: Case, product: Callable[[np.ndarray], np.ndarray]) -> LinearOperator:
    """A function of one vector as an operator, which counts."""

    def counted(vector: np.ndarray) -> np.ndarray:
        case.products += 1
        return product(np.ascontiguousarray(vector, dtype=case.precision).ravel())

    size = case.known.size
    return LinearOperator((size, size), matvec=counted, dtype=case.precision)


def by_eigsh(
    case: Case, hessian: LinearOperator, which: str = "LA", tol: float = 0.0
) -> Callable[[], Answer]:
    """Implicitly restarted Lanczos; a tolerance of zero is the machine's."""
    start = case.start()

    def run() -> Answer:
        found = eigsh(
            hessian, k=case.asked, which=which, v0=start, tol=tol, return_eigenvectors=False
        )
        ordered = found[np.argsort(-np.abs(found))] if which == "LM" else np.sort(found)[::-1]
        claimed = tol or float(np.finfo(hessian.dtype).eps)
        return Answer(sequence(ordered), claimed, converged=True)

    return run


def by_lobpcg(case: Case, hessian: LinearOperator) -> Callable[[], Answer]:
    """With all defaults: 20 steps, and a tolerance for residuals that is absolute and grows with N."""
    start = case.start(case.asked)
    return lambda: _lobpcg(case, hessian, start)


def by_tight_lobpcg(case: Case, hessian: LinearOperator) -> Callable[[], Answer]:
    """With guard vectors, and a tolerance relative to the estimate of a first call."""
    start = case.start(case.asked + GUARDS)

    def run() -> Answer:
        rough = abs(_lobpcg(case, hessian, start).values[0])
        return _lobpcg(case, hessian, start, tol=RESIDUAL * rough, maxiter=300)

    return run


def _lobpcg(case: Case, hessian: LinearOperator, start: np.ndarray, **settings) -> Answer:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        values, _, history = lobpcg(
            hessian, start, largest=True, retResidualNormsHistory=True, **settings
        )
    found = sequence(values)
    residual = float(np.ravel(history[-1])[0]) / abs(found[0]) if history and found[0] else None
    return Answer(found[: case.asked], residual, converged=not caught)
