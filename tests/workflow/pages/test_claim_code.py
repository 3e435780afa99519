"""Where the code of a claim can be read."""

from types import SimpleNamespace

import pytest

from dmfbook.workflow.pages.claim_code import address_of_claim, collect_pages


def app(**options: str) -> SimpleNamespace:
    """Return what is asked of a book."""
    builder = SimpleNamespace(
        name="html", get_relative_uri=lambda here, there: f"../../{there}.html"
    )
    return SimpleNamespace(builder=builder, config=SimpleNamespace(html_theme_options=options))


def test_without_a_repository_a_page_of_the_book_has_it() -> None:
    found = address_of_claim(app(), "book/foundations/exact_derivatives", "thm-gradient")
    assert found == "../../_claims/foundations/exact_derivatives.html#thm-gradient"


@pytest.mark.parametrize("url", ["https://example.org/book", "https://example.org/book/"])
def test_with_a_repository_its_lines_are_linked_to(url: str) -> None:
    book = app(repository_url=url, repository_branch="stable")
    found = address_of_claim(book, "any", "thm-gradient")
    path = "https://example.org/book/blob/stable/dmfbook/claims/foundations/exact_derivatives.py"
    assert found.startswith(f"{path}#L") and found.count("L") == 2
    assert list(collect_pages(book)) == []


def test_a_statement_without_a_claim_has_no_code() -> None:
    assert address_of_claim(app(), "any", "def-problem") == ""
