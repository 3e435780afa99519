"""What a caller asks for is had; what cannot be had is refused with what could be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from yardstick.networks import DOMINANT, MAKERS

import dmfbook as dmf

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
        moments = np.linalg.eigvalsh(known.inputs.T @ known.inputs)
        assert moments[-1] == pytest.approx(1.0, rel=ROOTS)
        assert moments[-1] / moments[0] == pytest.approx(condition, rel=ROOTS)


REFUSED = {
    "one layer": ("zero loss", {"widths": (4, 3)}, "widths must hold at least 3 numbers"),
    "rank": ("zero loss", {"rank": 30}, "rank must be from 3 to 18"),
    "low rank": ("minimizer", {"rank": 2}, "rank must be from 3 to 18"),
    "many leading": ("zero loss", {"leading": 40}, "rank must be from 42 to 18"),
    "spread of one": ("zero loss", {"spread": 0.1}, "a spread needs at least 2 leading"),
    "wide spread": ("zero loss", {"leading": 2, "spread": 1.0}, "spread must be below 1, got 1"),
    "gap": ("zero loss", {"gap": 0.0}, "gap must lie between 0 and 1, got 0"),
    "gap beyond depth": ("zero loss", {"gap": 0.7}, "never below 1/3 of the largest at depth 3"),
    "gap beyond weights": ("minimizer", {"gap": 0.5}, "must have .* above 0.7589 at depth 3"),
    "condition": ("zero loss", {"condition": 2.0}, "condition must be at least 3.604"),
    "weak condition": ("minimizer", {"condition": 20.0}, "condition must be at least 39"),
    "inputs": ("zero loss", {"inputs_condition": 0.5}, "inputs_condition must be a number from 1"),
    "all inputs": (
        "minimizer",
        {"widths": (6, 8, 8, 9), "rank": 5, "inputs_condition": 4.0},
        "rank must be from 3 to 4",
    ),
    "index": ("saddle", {"index": 10**4}, "index must be at most"),
    "spare hidden units": ("saddle", {"widths": (8, 8, 8)}, "hidden width of a saddle of depth 2"),
    "shallow": ("saddle", DOMINANT, "a dominance needs depth 5 or more, got depth 3"),
    "dominance": (
        "saddle",
        {"widths": (7,) * 6, "dominance": 1.6},
        "dominance must lie between 1 and 1.5 at depth 5",
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
