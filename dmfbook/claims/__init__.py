"""The book's statements as claims: checks against independent computations, with controls.

One module a chapter; the label of a claim is the label of its statement.
"""

# isort: off  (in the order of the book: importing a module registers its claims)
from dmfbook.claims import (
    balance,
    derivatives,
    end_to_end_problem,
    one_orbit,
    singular_value,
    spectrum_blocks,
    trace_and_sharpness,
)

# isort: on
from dmfbook.claims.claim import Claim, Evidence, Verdict, all_claims, claim

__all__ = [
    "Claim",
    "Evidence",
    "Verdict",
    "all_claims",
    "balance",
    "claim",
    "derivatives",
    "end_to_end_problem",
    "one_orbit",
    "singular_value",
    "spectrum_blocks",
    "trace_and_sharpness",
]
