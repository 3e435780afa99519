"""Who waits is told what runs, and for how long."""

import contextlib
import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from dataclasses import dataclass

import pytest
from processes import COMMAND, WAITS

from dmfbook.workflow.execution import cache, progress
from dmfbook.workflow.execution.progress import Progress


@dataclass
class Chapter:
    """A chapter that is watched."""

    title: str
    cells: int = 4
    done: int = 0
    place: str = ""
    began: float | None = None
    cell_began: float | None = None
    ended: float | None = None


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on when it is told to."""

    class Clock:
        now = 1000.0

        def monotonic(self):
            return self.now

    monkeypatch.setattr(progress, "time", clock := Clock())
    return clock


def lines_of(monkeypatch, clock, steps):
    """Return what is said after each step."""
    said = []
    for step in steps:
        monkeypatch.setattr(sys, "stderr", io.StringIO())
        step()
        said.append(sys.stderr.getvalue().splitlines())
    return said


def test_log_says_each_thing_once(monkeypatch, clock):
    one, two = Chapter("one"), Chapter("two n=3")
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    shown = Progress([one, two])

    def start():
        one.began = one.cell_began = clock.now
        one.place = "cell 3"
        shown.show()

    def wait(seconds):
        def step():
            clock.now += seconds
            shown.show()

        return step

    def next_cell():
        one.place, one.cell_began = "cell 4", clock.now
        shown.show()

    def end():
        one.ended, two.began = clock.now, clock.now
        shown.show()

    steps = [shown.show, start, wait(1), wait(60), wait(1), wait(60), next_cell, wait(61), end]
    assert lines_of(monkeypatch, clock, steps) == [
        [],
        ["executing one (1 of 2)"],
        [],
        ["still one: cell 3 for 61 s (1 of 2)"],
        [],
        ["still one: cell 3 for 122 s (1 of 2)"],
        [],
        ["still one: cell 4 for 61 s (1 of 2)"],
        ["ended one after 183 s (1 of 2)", "executing two n=3 (2 of 2)"],
    ]


def test_bar_names_chapter_and_cell_and_its_clock_goes_on(book, write_chapter):
    slow = write_chapter("slow", WAITS)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
    shown = {name: value for name, value in os.environ.items() if name != "TQDM_DISABLE"}
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "run", "slow", "--no-page", "--root", book.root]
        + [cache.PACKAGE],
        stdout=theirs,
        stderr=theirs,
        env=shown,
    )
    os.close(theirs)
    told = ""
    with contextlib.suppress(OSError):  # the end of a terminal is an error
        while piece := os.read(ours, 10_000):
            told += piece.decode()
            if len(set(re.findall(r"slow: cell 3 for (\d+) s", told))) > 1:
                (slow.parent / "go").touch()
    os.close(ours)
    assert process.wait(timeout=60) == 0, told
    assert len(set(re.findall(r"slow: cell 3 for (\d+) s", told))) > 1
    assert re.search(r"slow: starting for \d+ s", told)
    assert "(1 of 1)" not in told, "a line a chapter is for logs"
