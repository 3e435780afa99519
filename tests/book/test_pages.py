"""The book's own Sphinx extension: what it refuses and what it mends."""

import subprocess
import sys
from pathlib import Path

import pytest

MODULE = '''
def first():
    """First, after [1]_.

    .. [1] One paper,
       on two lines.
    """


def second():
    """Second, after [1]_.

    .. [1] Another paper.
    """
'''


def build(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Build one page with the extension, warnings being errors."""
    (folder / "index.md").write_text(f"# Page\n\n{text}\n", encoding="utf-8")
    (folder / "shape.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>', encoding="utf-8")
    (folder / "papers.py").write_text(MODULE, encoding="utf-8")
    extensions = "myst_parser,sphinx_proof,sphinx.ext.autodoc"
    extensions += ",dmfbook.workflow.pages.extension,dmfbook.workflow.pages.explorers"
    command = [sys.executable, "-m", "sphinx", "-C", "-q", "-W", "--keep-going", "-n"]
    command += ["-D", f"extensions={extensions}", "-D", "html_theme=basic"]
    command += ["-D", "html_copy_source=0", str(folder), str(folder / "html")]
    return subprocess.run(command, capture_output=True, text=True, env={"PYTHONPATH": str(folder)})


@pytest.mark.parametrize("alt", ["", "shape.svg", "figures/shape.PNG"])
def test_image_without_an_alt_text_fails_the_build(tmp_path: Path, alt: str) -> None:
    done = build(tmp_path, f"![{alt}](shape.svg)")
    assert done.returncode != 0
    assert "image shape.svg needs an alt text that says what it shows" in done.stderr


def test_image_with_an_alt_text_passes(tmp_path: Path) -> None:
    done = build(tmp_path, "![An empty picture.](shape.svg)")
    assert done.returncode == 0, done.stderr


def test_statements_do_not_repeat_ids(tmp_path: Path) -> None:
    statement = "```{prf:lemma}\nYes.\n```\n\n```{prf:proof}\nSo.\n```\n\n"
    done = build(tmp_path, statement * 2)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "html" / "index.html").read_text(encoding="utf-8")
    for name in ("proof-1", "proof-2", "proof-content-1", "proof-content-2"):
        assert page.count(f'id="{name}"') == 1


def test_docstrings_with_references_share_a_page(tmp_path: Path) -> None:
    done = build(tmp_path, "```{eval-rst}\n.. automodule:: papers\n   :members:\n```")
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "html" / "index.html").read_text(encoding="utf-8")
    assert page.count("after [1].") == 2
    assert "on two lines." in page


def test_an_explorer_that_does_not_exist_fails_the_build(tmp_path: Path) -> None:
    done = build(tmp_path, "```{explorer} nowhere\nWords.\n```")
    assert done.returncode != 0
    assert "there is no explorer nowhere" in done.stderr


def test_an_explorer_without_words_fails_the_build(tmp_path: Path) -> None:
    done = build(tmp_path, "```{explorer} nowhere\n```")
    assert done.returncode != 0
    assert "none found" in done.stderr
