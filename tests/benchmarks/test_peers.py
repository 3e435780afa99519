"""The stored rows of the measurement of Hessian tools: of the grid, readable, and exact where they say so."""

import csv
import json
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import dmfbook as dmf

FOLDER = Path(__file__).parents[2] / "book" / "downloads"
HEADER = json.loads(FOLDER.joinpath("peers.json").read_text("utf-8"))
with FOLDER.joinpath("peers.csv").open(newline="", encoding="utf-8") as file:
    ROWS = list(csv.DictReader(file))
with FOLDER.joinpath("peers_memory.csv").open(newline="", encoding="utf-8") as file:
    MEMORY = list(csv.DictReader(file))
# A float64 factor moves an eigenvalue by a small multiple of L ε; the spectrum itself does not depend on the seed.
ROUNDING = 1e-12


def known(network):
    return getattr(dmf, network["maker"])(
        network["widths"], np.random.default_rng(0), **network["options"]
    )


def promised(network):
    """Keys of all rows of a network."""
    largest = ["largest", "second"][: 2 if "leading" in network["options"] else 1]
    runs = [(*tool, q, network["seeds"]) for tool in network["tools"] for q in largest]
    runs += [(*tool, "density", network["density_seeds"]) for tool in network["density_tools"]]
    for tool, setting, quantity, seeds in runs:
        for precision in HEADER["precisions"]:
            for seed in range(seeds):
                place = network["family"], str(network["size"]), tool, setting
                yield (*place, precision, str(seed), quantity)


def test_every_row_of_the_grid_is_there_once():
    names = ("family", "size", "tool", "setting", "precision", "seed", "quantity")
    found = Counter(tuple(row[name] for name in names) for row in ROWS)
    assert found == Counter(key for network in HEADER["networks"] for key in promised(network))


def test_ten_seeds_of_every_family_are_there():
    families = {row["family"] for row in ROWS}
    tens = {(row["family"], row["size"]) for row in ROWS if row["seed"] == "9"}
    assert {(family, "10000") for family in families} <= tens


def test_peak_of_memory_is_there_for_all_that_answers_at_ten_thousand_parameters_and_more():
    names = ("family", "size", "tool", "setting", "precision")
    answers = {
        tuple(row[name] for name in names)
        for row in ROWS
        if int(row["size"]) >= 10_000 and row["quantity"] == "largest" and not row["failure"]
    }
    measured = [tuple(row[name] for name in names) for row in MEMORY]
    assert len(set(measured)) == len(measured) and answers <= set(measured)
    for row in MEMORY:
        if tuple(row[name] for name in names) in answers:
            assert int(row["peak_bytes"]) > 0


def test_a_row_has_an_answer_or_a_reason():
    assert list(ROWS[0]) == HEADER["columns"]
    for row in ROWS:
        if row["failure"]:
            continue
        value, error = float(row["value"]), float(row["error"])
        assert math.isfinite(value) and error >= 0 and float(row["wall_seconds"]) > 0
        if row["quantity"] != "density":
            exact = float(row["exact"])
            assert error == pytest.approx(abs(value - exact) / abs(exact), rel=1e-9, abs=1e-300)


@pytest.mark.parametrize(
    "network",
    HEADER["networks"],
    ids=lambda each: f"{each['family']}-{each['size']}",
)
def test_exact_values_are_those_that_the_package_computes(network):
    spectrum = known(network)
    exact = {"largest": spectrum.top(1)[0], "density": spectrum.trace, "second": spectrum.top(2)[1]}
    ends = np.concatenate([spectrum.top(2), spectrum.bottom(2)])
    by_size = ends[np.argsort(-np.abs(ends), kind="stable")]
    promises = {(tool["tool"], tool["setting"]): tool["promise"] for tool in HEADER["tools"]}
    for row in ROWS:
        if (row["family"], row["size"]) == (network["family"], str(network["size"])):
            expected = exact[row["quantity"]]
            np.testing.assert_allclose(float(row["exact"]), expected, rtol=ROUNDING)
            if promises[row["tool"], row["setting"]] == "largest in size":
                expected = by_size[int(row["quantity"] == "second")]
            np.testing.assert_allclose(float(row["exact_promised"]), expected, rtol=ROUNDING)
