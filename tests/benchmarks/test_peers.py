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
# A float64 factor moves an eigenvalue by a small multiple of L ε; the spectrum itself does not depend on the seed.
ROUNDING = 1e-12
STORED = {(row["family"], row["size"]) for row in ROWS}


def known(network):
    return getattr(dmf, network["maker"])(
        network["widths"], np.random.default_rng(0), **network["options"]
    )


def test_a_row_is_of_the_grid_and_there_once():
    promised = Counter()
    for network in HEADER["networks"]:
        largest = ["largest", "second"][: 2 if "leading" in network["options"] else 1]
        runs = [(*tool, q) for tool in network["tools"] for q in largest]
        runs += [(*tool, "density") for tool in network["density_tools"]]
        for precision in HEADER["precisions"]:
            for seed in range(network["seeds"]):
                for tool, setting, quantity in runs:
                    place = network["family"], str(network["size"]), tool, setting
                    promised[(*place, precision, str(seed), quantity)] += 1
    names = ("family", "size", "tool", "setting", "precision", "seed", "quantity")
    found = Counter(tuple(row[name] for name in names) for row in ROWS)
    assert found and found <= promised


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
    [each for each in HEADER["networks"] if (each["family"], str(each["size"])) in STORED],
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
