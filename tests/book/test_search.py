"""Search, over ``file://`` as readers have it who download the book."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser

pytestmark = pytest.mark.book


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("critical regularization", "(Critical regularization)"),
        ("staircase", "(Rank staircase)"),
        ("thm-one-spectrum", "Theorem"),
        ("λ_c barrier", "(Barrier around zero)"),
    ],
)
def test_statements_come_first(browser: Browser, html: Path, query: str, first: str) -> None:
    tab = browser.new_page()
    complaints: list[str] = []
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    tab.goto(f"{(html / 'search.html').as_uri()}?q={query}")
    hit = tab.locator(".statement-results li").first
    assert first in hit.inner_text()
    tab.locator("#search-results li").first.wait_for()
    # No extracts, which would hold code and TeX.
    assert tab.locator("#search-results p.context").count() == 0
    hit.locator("a").click()
    tab.wait_for_url("**#*")
    assert tab.evaluate("document.querySelector(':target').matches('.proof')")
    assert complaints == []
    tab.close()


def test_what_no_statement_has_shows_none(browser: Browser, html: Path) -> None:
    tab = browser.new_page()
    tab.goto(f"{(html / 'search.html').as_uri()}?q=automatic differentiation")
    tab.locator("#search-results li").first.wait_for()
    assert tab.locator(".statement-results").count() == 0
    tab.close()
