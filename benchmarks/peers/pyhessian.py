"""PyHessian: power iteration, and stochastic Lanczos quadrature."""

import sys
from collections.abc import Callable

import numpy as np
import torch
from pyhessian import hessian as PyHessian

from benchmarks.peers import density
from benchmarks.peers.case import Answer, Case, Tool
from benchmarks.peers.with_torch import module

# The package hides its module behind the class of the same name.
INNER = sys.modules[PyHessian.__module__]
PRODUCT = INNER.hessian_vector_product


def prepare(case: Case) -> Callable[[], PyHessian]:
    """The tool on a case; what it multiplies is counted."""
    model, criterion, inputs, targets = module(case)

    def counted(*arguments):
        case.products += 1
        return PRODUCT(*arguments)

    INNER.hessian_vector_product = counted
    return lambda: PyHessian(model, criterion, data=(inputs, targets), cuda=False)


def power(tol: float, **settings) -> Callable[[Case], Callable[[], Answer]]:
    """Power iteration; its tolerance is the relative change of the estimate from one step to the next."""

    def prepared(case: Case) -> Callable[[], Answer]:
        start = prepare(case)

        def run() -> Answer:
            values, _ = start().eigenvalues(tol=tol, top_n=case.asked, **settings)
            return Answer([float(value) for value in values], claimed=tol)

        return run

    return prepared


def quadrature(supplied: bool) -> Callable[[Case], Callable[[], Answer]]:
    """The density, with ``torch.eig`` as torch had it before it was removed, or without."""

    def prepared(case: Case) -> Callable[[], Answer]:
        start = prepare(case)

        def run() -> Answer:
            removed = torch.eig
            if supplied:
                torch.eig = eig
            try:
                nodes, weights = start().density()
            finally:
                torch.eig = removed
            return density.of_nodes(case.known, np.array(nodes), np.array(weights))

        return run

    return prepared


def eig(matrix: torch.Tensor, eigenvectors: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """What ``torch.eig`` returned for a matrix with real eigenvalues: a column of real parts, one of imaginary."""
    assert eigenvectors
    values, vectors = torch.linalg.eig(matrix)
    return torch.view_as_real(values), vectors.real


TOOLS = {
    ("PyHessian", "defaults"): Tool(
        power(tol=1e-3), "largest in size", "hessian(...).eigenvalues(): maxIter=100, tol=1e-3"
    ),
    ("PyHessian", "tight"): Tool(
        power(tol=1e-8, maxIter=2000), "largest in size", "eigenvalues(maxIter=2000, tol=1e-8)"
    ),
    ("PyHessian density", "defaults"): Tool(
        quadrature(supplied=False), "density", "density(): iter=100, n_v=1"
    ),
    ("PyHessian density", "torch.eig supplied"): Tool(
        quadrature(supplied=True), "density", "density(): iter=100, n_v=1, torch.eig put back"
    ),
}
