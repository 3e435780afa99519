"""No scale is special: every function is homogeneous, to the last bit, from 2^-400 to 2^400.

Each module of tests/homogeneity has a table ``ROWS`` of names and rows, one module a part of the package. To add a
function, add a line to the table of its part:

    "what is scaled": Row(function, {arguments}, {degrees of the arguments}, degree of the result)

The arguments are multiplied by powers of two to their degrees. Nothing is rounded by that, so the result has to
come with the very bits of the unscaled one; where it is beyond the range of float64 it has to be infinite, or an
OverflowError.
"""

import importlib
from pathlib import Path

import pytest

TABLES = sorted(
    path.stem for path in (Path(__file__).parent / "homogeneity").glob("*.py") if path.stem != "row"
)
ROWS = {
    f"{table}: {name}": row
    for table in TABLES
    for name, row in importlib.import_module(f"homogeneity.{table}").ROWS.items()
}


@pytest.mark.parametrize("name", ROWS)
def test_results_scale_as_they_should(name):
    row = ROWS[name]
    for power in row.powers:
        row.check(power)
