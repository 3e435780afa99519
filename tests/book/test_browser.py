"""Every page in a real browser: complete, without errors or outside requests, readable by all."""

import functools
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

pytestmark = pytest.mark.book

NAMES = ("chromium", "chromium-browser", "google-chrome")
# No sandbox, since continuous integration runs as root; and no calls home.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
# Runs in the page: text outside of code which still looks like TeX.
RAW_TEX = """() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
        const node = walker.currentNode;
        if (/\\$\\$|\\\\\\(|\\\\\\[|\\\\begin\\{/.test(node.data)
            && !node.parentElement.closest("pre, code, script, style, mjx-container"))
            found.push(node.data.trim());
    }
    return found;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start the one browser for all pages, or skip where the machine has none."""
    named = os.environ.get("DMFBOOK_BROWSER")
    found = next(filter(None, map(shutil.which, [named] if named else NAMES)), None)
    if found is None:
        pytest.skip(f"no browser: {named or ', '.join(NAMES)} not found (or set DMFBOOK_BROWSER)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(html: Path) -> Iterator[str]:
    """Serve the pages on this machine; return their address."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(html))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture
def tab(browser: Browser, site: str) -> Iterator[Page]:
    """Open an empty tab that fails the test on an error or on a request to another machine."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    complaints: list[str] = []
    tab.on("pageerror", lambda error: complaints.append(f"script error: {error}"))
    tab.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    tab.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((site, "data:", "blob:"))
            else complaints.append(f"request to {request.url}")
        ),
    )
    yield tab
    context.close()
    assert not complaints


def test_page(tab: Page, site: str, page: Path) -> None:
    tab.goto(site + page.as_posix())
    tab.evaluate("window.MathJax && MathJax.startup.promise")
    tab.evaluate("document.querySelectorAll('details').forEach(box => box.open = true)")

    assert tab.locator("h1").count() == 1
    assert tab.locator(".search-button-field:visible").count() == 1
    assert_formulas_are_typeset(tab)
    for alt in tab.evaluate("Array.from(document.images, image => image.alt)"):
        assert alt.strip() and Path(alt).suffix.lower() not in {".svg", ".png", ".jpg", ".jpeg"}

    for theme in ("light", "dark"):
        tab.emulate_media(color_scheme=theme)
        tab.wait_for_selector(f"html[data-theme={theme}]")
        assert violations(tab) == []

    tab.set_viewport_size({"width": 360, "height": 800})
    # The theme's scripts take note of a new size after 300 ms.
    tab.wait_for_timeout(400)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    assert violations(tab) == []


def assert_formulas_are_typeset(tab: Page) -> None:
    formulas = tab.locator("span.math, div.math")
    assert tab.locator(":is(span, div).math:has(mjx-container)").count() == formulas.count()
    # MathJax writes an unknown command in red.
    assert tab.locator("mjx-merror, mjx-assistive-mml [mathcolor=red]").count() == 0
    assert tab.evaluate(RAW_TEX) == []


def violations(tab: Page) -> list[str]:
    """Return what axe calls serious or critical on the page."""
    # Half-way through fading in, a text lacks contrast.
    tab.evaluate("document.getAnimations().forEach(animation => animation.cancel())")
    # Without `preload`, which fetches style sheets once more, from wrong addresses.
    options = {"resultTypes": ["violations"], "preload": False}
    found = Axe().run(tab, options=options).response["violations"]
    return [
        f"{violation['id']} ({violation['impact']}): {node['target']} {node['failureSummary']}"
        for violation in found
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("word", ["factorization", "hessian", "threshold"])
def test_search_finds(tab: Page, site: str, word: str) -> None:
    tab.goto(f"{site}search.html?q={word}")
    hit = tab.locator("#search-results li a").first
    hit.wait_for(timeout=5000)
    assert hit.get_attribute("href")
