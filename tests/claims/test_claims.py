"""Every claim holds, every control fails and every rival is refuted, at a seed that can be set.

``DMFBOOK_SEED`` sets it; ``make night`` repeats the same on many more cases at seeds of its own.
"""

import os
from pathlib import Path

import pytest

from dmfbook.claims import Claim, all_claims

SEED = int(os.environ.get("DMFBOOK_SEED", "20261126"))

every_claim = pytest.mark.parametrize("claim", all_claims(), ids=lambda claim: claim.label)


@every_claim
def test_claim_passes(claim: Claim) -> None:
    claim.verify(cases=3, seed=SEED).require()


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
