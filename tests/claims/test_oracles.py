"""Libraries that the claims compare with."""

import numpy as np

import dmfbook as dmf
from dmfbook.claims import all_claims
from dmfbook.claims.oracles.convex import nuclear_norm_minimizer


def test_an_answer_that_is_kept_is_not_the_callers_to_change():
    operator = dmf.entry_sampling((2, 2), 4, np.random.default_rng(0))
    values = operator.forward(np.diag([2.0, 1.0]))
    first = nuclear_norm_minimizer(operator, values)
    first[:] = 0
    np.testing.assert_allclose(
        nuclear_norm_minimizer(operator, values), np.diag([2.0, 1.0]), atol=1e-6
    )


def test_least_nuclear_norm_is_found_where_many_multipliers_certify_it():
    (claim,) = (claim for claim in all_claims() if claim.label == "obs-depth")
    (rich,) = (name for name in claim.controls if "measurements" in name)
    case = claim.example(143, 2798264341, without=rich)
    np.testing.assert_allclose(case.convex, case.truths, atol=1e-6)
