"""curvlinops: its Hessian as an operator for SciPy's ``eigsh``, and Papyan's density."""

from collections.abc import Callable
from functools import partial
from math import log, sqrt

from curvlinops import HessianLinearOperator
from curvlinops.papyan2020traces.spectrum import lanczos_approximate_spectrum

from benchmarks.peers import density
from benchmarks.peers.case import Answer, Case, Tool
from benchmarks.peers.scipy_solvers import by_eigsh
from benchmarks.peers.with_torch import module

STEPS = 128
KAPPA = 3.0


class Counted(HessianLinearOperator):
    """The Hessian, which counts its products."""

    case: Case

    def _matmat(self, M):
        self.case.products += M[0].shape[-1]
        return super()._matmat(M)


def operator(case: Case) -> Counted:
    """The Hessian of a case."""
    model, criterion, inputs, targets = module(case)
    parameters, data = list(model.parameters()), [(inputs, targets)]
    found = Counted(model, criterion, parameters, data, check_deterministic=False)
    found.case = case
    return found


def eigenvalues(case: Case, **settings) -> Callable[[], Answer]:
    """SciPy's solver on the exported operator, which is of float64 unless one asks for another."""
    return by_eigsh(case, operator(case).to_scipy(), **settings)


def quadrature(case: Case, repeats: int) -> Callable[[], Answer]:
    """The density on a grid, and the blur that its documentation states."""
    hessian, steps = operator(case), min(STEPS, case.known.size)

    def run() -> Answer:
        grid, curve = lanczos_approximate_spectrum(hessian, steps, num_repeats=repeats, kappa=KAPPA)
        sigma = 2 / (steps - 1) / sqrt(8 * log(KAPPA)) * float(grid[-1] - grid[0]) / 2
        return density.of_curve(case.known, grid.numpy(), curve.numpy(), sigma)

    return run


TOOLS = {
    ("curvlinops eigsh", "defaults"): Tool(
        partial(eigenvalues, which="LM"), "largest in size", "eigsh(H.to_scipy()): 'LM', tol=0"
    ),
    ("curvlinops eigsh", "tight"): Tool(
        partial(eigenvalues, which="LA"), "largest", "eigsh(H.to_scipy(), which='LA')"
    ),
    ("curvlinops density", "defaults"): Tool(
        partial(quadrature, repeats=1), "density", "lanczos_approximate_spectrum(H, ncv=128)"
    ),
    ("curvlinops density", "10 repeats"): Tool(
        partial(quadrature, repeats=10),
        "density",
        "lanczos_approximate_spectrum(H, ncv=128, num_repeats=10)",
    ),
}
