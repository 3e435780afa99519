"""Claims on many cases: the same verdict as one after another, and nothing is done twice."""

import json
import os
import signal
import subprocess
import sys

import pytest
from processes import wait_for

from dmfbook.workflow.sweeps.engine import workers
from dmfbook.workflow.sweeps.verification import verify_part

OWN = """\
import time
from dmfbook.claims import Evidence, claim
from dmfbook.claims.evidence import worst
from dmfbook.claims.oracles import MissingOracle

def check(x):
    return Evidence(max(0.0, x - 0.5), 0.49)

options = dict(
    source="this book",
    status="new",
    cases={"low": lambda rng: rng.uniform(0, 0.5), "high": lambda rng: rng.uniform(0.5, 1)},
    controls={"below one": lambda rng: rng.uniform(1, 2)},
    rivals={"below 0.7": lambda x: Evidence(x, 0.7)},
)
good = claim("own-good", "Mine", **options)(check)

@claim("own-oracle", "Untested", **options)
def oracle(x):
    raise MissingOracle("needs what is not there")

@claim("own-empty", "Nothing compared", **options)
def empty(x):
    return worst([Evidence(x, 1.0)] if x < 0.9 else [])
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    (tmp_path / "own_many.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("own_many", None)


def verify(folder, *arguments):
    command = [sys.executable, "-m", "dmfbook", "verify", "--module", "own_many"]
    return subprocess.run(
        [*command, *map(str, arguments)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_verdict_is_that_of_one_after_another_and_is_kept(own):
    import own_many

    report = own / "report.json"
    first = verify(own, "own-good", "--cases", 330, "--json", report)
    assert report.exists(), first.stdout + first.stderr
    alone = own_many.good.verify(330)
    (row,) = json.loads(report.read_text())
    said = alone.as_dict()
    for name in ("cases", "worst_error", "tolerance", "margin", "holds", "controls", "rivals"):
        assert row[name] == said[name]
    assert first.returncode == (0 if alone.passed else 1)
    for failure in alone.failures:
        assert failure.replace("verify", "verify --module own_many", 1) in first.stdout
    kept = own / "_build" / "verify" / "own_many-0.jsonl"
    assert kept.read_text().count("\n") == 7
    # More cases: all but the last part, which was not whole, is there.
    second = verify(own, "own-good", "own-oracle", "--cases", 350)
    assert kept.read_text().count("\n") == 8
    assert "own-oracle" in second.stdout and "NOT TESTED" in second.stdout
    # Whoever edits the check gets a new verdict.
    (own / "own_many.py").write_text(OWN.replace("0.49", "0.3"))
    assert "FAILS" in verify(own, "own-good", "--cases", 101).stdout


@pytest.mark.parametrize("cases", [40, 101])
def test_claims_after_one_whose_check_raises_an_error_are_tested(own, cases):
    report = own / "report.json"
    run = verify(own, "own-empty", "own-good", "--cases", cases, "--json", report)
    assert run.returncode == 1 and not run.stderr, run.stderr
    empty, good = json.loads(report.read_text())
    assert empty["holds"] is None and good["cases"] == cases
    (told,) = [line for line in run.stdout.splitlines() if "in case" in line]
    number = told.rpartition(" ")[2]
    again = f"dmfbook verify --module own_many own-empty --seed 0 --case {number}"
    assert told == f"  in case {number} of own-empty; again: {again}"
    assert "nothing was compared" in verify(own, *again.split()[4:]).stderr


def test_no_profiler_interrupts_the_workers_and_other_clusters_keep_theirs():
    pytest.importorskip("distributed")
    from dask.config import get

    setting = "distributed.worker.profile.enabled"
    before = get(setting)
    with workers(None) as client:
        assert set(client.run(get, setting).values()) == {False}
        assert get(setting) == before


def test_worker_says_what_went_wrong(own):
    told = verify_part("own-good", "own_many", "other", (0, 2), 0)
    assert "other sources" in told["raised"]


INTERRUPTED = """\
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from dmfbook_command import main
main()
"""


def test_what_was_done_before_ctrl_c_is_kept(own):
    slow = OWN.replace("    return Evidence", "    time.sleep(0.005)\n    return Evidence")
    (own / "own_many.py").write_text(slow)
    arguments = ["verify", "--module", "own_many", "own-good", "--cases", "1500"]
    kept = own / "_build" / "verify" / "own_many-0.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, *arguments],
        cwd=own,
        env=os.environ | {"PYTHONPATH": str(own)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for(lambda: kept.exists() and kept.read_text().count("\n") > 1, 60)
    # As a terminal does: to the command and to all workers that it started.
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=60)
    done = kept.read_text()
    assert process.returncode == 130 and "the same command goes on" in told, told
    assert 1 < done.count("\n") < 30
    again = verify(own, "own-good", "--cases", 1500)
    whole = kept.read_text()
    assert whole.startswith(done) and whole.count("\n") == 30, again.stderr
