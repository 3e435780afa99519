"""Every claim holds and every control fails, on cases that hypothesis generates."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dmfbook.claims import Claim, all_claims

every_claim = pytest.mark.parametrize("claim", all_claims(), ids=lambda claim: claim.label)
generators = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@every_claim
@settings(max_examples=6)
@given(rng=generators)
def test_claim_holds(claim: Claim, rng: np.random.Generator) -> None:
    evidence = claim(claim.case(rng))
    assert evidence.holds, f"error {evidence.error:.2e} beyond tolerance {evidence.tolerance:.2e}"


@every_claim
@settings(max_examples=6)
@given(rng=generators)
def test_control_fails(claim: Claim, rng: np.random.Generator) -> None:
    evidence = claim(claim.control(rng))
    assert not evidence.holds, f"error {evidence.error:.2e}, tolerance {evidence.tolerance:.2e}"


@every_claim
def test_claim_says_whose_it_is(claim: Claim) -> None:
    references = (Path(__file__).parents[2] / "book" / "references.bib").read_text("utf-8")
    assert claim.source == "this book" or f"{{{claim.source}," in references
    assert claim.title
    assert claim.check.__doc__
