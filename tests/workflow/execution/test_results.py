"""An execution is good only if all that it shows is there and true."""

import json
import random

import pytest
from nbformat.v4 import new_output

from dmfbook.workflow.execution.execute import Limits, Run, execute
from dmfbook.workflow.execution.results import merge_streams
from dmfbook.workflow.system.errors import BuildError

RAISES = """\
class ClaimFailed(Exception): pass
raise ClaimFailed("Squares (thm-squares)\\n  fails on case 3 (odd); again: dmfbook verify")
"""

SHOWS = """\
verdict = {"label": "thm-squares", "passed": n != 3, "worst_case": {
    "stratum": "odd", "number": 7, "seed": 2, "command": "dmfbook verify thm-squares --case 7"}}
display({"application/vnd.dmfbook.verdict+json": verdict}, raw=True)
"""


@pytest.fixture
def failure(book, write_chapter):
    """Execute a chapter of these cells; return what the error says, and look after what is kept."""

    def run(*cells, alt="", tags=(), values=None, limits=Limits()):  # noqa: B008
        path = write_chapter("one", *cells)
        notebook = json.loads(path.read_text())
        notebook["cells"][2]["metadata"] = {"mystnb": {"image": {"alt": alt}}, "tags": list(tags)}
        path.write_text(json.dumps(notebook))
        job = Run(book.chapter("one"), book.built / "runs" / "one.ipynb", values or {})
        job.target.parent.mkdir(parents=True, exist_ok=True)
        job.target.write_text("an earlier good one")
        with pytest.raises(BuildError) as caught:
            execute(book, [job], limits)
        assert job.target.read_text() == "an earlier good one"
        assert caught.value.exit_status == 1
        (kept,) = (book.built / "failed").iterdir()
        assert f"executed copy: {kept}" in str(caught.value)
        assert json.loads(kept.read_text())["cells"]
        return str(caught.value)

    return run


def test_claim_that_fails(failure):
    told = failure("n", RAISES)
    assert "one: cell 4, `class ClaimFailed" in told
    assert "Squares (thm-squares)\n  fails on case 3 (odd); again: dmfbook verify" in told
    assert "Traceback" not in told and "\x1b" not in told


def test_verdict_that_is_shown_without_an_error(failure):
    told = failure("n", SHOWS)
    assert "one: cell 4, `" in told
    assert "claim thm-squares, which does not pass: case 7 (odd), seed 2" in told
    assert "again: dmfbook verify thm-squares --case 7" in told


CLAIM = """\
from dmfbook.claims import Evidence, claim
say = lambda error: lambda case: Evidence(error, 1.0)
toy = claim("thm-toy", "A toy", source="this book", status="new", cases={"one": lambda rng: n},
    controls={"it is": lambda rng: 9}, rivals={"less": say(2.0)})(lambda n: Evidence(n, 5.0))
idle = claim("thm-idle", "Idle", source="this book", status="new", cases={"one": lambda rng: n},
    controls={"it is": lambda rng: 1}, rivals={"less": say(0.5)})(lambda n: Evidence(n, 5.0))
"""


@pytest.mark.parametrize(
    "show",
    ["print(toy.verify(2))", "toy.verify(2)", "v = toy.verify(2); v.holds", "str(toy.repeat(0))"]
    + ["try:\n    toy.show(2)\nexcept Exception:\n    pass", "[toy.verify(2)]"],
)
def test_verdict_that_is_shown_by_any_route(failure, show):
    told = failure("n", CLAIM, show, values={"n": 7})
    assert "cell 5, `" in told and "shows the claim thm-toy, which does not pass:" in told
    assert "fails on case 0 (one)" in told and "dmfbook verify thm-toy --seed 0 --case 0" in told


def test_control_and_rival_of_a_shown_verdict_are_named(failure):
    told = failure("n", CLAIM, "print(idle.verify(2))")
    assert "must fail without 'it is', but does not on case 0" in told
    assert "no case of 2 refutes 'less'" in told and "dmfbook verify thm-idle" in told


@pytest.mark.parametrize("passed", ["None", "0", "'yes'", None])
def test_only_true_is_true(failure, passed):
    entry = "{'label': 'a'}" if passed is None else f"{{'label': 'a', 'passed': {passed}}}"
    told = failure(f"n; display({{'application/vnd.dmfbook.verdict+json': {entry}}}, raw=True)")
    assert "shows the claim a, which does not pass" in told


@pytest.mark.parametrize("entry", ["[]", "'yes'", "{'worst_case': 3}"])
def test_what_is_no_verdict_is_none(failure, entry):
    told = failure(f"n; display({{'application/vnd.dmfbook.verdict+json': {entry}}}, raw=True)")
    assert "shows what is no verdict" in told


def test_cell_that_is_not_executed_is_named(failure):
    told = failure("n", tags=["skip-execution"])
    assert "cell 3, `n`\n  was not executed: it is tagged 'skip-execution'" in told


def test_verdict_that_passes_with_other_parameters_is_good(book, write_chapter):
    write_chapter("one", SHOWS)
    run = Run(book.chapter("one"), book.built / "one.ipynb", {"n": 4})
    assert execute(book, [run]) == [run]


NO_PICTURE = {
    "nothing": "n",
    "text": "print(n)",
    "closed": "import matplotlib.pyplot as plt\nplt.plot([n])\nplt.close()",
    "other backend": "import matplotlib\nmatplotlib.use('agg')\n"
    "import matplotlib.pyplot as plt\nplt.plot([n])\nplt.show()",
    "empty": "n; display({'image/png': ''}, raw=True)",
    "cleared": "from IPython.display import clear_output\n"
    "display({'image/png': 'iVBOR'}, raw=True)\nclear_output()\nn;",
}


@pytest.mark.parametrize("source", NO_PICTURE.values(), ids=NO_PICTURE.keys())
def test_alternative_text_without_a_picture(failure, source):
    told = failure(source, alt="A line that falls.")
    first = source.splitlines()[0]
    assert f"one: cell 3, `{first}`\n  made no picture" in told
    assert "A line that falls." in told


def test_cell_that_hangs_is_killed_and_named(failure):
    told = failure("n", "while True: pass", limits=Limits(cell=1))
    assert "one: cell 4, `while True: pass`\n  ran longer than 1 s; see the option --cell" in told


def test_cell_that_ignores_being_asked_is_killed(failure):
    deaf = "import signal\nfor s in (signal.SIGINT, signal.SIGTERM): signal.signal(s, lambda *_: 0)"
    told = failure("n", f"{deaf}\nwhile True: pass", limits=Limits(cell=1))
    assert "cell 4, `import signal`\n  ran longer than 1 s" in told


def test_chapter_of_many_cells_has_a_limit(failure):
    cells = ["import time; time.sleep(0.4)"] * 30
    told = failure("n", *cells, values={"n": 1}, limits=Limits(run=2))
    assert "\n  the chapter ran 2 s; see the option --run-limit" in told


@pytest.mark.parametrize(
    "source",
    ["exit(3)", "exit()", "quit()", "exit(); n", "import sys; sys.exit()", "raise SystemExit(0)"]
    + ["import sys; sys.exit(3)", "raise SystemExit", "exit(keep_kernel=True)"],
)
@pytest.mark.parametrize("last", [True, False])
def test_cell_that_ends_the_notebook_is_named(failure, source, last):
    told = failure("n", source, *([] if last else ["print(n)"]))
    assert f"one: cell 4, `{source}`\n  ends the notebook: a chapter runs to its end" in told


@pytest.mark.parametrize("source", ["import os; os._exit(0)", "import os; os.abort()"])
def test_kernel_that_dies_in_its_last_cell(failure, source):
    assert f"one: cell 4, `{source}`\n  DeadKernelError" in failure("n", source)


HALVES = {
    "stdout": ("print('a\\ud800b')", "\\ud800"),
    "stderr": ("import sys; sys.stderr.write('\\udcff');", "\\udcff"),
    "html": ("display({'text/plain': 'a', 'text/html': '\\udfff'}, raw=True)", "\\udfff"),
}


@pytest.mark.parametrize(("source", "half"), HALVES.values(), ids=HALVES)
def test_half_of_a_character_is_refused(failure, book, source, half):
    told = failure("n", source)
    assert f"cell 4, `{source}`\n  shows '{half}', half of a character, which no file" in told
    (kept,) = (book.built / "failed").iterdir()
    assert "\ufffd" in kept.read_text(encoding="utf-8")


def test_half_of_a_character_in_an_error_does_not_hide_it(failure):
    assert "\n  ValueError: a\ufffdb\n" in failure("n", "raise ValueError('a\\ud800b')")


def test_error_without_a_traceback_is_told(failure):
    hide = "get_ipython().showtraceback = lambda *_, **__: None"
    assert f"cell 4, `{hide}`\n  ZeroDivisionError: division" in failure("n", f"{hide}\n1 / 0")


ENDLESS = {
    "lines": "while True: print(n)",
    "flushed": "while True: print(n, flush=True)",
    "displays": "while True: display(n)",
    "long line": "while True: print(10_000 * 'x', end='')",
    "at once": "print('x' * 10**8)\nwhile True: pass",
    "one place": "from IPython.display import clear_output\n"
    "while True: print(1000 * 'x'); clear_output()",
}


@pytest.mark.parametrize("source", ENDLESS.values(), ids=ENDLESS)
def test_cell_that_shows_too_much_is_killed_and_named(failure, source):
    told = failure("n", source, limits=Limits(output=2))
    first = source.splitlines()[0]
    assert f"cell 4, `{first}`\n  shows more than 2 MB; see the option --output-limit" in told


def test_limit_of_output_is_for_each_cell(book, write_chapter):
    write_chapter("one", "n", *["print('x' * 600_000)"] * 3)
    run = Run(book.chapter("one"), book.built / "one.ipynb")
    assert execute(book, [run], Limits(output=1)) == [run]


@pytest.mark.parametrize("show", ["display(k)", "print(k, flush=True)"])
def test_no_output_is_dropped_where_the_reader_is_slower(book, write_chapter, show):
    """ZeroMQ keeps a thousand messages; with that limit a third of these was lost."""
    write_chapter("one", "n", f"for k in range(5000): {show}")
    run = Run(book.chapter("one"), book.built / "one.ipynb")
    execute(book, [run])
    outputs = json.loads(run.target.read_text())["cells"][3]["outputs"]
    shown = [
        output["data"]["text/plain"] if "data" in output else output["text"] for output in outputs
    ]
    assert "".join(map("".join, shown)).replace("\n", "") == "".join(map(str, range(5000)))


def stream(text, name="stdout"):
    return new_output("stream", name=name, text=text)


def test_merged_streams_are_those_of_nbclient():
    """Against the merging of nbclient, on short texts."""
    from nbclient import NotebookClient  # noqa: F401 (the oracle's home)
    from nbclient.client import _RGX_CARRIAGERETURN

    rng = random.Random(1)
    for _ in range(300):
        pieces = ["".join(rng.choices("ab\r\n", k=rng.randrange(9))) for _ in range(4)]
        (merged,) = merge_streams([stream(piece) for piece in pieces])
        assert merged["text"] == _RGX_CARRIAGERETURN.sub("", "".join(pieces))


def test_order_of_streams_does_not_depend_on_timing():
    picture = new_output("display_data", {"image/png": "iVBOR"})
    first = merge_streams([stream("a"), stream("b", "stderr"), picture, stream("c")])
    second = merge_streams([stream("b", "stderr"), stream("a"), stream("c"), picture])
    assert first == second == [stream("ac"), stream("b", "stderr"), picture]


@pytest.mark.parametrize("end", ["", "\n", "\r", "\rx"])
def test_long_line_is_merged_in_proportion_to_its_length(end):
    """Twenty megabytes: at the square of that this test would not end."""
    text = 20_000_000 * "x" + end
    (merged,) = merge_streams([stream(text[:1000]), stream(text[1000:])])
    assert merged["text"] == ("x" if end == "\rx" else text)


def test_line_of_a_megabyte_goes_through(book, write_chapter):
    write_chapter("one", "print('x' * 1_000_000)\nprint(n)")
    run = Run(book.chapter("one"), book.built / "one.ipynb")
    execute(book, [run])
    assert len(json.loads(run.target.read_text())["cells"][2]["outputs"]) == 1
