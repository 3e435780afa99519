"""The whole book on one page, before it is printed."""

from dmfbook.workflow.pages.pdf import one_document

FRONT = '<p><a href="book/intro.html#thm-fold">fold</a> <a href="#summary">none here</a></p>'
FIRST = (
    '<span id="document-a"></span><h2 id="summary">S</h2><a href="#summary">S</a><p id="thm-fold">'
)
SECOND = '<span id="document-b"></span><h2 id="summary">S</h2><a href="#summary">S</a>'


def test_references_stay_within_the_document():
    text = one_document(FRONT + FIRST, "book/intro.html")
    assert 'href="#thm-fold"' in text
    assert "intro.html" not in text


def test_ids_that_chapters_share_get_their_numbers():
    text = one_document(FRONT + FIRST + SECOND, "book/intro.html")
    assert text.count('id="summary-1"') == text.count('href="#summary-1"') == 1
    assert text.count('id="summary-2"') == text.count('href="#summary-2"') == 1
    assert text.count('id="thm-fold"') == text.count('href="#thm-fold"') == 1
