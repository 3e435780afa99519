"""The map of results."""

from dmfbook.workflow.pages.results_map import draw
from dmfbook.workflow.sources.statements import Statement

FIRST = Statement("thm-a", "theorem", r"First $\lambda$", True, ())
SECOND = Statement("cor-b", "corollary", "Second & last", True, ("thm-a", "thm-elsewhere"))
ROWS = [("book/one", "1. One", [FIRST]), ("book/two", "2. Two", [SECOND])]
URIS = {"book/one": "one.html", "book/two": "two.html"}
VERDICTS = {"thm-a": {"status": "paper's claim", "passed": True}}


def test_dots_lead_to_statements_and_lines_to_what_they_use():
    drawn = draw(ROWS, VERDICTS, URIS)
    assert '<a href="one.html#thm-a" data-label="thm-a" data-uses="">' in drawn
    assert '<a href="two.html#cor-b" data-label="cor-b" data-uses="thm-a">' in drawn
    assert drawn.count("<path") == 1 and 'data-used="thm-a" data-user="cor-b"' in drawn
    assert 'class="theirs theorem"' in drawn and 'class="unknown corollary"' in drawn


def test_the_list_says_the_same():
    listed = draw(ROWS, VERDICTS, URIS).split("<ul>")[1]
    assert "Theorem thm-a, First lambda; paper&#x27;s claim; its check passes" in listed
    assert (
        'Corollary cor-b, Second &amp; last</a>: uses <a href="one.html#thm-a">First lambda</a>'
        in listed
    )


def test_a_book_on_one_page_has_places_for_addresses():
    drawn = draw(
        ROWS, VERDICTS, {"book/one": "#document-book/one", "book/two": "#document-book/two"}
    )
    assert '<a href="#thm-a"' in drawn
