"""Notebooks that a page offers, and buttons that open them elsewhere."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml
from nbclient import NotebookClient
from pybtex.database import parse_string

from dmfbook.workflow.pages.offered.notebooks import self_contained
from dmfbook.workflow.pages.offered.plain import Book, expanded, plain

ROOT = Path(__file__).parents[3]
OFFERED = ROOT / "_build" / "html" / "_sources" / "book"
CHAPTER = "book/foundations/exact_derivatives"
BIBLIOGRAPHY = """
@article{one2020, author = {One, Ann}, title = {First {T}itle}, year = 2020, doi = {10.1/2}}
@article{two2021, author = {van Two, Bo and Three, Cy and Four, Di}, title = {B}, year = 2021}
"""
BOOK = Book(
    title="A Book",
    version="1.2",
    address="",
    macros={"tr": r"\operatorname{tr}", "norm": [r"\lVert #1 \rVert", 1]},
    labels={"thm-means": "Theorem 3.1", "fig-curve": "Figure 3.2"},
    entries=parse_string(BIBLIOGRAPHY, "bibtex"),
)
TEXT = """\
Before it, see {prf:ref}`thm-means` and [another page](../other.md#there), [elsewhere](https://x.y).
:::{prf:theorem} Means
:label: thm-means

True, $\\norm{x + \\norm{y}} = \\tr A$.
:::

::::{dropdown} Proof
{cite:t}`one2020` and {cite:p}`one2020,two2021` call {py:func}`~dmfbook.shrink`.
:::{admonition} Inside
:class: exercise

Deeper.
:::
::::

```python
:::{prf:theorem}
```
:::{explorer} landscape
Move it.
:::
"""


def test_text_is_plain():
    cited = {}
    lines = plain(TEXT, BOOK, cited).splitlines()
    assert set(cited) == {"one2020", "two2021"}
    assert lines[0] == "Before it, see Theorem 3.1 and *another page*, [elsewhere](https://x.y)."
    assert '**Theorem 3.1** (Means) <a id="thm-means"></a>' in lines
    assert r"True, $\lVert x + \lVert y \rVert \rVert = \operatorname{tr} A$." in lines
    assert "One (2020) and (One, 2020; van Two et al., 2021) call `dmfbook.shrink`." in lines
    assert lines.count("<details><summary>Proof</summary>") == lines.count("</details>") == 1
    assert "Move it." not in lines and ":class: exercise" not in lines
    assert lines[lines.index("```python") + 1] == ":::{prf:theorem}"  # code stays as it is
    for i, line in enumerate(lines):  # under a line of text it would make a heading of it
        assert line != "---" or lines[i - 1] == ""


def test_macros_of_one_name_are_told_from_longer_ones():
    assert expanded(r"\trace \tr A \tr{}", "tr", "T") == r"\trace T A T{}"
    with pytest.raises(ValueError, match="not closed"):
        expanded(r"\norm{a", "norm", ["#1", 1])


@pytest.mark.parametrize("address", ["", "https://example.org/book"])
def test_a_notebook_says_how_to_install_and_hides_nothing(address):
    code = nbformat.v4.new_code_cell("import this", metadata={"tags": ["remove-cell", "mine"]})
    code.outputs = [
        nbformat.v4.new_output("display_data", {"text/markdown": "{cite:t}`one2020`", "a/b": "x"})
    ]
    book = Book(**vars(BOOK) | {"address": address})
    made = self_contained(nbformat.v4.new_notebook(cells=[code]), book)
    first, second, last = made["cells"]
    assert ("git+https://example.org/book" in first["source"]) is bool(address)
    assert "pip install '" in first["source"]
    assert second["metadata"]["tags"] == ["mine"] and code.metadata["tags"][0] == "remove-cell"
    assert second["outputs"][0]["data"] == {"text/markdown": "One (2020)"}
    assert last["source"].endswith("- One (2020). *First Title*. https://doi.org/10.1/2")
    nbformat.validate(made)


def test_a_figure_has_its_caption_and_its_number():
    about = {"mystnb": {"image": {"alt": "A curve, as {prf:ref}`thm-means` has it."}}}
    figure = nbformat.v4.new_code_cell("draw()", metadata=about, id="curve")
    words = nbformat.v4.new_markdown_cell("In {numref}`fig-curve` it rises.")
    made = self_contained(nbformat.v4.new_notebook(cells=[figure, words]), BOOK)
    _, _, caption, said = made["cells"]
    assert caption["source"] == "**Figure 3.2** A curve, as Theorem 3.1 has it."
    assert said["source"] == "In Figure 3.2 it rises."
    nbformat.validate(made)


@pytest.mark.book
def test_every_chapter_is_offered_in_plain_markdown():
    macros = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["sphinx"]["config"]
    names = "|".join(macros["mathjax3_config"]["tex"]["macros"])
    left = re.compile(rf"^:::|\{{[\w:]+\}}`|\\(?:{names})(?![A-Za-z])", re.M)
    offered = sorted(OFFERED.rglob("*.ipynb"))
    sources = sorted((ROOT / "book").rglob("*.ipynb"))
    assert [p.relative_to(OFFERED) for p in offered] == [
        p.relative_to(ROOT / "book") for p in sources
    ]
    for path in offered:
        notebook = nbformat.read(path, 4)
        nbformat.validate(notebook)
        texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
        assert "pip install" in texts[0], path
        assert [found[0] for text in texts for found in left.finditer(text)] == [], path


@pytest.mark.book
def test_an_offered_chapter_runs_where_there_is_no_book(tmp_path):
    notebook = nbformat.read(OFFERED / "foundations" / "one_singular_value.ipynb", 4)
    client = NotebookClient(notebook, resources={"metadata": {"path": str(tmp_path)}}, timeout=300)
    client.execute()
    assert any("holds on" in str(cell.outputs) for cell in notebook.cells if "outputs" in cell)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", ["", "https://github.com/nobody/nothing"])
def test_buttons_open_pages_elsewhere_once_there_is_an_address(tmp_path, address):
    config = (ROOT / "_config.yml").read_text("utf-8")
    assert config.count('url: ""') == 1
    (tmp_path / "_config.yml").write_text(config.replace('url: ""', f'url: "{address}"'), "utf-8")
    (tmp_path / "_toc.yml").write_text(f"format: jb-book\nroot: {CHAPTER}\n", "utf-8")
    (tmp_path / "book" / "foundations").mkdir(parents=True)
    for name in ("static", "templates"):
        shutil.copytree(ROOT / "book" / name, tmp_path / "book" / name)
    for name in ("book/references.bib", f"{CHAPTER}.ipynb"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    code = "from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", code, "build", "--quiet", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    built = tmp_path / "_build" / "html"
    assert (built / f"{CHAPTER}.html").exists(), done.stdout + done.stderr
    page = (built / f"{CHAPTER}.html").read_text("utf-8")
    button = f"https://mybinder.org/v2/gh/nobody/nothing/main?urlpath=lab/tree/{CHAPTER}.ipynb"
    assert (button in page) is bool(address)
    assert ("mybinder" in page) is bool(address)
    offered = (built / "_sources" / f"{CHAPTER}.ipynb").read_text("utf-8")
    assert (f"git+{address}" in offered) is bool(address) and "pip install" in offered
