"""Every page in a real browser: complete, without errors or outside requests, readable by all."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from layout import WIDTHS, assert_laid_out
from playwright.sync_api import Page, Response

import dmfbook

pytestmark = pytest.mark.book

# Rules of axe: what depends on the theme, on the width of the page, and what is never called serious.
COLOURS = ["color-contrast", "link-in-text-block"]
PLACES = ["target-size", "scrollable-region-focusable"]
HARMLESS = ["region", "page-has-heading-one"]
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


# Formulas that Tab stops at although they are shown whole.
NEEDLESS_STOPS = """() => [...document.querySelectorAll("mjx-container, span.math")].filter(
    box => box.tabIndex === 0
        && (box.querySelector("mjx-math") ?? box).getBoundingClientRect().width <= box.clientWidth + 1
).length"""


def test_page(tab: Page, site: str, page: Path) -> None:
    weights = {}
    tab.on("response", lambda sent: weights.update({sent.url: weight(sent)}))
    tab.goto(site + page.as_posix())
    tab.evaluate("window.MathJax && MathJax.startup.promise")
    assert sum(weights.values()) < 2**21
    # Style, script, MathJax with its fonts, icons; an explorer brings some of its own.
    own = [url for url in weights if "/_images/" in url or "/explorers/" in url]
    assert len(weights) - len(own) <= 17
    assert tab.locator("meta[name=description]").count() == 1
    tab.evaluate("document.querySelectorAll('details').forEach(box => box.open = true)")

    assert tab.locator("h1").count() == 1
    assert tab.locator(".search-button-field:visible").count() == 1
    assert_formulas_are_typeset(tab)
    for alt in tab.evaluate("Array.from(document.images, image => image.alt)"):
        assert alt.strip() and Path(alt).suffix.lower() not in {".svg", ".png", ".jpg", ".jpeg"}

    # What takes longest is asked once: colours change with the theme alone, places with the width alone.
    assert violations(tab, rules={rule: {"enabled": False} for rule in COLOURS + HARMLESS}) == []
    for theme in ("light", "dark"):
        tab.emulate_media(color_scheme=theme)
        tab.wait_for_selector(f"html[data-theme={theme}]")
        assert violations(tab, runOnly=COLOURS) == []

    for width in WIDTHS:
        tab.set_viewport_size({"width": width, "height": 800})
        # The theme's scripts take note of a new size after 300 ms.
        tab.wait_for_timeout(400)
        assert_laid_out(tab)
        assert tab.evaluate(NEEDLESS_STOPS) == 0
    assert violations(tab, runOnly=PLACES) == []


def test_a_narrow_page_passes_all_rules(tab: Page, site: str) -> None:
    # What only a narrow page shows is the theme's, and the same on all pages.
    tab.set_viewport_size({"width": 360, "height": 800})
    tab.goto(f"{site}book/intro.html")
    for theme in ("light", "dark"):
        tab.emulate_media(color_scheme=theme)
        tab.wait_for_selector(f"html[data-theme={theme}]")
        assert violations(tab) == []


def weight(sent: Response) -> int:
    """Return the bytes of what was sent, but for the chapter's own pictures."""
    own = "/_images/" in sent.url
    return 0 if own else int(sent.headers.get("content-length", 0))


def test_paper_shows_proofs_in_black_on_white(tab: Page, site: str) -> None:
    tab.emulate_media(color_scheme="dark")
    tab.goto(f"{site}book/foundations/exact_derivatives.html")
    tab.wait_for_selector("html[data-theme=dark]")
    folded = "details:not([open], .hide, .verdict)"
    before = tab.locator(folded).count()
    assert before > 0
    tab.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert tab.locator(folded).count() == 0
    assert tab.locator("html[data-theme=light]").count() == 1
    tab.evaluate("dispatchEvent(new Event('afterprint'))")
    assert tab.locator(folded).count() == before
    assert tab.locator("html[data-theme=dark]").count() == 1


def test_comments_in_dark_code_do_not_glare(tab: Page, site: str) -> None:
    """They are nearly grey, and not as light as the code; how much contrast they need, axe tells."""
    tab.emulate_media(color_scheme="dark")
    tab.goto(f"{site}book/your_own.html")
    tab.wait_for_selector("html[data-theme=dark]")
    colour = """kind => {
        const code = document.querySelector(".highlight pre");
        const token = Object.assign(document.createElement("span"), { className: kind });
        code.append(token);
        return getComputedStyle(token).color.match(/\\d+/g).map(Number);
    }"""
    name = tab.evaluate(colour, "n")
    for kind in ("c", "c1", "ch", "cm", "cp", "cpf", "cs"):
        comment = tab.evaluate(colour, kind)
        assert max(comment) - min(comment) < 40
        assert max(comment) < min(name)


def test_a_formula_says_so_as_long_as_it_is_cut_off(tab: Page, site: str) -> None:
    tab.set_viewport_size({"width": 360, "height": 800})
    tab.goto(f"{site}book/foundations/exact_derivatives.html")
    tab.evaluate("MathJax.startup.promise")
    wide = tab.locator("mjx-container.more-right:visible").first
    assert wide.get_attribute("tabindex") == "0"
    wide.evaluate("box => box.scrollLeft = box.scrollWidth")
    tab.wait_for_selector("mjx-container.more-left:not(.more-right)")
    narrow = tab.locator("mjx-container.narrow").count()
    tab.set_viewport_size({"width": 1280, "height": 800})
    tab.wait_for_timeout(400)
    assert tab.locator("mjx-container.narrow").count() < narrow
    assert tab.locator("mjx-container:is(.more-left, .more-right):not(.narrow)").count() == 0


def test_rows_of_a_long_table_can_be_sought(tab: Page, site: str) -> None:
    tab.goto(f"{site}book/notation.html")
    rows = tab.locator("table").first.locator("tbody tr:visible")
    before = rows.count()
    tab.get_by_role("searchbox", name="Show only rows").first.fill("condition number")
    assert 1 <= rows.count() < before
    tab.get_by_role("searchbox", name="Show only rows").first.fill("")
    assert rows.count() == before


def test_the_ledger_can_be_sorted_from_the_keyboard(tab: Page, site: str) -> None:
    tab.goto(f"{site}book/ledger.html")
    table = tab.locator("table").first
    column = [head.inner_text().strip() for head in table.locator("th").all()].index("error")
    cells = f"tbody tr td:nth-child({column + 1})"
    before = table.locator(cells).all_inner_texts()
    assert before.count("") > 3  # the names of the parts
    button = table.get_by_role("button", name="error")
    button.focus()
    for order in ("ascending", "descending"):
        tab.keyboard.press("Enter")
        assert table.locator(f"th[aria-sort={order}]").count() == 1
        found = [float(text) for text in table.locator(cells).all_inner_texts()]
        assert found == sorted(map(float, filter(str.strip, before)), reverse=order == "descending")
    tab.keyboard.press("Enter")
    assert table.locator(cells).all_inner_texts() == before
    assert table.locator("th[aria-sort]").count() == 0


def test_every_page_says_version_and_licence(html: Path, page: Path) -> None:
    text = (html / page).read_text("utf-8")
    assert f"Version {dmfbook.__version__}. Code under BSD-3-Clause" in text


def test_the_map_shows_what_a_result_rests_on(tab: Page, site: str) -> None:
    tab.goto(f"{site}book/map.html")
    dot = tab.locator("[data-label=thm-hessian]")
    dot.focus()
    assert "on it" in tab.locator(".results-map-said").inner_text()
    assert dot.get_attribute("class") == "on"
    dot.press("Enter")
    tab.wait_for_url("**/exact_derivatives.html#thm-hessian")


def assert_formulas_are_typeset(tab: Page) -> None:
    formulas = tab.locator("span.math, div.math")
    assert tab.locator(":is(span, div).math:has(mjx-container)").count() == formulas.count()
    # MathJax writes an unknown command in red.
    assert tab.locator("mjx-merror, mjx-assistive-mml [mathcolor=red]").count() == 0
    assert tab.evaluate(RAW_TEX) == []


def violations(tab: Page, **options: object) -> list[str]:
    """Return what some rules of axe call serious or critical on the page."""
    # Half-way through fading in, a text lacks contrast.
    tab.evaluate("document.getAnimations().forEach(animation => animation.cancel())")
    # Without `preload`, which fetches style sheets once more, from wrong addresses.
    options |= {"resultTypes": ["violations"], "preload": False}
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
