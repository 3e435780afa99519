"""A sweep on real processes: every run has its row, whoever is killed."""

import csv
import json
import os
import signal

from processes import wait_for
from pyarrow import parquet

GLUE = "from myst_nb import glue\nglue('square', n**2, display=False)"
# As soon as so many runs are done, something is killed.
FIRST = 2


def rows(folder):
    with open(folder / "results.csv", newline="") as file:
        found = list(csv.DictReader(file))
    table = parquet.read_table(folder / "results.parquet").to_pylist()
    assert len(table) == len(found)
    return table


def done(folder):
    path = folder / "runs.jsonl"
    return path.read_text().count("\n") if path.exists() else 0


def test_every_row_is_there_when_a_worker_was_killed(
    write_chapter, sweep, scheduler, start_worker, tmp_path
):
    write_chapter("one", "import time\ntime.sleep(0.3)", GLUE)
    output = tmp_path / "results"
    start_worker()
    doomed = start_worker()
    process = sweep("one", "--over", "n=1:10", "--scheduler", scheduler, "--output", output)
    wait_for(lambda: done(output) >= FIRST or process.poll() is not None, 60)
    os.killpg(doomed.pid, signal.SIGKILL)
    told, errors = process.communicate(timeout=60)
    assert process.returncode == 0, told + errors
    assert "10 of 10 runs passed" in told
    assert [(row["n"], row["square"], row["passed"], row["error"]) for row in rows(output)] == [
        (n, n**2, True, "") for n in range(1, 11)
    ]


def test_killed_sweep_goes_on_where_it_was(write_chapter, sweep, scheduler, start_worker, tmp_path):
    write_chapter("one", "import time\ntime.sleep(0.2)", GLUE)
    output = tmp_path / "results"
    start_worker()
    arguments = ["one", "--over", "n=1:6", "--scheduler", scheduler, "--output", output]
    process = sweep(*arguments)
    wait_for(lambda: done(output) >= FIRST or process.poll() is not None, 60)
    process.kill()
    process.communicate()
    kept = done(output)
    with open(output / "runs.jsonl", "a") as file:
        file.write('["torn')
    told, errors = sweep(*arguments).communicate(timeout=60)
    assert f"6 runs, {kept} of them done before" in errors
    assert [row["square"] for row in rows(output)] == [1, 4, 9, 16, 25, 36]
    assert len(list((output / "notebooks").glob("n=*.ipynb"))) == 6
    about = json.loads((output / "sweep.json").read_text())
    assert about["chapter"] == "one" and "numpy" in about["versions"]


def test_lost_scheduler_is_told_and_what_is_done_is_kept(
    write_chapter, sweep, mortal_scheduler, start_worker, tmp_path
):
    write_chapter("one", "import time\ntime.sleep(0.2)", GLUE)
    output = tmp_path / "results"
    doomed, address = mortal_scheduler
    start_worker(address)
    process = sweep("one", "--over", "n=1:8", "--scheduler", address, "--output", output)
    wait_for(lambda: done(output) >= FIRST or process.poll() is not None, 60)
    os.killpg(doomed.pid, signal.SIGKILL)
    told, errors = process.communicate(timeout=120)
    assert process.returncode == 1, told + errors
    assert "the scheduler is gone" in errors and "Traceback" not in errors
    assert FIRST <= sum(row["passed"] for row in rows(output)) < len(rows(output)) == 8


def test_failed_runs_are_listed_and_kept(write_chapter, sweep, scheduler, start_worker, tmp_path):
    start_worker()
    write_chapter(
        "one",
        "import os, signal\nif n == 2:\n    raise ValueError('two', seed)",
        "if n == 3:\n    os.kill(os.getpid(), signal.SIGKILL)",
        GLUE,
        parameters="n: int = 3  # size\nseed = 0  # of nothing",
    )
    output = tmp_path / "results"
    arguments = [
        "one",
        "--over",
        "n=1:3",
        "--seeds",
        2,
        "--scheduler",
        scheduler,
        "--output",
        output,
    ]
    process = sweep(*arguments)
    told, errors = process.communicate(timeout=90)
    assert process.returncode == 1, told + errors
    assert "2 of 6 runs passed" in told and "failed: n=2 seed=1: cell 3" in told
    found = rows(output)
    assert [(row["n"], row["seed"], row["square"], row["passed"]) for row in found] == [
        *[(1, 0, 1, True), (1, 1, 1, True), (2, 0, None, False), (2, 1, None, False)],
        *[(3, 0, None, False), (3, 1, None, False)],
    ]
    assert "ValueError: ('two', 1)" in found[3]["error"]
    assert "DeadKernelError" in found[4]["error"]
    assert len(list((output / "failed").glob("n=2*.ipynb"))) == 2
    # What failed by itself would fail again; a kernel that died is tried again.
    told, errors = sweep(*arguments, "--no-notebooks").communicate(timeout=90)
    assert "6 runs, 4 of them done before" in errors
    assert [row["passed"] for row in rows(output)] == [row["passed"] for row in found]


def test_without_a_scheduler_processes_of_this_machine_work(write_chapter, sweep, tmp_path):
    write_chapter("one", GLUE)
    output = tmp_path / "results"
    told, errors = sweep("one", "--output", output, "--no-notebooks").communicate(timeout=120)
    assert "1 of 1 runs passed" in told, told + errors
    assert [row["square"] for row in rows(output)] == [9]
    assert sorted(path.name for path in output.iterdir() if path.name[0] != ".") == [
        *["results.csv", "results.parquet", "runs.jsonl", "sweep.json"],
        *["verdicts.csv", "verdicts.parquet"],
    ]


def test_nothing_is_run_into_a_folder_of_something_else(write_chapter, command, tmp_path):
    write_chapter("one", GLUE)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    for place, why in (("mine", "holds something else"), ("book", "the book's sources")):
        told = command("sweep", "one", "--output", tmp_path / place)
        assert told.exit_code == 2 and why in told.output
