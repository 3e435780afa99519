"""A chain says the same as its factors: exact powers of two apart."""

from itertools import pairwise

import numpy as np
import pytest

import dmfbook as dmf
from dmfbook.network.losses.moments import input_root
from dmfbook.zero_loss.chain import ORDINARY, scaled_chain, scaled_partial_products


def gaussian(shape, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((b, a)) for a, b in pairwise(shape)]


def terms(factors, root):
    """``K_l ⊗ G_l`` for all l, by definition."""
    pairs = zip(*dmf.partial_products(factors), strict=True)
    return [np.kron(root.T @ b.T @ b @ root, a @ a.T) for a, b in pairs]


def terms_of(chain):
    """The same by a chain, without its exponent."""
    left, right = dmf.partial_products(chain.layers)
    first = np.eye(chain.sides[1]) if chain.root is None else chain.root.T @ chain.root
    grams = [first, *(b.T @ b for b in right[1:])]
    return [
        weight * np.kron(gram, a @ a.T)
        for weight, gram, a in zip(chain.weights, grams, left, strict=True)
    ]


@pytest.mark.parametrize("data", [False, True], ids=["white", "data"])
@pytest.mark.parametrize("powers", [(0, 0, 0, 0), (3, -2, 1, 0), (90, -80, 70, -60), (-70,) * 4])
def test_terms_are_those_of_the_factors(powers, data):
    factors = [np.ldexp(w, p) for w, p in zip(gaussian((3, 4, 2, 5, 3)), powers, strict=True)]
    inputs = np.random.default_rng(1).standard_normal((3, 9))
    root, shift = input_root(inputs, 3) if data else (np.eye(3), 0)
    chain = scaled_chain(factors, (root, shift) if data else None)
    expected = terms(factors, root)
    scale = 2 * shift - chain.exponent
    for found, term in zip(terms_of(chain), expected, strict=True):
        # Apart from W_1 Q, which is one more product, all is exact.
        term = np.ldexp(term, scale)
        np.testing.assert_allclose(found, term, rtol=0, atol=1e-14 * np.abs(term).max())
    assert np.all(np.log2(chain.weights) % 2 == 0) and chain.weights.max() == 1
    sizes = [np.abs(term).max() for term in terms_of(chain)]
    assert 2**-12 < max(sizes) < 2.0 ** (2 * ORDINARY)
    if max(np.abs(powers)) > 10:
        # Half of all digits are taken out, and no term is far above one.
        assert max(sizes) < 2**12


def test_layers_are_levelled():
    factors = gaussian((30,) * 61, seed=2)
    chain = scaled_chain(factors)
    left, right = dmf.partial_products(chain.layers)
    # Without that they would grow to √30**60, some 2**147.
    for product in (*left, *right):
        assert 2**-20 < np.abs(product).max() < 2**20


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("power", [0, 200, -200])
def test_a_layer_that_vanishes_leaves_one_term(place, power):
    factors = [np.ldexp(w, power) for w in gaussian((3, 4, 2, 5, 3))]
    factors[place] *= 0
    chain = scaled_chain(factors)
    found, others = terms_of(chain), [np.ldexp(w, -power) for w in factors]
    assert [l for l, term in enumerate(found) if term.any()] == [place]
    assert 2**-30 < np.abs(found[place]).max() < 2**30
    assert chain.weights[place] == chain.weights.max() == 1
    term = np.ldexp(terms(others, np.eye(3))[place], 6 * power - chain.exponent)
    np.testing.assert_allclose(found[place], term, rtol=0, atol=1e-14 * np.abs(term).max())
    factors[place - 1] *= 0
    assert not any(term.any() for term in terms_of(scaled_chain(factors)))
    assert dmf.sharpness(factors) == 0


def test_partial_products_over_powers_of_two():
    factors = gaussian((3, 4, 2, 5))
    left, right = scaled_partial_products(factors)
    expected = dmf.partial_products(factors)
    for (product, exponent), other in zip(left, expected[0], strict=True):
        np.testing.assert_allclose(np.ldexp(product, exponent), other, rtol=1e-14)
    for (product, exponent), other in zip(
        right, [*expected[1], dmf.end_to_end(factors)], strict=True
    ):
        np.testing.assert_allclose(np.ldexp(product, exponent), other, rtol=1e-13)
        assert 0.5 <= np.abs(product).max() <= 1
