"""Figures of the built book: each has a number, a caption and its files, and opens by keyboard."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.book


def test_every_picture_of_a_chapter_is_a_figure_with_its_files(html: Path, page: Path) -> None:
    text = (html / page).read_text(encoding="utf-8")
    figures = re.findall(r'<figure[^>]* id="(fig-[^"]+)">(.*?)</figure>', text, re.DOTALL)
    shown = text.count('alt="The picture in full size"')
    assert len(figures) == shown
    for name, figure in figures:
        assert re.search(r'caption-number">Figure [\d.]+ <', figure)
        assert len(re.sub("<[^>]+>", "", figure.split("caption-text")[1]).split()) > 4
        files = re.findall(r'href="([^"]+)" download="([^"]+)"', figure)
        assert [file for _, file in files] == [f"{name}.{end}" for end in ("svg", "pdf", "json")]
        picture, pdf, numbers = (html / page.parent / address for address, _ in files)
        assert "<svg" in picture.read_text(encoding="utf-8")[:400]
        assert pdf.read_bytes().startswith(b"%PDF")
        panels = json.loads(numbers.read_text(encoding="utf-8"))["panels"]
        assert panels and all(panel["drawn"] for panel in panels)


def test_figures_of_a_chapter_are_counted_in_order(html: Path, page: Path) -> None:
    text = (html / page).read_text(encoding="utf-8")
    numbers = re.findall(r'caption-number">Figure ([\d.]+) <', text)
    last = [int(number.rpartition(".")[2]) for number in numbers]
    assert last == list(range(last[0], last[0] + len(last))) if last else not numbers


def test_a_figure_opens_in_full_size_by_keyboard(tab: Page, site: str) -> None:
    # What the browser asks of its own accord for a page that is a picture.
    tab.route("**/favicon.ico", lambda route: route.fulfill(status=204))
    tab.set_viewport_size({"width": 360, "height": 800})
    tab.goto(f"{site}book/foundations/one_singular_value.html")
    picture = tab.locator("a.full-size").first
    assert picture.bounding_box()["width"] <= 360
    picture.focus()
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/_images/*.svg")
    # As wide as it was drawn, some 640 pixels.
    assert tab.evaluate("document.documentElement.getBoundingClientRect().width") > 500


def test_a_caption_says_once_what_a_picture_shows(tab: Page, site: str) -> None:
    tab.goto(f"{site}book/foundations/one_singular_value.html")
    figure = tab.get_by_role("figure").first
    assert figure.get_by_role("link", name="The picture in full size").count() == 1
    caption = figure.locator(".caption-text").inner_text()
    assert tab.evaluate("words => document.body.innerText.split(words).length", caption) == 2
    assert (
        tab.locator("img").evaluate_all("(all, words) => all.some(i => i.alt == words)", caption)
        is False
    )
