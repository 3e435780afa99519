"""One build at a time; one that is dead keeps nobody out."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from processes import COMMAND, WAITS, wait_for

from dmfbook.workflow.execution import cache
from dmfbook.workflow.system.errors import BookError
from dmfbook.workflow.system.locks import alone


@pytest.fixture
def start(book):
    """Start a command in a process of its own."""
    started = []

    def run(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *arguments, "--root", book.root, cache.PACKAGE],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("name", [("run", "slow"), ("build",), ("save-outputs",)])
def test_second_waits_for_the_first_and_says_so(book, write_chapter, write_toc, start, name):
    write_toc("intro", "slow")
    slow = write_chapter("slow", WAITS)
    first = start(*name)
    wait_for(lambda: (slow.parent / "pid").exists())
    second = start(*name)
    told = second.stderr.readline()
    assert told.startswith(f"waiting for process {first.pid} (") and name[0] in told
    assert second.poll() is None
    (slow.parent / "go").touch()
    for process in (first, second):
        out, error = process.communicate(timeout=60)
        assert process.returncode == 0, error
    assert "executing slow" not in error, "it finds what the first has done"
    assert not list(book.root.rglob(".lock"))


def test_runs_with_other_parameters_do_not_wait(book, write_chapter, start):
    slow = write_chapter("slow", WAITS)
    runs = [start("run", "slow", "--no-page", "-p", f"n={n}") for n in (1, 2)]
    wait_for(lambda: len(list(book.built.glob("runs/slow/*/.lock"))) == 2)
    (slow.parent / "go").touch()
    told = [run.communicate(timeout=60) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], told
    assert not [error for _, error in told if "waiting" in error]
    assert len(list(book.built.glob("runs/slow/*/slow.ipynb"))) == 2


def test_dead_holder_keeps_nobody_out_and_what_it_left_is_swept(
    book, write_chapter, write_toc, start
):
    write_toc("intro", "slow")
    slow = write_chapter("slow", WAITS)
    first = start("build")
    wait_for(lambda: (slow.parent / "pid").exists())
    left = book.built / ".html.build"
    left.mkdir()
    (left / "half.html").write_text("")
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert (book.built / ".lock").exists()
    (slow.parent / "go").touch()
    second = start("build")
    _, error = second.communicate(timeout=60)
    assert second.returncode == 0 and "waiting" not in error, error
    hidden = {path.name for path in book.built.rglob(".*")}
    assert hidden == {".dmfbook.json", ".buildinfo"}, "what belongs to the pages"


def test_jupyter_book_does_not_outlive_its_build(book, write_toc, start):
    (book.root / "book" / "more.md").write_text("# More\n")
    write_toc("intro", "more")
    build = start("build")
    wait_for(lambda: (book.built / ".html.build").exists())
    build.send_signal(signal.SIGKILL)
    build.communicate()
    ours = os.fsencode(book.built / ".html.build")
    commands = (path / "cmdline" for path in Path("/proc").glob("[0-9]*"))

    def orphan(path):
        with contextlib.suppress(OSError):
            return ours in path.read_bytes()

    orphans = [path for path in commands if orphan(path)]
    wait_for(lambda: not any(map(orphan, orphans)))


def test_same_thread_may_come_again_and_another_may_not(tmp_path):
    folder = tmp_path / "made"
    order = []

    def other():
        with alone(folder):
            order.append("other")

    with alone(folder):
        with alone(folder):
            order.append("inner")
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(timeout=0.3)
        order.append("outer")
    thread.join()
    assert order == ["inner", "outer", "other"]
    assert not list(folder.iterdir())


def test_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BookError, match="cannot write to .*file"), alone(tmp_path / "file" / "a"):
        pass


def test_many_at_once_never_meet(tmp_path):
    code = "import sys, os, pathlib\nfrom dmfbook.workflow.system.locks import alone\n"
    code += "folder = pathlib.Path(sys.argv[1])\nfor _ in range(30):\n    with alone(folder):\n"
    code += "        (folder / 'busy').mkdir()\n        (folder / 'busy').rmdir()\n"
    command = [sys.executable, "-c", code, tmp_path / "made"]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(4)]
    ends = [(process.communicate(timeout=60), process.returncode) for process in processes]
    assert [code for _, code in ends] == [0] * 4, ends
    assert not list((tmp_path / "made").iterdir())
