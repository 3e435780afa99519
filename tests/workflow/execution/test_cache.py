"""The key changes with everything that a run depends on, and with nothing else."""

import json

import pytest

from dmfbook.workflow.execution import cache
from dmfbook.workflow.execution.execute import Run, execute
from dmfbook.workflow.system.errors import BuildError


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


def test_key_changes_with_modules_beside_the_chapter(book, key):
    seen = [key()]
    for place in ("helper.py", "tools/__init__.py", "tools/inner/deep.py"):
        (book.root / "book" / place).parent.mkdir(parents=True, exist_ok=True)
        for text in ("x = 1", "x = 2"):
            (book.root / "book" / place).write_text(text)
            seen.append(key())
    assert len(set(seen)) == len(seen)
    (book.root / "book" / "style.css").write_text("a {}")
    (book.root / "book" / "__pycache__").mkdir()
    (book.root / "book" / "__pycache__" / "helper.pyc").write_text("")
    assert key() == seen[-1]


def test_key_changes_with_files_that_the_code_names(book, key):
    edit(book, lambda nb: nb["cells"][2].update(source='print(n, open("data/rows.csv").read())'))
    seen = [key()]
    (book.root / "book" / "data").mkdir()
    for text in ("1\n", "2\n"):
        (book.root / "book" / "data" / "rows.csv").write_text(text)
        seen.append(key())
    assert len(set(seen)) == len(seen)
    (book.root / "book" / "data" / "others.csv").write_text("1\n")
    assert key() == seen[-1]


def test_key_changes_with_another_kernel_of_the_same_name(book, key, monkeypatch):
    folder = book.root / "jupyter" / "kernels" / "other"
    folder.mkdir(parents=True)
    monkeypatch.setenv("JUPYTER_PATH", str(book.root / "jupyter"))
    edit(book, lambda nb: nb["metadata"]["kernelspec"].update(name="other"))
    seen = set()
    for interpreter in ("/usr/bin/python3", "/opt/python3"):
        spec = {"argv": [interpreter], "display_name": "x", "language": "python"}
        (folder / "kernel.json").write_text(json.dumps(spec))
        seen.add(key())
    assert len(seen) == 2


@pytest.mark.parametrize("text", [None, "", "{", "{}", '{"metadata": {}}'])
def test_file_that_was_not_executed_here_has_no_key(tmp_path, text):
    path = tmp_path / "some.ipynb"
    if text is not None:
        path.write_text(text)
    assert cache.stored_key(path) is None


EDITS = {
    "output": lambda nb: nb["cells"][2]["outputs"][0].update(text=["4\n"]),
    "source": lambda nb: nb["cells"][2].update(source="print(n + 1)"),
    "cell": lambda nb: nb["cells"].pop(),
    "metadata": lambda nb: nb["metadata"].update(title="x"),
    "key": lambda nb: nb["metadata"]["dmfbook"].update(content="0"),
}


def test_executed_notebook_that_was_edited_has_no_key_and_is_executed_again(book, write_chapter):
    write_chapter("one", "print(n)", "# Text.")
    run = Run(book.chapter("one"), book.built / "one.ipynb")
    assert execute(book, [run]) == [run] and execute(book, [run]) == []
    text = run.target.read_text()
    assert cache.stored_key(run.target) == json.loads(text)["metadata"]["dmfbook"]["key"]
    for name, edit in EDITS.items():
        notebook = json.loads(text)
        edit(notebook)
        run.target.write_text(json.dumps(notebook))
        assert cache.stored_key(run.target) is None, name
    assert execute(book, [run]) == [run]


EDITED = """\
import os, pathlib
path = pathlib.Path("../package/a.py")
before = path.stat()
text = path.read_text()
path.write_text("x = 2")
if n == 4:
    path.write_text(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
"""


@pytest.mark.parametrize("n", [3, 4])
def test_package_edited_during_an_execution_certifies_nothing(book, write_chapter, n):
    """Also where it was edited back: some of the chapter may have run on the other text."""
    write_chapter("one", EDITED)
    run = Run(book.chapter("one"), book.built / "one.ipynb", {"n": n})
    with pytest.raises(BuildError, match=r"package/a\.py was edited during the build"):
        execute(book, [run])
    assert not run.target.exists()
