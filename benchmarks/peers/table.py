"""The stored rows as a markdown table: ``python -m benchmarks.peers.table``. Needs none of the peers.

A cell has the largest relative error over the seeds, the median number of products and, if some runs gave no answer, how
many.
"""

import csv
from collections import defaultdict
from statistics import median

from benchmarks.peers import stored


def main() -> None:
    """Print one table for each precision."""
    with stored.ROWS.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for precision in ("float64", "float32"):
        cells, columns = defaultdict(list), {}
        for row in rows:
            if row["precision"] == precision:
                column = (row["family"], int(row["size"]), row["quantity"])
                cells[row["tool"], row["setting"], column].append(row)
                columns[column] = None
        print(f"\n{precision}\n")
        heads = [f"{family}, {size:,}, {quantity}" for family, size, quantity in columns]
        print("|", " | ".join(["tool", "setting", *heads]), "|")
        print("|", " | ".join(["---"] * 2 + ["--:"] * len(heads)), "|")
        for tool, setting in dict.fromkeys((row["tool"], row["setting"]) for row in rows):
            found = [cell(cells[tool, setting, column]) for column in columns]
            print("|", " | ".join([tool, setting, *found]), "|")


def cell(rows: list[dict[str, str]]) -> str:
    """Worst error, cost, failures."""
    if not rows:
        return ""
    answers = [row for row in rows if not row["failure"]]
    parts = []
    if answers:
        parts.append(f"{max(float(row['error']) for row in answers):.0e}")
        if counts := [int(row["products"]) for row in answers if row["products"]]:
            parts.append(f"({median(counts):.0f})")
    if len(answers) < len(rows):
        parts.append(f"{len(rows) - len(answers)} of {len(rows)} without answer")
    return " ".join(parts)


if __name__ == "__main__":
    main()
