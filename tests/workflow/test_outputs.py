"""Text outputs in the committed notebooks."""

import copy
import json

from dmfbook.workflow.outputs import with_outputs

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
