"""Measure on this machine how sweeps gain by workers: ``python tools/scaling.py book/downloads/scaling.csv``."""

import csv
import os
import sys
import tempfile
import time
from pathlib import Path

from distributed import LocalCluster

from dmfbook.workflow.sources.notebooks import Book
from dmfbook.workflow.sweeps.grid import parameter_sets
from dmfbook.workflow.sweeps.sweep import Sweep
from dmfbook.workflow.system.files import whole

# A light chapter and a heavy one, each at so many seeds.
CHAPTERS = {"one-singular-value": 16, "balance-and-layer-norms": 4}
WORKERS = (1, 2, 4)
COLUMNS = ("chapter", "runs", "workers", "seconds", "runs a minute", "seconds of one run", "load")


def measure(book, name, runs, count):
    """Carry out a sweep, rows only, on so many workers that have just started."""
    chapter = book.chapter(name)
    options = {"threads_per_worker": 1, "memory_limit": 0, "dashboard_address": "127.0.0.1:0"}
    load = os.getloadavg()[0]
    with (
        LocalCluster(n_workers=count, **options) as cluster,
        tempfile.TemporaryDirectory() as folder,
    ):
        sets = parameter_sets(chapter, [], runs)
        start = time.perf_counter()
        failed = Sweep(book, chapter, sets, Path(folder), False).carry_out(
            cluster.scheduler_address
        )
        wall = time.perf_counter() - start
        if failed:
            raise SystemExit("\n".join(failed))
        with open(Path(folder) / "results.csv", newline="") as file:
            mean = sum(float(row["seconds"]) for row in csv.DictReader(file)) / runs
    figures = (f"{wall:.1f}", f"{60 * runs / wall:.1f}", f"{mean:.2f}", f"{load:.1f}")
    return name, runs, count, *figures


def main():
    """Read the arguments, work, write the table."""
    book = Book.find()
    rows = [measure(book, *each, count) for each in CHAPTERS.items() for count in WORKERS]
    with whole(Path(sys.argv[1])) as partial, open(partial, "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])


if __name__ == "__main__":
    main()
