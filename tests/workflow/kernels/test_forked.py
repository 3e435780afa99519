"""Kernels that a fork server becomes: each begins as if it were the first, and as a new one would."""

import json
import os
import re
from pathlib import Path

import pytest
from processes import alive, wait_for

from dmfbook.workflow.execution import cache
from dmfbook.workflow.execution.execute import Run
from dmfbook.workflow.execution.single import Execution
from dmfbook.workflow.kernels.forked import ForkServer
from dmfbook.workflow.sources.notebooks import Book
from dmfbook.workflow.sweeps.worker import imports

# Whatever a cell can change in its process, and a module or a setting that another could see.
POLLUTES = """\
import os, random, sys, json, signal
import numpy as np
import matplotlib.pyplot as plt
np.set_printoptions(precision=2)
np.random.seed(7)
np.leak = json.leak = 1
np.linalg.norm = len
np.seterr(all="raise")
plt.rcParams["lines.linewidth"] = 99
plt.figure()
os.environ["LEAK"] = "1"
os.chdir("/")
os.umask(0o077)
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
sys.path.insert(0, "/leak")
sys.setrecursionlimit(5000)
sys.leak = __builtins__.leak = leak = 1
"""
LOOKS = """\
import os, re, sys, json, signal, threading
import numpy as np
import matplotlib.pyplot as plt
mask = os.umask(0); os.umask(mask)
print("leak" in globals(), hasattr(np, "leak"), hasattr(json, "leak"), hasattr(sys, "leak"))
print(np.get_printoptions()["precision"], np.linalg.norm([3, 4]), np.geterr())
print(plt.rcParams["lines.linewidth"], plt.get_fignums(), os.environ.get("LEAK"), mask)
print(os.path.basename(os.getcwd()), signal.getsignal(signal.SIGUSR1), sys.path[:1])
print(sys.getrecursionlimit(), hasattr(__builtins__, "leak"), sys.flags.hash_randomization)
print(signal.getsignal(signal.SIGCHLD), os.getpgrp() == os.getpid(), sys.stdin.read(0))
# IPython's history has a thread until the first fork, wherever that is.
names = {re.sub(r"^Thread-\\d+( .*)?$", "", thread.name) for thread in threading.enumerate()}
kinds = {type(thread).__name__ for thread in threading.enumerate()} - {"HistorySavingThread"}
print(sorted(names - {"IPythonHistorySavingThread"}), sorted(kinds))
print(sorted({name for name in os.environ if not name.startswith("JPY")}), n)
"""
DRAWS = "import numpy as np\nprint(np.random.random())\nprint(n)"


@pytest.fixture
def execute(book, tmp_path):
    """Execute chapters of the miniature book, all in one server, or each in a new kernel."""
    servers = []

    def run(name, server=True):
        chapter = book.chapter(name)
        if server and not servers:
            book.built.mkdir()
            servers.append(ForkServer(book.built, ["numpy", "matplotlib.pyplot", "json"]))
        target = tmp_path / f"{name}.ipynb"
        before = cache.moment(book.root)
        one = Execution(book, Run(chapter, target), "key", before, *servers[: int(server)])
        assert one() is None
        return json.loads(target.read_text())["cells"][-1]["outputs"][0]["text"]

    yield run
    for server in servers:
        server.close()


def test_nothing_of_one_run_is_in_the_next(write_chapter, execute):
    write_chapter("pollutes", f"{POLLUTES}\nprint(n)")
    write_chapter("looks", LOOKS)
    before = execute("looks")
    execute("pollutes")
    assert execute("looks") == before
    assert execute("looks", server=False) == before


def test_copies_draw_other_numbers_where_no_seed_is_set(write_chapter, execute):
    write_chapter("draws", DRAWS)
    assert execute("draws") != execute("draws")


def test_kernels_end_with_their_server(book, tmp_path):
    server = ForkServer(tmp_path, [])
    (tmp_path / "kernel.json").write_text("{}")
    kernel = server.start(str(tmp_path / "kernel.json"), str(tmp_path), {})
    assert kernel.poll() is None and alive(kernel.pid) and os.getpgid(kernel.pid) == kernel.pid
    other = server.start(str(tmp_path / "kernel.json"), str(tmp_path), {})
    other.kill()
    assert other.wait(30) == 0 and other.poll() == 0
    assert kernel.poll() is None
    server.close()
    wait_for(lambda: not alive(kernel.pid))
    assert kernel.poll() == 0 and server.ended
    with pytest.raises(OSError):
        server.start("kernel.json", str(tmp_path), {})


def same(notebook):
    """A notebook without what differs between any two executions: seconds, dates, random names."""
    text = re.sub(r'"seconds": [\d.e-]+', "", json.dumps(notebook))
    text = re.sub(r"<dc:date>[^<]*</dc:date>", "", text)
    text = re.sub(r'"id": "[0-9a-f]{8}"', "", text)  # of the cell that papermill injects
    return re.sub(r"\b(image|[mpC])?[0-9a-f]{10}\b", "", text)


def test_a_chapter_of_the_book_comes_out_the_same(tmp_path):
    root = Path(__file__).parents[3]
    book = Book.find(root)
    chapter = book.chapter("one-singular-value")
    made = []
    server = ForkServer(book.built, imports(chapter))
    for name, servers in (("copy", [server]), ("new", [])):
        target = tmp_path / f"{name}.ipynb"
        run = Run(chapter, target, {"cases": 2})
        assert Execution(book, run, "key", cache.moment(root), *servers)() is None
        made.append(same(json.loads(target.read_text())["cells"]))
    server.close()
    assert made[0] == made[1]


def test_figures_are_not_drawn_where_nobody_keeps_them(book, write_chapter, tmp_path):
    write_chapter(
        "plots", "import matplotlib.pyplot as plt\nplt.plot([1, n])", "print(plt.get_fignums())"
    )
    chapter = book.chapter("plots")
    book.built.mkdir()
    shown = []
    for pictures in (True, False):
        server = ForkServer(book.built, imports(chapter), pictures)
        target = tmp_path / f"{pictures}.ipynb"
        one = Execution(book, Run(chapter, target), "key", cache.moment(book.root), server)
        assert one() is None
        server.close()
        shown.append([cell.get("outputs") for cell in json.loads(target.read_text())["cells"]])
    drawn, undrawn = shown
    assert "image/png" in json.dumps(drawn) and "image/png" not in json.dumps(undrawn)
    # Let go of at the end of their cell, as where they are drawn.
    assert drawn[-1] == undrawn[-1] and drawn[-1][0]["text"] == ["[]\n"]
