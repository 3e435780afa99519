"""Zero-loss points of networks on data: against dense Hessians, and against searches over factors."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import minimize, minimize_scalar
from scipy.sparse import csr_array
from scipy.sparse.linalg import eigsh

import dmfbook as dmf
from dmfbook.network.losses.moments import input_root
from dmfbook.zero_loss import leading
from dmfbook.zero_loss.chain import scaled_chain

# Numbers, vectors, bottlenecks, unequal widths; wide outer layers, for which the spaces of low rank are grown.
SHAPES = [
    (3, 4, 2),
    (1, 3, 1),
    (1, 2, 3, 2, 1),
    (5, 3, 1),
    (1, 4, 3, 6),
    (5, 2, 1, 3, 4),
    (4, 5, 3),
]
LARGE = [(250, 60, 245), (30, 260, 240), (250, 12, 30, 260), (260, 90, 20, 7)]
ACCURACY = 1e-11  # ten times what the iteration asks of itself


def gaussian(shape, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((b, a)) / np.sqrt(a) for a, b in pairwise(shape)]


def samples(size, kind, seed=0):
    """Correlated inputs of unequal size; or fewer of them than dimensions; or more."""
    rng = np.random.default_rng(seed)
    count = {"square": size, "few": max(1, size // 2), "many": 3 * size}[kind]
    return rng.standard_normal((size, count)) * np.geomspace(0.1, 3, size)[:, None]


def problem_of(factors, inputs):
    """The linear network's problem whose outputs the factors fit."""
    loss = dmf.Regression(inputs, dmf.end_to_end(factors) @ inputs)
    return dmf.Problem(loss, [len(factor) for factor in factors[:-1]])


@pytest.mark.parametrize("kind", ["square", "few", "many"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_sharpness_on_data_is_the_top_of_the_dense_hessian(shape, kind):
    factors, inputs = gaussian(shape), samples(shape[0], kind)
    hessian = dmf.hessian(problem_of(factors, inputs), factors)
    top = np.linalg.eigvalsh(hessian)[-1]
    assert dmf.sharpness(factors, inputs) == pytest.approx(top, rel=ACCURACY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leading, "DIRECT", 0)
        assert dmf.sharpness(factors, inputs) == pytest.approx(top, rel=ACCURACY)
    value, moves = dmf.sharpest_direction(factors, inputs)
    direction = dmf.flatten(moves)
    assert value == pytest.approx(top, rel=ACCURACY)
    assert np.linalg.norm(direction) == pytest.approx(1, abs=1e-12)
    assert np.linalg.norm(hessian @ direction - value * direction) <= 1e-8 * value


@pytest.mark.parametrize("kind", ["few", "many"])
@pytest.mark.parametrize("shape", LARGE, ids=str)
def test_sharpness_of_wide_layers_on_data_agrees_with_lanczos(shape, kind):
    factors, inputs = gaussian(shape), samples(shape[0], kind)
    operator = dmf.hessian_operator(problem_of(factors, inputs), factors)
    start = np.ones(operator.shape[0])
    top = eigsh(operator, k=1, which="LA", v0=start, tol=1e-11, return_eigenvectors=False)[0]
    assert dmf.sharpness(factors, inputs) == pytest.approx(top, rel=10 * ACCURACY)
    value, moves = dmf.sharpest_direction(factors, inputs)
    direction = dmf.flatten(moves)
    assert np.linalg.norm(operator @ direction - value * direction) <= 1e-8 * value


@pytest.mark.parametrize("shape", [*SHAPES, *LARGE], ids=str)
def test_white_inputs_change_nothing(shape):
    factors, white = gaussian(shape), np.eye(shape[0])
    assert dmf.sharpness(factors, white) == pytest.approx(dmf.sharpness(factors), rel=2 * ACCURACY)
    target, depth = dmf.end_to_end(factors), len(factors)
    for least in (dmf.flat_sharpness, dmf.flattest_trace):
        assert least(target, depth, white) == pytest.approx(least(target, depth), rel=1e-12)


def test_only_the_second_moment_matters():
    rng = np.random.default_rng(0)
    factors, inputs = gaussian((4, 5, 6, 3)), samples(4, "many")
    turned = inputs @ np.linalg.qr(rng.standard_normal((12, 12)))[0]
    value = dmf.sharpness(factors, inputs)
    assert dmf.sharpness(factors, turned) == pytest.approx(value, rel=ACCURACY)
    # A direction without inputs is as good as absent.
    padded = [np.hstack([factors[0], rng.standard_normal((5, 2))]), *factors[1:]]
    more = np.concatenate([inputs, np.zeros((2, 12))])
    assert dmf.sharpness(padded, more) == pytest.approx(value, rel=ACCURACY)
    for nothing in (np.zeros((4, 3)), np.zeros((4, 9))):
        assert dmf.sharpness(factors, nothing) == 0
        value, moves = dmf.sharpest_direction(factors, nothing)
        assert value == 0 and np.linalg.norm(dmf.flatten(moves)) == pytest.approx(1)
        chain = scaled_chain(factors, input_root(nothing, 4))
        pair = leading.leading_pair(chain, 1e-12)
        assert pair.value == 0 and (pair.left @ pair.right.T).shape == chain.sides


def test_samples_are_read_in_blocks(monkeypatch):
    factors, inputs = gaussian((3, 5, 6, 4)), samples(3, "many")
    value = dmf.sharpness(factors, inputs)
    monkeypatch.setattr("dmfbook.network.losses.moments.BLOCK_ENTRIES", 7)  # two columns at a time
    assert dmf.sharpness(factors, inputs) == pytest.approx(value, rel=ACCURACY)


def random_case(seed):
    """A target of any rank, its depth, inputs of any rank, and hidden widths that let it through."""
    rng = np.random.default_rng(seed)
    outer, depth = rng.integers(1, 5, 2), int(rng.integers(2, 6))
    rank = int(rng.integers(1, outer.min() + 1))
    target = rng.standard_normal((outer[1], rank)) @ rng.standard_normal((rank, outer[0]))
    inputs = samples(int(outer[0]), ["square", "few", "many"][seed % 3], seed)
    return target, depth, inputs, rng.integers(outer.min(), 6, depth - 1), rng


def symmetric_case(seed):
    """Repeated singular values of target and inputs, in bases that agree or do not."""
    rng = np.random.default_rng(seed)
    values = rng.choice([1.0, 2.0], size=(2, 4))
    turn = np.linalg.qr(rng.standard_normal((4, 4)))[0] if seed % 2 else np.eye(4)
    depth = 2 + seed % 4
    return np.diag(values[0]), depth, turn * values[1], rng.integers(4, 6, depth - 1), rng


@pytest.mark.parametrize("case", [random_case, symmetric_case])
@pytest.mark.parametrize("seed", range(12))
def test_flat_factors_attain_the_least_sharpness_on_data(case, seed):
    target, depth, inputs, hidden, rng = case(seed)
    factors = dmf.flat_factors(target, hidden, rng, inputs=inputs)
    assert [len(factor) for factor in factors] == [*hidden, len(target)]
    fitted = target @ inputs
    error = np.linalg.norm(dmf.end_to_end(factors) @ inputs - fitted)
    assert error <= 1e-13 * np.linalg.norm(fitted)
    top = np.linalg.eigvalsh(dmf.hessian(problem_of(factors, inputs), factors))[-1]
    assert dmf.flat_sharpness(target, depth, inputs) == pytest.approx(top, rel=1e-11)


@pytest.mark.parametrize("seed", range(6))
def test_least_sharpness_is_that_of_the_best_direction(seed):
    # 2 L max ‖Mv‖^{2−2/L} ‖v‖_S^{2/L}, sought over v; with two columns over all angles.
    target, depth, inputs, *_ = random_case(seed)

    def lost(v):
        image = np.linalg.norm(target @ inputs @ v) ** (2 - 2 / depth)
        return -image * np.linalg.norm(inputs @ v) ** (2 / depth) / (v @ v)

    rng = np.random.default_rng(seed)
    starts = rng.standard_normal((10, inputs.shape[1]))
    best = min(minimize(lost, start, options={"gtol": 1e-10}).fun for start in starts)
    flat = dmf.flat_sharpness(target, depth, inputs)
    assert flat == pytest.approx(-2 * depth * best, rel=1e-9)


@pytest.mark.parametrize("columns, depth", [(1, 2), (2, 2), (2, 3), (3, 3)])
def test_no_search_over_factors_goes_below_the_least_sharpness(columns, depth):
    rng = np.random.default_rng(columns + 10 * depth)
    target, inputs = rng.standard_normal((2, columns)), samples(columns, "many", depth)
    flat, width = dmf.flat_sharpness(target, depth, inputs), 2
    problem = dmf.Problem(dmf.Regression(inputs, target @ inputs), [width] * (depth - 1))
    start = dmf.zero_loss_factors(target, [width] * (depth - 1), rng, condition=2.0)

    def changed(vector):
        turns = np.eye(width) + vector.reshape(-1, width, width)
        factors = list(start)
        for l, turn in enumerate(turns):
            factors[l] = turn @ factors[l]
            factors[l + 1] = factors[l + 1] @ np.linalg.inv(turn)
        return factors

    def top(vector):
        return float(np.log(np.linalg.eigvalsh(dmf.hessian(problem, changed(vector)))[-1]))

    # Without derivatives, since the largest eigenvalue has none where it is repeated, as at the minimum.
    found, size = np.zeros((depth - 1) * width**2), 0.3
    for _ in range(3):
        simplex = np.concatenate(
            [[found], found + size * rng.standard_normal((len(found), len(found)))]
        )
        options = {"initial_simplex": simplex, "maxfev": 700, "adaptive": True}
        found, size = minimize(top, found, method="Nelder-Mead", options=options).x, size / 2
    excess = np.exp(top(found)) / flat - 1
    assert -1e-9 <= excess <= 0.05


@pytest.mark.parametrize("depth", [2, 3, 9])
def test_least_sharpness_of_diagonal_matrices(depth):
    # The best direction mixes a weak input that the target magnifies with a strong one that it does not.
    target, inputs = np.array([1.0, 100.0]), np.array([4.0, 0.2])

    def value(share):
        weights = np.array([1 - share, share]) * inputs**2
        return -((target**2 @ weights) ** (1 - 1 / depth) * weights.sum() ** (1 / depth))

    best = minimize_scalar(value, bounds=(0, 1), method="bounded", options={"xatol": 1e-12}).fun
    flat = dmf.flat_sharpness(np.diag(target), depth, np.diag(inputs))
    assert flat == pytest.approx(-2 * depth * best, rel=1e-10)
    assert -best > max(-value(0), -value(1)) * 1.01


@pytest.mark.parametrize("seed", range(9))
def test_flattest_factors_attain_the_least_trace_on_data(seed):
    target, depth, inputs, hidden, rng = random_case(seed)
    factors = dmf.flattest_factors(target, hidden, rng, inputs=inputs)
    fitted = target @ inputs
    error = np.linalg.norm(dmf.end_to_end(factors) @ inputs - fitted)
    assert error <= 1e-12 * np.linalg.norm(fitted)
    trace = np.trace(dmf.hessian(problem_of(factors, inputs), factors))
    assert dmf.flattest_trace(target, depth, inputs) == pytest.approx(trace, rel=1e-12)
    for _ in range(20):
        others = [rng.standard_normal(factor.shape) for factor in factors]
        product = dmf.end_to_end(others)
        trace = dmf.hessian_trace(problem_of(others, inputs), others)
        assert trace >= dmf.flattest_trace(product, depth, inputs) * (1 - 1e-12)


@pytest.mark.parametrize("count", [1, 2, 9])
def test_inputs_that_are_one_sample_again_and_again(count):
    """A single number is fitted, the length of ``M x``, by inputs of one direction: closed forms without a search."""
    rng = np.random.default_rng(count)
    target, sample, depth = rng.standard_normal((2, 4)), rng.standard_normal(4), 3
    inputs = np.tile(sample[:, None], count)
    fitted = np.sqrt(count) * np.linalg.norm(target @ sample)
    size = np.sqrt(count) * np.linalg.norm(sample)
    flat = 2 * depth * fitted ** (2 - 2 / depth) * size ** (2 / depth)
    assert dmf.flat_sharpness(target, depth, inputs) == pytest.approx(flat, rel=1e-13)
    trace = 2 * depth * (2 * size**2) ** (1 / depth) * fitted ** (2 - 2 / depth)
    assert dmf.flattest_trace(target, depth, inputs) == pytest.approx(trace, rel=1e-13)
    for make in (dmf.flat_factors, dmf.flattest_factors):
        factors = make(target, (1, 3), rng, inputs=inputs)
        assert np.allclose(dmf.end_to_end(factors) @ sample, target @ sample, rtol=1e-13)
        # Nothing is done to what no sample shows.
        beyond = np.linalg.svd(sample[None])[2][1:]
        assert np.abs(factors[0] @ beyond.T).max() <= 1e-13 * np.linalg.norm(factors[0])
    factors = dmf.flat_factors(target, (1, 3), rng, inputs=inputs)
    assert dmf.sharpness(factors, inputs) == pytest.approx(flat, rel=1e-11)


@pytest.mark.parametrize("depth", [2, 3, 10, 1000])
@pytest.mark.parametrize("weak", [1.0, 1e-3, 1e-7])
@pytest.mark.parametrize("strong", [1e-5, 1.0, 1e6])
def test_least_sharpness_of_unequal_inputs(depth, weak, strong):
    # Of diagonal matrices only the shares of v along both axes count: all of them, on a logarithmic scale.
    target, inputs = np.array([1.0, strong]), np.array([1.0, weak])

    def lost(log_odds):
        share = 1 / (1 + np.exp(-log_odds))
        outputs = 1 - share + share * (strong * weak) ** 2
        given = 1 - share + share * weak**2
        return -((1 - 1 / depth) * np.log(outputs) + np.log(given) / depth)

    grid = np.linspace(-45, 45, 1001)
    best = grid[np.argmin([lost(x) for x in grid])]
    bounds = (best - 0.1, best + 0.1)
    found = minimize_scalar(lost, bounds=bounds, method="bounded", options={"xatol": 1e-10}).fun
    flat = dmf.flat_sharpness(np.diag(target), depth, np.diag(inputs))
    assert flat == pytest.approx(2 * depth * np.exp(-found), rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_the_spectrum_at_flat_factors_is_known(seed):
    """``2((L−1) T/p + p^{L−1} Σ)`` for independent outputs, each eigenvalue once an output."""
    rng, depth = np.random.default_rng(seed), 3
    target, inputs = rng.standard_normal((2, 4)), samples(4, "many", seed)
    factors = dmf.flat_factors(target, (3, 2), rng, inputs=inputs)
    values = np.linalg.eigvalsh(dmf.hessian(problem_of(factors, inputs), factors))[::-1]
    split = np.linalg.norm(factors[-1], 2) ** 2
    factor = np.linalg.svd(inputs, full_matrices=False)
    gram = factor[0] * factor[1]
    both = (depth - 1) / split * (target @ gram).T @ (target @ gram)
    both = both + split ** (depth - 1) * np.diag(factor[1] ** 2)
    expected = 2 * np.repeat(np.linalg.eigvalsh(both)[::-1], 2)
    np.testing.assert_allclose(values[:8], expected, rtol=0, atol=1e-12 * expected[0])
    assert np.abs(values[8:]).max() <= 1e-12 * expected[0]


@pytest.mark.parametrize("inputs", [[[2.0], [0.0]], np.zeros((2, 1)), np.zeros((2, 5))], ids=str)
def test_a_target_that_no_input_sees(inputs):
    target = np.diag([0.0, 3.0])
    assert dmf.flat_sharpness(target, 3, inputs) == dmf.flattest_trace(target, 3, inputs) == 0
    rng = np.random.default_rng(0)
    for factors in (
        dmf.flat_factors(target, (3, 2), rng, inputs=inputs),
        dmf.flattest_factors(target, (3, 2), rng, inputs=inputs),
    ):
        assert not np.any(dmf.end_to_end(factors)) and dmf.sharpness(factors, inputs) == 0
    # What is to spare has no size either.
    assert not any(map(np.any, dmf.flat_factors(target, (3, 2), rng, spare=1.0, inputs=inputs)))


FACTORS = gaussian((3, 4, 2))
BAD = {
    "rows": (np.ones((2, 5)), ValueError, r"3 rows, one sample a column, got shape \(2, 5\)"),
    "a vector": (np.ones(3), ValueError, "inputs must be a matrix"),
    "empty": (np.ones((3, 0)), ValueError, "must not be empty"),
    "NaN": (np.full((3, 2), np.nan), ValueError, "inputs must be finite"),
    "complex": (1j * np.ones((3, 2)), TypeError, "real numbers"),
    "sparse": (csr_array(np.eye(3)), TypeError, "dense array"),
    "a generator": ((column for column in np.eye(3)), TypeError, "real numbers"),
    "masked": (np.ma.masked_array(np.eye(3)), TypeError, "masked"),
    "text": ("inputs", TypeError, "real numbers"),
}


@pytest.mark.parametrize("inputs, error, message", BAD.values(), ids=BAD)
def test_bad_inputs_are_refused(inputs, error, message):
    target, rng = np.ones((2, 3)), np.random.default_rng(0)
    for call in (
        lambda: dmf.sharpness(FACTORS, inputs),
        lambda: dmf.sharpest_direction(FACTORS, inputs),
        lambda: dmf.flat_sharpness(target, 2, inputs),
        lambda: dmf.flat_factors(target, (4,), rng, inputs=inputs),
        lambda: dmf.flattest_trace(target, 2, inputs),
        lambda: dmf.flattest_factors(target, (4,), rng, inputs=inputs),
    ):
        with pytest.raises(error, match=message):
            call()
