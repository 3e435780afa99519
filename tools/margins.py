"""Draw cases all over the plane of the book's map of margins, and write the worst of each cell.

``python tools/margins.py book/margins.csv [--cases 100000] [--seed 0] [--scheduler ADDRESS]``
"""

import argparse
import csv
from pathlib import Path

from tqdm import tqdm

from dmfbook.claims import plane
from dmfbook.workflow.sweeps.engine import Lost, spread, workers
from dmfbook.workflow.system.files import whole

# Cases of one task.
PART = 500


def main():
    """Read the arguments, work, write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=Path)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scheduler")
    chosen = parser.parse_args()
    starts = range(0, chosen.cases, PART)
    jobs = ((range(n, min(n + PART, chosen.cases)), chosen.seed) for n in starts)
    found = {}
    with workers(chosen.scheduler) as client:
        done = spread(client, plane.worst_margins, jobs)
        for _, part in tqdm(done, total=len(starts), unit="part", disable=None):
            if isinstance(part, Lost):
                raise SystemExit(f"workers died: {part}; run the same again")
            found = plane.together(found, part)
    write(chosen.table, found)


def write(path, found):
    """A row a cell: what it is, the borders of its column, and its worst case."""
    with whole(path) as partial, open(partial, "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["label", "depth", "from", "to", "cases", "margin", "worst_case"])
        for (label, depth, column), (cases, margin, number) in sorted(found.items()):
            borders = [f"{share:.6g}" for share in plane.SHARES[column : column + 2]]
            rows.writerow([label, depth, *borders, cases, f"{margin:.4g}", number])


if __name__ == "__main__":
    main()
