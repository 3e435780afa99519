"""Execution: what a chapter sees, what is kept, and what a failure or Ctrl-C leaves."""

import json
import signal
import subprocess
import sys

import pytest
from processes import COMMAND, WAITS, alive, wait_for

from dmfbook.workflow.execution import cache
from dmfbook.workflow.execution.execute import Run, execute, variation_runs
from dmfbook.workflow.system.errors import BookError, BuildError

LOOK = """\
import os, sys
print([sys.executable, os.getcwd(), os.environ["OMP_NUM_THREADS"], n])
"""


def runs_of(book):
    """Return a run for each chapter, with defaults."""
    return [Run(c, book.built / "executed" / f"{c.name}.ipynb") for c in book.chapters()]


def load(path):
    return json.loads(path.read_text())


def printed(notebook):
    """Return all text that the notebook's cells printed."""
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    return "".join("".join(output["text"]) for output in outputs if output.get("name") == "stdout")


@pytest.fixture
def foreign_kernel(tmp_path, monkeypatch):
    """A ``python3`` of another interpreter, found before all others."""
    folder = tmp_path / "jupyter" / "kernels" / "python3"
    folder.mkdir(parents=True)
    spec = {"argv": ["/bin/false", "{connection_file}"], "display_name": "x", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))


def test_chapter_runs_once_in_this_interpreter(book, write_chapter, foreign_kernel):
    source = write_chapter("part/one", LOOK)
    (first,) = execute(book, runs_of(book))
    executed = load(first.target)
    assert printed(executed) == f"{[sys.executable, str(source.parent), '1', 3]}\n"
    assert len(executed["cells"]) == 3, "no injected cell where the defaults are used"
    assert "papermill" not in first.target.read_text()
    assert executed["cells"][2]["metadata"] == {}
    assert [path.name for path in first.target.parent.iterdir()] == ["one.ipynb"]
    before = first.target.stat().st_mtime_ns
    assert execute(book, runs_of(book)) == []
    assert first.target.stat().st_mtime_ns == before


def test_variations_are_executed_with_their_values(book, write_chapter):
    cell = "a: list[int] = [1]  # some\nb: float = 1  # one\nc = 'x'  # text"
    write_chapter("one", "print([a, b, c])", parameters=cell)
    values = {"a": [2, 3], "b": 1e-300, "c": 'it\'s \\ "so" λ'}
    (book.root / "book" / "variations.yml").write_text(json.dumps({"one": [values, values]}))
    (done,) = execute(book, variation_runs(book))
    assert printed(load(done.target)) == f"{list(values.values())}\n"
    assert execute(book, variation_runs(book)) == []


def test_failure_names_the_cell_and_lets_the_others_run(book, write_chapter):
    write_chapter("bad", "n", "# Text.", "\n\nx = 1\nx / 0")
    write_chapter("dies", "import os\nos._exit(n)")
    write_chapter("good", "print(n)")
    write_chapter("leaves", "import sys\nsys.exit()", "print(n)")
    with pytest.raises(BuildError) as caught:
        execute(book, runs_of(book))
    message = str(caught.value)
    failed = book.built / "failed"
    assert message.startswith("3 of 4 executions failed")
    assert "bad: cell 5, `x = 1`\n  ZeroDivisionError: division by zero" in message
    assert f"executed copy: {failed / 'bad.ipynb'}" in message
    assert "dies: cell 3, `import os`\n  DeadKernelError" in message
    assert "leaves: cell 3, `import sys`" in message
    assert "ZeroDivisionError" in (failed / "bad.ipynb").read_text()
    assert {p.name for p in failed.iterdir()} == {"bad.ipynb", "dies.ipynb", "leaves.ipynb"}
    assert [p.name for p in (book.built / "executed").iterdir()] == ["good.ipynb"]

    (book.root / "book" / "dies.ipynb").unlink()
    (book.root / "book" / "leaves.ipynb").unlink()
    write_chapter("bad", "print(n)")
    assert [run.chapter.name for run in execute(book, runs_of(book))] == ["bad"]
    assert not (failed / "bad.ipynb").exists()


def test_failing_variation_says_its_values_and_the_cell_of_the_source(book, write_chapter):
    path = write_chapter("one", "n", "# Text.", "1 / (n - 4)")
    (book.root / "book" / "variations.yml").write_text("one:\n  - {n: 4}\n")
    with pytest.raises(BuildError, match=r"one n=4: cell 5, `1 / \(n - 4\)`\n  ZeroDivision"):
        execute(book, variation_runs(book))
    assert len(load(path)["cells"]) == 5
    assert [p.name for p in (book.built / "failed").iterdir()] != ["one.ipynb"]


def test_missing_kernel_is_named_before_any_work(book, write_chapter):
    write_chapter("one", "n")
    write_chapter("two", "n", kernel="octave")
    with pytest.raises(BookError, match=r"no kernel named 'octave' .* --name octave"):
        execute(book, runs_of(book))
    assert not book.built.exists()


@pytest.mark.parametrize("place", ["_build", "_build/executed", "_build/failed"])
def test_unwritable_folder_is_said_before_any_work(book, write_chapter, place):
    write_chapter("one", "n")
    blocked = book.root / place
    blocked.parent.mkdir(exist_ok=True)
    blocked.write_text("a file in place of a folder")
    with pytest.raises(BookError, match=r"cannot write to .*_build"):
        execute(book, runs_of(book))
    assert not [path for path in book.root.rglob(".*")]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_build_leaves_nothing_half_done_and_resumes(book, write_chapter, how):
    write_chapter("quick", "print(n)")
    slow = write_chapter("slow", WAITS)
    done = book.built / "executed" / "book" / "quick.ipynb"
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "build", "--root", book.root, cache.PACKAGE],
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: done.exists() and (slow.parent / "pid").exists())
    process.send_signal(how)
    _, error = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "interrupted" in error and "Traceback" not in error
    kept = {path for path in book.built.rglob("*") if path.is_file()}
    assert kept == {done}
    wait_for(lambda: not alive(int((slow.parent / "pid").read_text())))

    (slow.parent / "go").touch()
    resumed = [Run(c, done.with_name(c.source.name)) for c in book.chapters()]
    assert [run.chapter.name for run in execute(book, resumed)] == ["slow"]
