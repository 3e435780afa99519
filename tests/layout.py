"""What is asked of the layout of a page: nothing cut off, no sign away from its formula."""

from playwright.sync_api import Page

WIDTHS = (1280, 1600, 360)  # the narrowest last: a test may go on there


def assert_laid_out(tab: Page) -> None:
    """Assert that the page is no wider than its window, and that all in it can be seen."""
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert tab.evaluate(LOST_SIGNS) == []
    assert tab.evaluate(CUT_OFF) == []


# Signs that stand beside a formula without a space, but in another line; with where.
LOST_SIGNS = r"""() => {
  const inline = (node) => /^(inline|contents)/.test(getComputedStyle(node).display);
  // The text that goes on where a formula ends, or ends where it begins.
  const beside = (formula, sibling, child) => {
    let node = formula;
    while (!node[sibling]) {
      node = node.parentElement;
      if (!inline(node)) return null;
    }
    node = node[sibling];
    while (node?.nodeType === Node.ELEMENT_NODE) {
      if (!inline(node) || node.matches("code, img, br")) return null;
      node = node[child];
    }
    return node?.nodeType === Node.TEXT_NODE ? node : null;
  };
  const found = [];
  for (const formula of document.querySelectorAll(".bd-article span.math")) {
    const place = formula.querySelector("mjx-container, math")?.getBoundingClientRect();
    if (!place?.width) continue;
    for (const [sibling, child] of [["nextSibling", "firstChild"], ["previousSibling", "lastChild"]]) {
      const text = beside(formula, sibling, child);
      const at = child === "firstChild" ? 0 : (text?.length ?? 0) - 1;
      if (!text?.length || /\s/.test(text.data[at])) continue;
      const range = document.createRange();
      range.setStart(text, at);
      range.setEnd(text, at + 1);
      const sign = range.getBoundingClientRect();
      if (sign.width && (sign.top >= place.bottom || sign.bottom <= place.top))
        found.push(`${formula.textContent} ${text.data}`);
    }
  }
  return found;
}"""

# What is wider than the column of text and can neither be scrolled nor says so.
CUT_OFF = r"""() => {
  const { right, left } = (
    document.querySelector(".bd-article") ?? document.body
  ).getBoundingClientRect();
  const scrolls = (node) => /auto|scroll/.test(getComputedStyle(node).overflowX);
  const within = (node) => {
    for (let box = node; !box.matches(".bd-article"); box = box.parentElement) if (scrolls(box)) return true;
    return false;
  };
  const found = [];
  for (const node of document.querySelectorAll(".bd-article :is(mjx-math, noscript > math, img, svg, table, pre, p, li, dt)")) {
    const place = node.getBoundingClientRect();
    const out = place.right > right + 1 || place.left < left - 1;
    if (place.width && out && !within(node)) found.push(`${node.tagName} ${node.textContent.slice(0, 60)}`);
  }
  // A formula in a box that is too narrow for it fades where more is hidden.
  for (const box of document.querySelectorAll("mjx-container")) {
    const seen = box.querySelector("mjx-math").getBoundingClientRect();
    const more = seen.right > box.getBoundingClientRect().right + 1;
    if (more && !box.classList.contains("more-right")) found.push(`formula ${box.textContent.slice(0, 60)}`);
  }
  return found;
}"""
