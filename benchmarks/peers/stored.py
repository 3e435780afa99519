"""Rows that are kept as they are measured, so that a measurement that was cut short goes on."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "book" / "downloads"
ROWS, MEMORY, HEADER = (FOLDER / f"peers{end}" for end in (".csv", "_memory.csv", ".json"))
Row = dict[str, object]


@contextmanager
def table(
    path: Path, columns: tuple[str, ...], key: tuple[str, ...]
) -> Iterator[tuple[set[tuple[str, ...]], Callable[[list[Row]], None]]]:
    """The keys of the rows that are there, and a function that writes more of them."""
    done = set()
    if path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            done = {tuple(row[name] for name in key) for row in csv.DictReader(file)}
    with path.open("a" if done else "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        if not done:
            writer.writeheader()

        def write(rows: list[Row]) -> None:
            writer.writerows(rows)
            file.flush()

        yield done, write
