"""The book's statements as claims: checks against independent computations, with controls and rivals.

A folder a part and a module a chapter, as in the book; the label of a claim is the label of its statement.
"""

from types import ModuleType

from dmfbook.claims.claim import Claim, claim
from dmfbook.claims.evidence import Evidence, worst
from dmfbook.claims.flatness import flat_interpolators_recover, trace_and_nuclear_norm
from dmfbook.claims.foundations import exact_derivatives, one_singular_value
from dmfbook.claims.linear_networks import (
    collapse_on_data,
    from_a_matrix_to_a_network,
    saddles_that_hold,
    the_flattest_network,
    what_holds_for_every_loss,
    without_weight_decay,
)
from dmfbook.claims.regularized import (
    all_critical_points,
    balance_and_layer_norms,
    collapse,
    one_orbit_one_spectrum,
    the_end_to_end_problem,
    the_spectrum_in_blocks,
    trace_and_sharpness,
)
from dmfbook.claims.sharpness import escape, exact_sharpness, flat_minima, what_training_finds
from dmfbook.claims.small_initialization import (
    depth_and_implicit_bias,
    initialization_scale,
    three_phases,
)
from dmfbook.claims.training import (
    behind_a_bottleneck,
    beyond_the_edge,
    from_saddle_to_saddle,
    how_fast,
    how_strict,
    unbalanced_and_ill_conditioned,
    which_depth_denoises,
    which_flatness,
)
from dmfbook.claims.verdict import ClaimFailed, Verdict

# In the order of the book.
CHAPTERS: tuple[ModuleType, ...] = (
    exact_derivatives,
    one_singular_value,
    the_end_to_end_problem,
    balance_and_layer_norms,
    one_orbit_one_spectrum,
    all_critical_points,
    the_spectrum_in_blocks,
    trace_and_sharpness,
    collapse,
    exact_sharpness,
    flat_minima,
    escape,
    what_training_finds,
    trace_and_nuclear_norm,
    flat_interpolators_recover,
    from_a_matrix_to_a_network,
    what_holds_for_every_loss,
    the_flattest_network,
    collapse_on_data,
    without_weight_decay,
    saddles_that_hold,
    three_phases,
    initialization_scale,
    depth_and_implicit_bias,
    how_fast,
    how_strict,
    from_saddle_to_saddle,
    beyond_the_edge,
    which_flatness,
    unbalanced_and_ill_conditioned,
    behind_a_bottleneck,
    which_depth_denoises,
)

__all__ = [
    "CHAPTERS",
    "Claim",
    "ClaimFailed",
    "Evidence",
    "Verdict",
    "all_claims",
    "claim",
    "worst",
]


def all_claims() -> tuple[Claim, ...]:
    """All claims of the book, in its order.

    Returns
    -------
    tuple of Claim
        One a theorem, proposition, corollary or observation.

    Examples
    --------
    >>> from dmfbook.claims import all_claims
    >>> print(all_claims()[0].verify(cases=4, seed=1))
    The gradient (thm-gradient)
      holds on 4 cases of 4 kinds
      fails, as it must, without: the loss is the squared error
      refuted: the residual counts once; the residual counts with a plus; the
        penalty counts once
    """
    return tuple(
        found
        for chapter in CHAPTERS
        for found in vars(chapter).values()
        if isinstance(found, Claim)
    )
