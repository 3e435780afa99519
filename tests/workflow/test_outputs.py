"""Text outputs in the committed notebooks."""

import copy
import json
import sys

import pytest

from dmfbook.workflow import outputs
from dmfbook.workflow.outputs import check_repeats, with_outputs

STREAM = {"output_type": "stream", "name": "stdout", "text": ["1\n"]}
FIGURE = {
    "output_type": "display_data",
    "data": {"image/png": "iVBOR", "image/svg+xml": ["<svg/>"], "text/plain": ["<Figure>"]},
    "metadata": {},
}


def code(source, outputs, count, **metadata):
    return {
        "cell_type": "code",
        "id": "a",
        "metadata": metadata,
        "source": [source],
        "outputs": outputs,
        "execution_count": count,
    }


def notebook(*cells):
    return {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def test_text_is_kept_and_pictures_are_not():
    source = notebook(code("a", [], None), code("b", [STREAM], 9, tags=["nbval-ignore-output"]))
    done = notebook(code("a", [STREAM, FIGURE], 1), code("b", [STREAM], 2))
    cells = with_outputs(source, done)["cells"]
    assert cells[0]["outputs"] == [STREAM, FIGURE | {"data": {"text/plain": ["<Figure>"]}}]
    assert cells[1]["outputs"] == []
    assert [cell["execution_count"] for cell in cells] == [1, 2]


def test_verdicts_for_programs_are_left_out():
    bundle = {"application/vnd.dmfbook.verdict+json": {"seconds": 0.1}}
    verdict = {"output_type": "display_data", "data": bundle, "metadata": {}}
    done = notebook(code("a", [STREAM, verdict], 1))
    (cell,) = with_outputs(notebook(code("a", [], None)), done)["cells"]
    assert cell["outputs"] == [STREAM]


def test_cells_without_an_id_get_one_that_stays():
    source = notebook(code("a", [], None), {"cell_type": "markdown", "metadata": {}, "source": "x"})
    del source["cells"][0]["id"]
    source["nbformat_minor"] = 4
    done = copy.deepcopy(source)
    first = with_outputs(copy.deepcopy(source), done)
    assert first == with_outputs(copy.deepcopy(source), done)
    assert first["nbformat_minor"] == 5
    assert len({cell["id"] for cell in first["cells"]}) == 2


UNREPEATABLE = {
    "address": ("object()", "an address in memory, '<object at 0x"),
    "address printed": ("print(1, [print])\nprint([lambda: n])", "an address in memory"),
    "warning": ("import warnings\nwarnings.warn('no')", "a file of this kernel alone, '"),
    "path": ("import os\nprint(os.getcwd())", "a path of this machine, '/"),
    "interpreter": ("import sys\nprint('in', sys.executable)", "a path of this machine, 'in "),
    "temporary": (
        "import tempfile\nprint(tempfile.gettempdir() + '/x')",
        "a path of this machine, '/",
    ),
    "time": ("%time n", "a time that was measured, 'CPU times: "),
    "timeit": ("%timeit -n 1 -r 2 n", "a time that was measured, '"),
    "html": ("class A:\n    def _repr_html_(self):\n        return repr(self)\nA()", "an address"),
}


def test_command_refuses_what_cannot_repeat(book, command, write_chapter):
    sources, messages = zip(*UNREPEATABLE.values(), strict=True)
    path = write_chapter("one", "print(n)", *sources)
    good = write_chapter("two", "print(n)")
    before = path.read_text(), good.read_text()
    result = command("save-outputs")
    assert result.exit_code == 1
    _, error = result.output.split("dmfbook: no outputs were saved:\n")
    faults = error.splitlines()
    assert len(faults) == len(sources)
    for number, (fault, message) in enumerate(zip(faults, messages, strict=True), start=4):
        assert fault.startswith(f"  book/one.ipynb: cell {number} shows {message}"), fault
        assert fault.endswith("print something else, or tag the cell 'nbval-ignore-output'")
    assert (path.read_text(), good.read_text()) == before


def test_command_writes_outputs_once(book, command, write_chapter):
    draw = (
        "from IPython.display import Image, display\n"
        "display(Image(data=b'\\x89PNG\\r\\n\\x1a\\n' + 16 * b'0', format='png', metadata={}))"
    )
    path = write_chapter("one", "print('one')\nprint(n)", draw)
    first = command("save-outputs")
    assert first.exit_code == 0, first.output
    assert first.stdout == f"changed: {path}\n"
    saved = json.loads(path.read_text())
    assert saved["cells"][2]["outputs"][0]["text"] == ["one\n", "3\n"]
    assert list(saved["cells"][3]["outputs"][0]["data"]) == ["text/plain"]
    assert [cell["execution_count"] for cell in saved["cells"][1:]] == [1, 2, 3]
    assert [cell["id"] for cell in saved["cells"]] == [f"cell-{k}" for k in range(4)]
    assert set(saved["metadata"]) == {"kernelspec"}
    again = command("save-outputs")
    assert (again.exit_code, again.output) == (0, ""), "outputs must not make it execute again"


def test_ignored_cell_may_show_what_cannot_repeat(tmp_path):
    address = {"output_type": "stream", "name": "stdout", "text": ["<object at 0x7f0123456789>\n"]}
    for tags, faults in ([], 1), (["nbval-ignore-output"], 0):
        source = notebook(code("a", [], None, tags=tags))
        done = with_outputs(source, notebook(code("a", [address], 1)))
        assert len(check_repeats(done, tmp_path)) == faults


@pytest.mark.parametrize(
    "text", ["/home/ann", "in /home/ann/x.py:3", "file:///home/ann", "'/venv'"]
)
def test_path_of_this_machine_is_refused(tmp_path, monkeypatch, text):
    monkeypatch.setenv("HOME", "/home/ann")
    monkeypatch.setattr(sys, "prefix", "/venv")
    output = {"output_type": "execute_result", "data": {"text/plain": [text]}}
    (fault,) = check_repeats(notebook(code("a", [output], 1)), tmp_path)
    assert fault.startswith("cell 1 shows a path of this machine, ")


@pytest.mark.parametrize("text", ["and/home/ann", "/home/anna", "/home/ann-2", "/home", "~"])
def test_what_only_looks_like_a_path_of_this_machine_is_not(tmp_path, monkeypatch, text):
    monkeypatch.setenv("HOME", "/home/ann")
    output = {"output_type": "execute_result", "data": {"text/plain": [text]}}
    assert check_repeats(notebook(code("a", [output], 1)), tmp_path) == []


@pytest.mark.parametrize(
    "text", ["look at 0x12", "0x7f0123456789", "1 ± 2", "times", "home", "x" * 3_000_000, " ± " * 9]
)
def test_what_can_repeat_is_not_refused(tmp_path, text):
    output = {"output_type": "stream", "name": "stdout", "text": text}
    assert check_repeats(notebook(code("a", [output], 1)), tmp_path) == []


EDITS = {
    "code": (lambda cells: cells[2].update(source="print(n + 1)"), 3),
    "text": (lambda cells: cells[0].update(source="# B"), 1),
    "type": (lambda cells: cells[2].update(cell_type="raw"), 3),
    "one more": (lambda cells: cells.append(code("n", [], None)), 4),
    "one less": (lambda cells: cells.pop(), 3),
    "order": (lambda cells: cells.reverse(), 1),
}


@pytest.mark.parametrize(("edit", "number"), EDITS.values(), ids=EDITS)
def test_outputs_are_not_saved_under_code_edited_meanwhile(
    book, command, write_chapter, monkeypatch, edit, number
):
    path = write_chapter("one", "print(n)")
    other = write_chapter("two", "print(n)")
    before = other.read_text()
    execute = outputs.execute_book

    def execute_and_edit(book, *options):
        execute(book, *options)
        edited = json.loads(path.read_text())
        edit(edited["cells"])
        path.write_text(json.dumps(edited))

    monkeypatch.setattr(outputs, "execute_book", execute_and_edit)
    result = command("save-outputs")
    assert result.exit_code == 1
    assert result.output.endswith(
        "dmfbook: no outputs were saved:\n"
        f"  book/one.ipynb: cell {number} was edited while the chapter was executed; run again\n"
    )
    assert other.read_text() == before


def test_source_keeps_the_layout_of_nbformat(book, command, write_chapter):
    import nbformat

    path = write_chapter("one", "a = n\n\nprint(a)")
    assert command("save-outputs").exit_code == 0
    saved = path.read_text()
    nbformat.write(nbformat.read(path, as_version=4), path)
    assert path.read_text() == saved


def test_only_named_chapters_are_executed_and_stored(book, command, write_chapter):
    one, two = write_chapter("one", "print(n)"), write_chapter("two", "1 / (n - 3)")
    before = two.read_text()
    result = command("save-outputs", "one", "one")
    assert (result.exit_code, result.stdout) == (0, f"changed: {one}\n"), result.output
    assert two.read_text() == before
    wrong = command("save-outputs", "one", "tow")
    assert wrong.exit_code == 2
    assert wrong.output == "dmfbook: unknown chapter 'tow'; did you mean 'two'?\n"
