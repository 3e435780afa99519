"""hessian-eigenthings (pytorch-hessian-eigenthings): Lanczos, deflated power iteration, quadrature."""

from collections.abc import Callable
from functools import partial

import torch
from hessian_eigenthings import (
    HessianOperator,
    deflated_power_iteration,
    lanczos,
    spectral_density,
    supervised_loss,
)

from benchmarks.peers import density
from benchmarks.peers.case import Answer, Case, Tool, sequence
from benchmarks.peers.with_torch import module


class Counted(HessianOperator):
    """The Hessian, which counts its products."""

    case: Case

    def matvec(self, v: torch.Tensor) -> torch.Tensor:
        self.case.products += 1
        return super().matvec(v)


def operator(case: Case) -> Counted:
    """The Hessian of a case."""
    model, criterion, inputs, targets = module(case)
    found = Counted(model, [(inputs, targets)], supervised_loss(criterion))
    found.case = case
    return found


def eigenvalues(method, case: Case, **settings) -> Callable[[], Answer]:
    """The leading ones, with the residual and the verdict of the tool."""
    hessian = operator(case)
    if "max_iter" in settings:
        settings["max_iter"] = min(settings["max_iter"], case.known.size)

    def run() -> Answer:
        found = method(hessian, seed=case.seed, **settings)
        values = sequence(found.eigenvalues)[: case.asked]
        residual = float(found.residuals[0]) / abs(values[0]) if values[0] else None
        return Answer(values, residual, bool(found.converged[: case.asked].all()))

    return run


def power(case: Case, **settings) -> Callable[[], Answer]:
    """Deflated power iteration for as many as are asked for."""
    return eigenvalues(deflated_power_iteration, case, k=case.asked, **settings)


def quadrature(case: Case) -> Callable[[], Answer]:
    """The density on a grid, blurred with the tool's own width."""
    hessian = operator(case)

    def run() -> Answer:
        found = spectral_density(hessian, seed=case.seed)
        grid, curve = found.grid.numpy(), found.density.numpy()
        return density.of_curve(case.known, grid, curve, found.sigma)

    return run


TOOLS = {
    ("hessian-eigenthings Lanczos", "defaults"): Tool(
        partial(eigenvalues, lanczos), "largest in size", "lanczos(H): k=10, 20 steps"
    ),
    ("hessian-eigenthings Lanczos", "tight"): Tool(
        partial(eigenvalues, lanczos, which="LA", max_iter=100, reorthogonalize=True, tol=1e-8),
        "largest",
        "lanczos(H, which='LA', max_iter=100, reorthogonalize=True, tol=1e-8)",
    ),
    ("hessian-eigenthings power", "defaults"): Tool(
        power, "largest in size", "deflated_power_iteration(H): max_iter=100, tol=1e-4"
    ),
    ("hessian-eigenthings power", "tight"): Tool(
        partial(power, max_iter=2000, tol=1e-6),
        "largest in size",
        "deflated_power_iteration(H, max_iter=2000, tol=1e-6)",
    ),
    ("hessian-eigenthings density", "defaults"): Tool(
        quadrature, "density", "spectral_density(H): num_runs=10, lanczos_steps=80"
    ),
}
