"""Known spectra against dense eigensolvers, closed forms, and products at large sizes; in the order of torch."""

import pickle

import numpy as np
import pytest
from autograd import hessian as hessian_of
from strategies import EPS
from yardstick.networks import CASES, made

import dmfbook as dmf

KINDS = {
    dmf.zero_loss_network: "minimizer of zero loss",
    dmf.minimizer_network: "regularized minimizer",
    dmf.saddle_network: "saddle",
}


@pytest.fixture(params=CASES, scope="module")
def known(request):
    return made(CASES[request.param])


def resolution(network):
    """What rounding of the factors and of the dense Hessian may move an eigenvalue by (Weyl's inequality)."""
    return 20 * max(network.problem.widths) * network.problem.depth * EPS * network.largest


def torch_order(network):
    """Places of the entries of a vector in the order of torch within one in the order of this package."""
    places = dmf.unflatten(np.arange(network.size), network.problem.widths)
    return dmf.flatten(places, order="C").astype(int)


def test_spectrum_is_that_of_the_dense_hessian(known):
    dense = dmf.hessian(known.problem, known.factors)
    eigenvalues = np.linalg.eigvalsh(dense)
    assert np.abs(eigenvalues - known.spectrum()).max() <= resolution(known)
    assert known.trace == pytest.approx(np.trace(dense), abs=known.size * resolution(known))
    assert known.morse_index == np.count_nonzero(eigenvalues < -resolution(known))
    assert known.nullity == np.count_nonzero(np.abs(eigenvalues) <= resolution(known))


def test_point_is_critical(known):
    gradient = dmf.flatten(known.problem.gradient(known.factors))
    # A weight's gradient is, up to its rounding, an eigenvalue times the error of a weight.
    assert np.abs(gradient).max() <= resolution(known) * np.abs(known.parameters).max()


def test_leading_eigenpairs_solve_the_eigenproblem_in_the_order_of_torch(known):
    order = torch_order(known)
    dense = dmf.hessian(known.problem, known.factors)[np.ix_(order, order)]
    for which, ends in (("largest", known.top(6)), ("smallest", known.bottom(6))):
        values, directions = known.eigenpairs(which, 6)
        vectors = np.array([dmf.flatten(direction, order="C") for direction in directions])
        assert np.array_equal(values, ends)
        assert np.abs(vectors @ vectors.T - np.eye(6)).max() <= 100 * EPS
        assert np.abs(dense @ vectors.T - vectors.T * values).max() <= resolution(known)


def test_objective_is_the_loss_of_the_problem(known):
    loss = known.objective(known.factors, known.inputs, known.outputs)
    moved = [factor + 0.1 * np.abs(factor).max() for factor in known.factors]
    scale = known.problem.loss(moved)
    assert abs(loss - known.problem.loss(known.factors)) <= 1e3 * EPS * scale
    assert known.objective(moved, known.inputs, known.outputs) == pytest.approx(scale, rel=1e-12)


@pytest.mark.parametrize("name", [name for name in CASES if "(9, 6, 8)" in name])
def test_automatic_differentiation_of_the_objective_finds_the_spectrum(name):
    network = made(CASES[name])

    def value(vector):
        weights = dmf_layers(vector, network.problem.widths)
        return network.objective(weights, network.inputs, network.outputs)

    eigenvalues = np.linalg.eigvalsh(hessian_of(value)(network.parameters))
    assert np.abs(eigenvalues - network.spectrum()).max() <= 10 * resolution(network)


def dmf_layers(vector, widths):
    """A vector in the order of torch, cut into weights with operators that can be differentiated."""
    start, weights = 0, []
    for before, after in zip(widths[:-1], widths[1:], strict=True):
        weights.append(vector[start : start + before * after].reshape(after, before))
        start += before * after
    return weights


@pytest.mark.parametrize(
    "name", [name for name in CASES if "white" in name and "large" not in name]
)
def test_white_regularized_spectra_have_their_closed_form(name):
    network = made(CASES[name])
    if not network.reg:
        pytest.skip("closed forms are for positive weights")
    value, slack = dmf.end_to_end(network.factors), 1e-9 * network.largest
    (point,) = [
        point
        for point in dmf.critical_points(network.problem)
        if np.allclose(point.end_to_end, value, rtol=0, atol=1e-9 * np.abs(value).max())
    ][:1]
    assert np.abs(dmf.hessian_spectrum(point) - network.spectrum()).max() <= slack
    assert point.morse_index == network.morse_index
    if network.kind == "regularized minimizer":
        assert point.kind == "global minimizer"


@pytest.mark.parametrize("inputs_condition", [None, 30.0])
@pytest.mark.parametrize("make", KINDS)
def test_large_networks_are_what_products_say(make, inputs_condition):
    asks = {} if make is dmf.saddle_network else {"condition": 1e4}
    network = make(
        (180, 150, 160, 140),
        np.random.default_rng(3),
        leading=2,
        rank=30,
        inputs_condition=inputs_condition,
        **asks,
    )
    operator = dmf.hessian_operator(network.problem, network.factors)
    for which in ("largest", "smallest"):
        for value, direction in zip(*network.eigenpairs(which, 3), strict=True):
            vector = dmf.flatten(direction)
            assert np.abs(operator @ vector - value * vector).max() <= resolution(network)
    trace = dmf.hessian_trace(network.problem, network.factors)
    assert network.trace == pytest.approx(trace, rel=1e-10)
    # The sum of squares, from products with the rows of a random sketch, fixes the bulk as well.
    square = np.square(network.values) @ network.counts
    signs = np.random.default_rng(4).choice([-1.0, 1.0], (network.size, 20))
    images = operator @ signs
    samples = np.sum(images**2, axis=0)
    spread = samples.std(ddof=1) / len(samples) ** 0.5
    assert abs(samples.mean() - square) <= 6 * spread + 1e-9 * square
    assert network.counts.sum() == network.size


@pytest.mark.parametrize("power", [-60, 60])
@pytest.mark.parametrize("make", KINDS)
def test_spectra_in_other_units_are_the_same(make, power):
    """A multiple of the largest eigenvalue is one of all, to rounding; what is zero stays so."""
    asks = {} if make is dmf.saddle_network else {"condition": 1e4}
    one, other = (
        make((9, 6, 7, 8), np.random.default_rng(3), largest=largest, inputs_condition=3.0, **asks)
        for largest in (1.0, 2.0**power)
    )
    spectrum = np.ldexp(other.spectrum(), -power)
    assert np.abs(spectrum - one.spectrum()).max() <= resolution(one)
    assert (other.nullity, other.morse_index) == (one.nullity, one.morse_index)


@pytest.mark.parametrize("depth", [3, 10, 20])
def test_eigenvalues_of_deep_networks_vanish_but_for_pairs_with_a_mode(depth):
    """At zero loss the others belong to each output and each input of which one has a mode."""
    widths = (7, *[6] * (depth - 1), 8)
    network = dmf.zero_loss_network(widths, np.random.default_rng(0), rank=4)
    assert network.nullity == network.size - (7 * 8 - 3 * 4)
    assert network.morse_index == 0


def test_blocks_may_come_a_few_at_a_time(monkeypatch):
    case = CASES["saddle on data (10, 11, 10, 8, 10) multiple"]
    whole = made(case)
    pairs = [whole.eigenpairs(which, 9) for which in ("largest", "smallest")]
    for entries in (1, 300):
        monkeypatch.setattr("dmfbook.yardstick.blocks.TILE_ENTRIES", entries)
        pieces = made(case)
        assert np.array_equal(pieces.spectrum(), whole.spectrum())
        for which, (values, _) in zip(("largest", "smallest"), pairs, strict=True):
            found, directions = pieces.eigenpairs(which, 9)
            assert np.array_equal(found, values)
            vectors = np.array([dmf.flatten(direction) for direction in directions])
            assert np.abs(vectors @ vectors.T - np.eye(9)).max() <= 100 * EPS


def test_one_pair_and_200_bins_are_usual():
    network = made(CASES["saddle white (9, 6, 8) simple"])
    assert network.density().counts.shape == (200,)
    assert network.density(1).counts.tolist() == [network.size]
    values, directions = network.eigenpairs()
    assert values.tolist() == [network.largest] and len(directions) == 1


def test_density_counts_each_eigenvalue_once(known):
    density, spectrum = known.density(7), known.spectrum()
    assert density.counts.sum() == known.size
    assert (density.edges[0], density.edges[-1]) == (known.smallest, known.largest)
    edges = known.largest * np.array([0.013, 0.41, 0.93])
    assert np.array_equal(known.density(edges).counts, np.histogram(spectrum, edges)[0])


def test_ends_repeat_eigenvalues_as_often_as_they_occur(known):
    spectrum = known.spectrum()
    for k in (1, 2, 17, known.size):
        assert np.array_equal(known.top(k), spectrum[::-1][:k])
        assert np.array_equal(known.bottom(k), spectrum[:k])


def test_parameters_are_weights_row_by_row(known):
    assert np.array_equal(known.parameters, np.concatenate([w.ravel() for w in known.factors]))


def test_networks_survive_pickle_and_say_what_they_are(known):
    again = pickle.loads(pickle.dumps(known))
    assert repr(again) == repr(known)
    assert known.kind.split()[0] in repr(known)
    assert ("white" in repr(known)) == isinstance(known.problem.end_to_end_loss, dmf.Factorization)
    assert not known.values.flags.writeable


@pytest.mark.parametrize("method", ["top", "bottom"])
def test_numbers_of_eigenvalues_are_checked(known, method):
    with pytest.raises(ValueError, match="k must be at most N"):
        getattr(known, method)(known.size + 1)
    with pytest.raises(ValueError, match="k must be at least 1"):
        known.eigenpairs(k=0)
    with pytest.raises(ValueError, match="'largest' or 'smallest'"):
        known.eigenpairs("both")
