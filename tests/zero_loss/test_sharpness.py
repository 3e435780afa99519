"""Sharpness against whole Hessians; flat and zero-loss factors against what defines them."""

import tracemalloc
from itertools import pairwise

import autograd
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import block_diag
from scipy.sparse.linalg import ArpackNoConvergence, eigsh
from strategies import EPS, objective, widths

import dmfbook as dmf
from dmfbook.zero_loss import davidson, galerkin, leading, spectral_norm
from dmfbook.zero_loss.chain import scaled_chain

# Bottlenecks, numbers, vectors, unequal widths.
SHAPES = [
    (3, 4, 2),
    (1, 3, 1),
    (1, 2, 3, 2, 1),
    (1, 4, 3, 6),
    (5, 3, 1),
    (2, 5, 3, 4),
    (5, 2, 1, 3, 4),
    (20, 3, 18),
    (17, 2, 3, 19),
    (1, 1, 1, 1),
    (4, 1, 1, 3),
]
LARGE = [(250, 60, 245), (30, 260, 240), (250, 12, 30, 260), (270, 90, 260, 250), (1, 40, 300)]
ACCURACY = 1e-11  # ten times what the iteration asks of itself


def gaussian(shape, seed=0):
    """Gaussian factors whose product is of order one."""
    rng = np.random.default_rng(seed)
    return [
        rng.standard_normal((after, before)) / np.sqrt(before) for before, after in pairwise(shape)
    ]


def zero_loss_problem(factors):
    """The problem whose target is the product of the factors."""
    return dmf.Problem(dmf.end_to_end(factors), [len(factor) for factor in factors[:-1]])


def small_matrix(factors):
    """``2 Σ (B_lᵀ B_l) ⊗ (A_l A_lᵀ)``, dense."""
    pairs = zip(*dmf.partial_products(factors), strict=True)
    return 2 * sum(np.kron(b.T @ b, a @ a.T) for a, b in pairs)


def sharpness_both_ways(factors):
    """The sharpness from Gram matrices and from growing bases."""
    values = []
    for direct in (np.inf, 0):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(leading, "DIRECT", direct)
            values.append(dmf.sharpness(factors))
    return values


def random_orthogonal(width, seed):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((width, width)))[0]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_sharpness_is_the_top_of_the_differentiated_hessian(shape):
    factors = gaussian(shape)
    hessian = autograd.hessian(objective(zero_loss_problem(factors)))(dmf.flatten(factors))
    top = np.linalg.eigvalsh(hessian)[-1]
    # Weyl: rounding of N entries a row; the iteration's own accuracy beside it.
    assert dmf.sharpness(factors) == pytest.approx(top, rel=ACCURACY + len(hessian) * 8 * EPS)


@given(widths(max_depth=8, max_width=18), st.integers(0, 2**32 - 1), st.integers(-8, 8))
def test_sharpness_is_the_top_of_the_small_matrix(shape, seed, exponent):
    factors = gaussian(shape, seed)
    factors[0] = factors[0] * 2.0**exponent
    top = np.linalg.eigvalsh(small_matrix(factors))[-1]
    assert sharpness_both_ways(factors) == pytest.approx([top, top], rel=ACCURACY)


def test_bases_that_lack_one_column_grow():
    factors = gaussian((galerkin.ENRICH * 3 + 1,) * 4)
    top = np.linalg.eigvalsh(small_matrix(factors))[-1]
    assert sharpness_both_ways(factors) == pytest.approx([top, top], rel=ACCURACY)


KINDS = {
    "gaussian": lambda rng, size: rng.standard_normal(size) / np.sqrt(size[1]),
    "positive": lambda rng, size: np.exp(rng.normal(0, 0.03, size)) / np.sqrt(np.prod(size)),
    "constant": lambda rng, size: np.ones(size) / np.sqrt(np.prod(size)),
    "identity": lambda rng, size: np.eye(*size),
}


@given(
    st.integers(3, 6).flatmap(
        lambda depth: st.lists(
            st.tuples(
                st.sampled_from(sorted(KINDS)),
                st.lists(st.integers(1, 8), min_size=depth + 1, max_size=depth + 1),
                st.sampled_from([0.9, 0.99, 1.0, 1.01]),
            ),
            min_size=1,
            max_size=4,
        )
    ),
    st.integers(0, 2**32 - 1),
)
def test_networks_side_by_side(networks, seed):
    # Nothing couples them: a start in one finds the other's eigenvalue only if it has a part in it.
    rng = np.random.default_rng(seed)
    parts = [
        [scale * KINDS[kind](rng, (after, before)) for before, after in pairwise(shape)]
        for kind, shape, scale in networks
    ]
    factors = [block_diag(*layers) for layers in zip(*parts, strict=True)]
    top = np.linalg.eigvalsh(small_matrix(factors))[-1]
    assert sharpness_both_ways(factors) == pytest.approx([top, top], rel=ACCURACY)


@pytest.mark.parametrize(
    ("shape", "method"),
    [
        ((1, 40, 300, 1), "one number"),
        ((250, 60, 245), "two spectral norms"),
        ((100, 100, 100, 100), "Gram matrices"),
        ((299,) * 4, "Gram matrices"),  # widths of 100 L are the limit
        ((301,) * 4, "growing bases"),
        ((250, 12, 30, 260), "Gram matrices"),  # tall outer layers, narrow inside
        ((50, 400, 400, 50), "Gram matrices"),  # wide inside alone
        ((20, 60, 30, 400), "Gram matrices"),  # the last layer alone is tall
        ((220, 230, 3, 230, 215), "growing bases"),
        ((270, 90, 260, 250), "growing bases"),
        ((1, 40, 300), "two spectral norms"),
    ],
    ids=str,
)
def test_widths_decide_on_the_method(monkeypatch, shape, method):
    called = []
    for name in ("galerkin", "davidson"):
        kept = getattr(leading, name)
        monkeypatch.setattr(
            leading, name, lambda *given, kept=kept, name=name: called.append(name) or kept(*given)
        )
    factors = gaussian(shape)
    assert leading.method_for(scaled_chain(factors)) == method
    dmf.sharpness(factors)
    expected = {"growing bases": ["galerkin"], "Gram matrices": ["davidson"]}
    assert called == expected.get(method, [])


@pytest.mark.parametrize("seed", [12, 35, 41])
def test_the_error_is_within_a_coarse_tolerance(seed):
    # Early on a second eigenvalue close to the first is not seen well: its residual counts.
    factors = gaussian((8,) * 6, seed)
    chain = scaled_chain(factors)
    pair = leading.leading_pair(chain, 0.03)
    top = np.linalg.eigvalsh(small_matrix(factors))[-1]
    value = 2 * np.ldexp(pair.value, pair.exponent + chain.exponent)
    assert value == pytest.approx(top, rel=0.03)


@pytest.mark.parametrize("shape", LARGE, ids=str)
def test_sharpness_of_wide_layers_agrees_with_lanczos_on_the_hessian(shape):
    factors = gaussian(shape)
    operator = dmf.hessian_operator(zero_loss_problem(factors), factors)
    start = np.ones(operator.shape[0])
    top = eigsh(operator, k=1, which="LA", v0=start, tol=1e-11, return_eigenvectors=False)[0]
    assert dmf.sharpness(factors) == pytest.approx(top, rel=10 * ACCURACY)


@pytest.mark.parametrize("shape", SHAPES + LARGE, ids=str)
def test_sharpest_direction_is_a_unit_eigenvector(shape):
    factors = gaussian(shape)
    value, moves = dmf.sharpest_direction(factors)
    assert [move.shape for move in moves] == [factor.shape for factor in factors]
    direction = dmf.flatten(moves)
    assert np.linalg.norm(direction) == pytest.approx(1, abs=1e-12)
    assert value == pytest.approx(dmf.sharpness(factors), rel=2 * ACCURACY)
    operator = dmf.hessian_operator(zero_loss_problem(factors), factors)
    assert np.linalg.norm(operator @ direction - value * direction) <= 1e-8 * value


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_depth_two_is_a_sum_of_spectral_norms(first, hidden, last, seed):
    factors = gaussian((first, hidden, last), seed)
    norms = [np.linalg.norm(factor, 2) for factor in factors]
    assert dmf.sharpness(factors) == pytest.approx(2 * np.sum(np.square(norms)), rel=1e-13)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=9), st.integers(0, 2**32 - 1))
def test_sharpness_of_a_number_is_the_trace(hidden, seed):
    factors = gaussian((1, *hidden, 1), seed)
    trace = dmf.hessian_trace(zero_loss_problem(factors), factors)
    assert dmf.sharpness(factors) == pytest.approx(trace, rel=1e-13)


@pytest.mark.parametrize("shape", [*SHAPES, LARGE[2]], ids=str)
def test_symmetries(shape):
    factors = gaussian(shape)
    value, depth = dmf.sharpness(factors), len(factors)
    mirrored = [factor.T for factor in factors[::-1]]
    turned = list(factors)
    for l in range(depth - 1):
        turn = random_orthogonal(len(turned[l]), l)
        turned[l], turned[l + 1] = turn @ turned[l], turned[l + 1] @ turn.T
    doubled = [2 * factor for factor in factors]
    assert dmf.sharpness(mirrored) == pytest.approx(value, rel=2 * ACCURACY)
    assert dmf.sharpness(turned) == pytest.approx(value, rel=2 * ACCURACY)
    assert dmf.sharpness(doubled) == pytest.approx(4.0 ** (depth - 1) * value, rel=2 * ACCURACY)
    assert (
        dmf.sharpness([factor.tolist() for factor in factors]) == value
    )  # same numbers, same bits


@pytest.mark.parametrize("width", [3, 30, 300])
def test_repeated_eigenvalues(width):
    # Orthogonal factors: every Z is an eigenvector. Two copies of a network: all eigenvalues twice.
    orthogonal = [random_orthogonal(width, l) for l in range(4)]
    assert dmf.sharpness(orthogonal) == pytest.approx(8, rel=ACCURACY)
    half = gaussian((width, 5, width // 2 + 1, 4))
    copies = [np.kron(np.eye(2), factor) for factor in half]
    assert dmf.sharpness(copies) == pytest.approx(dmf.sharpness(half), rel=2 * ACCURACY)


@pytest.mark.parametrize("noise", [1e-14, 1e-10, 1e-6, 1e-3])
def test_nearly_repeated_eigenvalues(noise):
    rng = np.random.default_rng(0)
    # Copies of one network, told apart by their scale: every eigenvalue nine times, but for the noise.
    copies = [block_diag(*[(1 + noise * i) * w for i in range(3)]) for w in gaussian((3, 4, 5, 4))]
    # Near the identity all eigenvalues nearly agree.
    identity = [np.eye(12) + noise * rng.standard_normal((12, 12)) for _ in range(4)]
    for factors in (copies, identity):
        for l in range(len(factors) - 1):
            turn = random_orthogonal(len(factors[l]), l)
            factors[l], factors[l + 1] = turn @ factors[l], factors[l + 1] @ turn.T
        top = np.linalg.eigvalsh(small_matrix(factors))[-1]
        assert sharpness_both_ways(factors) == pytest.approx([top, top], rel=ACCURACY)
        operator = dmf.hessian_operator(zero_loss_problem(factors), factors)
        value, moves = dmf.sharpest_direction(factors)
        direction = dmf.flatten(moves)
        assert np.linalg.norm(operator @ direction - value * direction) <= 1e-8 * value


def test_no_invariant_part_is_missed():
    # Two networks side by side; only the middle layer of the second, which is zero, matters.
    weak = [0.1 * factor for factor in gaussian((150, 3, 4, 160))]
    strong = gaussian((140, 5, 3, 150), seed=1)
    strong[1] *= 0
    factors = [block_diag(first, second) for first, second in zip(weak, strong, strict=True)]
    top = 2 * np.linalg.norm(strong[0], 2) ** 2 * np.linalg.norm(strong[2], 2) ** 2
    assert dmf.sharpness(factors) == pytest.approx(top, rel=ACCURACY)


@pytest.mark.parametrize("shape", [(2, 3, 2, 4), (300, 2, 2, 300)], ids=str)
def test_vanishing_hessian(shape):
    zeros = [np.zeros((after, before)) for before, after in pairwise(shape)]
    assert sharpness_both_ways(zeros) == [0, 0]
    value, moves = dmf.sharpest_direction(zeros)
    assert value == 0 and np.linalg.norm(dmf.flatten(moves)) == pytest.approx(1)


def test_failure_is_an_error(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(davidson, "ITERATIONS", 2)
        patch.setattr(galerkin, "ITERATIONS", 2)
        for shape in ((60, 60, 70, 80), (310, 310, 320, 310)):
            with pytest.raises(FloatingPointError, match="no convergence"):
                dmf.sharpness(gaussian(shape))


def small_problem(sides, count, lone, seed=0):
    """Symmetric ``G_l`` and ``K_l`` of which the lone one and the last are the identity, and their dense map."""
    rng = np.random.default_rng(seed)
    halves = [rng.standard_normal((count, side, side)) for side in sides]
    inner, outer = (half @ half.mT for half in halves)
    right = [*[np.eye(sides[1])] * lone, *outer[lone:], outer[0]]
    dense = sum(np.kron(k, g) for g, k in zip([*inner, np.eye(sides[0])], right, strict=True))
    return inner, np.concatenate([outer[lone:], outer[:1]]), dense


@pytest.mark.parametrize("iterations", [400, 1])
@pytest.mark.parametrize("lone", [0, 1])
def test_two_leading_eigenpairs(monkeypatch, lone, iterations):
    monkeypatch.setattr(davidson, "ITERATIONS", iterations)  # after one, by decomposition
    inner, outer, dense = small_problem((4, 5), 3, lone)
    expected = np.linalg.eigvalsh(dense)[:-3:-1]
    guess = np.random.default_rng(1).standard_normal((1, 4, 5))
    values, vectors = davidson.davidson(
        inner, outer, guess, lambda values, norms: norms.max() <= 1e-9 * values[0]
    )
    np.testing.assert_allclose(values, expected, rtol=1e-14)
    columns = vectors.mT.reshape(2, 20).T
    np.testing.assert_allclose(dense @ columns, columns * values, rtol=0, atol=1e-8 * values[0])
    np.testing.assert_allclose(columns.T @ columns, np.eye(2), rtol=0, atol=1e-14)


@pytest.mark.parametrize("sides", [(1, 1), (2, 1), (3, 1), (1, 5)], ids=str)
def test_a_basis_of_the_whole_space_is_enough(monkeypatch, sides):
    monkeypatch.setattr(davidson, "DENSE", 0)
    inner, outer, dense = small_problem(sides, 2, 1)
    values, vectors = davidson.davidson(inner, outer, np.zeros((0, *sides)), lambda *given: False)
    expected = np.linalg.eigvalsh(dense)[::-1][:2]
    np.testing.assert_allclose(values, expected, rtol=1e-13)
    assert vectors.shape == (len(expected), *sides)


def test_spectral_norms_do_not_depend_on_the_lanczos_method(monkeypatch):
    def stop(*args, **kwargs):
        raise ArpackNoConvergence("%s %s", np.zeros(0), np.zeros(0))

    factors = gaussian((260, 300, 270))
    value = dmf.sharpness(factors)
    monkeypatch.setattr(spectral_norm, "eigsh", stop)
    assert dmf.sharpness(factors) == pytest.approx(value, rel=1e-12)


def test_overflow_is_an_error():
    with pytest.raises(OverflowError, match="the sharpness is beyond the range"):
        dmf.sharpness([np.full((2, 2), 1e200)] * 3)


@pytest.mark.parametrize(("shape", "multiple"), [((500, 600, 550, 520), 3), ((280,) * 4, 12)])
def test_memory_is_a_small_multiple_of_the_factors(shape, multiple):
    factors = gaussian(shape)
    dmf.sharpness(gaussian((2, 2, 2, 2)))  # loads what is loaded at first use
    tracemalloc.start()
    try:
        dmf.sharpness(factors)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak <= multiple * sum(factor.nbytes for factor in factors)


@pytest.mark.parametrize("depth", [2, 3, 7])
def test_flat_sharpness_of_a_number(depth):
    # All factors equal: 2 L (m^{1/L})^{2L − 2}.
    balanced = [[[1.5 ** (1 / depth)]]] * depth
    assert dmf.flat_sharpness([[1.5]], depth) == pytest.approx(dmf.sharpness(balanced), rel=1e-14)
    assert dmf.flat_sharpness([[-1.5]], depth) == dmf.flat_sharpness([[1.5]], depth)


@pytest.mark.parametrize("shape", [(2, 5, 3, 4), (270, 250, 260)], ids=str)
def test_spectral_products_and_imbalance(shape):
    factors = gaussian(shape)
    pairs = zip(*dmf.partial_products(factors), strict=True)
    expected = np.array([np.linalg.norm(a, 2) * np.linalg.norm(b, 2) for a, b in pairs])
    products = dmf.spectral_products(factors)
    np.testing.assert_allclose(products, expected, rtol=1e-12)
    constant = np.linalg.norm(dmf.end_to_end(factors), 2) ** (1 - 1 / len(factors))
    violation = np.max(np.abs(expected / constant - 1))
    assert dmf.spectral_imbalance(factors) == pytest.approx(violation, rel=1e-10)
    assert dmf.sharpness(factors) <= 2 * np.sum(products**2) * (1 + ACCURACY)


def test_spectral_imbalance_of_a_zero_product():
    assert dmf.spectral_imbalance([[[0.0]], [[1.0]]]) == np.inf
    assert dmf.spectral_imbalance([[[0.0]], [[0.0]]]) == 0


def test_leading_singular_vectors_of_a_large_matrix():
    for shape in [(300, 250), (260, 310)]:
        block = np.random.default_rng(0).standard_normal(shape)
        found = spectral_norm.leading_singular(block)
        value = np.ldexp(found.value, found.exponent)
        assert value == pytest.approx(np.linalg.norm(block, 2), rel=1e-12)
        np.testing.assert_allclose(block @ found.right, value * found.left, atol=1e-6 * value)


BAD = [
    (lambda: dmf.sharpness([np.eye(2)]), ValueError, "at least 2 matrices"),
    (lambda: dmf.sharpness([np.eye(2), np.eye(3)]), ValueError, "columns to follow"),
    (lambda: dmf.sharpness([np.eye(2), np.nan * np.eye(2)]), ValueError, "finite"),
    (lambda: dmf.sharpest_direction([np.eye(2), 1j * np.eye(2)]), TypeError, "real numbers"),
    (lambda: dmf.flat_sharpness(np.eye(2), 1), ValueError, "depth must be at least 2, got 1"),
    (lambda: dmf.flat_sharpness(np.ones(2), 2), ValueError, "must be a matrix"),
    (lambda: dmf.spectral_products([np.eye(2)]), ValueError, "at least 2 matrices"),
]


@pytest.mark.parametrize("call, error, message", BAD)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
