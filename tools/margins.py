"""Draw cases all over the plane of the book's map of margins, and write the worst of each cell.

``python tools/margins.py book/margins.csv [--cases 100000] [--seed 0] [--scheduler ADDRESS]``

Each part of the cases is kept in ``_build/margins`` as it is done; the same command goes on after a kill.
"""

import argparse
import csv
from pathlib import Path

from tqdm import tqdm

from dmfbook.claims import plane
from dmfbook.workflow.sources.notebooks import Book
from dmfbook.workflow.sweeps.engine import Lost, spread, workers
from dmfbook.workflow.sweeps.journal import Journal
from dmfbook.workflow.sweeps.versions import fingerprint
from dmfbook.workflow.system.files import whole
from dmfbook.workflow.system.locks import alone

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
    jobs = [(range(n, min(n + PART, chosen.cases)), chosen.seed) for n in starts]
    folder = Book.find().built / "margins"
    with alone(folder):
        journal = Journal(folder / f"{chosen.seed}.jsonl")
        ahead = [job for job in jobs if key(*job) not in journal]
        bar = tqdm(total=len(jobs), initial=len(jobs) - len(ahead), unit="part", disable=None)
        if ahead:
            with bar, workers(chosen.scheduler) as client:
                for job, part in spread(client, plane.worst_margins, ahead):
                    if isinstance(part, Lost):
                        raise SystemExit(f"workers died: {part}; run the same again")
                    journal.add(key(*job), [[*cell, *worst] for cell, worst in part.items()])
                    bar.update()
        write(chosen.table, joined(journal[key(*job)] for job in jobs))


def key(numbers, seed):
    """What a part depends on: its cases, and the versions and sources that test them."""
    return f"{fingerprint()} {numbers.start} {numbers.stop} {seed}"


def joined(parts):
    """The worst of each cell over parts as they are kept."""
    found = {}
    for part in parts:
        found = plane.together(found, {tuple(row[:3]): tuple(row[3:]) for row in part})
    return found


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
