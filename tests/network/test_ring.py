"""Sweeps around the ring of layers: the same products wherever it is cut."""

import numpy as np
import pytest
from loss_cases import LOSSES, loss_case
from strategies import EPS, real_case

import dmfbook as dmf
from dmfbook.network.ring import Ring, Sweeps

every_loss = pytest.mark.parametrize("loss", [loss for loss, _ in LOSSES.values()], ids=LOSSES)


@every_loss
@pytest.mark.parametrize("hidden", [(5, 3, 6), (1,), (3, 1, 2), (9, 9)], ids=str)
def test_every_cut_gives_the_same_products(loss, hidden):
    problem, factors = loss_case(loss, hidden)
    directions = np.random.default_rng(1).standard_normal((4, problem.size))
    hessian = dmf.hessian(problem, factors)
    # Entries are of order 10 at most, sums of fewer than 1,000 terms.
    for cut in range(problem.depth + 1):
        ring = Ring(problem.end_to_end_loss, factors, cut)
        for shape in ((4, problem.size), (problem.size,)):
            some = directions[: shape[0]] if len(shape) == 2 else directions[0]
            out = np.full(shape, np.nan)
            Sweeps(ring, problem.reg, len(some) if some.ndim == 2 else 1).apply(some, out)
            np.testing.assert_allclose(out, some @ hessian, rtol=0, atol=1e5 * EPS)
            over = some.copy()
            Sweeps(ring, problem.reg, len(some) if some.ndim == 2 else 1).apply(over, over)
            np.testing.assert_array_equal(over, out)


def test_the_narrowest_sweep_is_chosen():
    def cut(*widths):
        problem, factors = real_case(widths, seed=2)
        return Ring(problem.end_to_end_loss, factors).cut

    assert cut(78, 12, 8, 3) == 3
    assert cut(3, 12, 78) == 0
    assert cut(40, 20, 4, 20, 50) == 2
    assert cut(4, 6, 2, 2, 3, 30) == 2
    assert cut(60, 4, 4, 90, 9) == 4
    assert cut(4, 2, 5, 8, 4) == 1
    assert cut(1, 7, 1, 9, 1) in (0, 2, 4)


class Stackless:
    """A loss whose curvature forgets that directions may be stacked."""

    shape = (2, 3)

    def value(self, X):
        return np.sum(X**2)

    def gradient(self, X):
        return 2 * X

    def curvature(self, X, Z):
        return 2 * Z if Z.ndim == 2 else 2 * Z[0]


def test_a_curvature_of_the_wrong_shape_is_refused():
    problem = dmf.Problem(Stackless(), (4,))
    operator = dmf.hessian_operator(problem, [np.ones((4, 3)), np.ones((2, 4))])
    assert (operator @ np.ones(20)).shape == (20,)
    with pytest.raises(ValueError, match="curvature must have shape"):
        operator @ np.ones((20, 2))
