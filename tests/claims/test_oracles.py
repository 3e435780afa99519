"""Libraries that the claims compare with."""

import numpy as np

import dmfbook as dmf
from dmfbook.claims.oracles.convex import nuclear_norm_minimizer


def test_an_answer_that_is_kept_is_not_the_callers_to_change():
    operator = dmf.entry_sampling((2, 2), 4, np.random.default_rng(0))
    values = operator.forward(np.diag([2.0, 1.0]))
    first = nuclear_norm_minimizer(operator, values)
    first[:] = 0
    np.testing.assert_allclose(
        nuclear_norm_minimizer(operator, values), np.diag([2.0, 1.0]), atol=1e-6
    )
