"""What every claim has to say of itself. The ledger verifies them, each control and rival included."""

from pathlib import Path

import pytest

from dmfbook.claims import Claim, all_claims

every_claim = pytest.mark.parametrize("claim", all_claims(), ids=lambda claim: claim.label)


@every_claim
def test_claim_says_what_it_needs(claim: Claim) -> None:
    assert claim.controls or claim.not_needed


@every_claim
def test_claim_is_told_from_its_neighbours(claim: Claim) -> None:
    assert claim.rivals


@every_claim
def test_claim_says_whose_it_is(claim: Claim) -> None:
    references = (Path(__file__).parents[2] / "book" / "references.bib").read_text("utf-8")
    assert claim.source == "this book" or f"{{{claim.source}," in references
    assert claim.title
    assert claim.check.__doc__
