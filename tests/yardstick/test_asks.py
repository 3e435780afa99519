"""What a caller asks for is had; what cannot be had is refused with what could be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from yardstick.networks import DOMINANT, MAKERS

import dmfbook as dmf
from dmfbook.yardstick.asks import leading_end

# The equations behind the asks are solved to some 1e-14; the condition number divides by the least eigenvalue, which is
# known to a multiple of ε times the largest.
ROOTS = 1e-11


def made(maker, widths=(24, 20, 18, 22), **asks):
    return MAKERS[maker](widths, np.random.default_rng(5), **asks)


@pytest.mark.parametrize("maker", MAKERS)
@given(
    leading=st.integers(1, 6),
    gap=st.floats(1e-4, 0.06),
    spread=st.sampled_from([0.0, 1e-6, 1e-3, 0.02]),
    power=st.integers(-8, 8),
    inputs_condition=st.sampled_from([None, 1.0, 5.0]),
)
def test_leading_eigenvalues_are_those_asked_for(
    maker, leading, gap, spread, power, inputs_condition
):
    spread = spread if leading > 1 else 0.0
    asks = {"leading": leading, "gap": gap, "spread": spread, "largest": 10.0**power}
    asks["inputs_condition"] = inputs_condition
    if maker != "saddle":
        asks["condition"] = 1e6
    found = made(maker, **asks).top(leading + 1) / 10.0**power
    assert found[:leading] == pytest.approx(np.linspace(1, 1 - spread, leading), rel=ROOTS)
    assert found[leading] == pytest.approx((1 - gap) * (1 - spread), rel=ROOTS)


@pytest.mark.parametrize("maker", MAKERS)
def test_what_is_not_asked_for_is_usual(maker):
    known = made(maker)
    assert known.top(2) == pytest.approx([1, 0.95], rel=ROOTS)
    if maker == "saddle":
        assert known.morse_index == 1
    else:
        assert known.condition_number == pytest.approx(100, rel=ROOTS)


@pytest.mark.parametrize("maker", MAKERS)
def test_rank_is_that_asked_for_or_a_usual_one(maker):
    def rank(*arguments, **asks):
        return np.linalg.matrix_rank(dmf.end_to_end(made(maker, *arguments, **asks).factors))

    assert rank(rank=7) == 7
    assert rank() == 18  # as many as there is room for
    assert rank((44,) * 4) == 32
    assert rank((44,) * 4, leading=35) == 37


@pytest.mark.parametrize("widths", [(24, 20, 22), (24, 24, 24, 24), (30, 20, 25, 15, 20)])
@pytest.mark.parametrize("maker", ["zero loss", "minimizer"])
@given(power=st.floats(3, 10))
def test_condition_number_is_that_asked_for(maker, widths, power):
    known = made(maker, widths, condition=10**power)
    assert known.condition_number == pytest.approx(10**power, rel=1e-11 + 1e-14 * 10**power)


@pytest.mark.parametrize("rank", [6, 10, 20])
@pytest.mark.parametrize(("d_0", "d_L"), [(20, 20), (26, 20), (20, 26), (26, 26)])
@pytest.mark.parametrize("inputs_condition", [None, 9.0])
def test_condition_number_holds_with_units_to_spare_at_either_end(rank, d_0, d_L, inputs_condition):
    asks = {"rank": rank, "inputs_condition": inputs_condition, "condition": 2000.0}
    known = made("zero loss", (d_0, 22, 20, d_L), **asks)
    assert known.condition_number == pytest.approx(2000, rel=ROOTS)


@given(index=st.integers(1, 60), inputs_condition=st.sampled_from([None, 3.0]))
def test_morse_index_is_that_asked_for(index, inputs_condition):
    known = made("saddle", index=index, inputs_condition=inputs_condition)
    assert known.morse_index == index


@given(index=st.integers(1, 12))
def test_two_layers_have_saddles_behind_a_bottleneck(index):
    assert made("saddle", (12, 6, 9), index=index).morse_index == index


@given(share=st.floats(0.01, 0.99), depth=st.integers(5, 8), index=st.integers(1, 5))
def test_negative_eigenvalue_is_larger_in_size_than_the_others(share, depth, index):
    excess = 0.1 if index > 1 else 0.0
    dominance = 1 + share * ((depth - 2) / (2 + excess) - 1)
    known = made("saddle", (7,) * (depth + 1), dominance=dominance, index=index, largest=3.0)
    assert known.largest == pytest.approx(3.0, rel=ROOTS)
    assert known.smallest == pytest.approx(-3.0 * dominance, rel=ROOTS)
    assert known.morse_index == index


@pytest.mark.parametrize("condition", [1.0, 40.0])
def test_inputs_have_the_condition_number_asked_for(condition):
    for maker, asks in (
        ("zero loss", {"condition": 1e4}),
        ("minimizer", {"condition": 1e4}),
        ("saddle", {}),
    ):
        known = made(maker, inputs_condition=condition, **asks)
        moments = np.linalg.eigvalsh(known.inputs.T @ known.inputs)[::-1]
        # Beyond the modes of the target of a minimizer, else from the first on, they decline geometrically.
        strongest = 19 if maker == "minimizer" else 1
        assert moments[:strongest] == pytest.approx(np.ones(strongest), rel=ROOTS)
        expected = np.geomspace(1, 1 / condition, 25 - strongest)
        assert moments[strongest - 1 :] == pytest.approx(expected, rel=ROOTS)


def test_inputs_may_have_one_direction_beyond_the_modes():
    """The modes of a minimizer and the one it leaves out take the other five."""
    widths, asks = (6, 8, 8, 9), {"condition": 1e3}
    known = made("minimizer", widths, rank=4, inputs_condition=4.0, **asks)
    moments = np.linalg.svd(known.inputs, compute_uv=False) ** 2
    assert moments == pytest.approx([1, 1, 1, 1, 1, 0.25], rel=ROOTS)
    alike = made("minimizer", widths, rank=5, inputs_condition=1.0, **asks)
    assert np.linalg.svd(alike.inputs, compute_uv=False) == pytest.approx(np.ones(6), rel=ROOTS)
    shallow = made("minimizer", (6, 8, 6), rank=6, **asks)
    assert np.linalg.matrix_rank(dmf.end_to_end(shallow.factors)) == 6


@pytest.mark.parametrize("widths", [(24, 20, 18, 22), (9, 9, 10, 9, 9)])
def test_last_mode_and_the_one_left_out_are_as_far_from_the_threshold(widths):
    known = made("minimizer", widths, condition=1e5)
    target = np.linalg.svd(known.outputs, compute_uv=False)
    rank = np.linalg.matrix_rank(dmf.end_to_end(known.factors))
    last, left_out = target[rank - 1 : rank + 1]
    middle = dmf.collapse_threshold(known.reg, len(widths) - 1)
    # Up to the square of the distance.
    assert (last + left_out) / 2 - middle == pytest.approx(0, abs=1e-3 * (last - left_out))


@pytest.mark.parametrize("widths", [(12, 9, 11), (24, 20, 18, 22), (12, 10, 11, 10, 12)])
def test_modes_behind_the_leading_group_decline_geometrically_from_half_way(widths):
    """Their first pair is not far below what follows the group; of pairs ``μ⁺`` as in the head of the module."""
    depth, leading = len(widths) - 1, 2
    known = made("minimizer", widths, leading=leading, gap=0.04, condition=1e4)
    value = np.linalg.svd(known.factors[0], compute_uv=False)
    value = value[value > 1e-9 * value[0]]
    steps = value[leading + 2 :] / value[leading + 1 : -1]
    assert steps == pytest.approx(np.full(len(steps), steps[0]), rel=1e-9)

    def pair(w):
        first, sums = value[0], (value[0] ** depth + w**depth)
        sums += known.reg * (first ** (2 - depth) + w ** (2 - depth))
        return 2 * sums * (first**depth - w**depth) / (first**2 - w**2)

    head = value[leading + 1] / steps[0]
    assert pair(head) == pytest.approx((0.96 + pair(value[-1])) / 2, rel=1e-9)


@pytest.mark.parametrize("index", [1, 5, 16])
def test_a_mode_left_out_is_half_way_between_two_that_are_there(index):
    """By logarithms; and the last mode's squares are a fiftieth of the eigenvalue after the group."""
    known = made("saddle", index=index)
    there = np.linalg.svd(dmf.end_to_end(known.factors), compute_uv=False)[:18]
    left_out = np.linalg.svd(known.outputs, compute_uv=False)[18 - index]
    assert left_out**2 == pytest.approx(there[17 - index] * there[18 - index], rel=1e-9)
    for layer in (known.factors[0], known.factors[-1]):
        square = np.linalg.svd(layer, compute_uv=False)[:18] ** 2
        assert square[-1] / square[0] == pytest.approx(0.95 / 50, rel=1e-9)


@pytest.mark.parametrize("widths", [(12, 8, 9, 10), (10, 9, 8, 12)])
def test_largest_possible_indices_can_be_had(widths):
    assert made("saddle", widths, index=12).morse_index == 12
    deep = (widths[0], 8, 8, 8, 8, widths[-1])
    assert made("saddle", deep, index=10, **DOMINANT).morse_index == 10


WRONG_ASKS = {
    "gap": ((1, 0.0, 0.06, 1.0), 700.0),
    "leading": ((2, 0.0, 0.05, 1.0), 700.0),
    "spread": ((2, 1e-6, 0.05, 1.0), 700.0),
    "largest": ((1, 0.0, 0.05, 1.0 + 1e-6), 700.0),
    "condition": ((1, 0.0, 0.05, 1.0), 700.5),
}


@pytest.mark.parametrize(("asks", "condition"), WRONG_ASKS.values(), ids=WRONG_ASKS)
def test_networks_that_came_out_otherwise_are_refused(asks, condition):
    known = made("zero loss", condition=700.0)
    assert leading_end(1, 0.0, 0.05, 1.0).check(known, 700.0) is known
    with pytest.raises(ValueError, match="no such network was found"):
        leading_end(*asks).check(known, condition)


REFUSED = {
    "one layer": ("zero loss", {"widths": (4, 3)}, "widths must hold at least 3 numbers"),
    "rank": ("zero loss", {"rank": 30}, "rank must be from 3 to 18"),
    "low rank": ("minimizer", {"rank": 2}, "rank must be from 3 to 18"),
    "one mode": ("zero loss", {"rank": 1}, "rank must be from 3 to 18"),
    "rank of a saddle": ("saddle", {"rank": 2}, "rank must be from 3 to 18"),
    "rank of all outputs": ("minimizer", {"widths": (9, 8, 8, 6), "rank": 6}, "from 3 to 5"),
    "rank of all inputs": ("saddle", {"widths": (9, 12, 12, 10), "rank": 9}, "from 3 to 8"),
    "many leading": ("zero loss", {"leading": 40}, "rank must be from 42 to 18"),
    "spread of one": ("zero loss", {"spread": 0.1}, "a spread needs at least 2 leading"),
    "wide spread": ("zero loss", {"leading": 2, "spread": 1.0}, "spread must be below 1, got 1"),
    "gap": ("zero loss", {"gap": 0.0}, "gap must lie between 0 and 1, got 0"),
    "whole gap": ("zero loss", {"gap": 1.0}, "gap must lie between 0 and 1, got 1"),
    "gap of the depth": ("zero loss", {"widths": (9,) * 5, "gap": 0.75}, "never below 1/4"),
    "gap beyond depth": ("zero loss", {"gap": 0.7}, "never below 1/3 of the largest at depth 3"),
    "gap beyond weights": ("minimizer", {"gap": 0.5}, "must have .* above 0.7589 at depth 3"),
    "condition": ("zero loss", {"condition": 2.0}, "condition must be at least 3.604"),
    "no condition": ("zero loss", {"condition": 0.0}, "condition must be positive"),
    "negative condition": ("minimizer", {"condition": -5.0}, "condition must be positive"),
    "endless condition": ("minimizer", {"condition": np.inf}, "condition must be positive"),
    "weak condition": ("minimizer", {"condition": 20.0}, "condition must be at least 39"),
    "condition of the tail": ("zero loss", {"condition": 3.4}, "condition must be at least 3.604"),
    "condition of the weight": ("minimizer", {"condition": 30.0}, "condition must be at least 39"),
    "wide group": (
        "minimizer",
        {"leading": 2, "spread": 0.2, "gap": 0.001, "condition": 1e4},
        "no modes are left between",
    ),
    "inputs": ("zero loss", {"inputs_condition": 0.5}, "inputs_condition must be a number from 1"),
    "all inputs": (
        "minimizer",
        {"widths": (6, 8, 8, 9), "rank": 5, "inputs_condition": 4.0},
        "rank must be from 3 to 4",
    ),
    "mild inputs": (
        "minimizer",
        {"widths": (6, 8, 8, 9), "rank": 5, "inputs_condition": 1.5},
        "rank must be from 3 to 4",
    ),
    "index and outputs": (
        "saddle",
        {"widths": (12, 8, 9, 10), "index": 13},
        "be at most 12 for rank 8",
    ),
    "index and inputs": (
        "saddle",
        {"widths": (10, 9, 8, 12), "index": 13},
        "be at most 12 for rank 8",
    ),
    "index": ("saddle", {"index": 10**4}, "index must be at most"),
    "spare hidden units": ("saddle", {"widths": (8, 8, 8)}, "hidden width of a saddle of depth 2"),
    "shallow": ("saddle", DOMINANT, "a dominance needs depth 5 or more, got depth 3"),
    "dominance": (
        "saddle",
        {"widths": (7,) * 6, "dominance": 1.6},
        "dominance must lie between 1 and 1.5 at depth 5",
    ),
    "less than dominance": (
        "saddle",
        {"widths": (7,) * 6, "dominance": 1.45, "index": 3},
        "dominance must lie between 1 and 1.429 at depth 5 and index 3",
    ),
    "nearly deep": (
        "saddle",
        {"widths": (7,) * 5} | DOMINANT,
        "needs depth 5 or more, got depth 4",
    ),
    "dominant inputs": (
        "saddle",
        {"widths": (7, 8, 8, 8, 8, 9), "index": 8} | DOMINANT,
        "index must be at most 7",
    ),
    "dominant outputs": (
        "saddle",
        {"widths": (9, 8, 8, 8, 8, 7), "index": 8} | DOMINANT,
        "index must be at most 7",
    ),
    "all dominant inputs": (
        "saddle",
        {"widths": (7,) * 6, "index": 7, "inputs_condition": 3.0} | DOMINANT,
        "first width must be above 7",
    ),
    "dominant index": ("saddle", {"widths": (7,) * 7, "index": 8} | DOMINANT, "index must be at m"),
    "both": ("saddle", {"widths": (7,) * 7, "leading": 2} | DOMINANT, "together with a dominance"),
    "largest": ("zero loss", {"largest": -1.0}, "largest must be positive and finite, got -1"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_had_is_refused(name):
    maker, asks, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        made(maker, **asks)


@pytest.mark.parametrize("maker", MAKERS)
def test_arguments_of_the_wrong_kind_are_refused(maker):
    make, rng = MAKERS[maker], np.random.default_rng(0)
    with pytest.raises(TypeError, match="rng must be a numpy.random.Generator"):
        make((9, 6, 8), 0)
    for name in ("gap", "spread", "largest", "inputs_condition"):
        with pytest.raises(TypeError, match=f"{name} must be a number"):
            make((9, 6, 8), rng, **{name: "1"})
    with pytest.raises(TypeError, match="leading must be an integer"):
        make((9, 6, 8), rng, leading=1.5)


@pytest.mark.parametrize("make", [dmf.zero_loss_network, dmf.minimizer_network])
def test_least_condition_number_that_the_message_names_can_be_had(make):
    widths, rng = (24, 20, 18, 22), np.random.default_rng(0)
    with pytest.raises(ValueError, match="condition must be at least") as caught:
        make(widths, rng, condition=2.0)
    least = float(str(caught.value).split("at least ")[1].split(" ")[0])
    known = make(widths, rng, condition=1.001 * least)
    assert known.condition_number == pytest.approx(1.001 * least, rel=ROOTS)
