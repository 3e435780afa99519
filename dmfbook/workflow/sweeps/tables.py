"""Tables of results, for spreadsheets and for programs."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dmfbook.workflow.system.files import whole

Row = Mapping[str, Any]


def write_table(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Write rows to ``path.parquet`` and ``path.csv``, each of which appears whole or not at all.

    Parameters
    ----------
    path : Path
        Where, without an ending.
    columns : sequence of str
        Names of the columns, in order.
    rows : sequence of mapping
        For each row its entries by column; one that is missing is null, in the CSV empty. A column
        of numbers is one of doubles where one of them is no integer; one of different kinds is one
        of strings.
    """
    # A tenth of a second to import, and part of an extra.
    import pyarrow
    import pyarrow.parquet

    arrays = [pyarrow.array(_alike([row.get(name) for row in rows])) for name in columns]
    table = pyarrow.Table.from_arrays(arrays, names=list(columns))
    with whole(path.with_suffix(".parquet")) as partial:
        pyarrow.parquet.write_table(table, partial)
    with whole(path.with_suffix(".csv")) as partial:
        with open(partial, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows([row.get(name) for name in columns] for row in rows)


def _alike(values: list[Any]) -> list[Any]:
    """Make the entries of a column of one kind."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float}:
        return [None if value is None else float(value) for value in values]
    if kinds == {int} and any(abs(value) >= 2**63 for value in values if value is not None):
        return [None if value is None else str(value) for value in values]
    if len(kinds) < 2 and kinds <= {bool, int, float, str}:
        return values
    if kinds == {list} and not any(isinstance(e, list) for value in values for e in value or []):
        entries = [entry for value in values for entry in value or []]
        if len({type(entry) for entry in entries}) < 2:
            return values
    return [None if value is None else str(value) for value in values]
