"""Values that cells put into Markdown are text on the page."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from dmfbook.workflow.execution.execute import Run, execute
from dmfbook.workflow.execution.markdown import without_html
from dmfbook.workflow.pages.build import build_page

PIECES = ["<b>", "</b>", "<div>", "<!--", "-->", "<b\n> x>", "`", "``", "```\n", "\n", "\n\n"]
PIECES += ["> ", "- ", "1. ", "    ", "x", "*", "[", "](y)", "![", "<", "&lt;", "\t", "\r", "\\"]
PIECES += ["\x0c", "\u2028", "\0"]


def holds_html(text):
    """Tell what an independent reader, the parser of the pages, finds."""
    tokens = MarkdownIt("commonmark").parse(text)
    inner = [child for token in tokens for child in token.children or []]
    return any(token.type in ("html_block", "html_inline") for token in tokens + inner)


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_no_html_is_left_and_other_text_stays(text):
    escaped = without_html(text)
    assert not holds_html(escaped)
    if not holds_html(text):
        assert escaped == text


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("<script>a</script>", "&lt;script>a&lt;/script>"),
        ("a < b, x_1 & y", "a < b, x_1 & y"),
        ("`<b>` <b>", "`<b>` &lt;b>"),
        ("    <b>", "    <b>"),
        ("> <b>\n> c", "> &lt;b>\n> c"),
        ("| a |\n|---|\n| <b> |", "| a |\n|---|\n| &lt;b> |"),
        ("<div>\n\n*x*\n\n</div>", "&lt;div>\n\n*x*\n\n&lt;/div>"),
        ("<http://a.b>", "<http://a.b>"),
        ("", ""),
    ],
)
def test_html_stands_for_itself(text, escaped):
    assert without_html(text) == escaped


def test_parameter_in_markdown_reaches_the_page_as_text(book, write_chapter):
    show = "from IPython.display import HTML, Markdown, display\n"
    show += "display(Markdown(f'**{c}**'))\ndisplay(HTML('<i>meant</i>'))\nprint(c)\nc"
    write_chapter("one", show, parameters="c = 'x'  # a word")
    attack = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    run = Run(book.chapter("one"), book.built / "runs" / "one.ipynb", {"c": attack})
    execute(book, [run])
    page = build_page(book, run, book.built / "page", book.built / "themes")
    page = page.read_text(encoding="utf-8")
    assert "<img src=x" not in page and "<script>alert" not in page
    assert "<strong>&lt;img src=x onerror=alert(1)&gt;" in page
    assert "<i>meant</i>" in page
    cell = json.loads(run.target.read_text())["cells"][3]
    assert "<script" not in "".join(cell["outputs"][0]["data"]["text/markdown"])
