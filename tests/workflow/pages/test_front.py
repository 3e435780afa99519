"""Parts of the first page: small pictures, numbers, citation, and what a directive refuses."""

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import matplotlib.pyplot as plt
import numpy as np
import pytest

from dmfbook.figure_data import numbers
from dmfbook.workflow.pages.front.citation import bibtex
from dmfbook.workflow.pages.front.numbers import written
from dmfbook.workflow.pages.front.thumbnails import HEIGHT, MARGIN, WIDTH, can_be_drawn, thumbnail

GLUED = {
    "output_type": "display_data",
    "data": {"application/papermill.record/text/plain": "np.float64(0.25)"},
    "metadata": {"scrapbook": {"name": "share", "mime_prefix": "application/papermill.record/"}},
}


@pytest.fixture
def axes():
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


def paths(figure):
    root = ET.fromstring(thumbnail(figure))
    return [each.attrib for each in root if each.attrib["class"] != "frame"]


def test_a_line_goes_where_the_figure_has_it(axes):
    axes.plot([0, 1], [1, 100], color="#123456")
    axes.set(yscale="log", xlim=(0, 1), ylim=(1, 100))
    (line,) = paths(numbers(axes.figure))
    ends = f"M{MARGIN:.1f} {HEIGHT - MARGIN:.1f}L{WIDTH - MARGIN:.1f} {MARGIN:.1f}"
    assert (line["d"], line["style"]) == (ends, "color:#123456")


def test_long_lines_and_many_lines_become_small_pictures(axes):
    x = np.linspace(0, 1, 100_000)
    for scale in range(40):
        axes.plot(x, np.sin(scale * x))
    axes.scatter(x, x)
    assert len(thumbnail(numbers(axes.figure))) < 12_000


def test_gaps_stay_gaps(axes):
    axes.plot([0, 1, 2, 3, 4], [0, 1, np.nan, 1, 0])
    (line,) = paths(numbers(axes.figure))
    assert re.sub(r"[\d. ]", "", line["d"]) == "MLML"


def test_a_map_alone_has_no_small_picture(axes):
    axes.imshow(np.eye(3))
    assert not can_be_drawn(numbers(axes.figure))


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.0, 3, "0.00"),
        (-12.34, 3, "−12.3"),
        (161, 2, "161"),
        (0.99999, 3, "1.00"),
        (1e-5, 1, "0.00001"),
    ],
)
def test_numbers_are_written_for_people(value, digits, text):
    assert written(value, digits) == text


def test_an_entry_for_a_bibliography_says_what_the_file_says():
    about = {"title": "A Book", "authors": [{"name": "some people"}], "version": "1.2"}
    entry = bibtex(about | {"date-released": "2026-11-26"})
    for said in ("@misc{dmfbook2026,", "{A Book}", "{{some people}}", "{2026}", "{1.2}"):
        assert said in entry
    assert "note = {not yet released}" in bibtex(about)


def build(folder, text):
    """Build a book of one chapter, which hands out a number, and a first page."""
    (folder / "book").mkdir()
    chapter = {"cell_type": "code", "id": "a", "metadata": {}, "source": "", "outputs": [GLUED]}
    chapter |= {"execution_count": 1}
    notebook = {"cells": [chapter], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (folder / "book" / "one.ipynb").write_text(json.dumps(notebook), "utf-8")
    (folder / "_toc.yml").write_text(
        "parts: [{caption: Part, numbered: true, chapters: [{file: book/one}]}]", "utf-8"
    )
    (folder / "book" / "one.md").write_text("# One\n", "utf-8")
    (folder / "index.md").write_text(
        f"# Book\n\n{text}\n\n```{{toctree}}\nbook/one\n```\n", "utf-8"
    )
    options = "extensions=myst_parser,dmfbook.workflow.pages.front"
    command = [sys.executable, "-m", "sphinx", "-C", "-q", "-W", "--keep-going", "-D", options]
    done = subprocess.run(
        [*command, "-D", "html_theme=basic", folder, folder / "html"],
        capture_output=True,
        text=True,
    )
    return done.stderr or (folder / "html" / "index.html").read_text("utf-8")


def test_number_and_chapters_stand_on_the_page(tmp_path):
    page = build(tmp_path, "It is {number}`one share 2`.\n\n```{chapters}\none: the only one.\n```")
    assert "It is 0.25." in page
    assert re.search('<ol class="[^"]*chapters', page)
    assert re.search(r'href="book/one.html">.*One.*</a>: the only one\.', page)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{number}`one nothing 2`", "no number for"),
        ("```{chapters}\n```", "needs a line for the chapter 'one'"),
        ("```{chapters}\none: a\ntwo: b\n```", "no numbered chapter is called 'two'"),
        ("```{citation}\n```", "there is no CITATION.cff"),
    ],
)
def test_what_is_missing_fails_the_build(tmp_path, text, told):
    assert told in build(tmp_path, text)
