"""Figures of executed notebooks: number, caption, the picture in full size, and its files."""

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path d="M0 0L9 9"/></svg>'
NUMBERS = {"panels": []}
SETTINGS = """
extensions = ["myst_nb", "dmfbook.workflow.pages.figures"]
html_theme = "basic"
numfig = True
numfig_format = {"figure": "Figure %s"}
nb_execution_mode = "off"
myst_enable_extensions = ["dollarmath"]
"""
ALT = "The loss $m^2$ against the weight; it grows."


def cell(name, alt, **data):
    """Return an executed cell that shows a picture, besides other things."""
    kinds = {"pdf": "application/pdf", "numbers": "application/vnd.dmfbook.figure+json"}
    bundle = {"image/svg+xml": SVG, "text/plain": "<Figure>"}
    bundle |= {kinds[kind]: content for kind, content in data.items()}
    return {
        "cell_type": "code",
        "id": name,
        "execution_count": 1,
        "metadata": {"mystnb": {"image": {"alt": alt}}},
        "outputs": [{"output_type": "display_data", "data": bundle, "metadata": {}}],
        "source": "plt.show()",
    }


def text(source):
    return {"cell_type": "markdown", "id": f"text-{len(source)}", "metadata": {}, "source": source}


def notebook(*cells):
    language = {"language_info": {"name": "python", "pygments_lexer": "ipython3"}}
    return json.dumps({"cells": cells, "metadata": language, "nbformat": 4, "nbformat_minor": 5})


def build(folder: Path, first: str, builder: str = "html") -> str:
    """Build a book of two chapters; return the page of the first."""
    (folder / "index.md").write_text(
        "# Book\n\n```{toctree}\n:numbered:\nfirst\nsecond\n```\n", "utf-8"
    )
    (folder / "first.ipynb").write_text(first, "utf-8")
    second = notebook(text("# Second\n\nAs {numref}`fig-loss` shows."), cell("last", ALT))
    (folder / "second.ipynb").write_text(second, "utf-8")
    (folder / "conf.py").write_text(SETTINGS, "utf-8")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-n", "-b", builder]
    target = folder / "html"
    done = subprocess.run([*command, folder, target], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page = target / ("index.html" if builder == "singlehtml" else "first.html")
    return page.read_text("utf-8")


@pytest.fixture
def pdf():
    return base64.b64encode(b"%PDF-1.4").decode("ascii")


def test_a_picture_becomes_a_figure_with_number_and_caption(tmp_path):
    page = build(tmp_path, notebook(text("# First"), cell("loss", ALT)))
    (figure,) = page.split("<figure")[1:]
    assert 'id="fig-loss"' in figure
    assert '<span class="caption-number">Figure 1.1 </span>' in figure
    assert "against the weight; it grows." in figure
    assert 'class="math' in figure
    second = (tmp_path / "html" / "second.html").read_text("utf-8")
    assert '<span class="std std-numref">Figure 1.1</span>' in second
    assert '<span class="caption-number">Figure 2.1 </span>' in second


def test_a_caption_is_not_read_aloud_twice(tmp_path):
    page = build(tmp_path, notebook(text("# First"), cell("loss", ALT)))
    assert page.count("against the weight") == 1
    assert 'alt="The picture in full size"' in page


def test_a_picture_leads_to_itself_and_to_its_files(tmp_path, pdf):
    shown = cell("loss", ALT, pdf=pdf, numbers=NUMBERS)
    page = build(tmp_path, notebook(text("# First"), shown))
    picture = page.split('class="full-size" href="')[1].split('"')[0]
    assert f'src="{picture}"' in page
    assert f'href="{picture}" download="fig-loss.svg">SVG</a>' in page
    assert "<path" in (tmp_path / "html" / picture).read_text("utf-8")
    images = tmp_path / "html" / "_images"
    assert (images / "fig-loss.pdf").read_bytes() == b"%PDF-1.4"
    assert json.loads((images / "fig-loss.json").read_text("utf-8")) == NUMBERS
    for name in ("fig-loss.pdf", "fig-loss.json"):
        assert f'href="_images/{name}" download="{name}"' in page


def test_what_a_cell_does_not_hand_out_is_not_offered(tmp_path):
    page = build(tmp_path, notebook(text("# First"), cell("loss", ALT)))
    assert ".pdf" not in page and ".json" not in page


def test_a_book_on_one_page_has_the_same_figures(tmp_path, pdf):
    first = notebook(text("# First"), cell("loss", ALT, pdf=pdf, numbers=NUMBERS))
    page = build(tmp_path, first, builder="singlehtml")
    assert page.count("<figure") == 2
    for number in ("1.1", "2.1"):
        assert f'<span class="caption-number">Figure {number} </span>' in page
