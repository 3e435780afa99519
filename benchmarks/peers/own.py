"""dmfbook's own eigensolver on its own products, for comparison; it is not told the answer."""

from collections.abc import Callable

import dmfbook as dmf
from benchmarks.peers.case import Answer, Case, Tool, sequence

# What its documentation states, relative to the largest modulus of an eigenvalue.
RESIDUAL = 1e-10


def eigenvalues(case: Case) -> Callable[[], Answer]:
    """Leading eigenvalues from the factors and the problem, for any point."""
    known = case.known

    def run() -> Answer:
        values, _ = dmf.leading_eigenpairs(known.problem, known.factors, case.asked)
        return Answer(sequence(values), RESIDUAL, converged=True)

    return run


TOOLS = {
    ("dmfbook", "defaults"): Tool(
        eigenvalues, "largest", "leading_eigenpairs(problem, factors, k)", ("float64",)
    )
}
