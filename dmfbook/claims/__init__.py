"""The book's statements as claims: checks against independent computations, with controls.

One module a chapter; the label of a claim is the label of its statement.
"""

from dmfbook.claims import (  # in the order of the book: importing a module registers its claims
    derivatives,
    singular_value,
    end_to_end_problem,
    balance,
    one_orbit,
)  # isort: skip
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
]
