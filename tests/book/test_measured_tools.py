"""The stored rows about tools: exact values are those of the networks, and the chapter says what they show."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dmfbook as dmf

Row = dict[str, str]


@pytest.fixture(scope="module")
def rows(root: Path) -> list[Row]:
    with (root / "book" / "downloads" / "peers.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def header(root: Path) -> dict[str, Any]:
    return json.loads((root / "book" / "downloads" / "peers.json").read_text(encoding="utf-8"))


def test_columns_are_those_of_the_header(rows: list[Row], header: dict[str, Any]) -> None:
    assert list(rows[0]) == header["columns"]
    known = {(tool["tool"], tool["setting"]) for tool in header["tools"]}
    assert {(row["tool"], row["setting"]) for row in rows} <= known


def test_no_run_is_stored_twice(rows: list[Row]) -> None:
    names = ("tool", "setting", "family", "size", "precision", "seed", "quantity")
    runs = [tuple(row[name] for name in names) for row in rows]
    assert len(set(runs)) == len(runs)


def test_exact_values_are_those_of_the_networks(rows: list[Row], header: dict[str, Any]) -> None:
    for network in header["networks"]:
        own = [
            row
            for row in rows
            if (row["family"], int(row["size"])) == (network["family"], network["size"])
            and row["quantity"] != "density"
        ]
        if own and network["size"] <= 10_000:
            make = getattr(dmf, network["maker"])
            known = make(network["widths"], np.random.default_rng(0), **network["options"])
            first, second = known.top(2)
            for row in own:
                exact = {"largest": first, "second": second}[row["quantity"]]
                assert float(row["exact"]) == pytest.approx(exact, rel=1e-11)


def test_errors_are_those_of_the_values(rows: list[Row]) -> None:
    for row in rows:
        if row["quantity"] != "density" and row["error"]:
            error = abs(float(row["value"]) / float(row["exact"]) - 1)
            assert float(row["error"]) == pytest.approx(error, rel=1e-3, abs=1e-12)


def test_power_iterations_find_the_eigenvalue_that_is_largest_in_size(rows: list[Row]) -> None:
    powers = [
        row
        for row in rows
        if row["family"] == "negative one larger"
        and (row["tool"] == "PyHessian" or row["tool"].endswith("power"))
        and row["error"]
    ]
    assert powers
    for row in powers:
        assert float(row["error"]) > 1 and float(row["error_promised"]) < 0.01


def test_a_loose_krylov_method_can_miss_the_second_copy(rows: list[Row]) -> None:
    """What it returns in its place is the next eigenvalue, a twentieth below."""
    found = [
        float(row["error"])
        for row in rows
        if row["family"] == "double"
        and row["quantity"] == "second"
        and row["setting"] in ("tol 1e-3", "20 steps")
        and row["error"]
    ]
    assert any(error == pytest.approx(0.05, rel=0.01) for error in found)


def test_an_absolute_tolerance_is_met_by_any_vector_where_eigenvalues_are_tiny(
    rows: list[Row],
) -> None:
    found = [row for row in rows if row["family"] == "tiny" and row["tool"].endswith("lobpcg")]
    assert {row["setting"] for row in found if float(row["error"] or "inf") > 0.5} == {"defaults"}
