"""The book where no script runs: text, theorems, proofs and formulas."""

from pathlib import Path

import pytest
from layout import WIDTHS, assert_laid_out
from playwright.sync_api import Page

pytestmark = pytest.mark.book


def test_every_formula_has_mathml(html: Path, page: Path) -> None:
    text = (html / page).read_text("utf-8")
    assert text.count('class="math notranslate') == text.count("<noscript><math")


def test_every_page_is_laid_out(plain: Page, html: Path, page: Path) -> None:
    plain.goto((html / page).as_uri())
    plain.evaluate("document.querySelectorAll('details').forEach(box => box.open = true)")
    for width in WIDTHS:
        plain.set_viewport_size({"width": width, "height": 800})
        assert_laid_out(plain)


@pytest.mark.parametrize("width", [360, 1280])
def test_a_chapter_can_be_read(plain: Page, html: Path, width: int) -> None:
    plain.set_viewport_size({"width": width, "height": 800})
    plain.goto((html / "book/foundations/exact_derivatives.html").as_uri())
    assert plain.locator("#thm-hessian").is_visible()
    proof = plain.locator("#thm-hessian + details")
    proof.locator("summary").click()
    assert proof.locator("p").first.is_visible()
    for formula in plain.locator("#thm-hessian span.math, #thm-hessian + details span.math").all():
        seen, around = formula.locator("math").bounding_box(), formula.bounding_box()
        assert seen is not None and around is not None
        assert seen["width"] > 1 and seen["height"] > 4
        # The TeX beside it takes no room.
        assert around["width"] < seen["width"] + 4
    assert plain.locator("div.math math:visible").count() > 5
