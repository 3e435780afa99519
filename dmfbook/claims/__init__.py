"""The book's statements as claims: checks against independent computations, with controls.

One module a chapter; the label of a claim is the label of its statement.
"""

from dmfbook.claims import derivatives, ledger, singular_value
from dmfbook.claims.claim import Claim, Evidence, Verdict, all_claims, claim

__all__ = [
    "Claim",
    "Evidence",
    "Verdict",
    "all_claims",
    "claim",
    "derivatives",
    "ledger",
    "singular_value",
]
