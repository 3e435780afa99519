"""The search for the least sharpness, and the random factorizations from which it starts."""

import numpy as np
import pytest

import dmfbook as dmf
from dmfbook.claims.cases.sharpness.flat_points import SHALLOW_OR_NUMBERS, SHAPES, Shape
from dmfbook.claims.cases.sharpness.shared_modes import any_factorization
from dmfbook.claims.oracles.flatness.bases import descend_sharpness
from dmfbook.claims.oracles.spectra import largest_eigenvalue

every_shape = pytest.mark.parametrize(
    "shape", [*SHAPES.values(), *SHALLOW_OR_NUMBERS.values()], ids=lambda shape: str(shape.widths)
)


@every_shape
def test_a_search_descends_and_keeps_the_product(shape: Shape) -> None:
    rng = np.random.default_rng(0)
    problem = shape.problem(rng)
    found = descend_sharpness(problem, any_factorization(problem, rng))
    np.testing.assert_allclose(dmf.end_to_end(found.factors), problem.target, atol=1e-10)
    assert (np.diff(found.values) <= 0).all()
    assert found.least < found.values[0]
    assert found.least == pytest.approx(largest_eigenvalue(problem, found.factors), rel=1e-12)


def test_a_search_passes_over_a_kink() -> None:
    """Both singular values are one: the two largest eigenvalues meet long before the least is reached."""
    problem = dmf.Problem(np.eye(2), [2])
    found = descend_sharpness(problem, [np.diag([2.0, 0.5]), np.diag([0.5, 2.0])])
    assert found.least == pytest.approx(4.0, rel=1e-11)


def test_nothing_is_flatter_than_zero() -> None:
    found = descend_sharpness(dmf.Problem(np.zeros((2, 2)), [2]), [np.zeros((2, 2))] * 2)
    assert found.least == 0


@pytest.mark.parametrize(("widths", "rank"), [((3, 4, 2), 1), ((2, 3, 4, 3), 1), ((3, 2, 3, 3), 2)])
def test_a_random_factorization_has_more_than_the_target_needs(
    widths: tuple[int, ...], rank: int
) -> None:
    problem = Shape(widths, rank).problem(np.random.default_rng(0))
    ranks = set()
    for seed in range(20):
        factors = any_factorization(problem, np.random.default_rng(seed))
        np.testing.assert_allclose(dmf.end_to_end(factors), problem.target, atol=1e-12)
        ranks.add(tuple(int(np.linalg.matrix_rank(factor, 1e-9)) for factor in factors))
    assert any(max(each) > rank for each in ranks)
    assert all(min(each) >= rank for each in ranks)
