"""The table that the ledger's map of margins is drawn from."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from dmfbook.claims import plane
from dmfbook.regularized.scalar import fold_threshold

TABLE = Path(__file__).parents[2] / "book" / "margins.csv"


@pytest.fixture(scope="module")
def rows():
    with open(TABLE, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_table_has_every_case_once(rows):
    for claim in plane.CLAIMS:
        mine = [row for row in rows if row["label"] == claim.label]
        assert sum(int(row["cases"]) for row in mine) == 10**5
        assert len(mine) == len(plane.DEPTHS) * (len(plane.SHARES) - 1)


def test_worst_cases_are_made_again(rows):
    """Each lies in its cell; where the check missed it, it does so again."""
    for row in rows:
        column, case = plane.case(int(row["worst_case"]))
        assert f"{plane.SHARES[column]:.6g}" == row["from"] and case.depth == int(row["depth"])
    missed = [row for row in rows if float(row["margin"]) < 1]
    for row in [*missed, *rows[:: len(rows) // 20]]:
        (claim,) = (each for each in plane.CLAIMS if each.label == row["label"])
        number = int(row["worst_case"])
        assert claim(plane.case(number)[1]).holds == (float(row["margin"]) >= 1)


def test_what_is_found_does_not_depend_on_how_cases_are_shared_out():
    whole = plane.worst_margins(range(40), seed=3)
    parts = [plane.worst_margins(range(n, n + 8), seed=3) for n in range(0, 40, 8)]
    joined = parts[-1]
    for part in parts[:-1]:
        joined = plane.together(joined, part)
    assert joined == whole


def test_stationary_values_are_told_apart_that_nearly_meet():
    """At 0.004 percent above the fold they are 0.18 percent apart: less than the step of the grid that sees all others."""
    _, case = plane.case(38188)
    zero, maximum, minimum = case.extrema
    assert [each.is_minimum for each in case.extrema] == [True, False, True]
    assert zero.w == 0 and 0.001 < minimum.w / maximum.w - 1 < 0.0025
    for claim in plane.CLAIMS:
        assert claim(case).holds


def test_a_slope_that_comes_near_zero_is_no_extremum():
    """Just below the fold the loss only rises, however finely it is searched."""
    _, case = plane.case(38188)
    for little in (1e-6, 1e-4, 1e-2):
        fold = float(fold_threshold(case.reg, case.depth))
        assert len(replace(case, target=fold * (1 - little)).extrema) == 1
