"""The book's statements as claims: checks against independent computations, with controls.

One module a chapter; the label of a claim is the label of its statement.
"""

from dmfbook.claims import (
    all_critical_points,
    balance,
    collapse,
    depth_bias,
    derivatives,
    end_to_end_problem,
    escape,
    exact_sharpness,
    flat_interpolators,
    flat_minima,
    initialization_scale,
    one_orbit,
    singular_value,
    spectrum_blocks,
    three_phases,
    trace_and_nuclear_norm,
    trace_and_sharpness,
    training,
)
from dmfbook.claims.claim import Claim, Evidence, Verdict, claim

# In the order of the book.
CHAPTERS = (
    derivatives,
    singular_value,
    end_to_end_problem,
    balance,
    one_orbit,
    spectrum_blocks,
    trace_and_sharpness,
    collapse,
    all_critical_points,
    exact_sharpness,
    flat_minima,
    escape,
    training,
    trace_and_nuclear_norm,
    flat_interpolators,
    three_phases,
    initialization_scale,
    depth_bias,
)

__all__ = ["CHAPTERS", "Claim", "Evidence", "Verdict", "all_claims", "claim"]


def all_claims() -> tuple[Claim, ...]:
    """All claims of the book, in its order.

    Returns
    -------
    tuple of Claim
        One a theorem, proposition, corollary or observation.

    Examples
    --------
    >>> from dmfbook.claims import all_claims
    >>> print(all_claims()[0].verify(cases=3, seed=1))
    The gradient (thm-gradient)
      claim:   holds on 3 random cases
      control: fails, as it must
    """
    return tuple(
        found
        for chapter in CHAPTERS
        for found in vars(chapter).values()
        if isinstance(found, Claim)
    )
