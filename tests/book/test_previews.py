"""Previews of references, over ``file://`` as readers have it who download the book."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.book


@pytest.fixture
def file(browser: Browser, html: Path) -> Iterator[Page]:
    """Open a chapter as a file, its proofs unfolded; fail on errors and requests elsewhere."""
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    complaints: list[str] = []
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    tab.on(
        "request",
        lambda sent: sent.url.startswith(("file:", "data:")) or complaints.append(sent.url),
    )
    tab.goto((html / "book/regularized/collapse.html").as_uri())
    tab.evaluate("MathJax.startup.promise")
    tab.evaluate("document.querySelectorAll('details').forEach(box => box.open = true)")
    yield tab
    tab.close()
    assert complaints == []


def test_a_reference_shows_a_statement_of_another_page(file: Page) -> None:
    link = file.locator('p a[href*="the_end_to_end_problem.html#thm-schatten"]').first
    preview = file.locator(".preview:popover-open")
    link.hover()
    expect(preview).to_contain_text("(Price of a matrix)")
    assert preview.locator("span.math, div.math").count() > 3
    assert preview.locator(":is(span, div).math:not(:has(mjx-container))").count() == 0
    assert preview.locator("[tabindex='0'], details").count() == 0
    # It stays under the pointer, and goes with Escape, which moves nothing.
    preview.hover()
    file.wait_for_timeout(600)
    expect(preview).to_be_visible()
    address = file.url
    file.keyboard.press("Escape")
    expect(preview).to_have_count(0)
    assert file.url == address


def test_the_keyboard_shows_it_too_and_a_description_is_set(file: Page) -> None:
    preview = file.locator(".preview:popover-open")
    cited = file.locator('p a[href*="bibliography.html#"]').first
    title = cited.get_attribute("title")
    cited.focus()
    file.keyboard.press("Shift+Tab")
    file.keyboard.press("Tab")
    expect(preview).to_contain_text("Kamber")
    assert cited.get_attribute("aria-describedby") == preview.get_attribute("id")
    # The browser would show the title beside it.
    assert title and cited.get_attribute("title") is None
    file.keyboard.press("Tab")
    expect(preview.filter(has_text="Kamber")).to_have_count(0)
    assert cited.get_attribute("aria-describedby") is None
    assert cited.get_attribute("title") == title


def test_a_symbol_shows_what_it_means(file: Page) -> None:
    preview = file.locator(".preview:popover-open")
    symbol = file.locator("a.symbol[href$='#symbol-bar-lambda']")
    symbol.hover()
    expect(preview).to_contain_text("geometric mean of the weights")
    file.keyboard.press("Escape")
    symbol.focus()
    file.keyboard.press("Shift+Tab")
    file.keyboard.press("Tab")
    expect(preview).to_contain_text("geometric mean of the weights")


def test_the_notation_page_shows_first_uses_and_code(file: Page, html: Path) -> None:
    file.goto((html / "book/notation.html").as_uri())
    preview = file.locator(".preview:popover-open")
    file.locator("td a[href*='#use-']").first.hover()
    expect(preview.locator("a.symbol mjx-container").first).to_be_visible()
    file.locator("td a[href*='api.html#dmfbook.critical_reg']").first.hover()
    expect(preview).to_contain_text("critical_reg(target, depth)")


def test_on_a_narrow_page_it_stays_within_and_a_statement_of_the_page_is_shown(file: Page) -> None:
    file.set_viewport_size({"width": 360, "height": 800})
    link = file.locator('p a[href="#thm-collapse-matrix"]').first
    link.hover()
    preview = file.locator(".preview:popover-open")
    expect(preview).to_contain_text("Critical regularization of a matrix")
    place = preview.bounding_box()
    assert place is not None and place["x"] >= 0 and place["x"] + place["width"] <= 360


def test_a_page_without_formulas_brings_mathjax_for_them(file: Page, html: Path) -> None:
    file.goto((html / "book/ledger.html").as_uri())
    file.locator('a[href*="#thm-hessian"]').first.hover()
    preview = file.locator(".preview:popover-open")
    expect(preview).to_contain_text("Hessian")
    assert preview.locator("mjx-container").count() > 3
    assert preview.locator("mjx-merror, mjx-assistive-mml [mathcolor=red]").count() == 0


def test_a_tap_follows_the_reference(browser: Browser, html: Path) -> None:
    context = browser.new_context(has_touch=True, viewport={"width": 360, "height": 800})
    tab = context.new_page()
    tab.goto((html / "book/ledger.html").as_uri())
    tab.locator('a[href*="#thm-hessian"]').first.tap()
    tab.wait_for_url("**/exact_derivatives.html#thm-hessian")
    context.close()
