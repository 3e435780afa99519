"""The key changes with everything that a run depends on, and with nothing else."""

import json

import pytest

from dmfbook.workflow import cache


@pytest.fixture
def key(book, write_chapter):
    """The key of a chapter as it stands now."""
    write_chapter("one", "print(n)", "# Text.")

    def compute(**values):
        return cache.key(book.chapter("one"), values, cache.surroundings(book.root))

    return compute


def edit(book, change):
    """Change the notebook's JSON by a function."""
    path = book.root / "book" / "one.ipynb"
    notebook = json.loads(path.read_text())
    change(notebook)
    path.write_text(json.dumps(notebook))


CHANGES = {
    "code": lambda nb: nb["cells"][2].update(source="print(n + 1)"),
    "text": lambda nb: nb["cells"][3].update(source="# Other text."),
    "tags": lambda nb: nb["cells"][2]["metadata"].update(tags=["hide-input"]),
    "alt text": lambda nb: nb["cells"][2]["metadata"].update(mystnb={"image": {"alt": "a"}}),
    "kernel": lambda nb: nb["metadata"]["kernelspec"].update(name="other"),
    "order": lambda nb: nb["cells"].append(nb["cells"].pop(2)),
}

NOISE = {
    "outputs": lambda nb: nb["cells"][2].update(
        outputs=[{"output_type": "stream", "name": "stdout", "text": "3"}]
    ),
    "count": lambda nb: nb["cells"][2].update(execution_count=7),
    "id": lambda nb: nb["cells"][2].update(id="another"),
    "source as lines": lambda nb: nb["cells"][2].update(source=["print", "(n)"]),
    "papermill": lambda nb: nb["cells"][2]["metadata"].update(papermill={"start_time": "now"}),
    "times": lambda nb: nb["cells"][2]["metadata"].update(execution={"busy": "now"}),
    "no tags": lambda nb: nb["cells"][2]["metadata"].update(tags=[]),
    "version": lambda nb: nb["metadata"].update(language_info={"version": "3.99"}),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_key_changes_with_the_notebook(book, key, change):
    before = key()
    edit(book, change)
    assert key() != before


@pytest.mark.parametrize("change", NOISE.values(), ids=NOISE.keys())
def test_key_stays_under_noise(book, key, change):
    before = key()
    edit(book, change)
    assert key() == before


def test_key_changes_with_parameters(key):
    assert len({key(), key(n=3), key(n=4), key(n=4.0)}) == 4
    assert key(n=4) == key(n=4)


def test_key_changes_with_the_package_and_the_lock(book, key):
    seen = [key()]
    for path in ("package/a.py", "package/inner/b.py", "requirements.txt"):
        (book.root / path).write_text("changed\n")
        seen.append(key())
    (book.root / "package" / "a.py").rename(book.root / "package" / "c.py")
    seen.append(key())
    (book.root / "requirements.txt").unlink()
    seen.append(key())
    assert len(set(seen)) == 6
    (book.root / "package" / "notes.txt").write_text("no source\n")
    assert key() == seen[-1]


@pytest.mark.parametrize("text", [None, "", "{", "{}", '{"metadata": {}}'])
def test_file_that_was_not_executed_here_has_no_key(tmp_path, text):
    path = tmp_path / "some.ipynb"
    if text is not None:
        path.write_text(text)
    assert cache.stored_key(path) is None
