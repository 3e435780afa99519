"""The explorers in a real browser: the package's numbers, views in the address, and something to see without a script."""

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

import dmfbook as dmf
from dmfbook.workflow.pages.explorers import SHARED

pytestmark = pytest.mark.book

NAMES = ["landscape", "modes", "collapse", "hyperbola", "data"]
PAGE = "book/explorers.html"
STATES = 60
EPSILON = float(np.finfo(float).eps)
# Ties, branches and repeated values, which random states miss.
SPECIAL = {
    "landscape": [
        {"target": 2, "reg": 1, "depth": 3},
        {"target": 0.5, "reg": 0.5, "depth": 2},
        {"target": 0.05, "reg": 3, "depth": 12},
        {"target": 4, "reg": 0.01, "depth": 12},
    ],
    "modes": [
        {"sigma1": 0.5, "sigma2": 2, "sigma3": 2, "reg": 0.5, "depth": 2},
        {"sigma1": 2, "sigma2": 2, "sigma3": 2, "reg": 0.3, "depth": 4, "mode2": 2},
        {"sigma1": 2, "sigma2": 2, "sigma3": 0, "reg": 1, "depth": 3, "inputs": 5},
        {"sigma1": 0, "sigma2": 0, "sigma3": 0, "hidden": 1},
        {"hidden": 1, "mode1": 1, "mode2": 2, "mode3": 3, "outputs": 5, "inputs": 5},
    ],
    "collapse": [
        {"reg": 0.4, "depth": 3},
        {"reg": 0.8, "depth": 4},
        {"reg": 1, "depth": 3},
        {"reg": 0.005, "depth": 12},
    ],
    "hyperbola": [
        {"first": 1, "second": 1, "step": 0.5},
        {"first": -2, "second": 2, "step": 1.1},
        {"first": 0.9, "second": 0.9, "step": 0.56},
    ],
    "data": [
        {"weak": 1, "angle": 0},
        {"weak": 0.1, "turn": 90, "angle": 90, "depth": 12},
        {"weak": 0.1, "turn": 0, "angle": 90, "depth": 2},
    ],
}
SEEN = """([name, states]) => {
    const { frame } = document.querySelector(`[data-explorer=${name}]`);
    return states.map((state) => {
        frame.set(state);
        const sentence = frame.explorer.sentence(frame.state);
        return { state: { ...frame.state }, python: frame.python, numbers: frame.values, sentence };
    });
}"""


@pytest.fixture
def explorers(tab: Page, site: str) -> Page:
    """Open the page of all explorers."""
    tab.goto(site + PAGE)
    expect(tab.locator(".explorer-controls")).to_have_count(len(NAMES))
    return tab


def controls(tab: Page, name: str) -> list[dict[str, Any]]:
    code = "name => document.querySelector(`[data-explorer=${name}]`).frame.explorer.controls"
    return tab.evaluate(code, name)


def random_state(rng: np.random.Generator, controls: list[dict[str, Any]]) -> dict[str, float]:
    state = {}
    for control in controls:
        low, high = control["min"], control["max"]
        if control.get("log"):
            value = float(f"{np.exp(rng.uniform(np.log(low), np.log(high))):.3g}")
        elif control.get("options") or control["step"] == 1:
            value = int(rng.integers(low, high + 1))
        else:
            value = round(
                low + control["step"] * int(rng.integers((high - low) / control["step"])), 6
            )
        state[control["name"]] = value
    return state


@pytest.mark.parametrize("name", NAMES)
def test_numbers_are_those_of_the_printed_call(explorers: Page, name: str) -> None:
    found, rng = controls(explorers, name), np.random.default_rng(0)
    states = SPECIAL[name] + [random_state(rng, found) for _ in range(STATES)]
    start = {control["name"]: control["start"] for control in found}
    compared = 0
    for seen in explorers.evaluate(SEEN, [name, [start | state for state in states]]):
        namespace: dict[str, Any] = {}
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(seen["python"], f"<{name}>", "exec"), namespace)
        numbers = namespace["numbers"]
        assert list(numbers) == list(seen["numbers"])
        assert printed.getvalue().count("\n") >= len(numbers)
        assert max(map(len, seen["python"].splitlines())) <= 78
        assert name != "modes" or f" {namespace['point'].kind} of rank" in seen["sentence"]
        amplified = EPSILON * conditioning(name, seen["state"], namespace)
        for key, value in numbers.items():
            ours, theirs = np.atleast_1d(seen["numbers"][key]), np.atleast_1d(value)
            if key == "critical direction":  # its sign is a matter of rounding where entries tie
                ours = ours * np.sign(ours @ theirs)
            scale = np.abs(theirs).max() * (theirs[0] if key == "condition number" else 1)
            np.testing.assert_allclose(
                ours, theirs, rtol=1e-10, atol=amplified * scale, err_msg=f"{seen['state']} {key}"
            )
            compared += theirs.size
    assert compared > 300


def conditioning(name: str, state: dict[str, float], namespace: dict[str, Any]) -> float:
    """By how much rounding errors of the data grow, times a modest number."""
    if name == "landscape":
        target, reg, depth = (namespace[key] for key in ("target", "reg", "depth"))
        return 100 * max(
            root_condition(target, reg, depth, w) for w in dmf.stationary_values(target, reg, depth)
        )
    if name == "collapse":
        reg, depth = state["reg"], int(state["depth"])
        modes = [
            (value, dmf.stationary_values(value, reg, depth)[1]) for value in namespace["values"]
        ]
        return 100 * depth * max(root_condition(target, reg, depth, w) for target, w in modes)
    if name == "modes":
        point, reg, depth = namespace["point"], state["reg"], state["depth"]
        modes = zip(point.target_values, point.mode_values, strict=True)
        return 100 * depth * max(root_condition(target, reg, depth, w) for target, w in modes)
    if name == "data":
        return 100 / state["weak"] ** 2
    growth, w = 1.0, np.array([state["first"], state["second"]])
    for _ in range(10):
        residual, step = 1 - w[0] * w[1], 2 * state["step"]
        slope = np.array([[w[1] ** 2, w[0] * w[1] - residual], [w[0] * w[1] - residual, w[0] ** 2]])
        growth *= max(1.0, np.linalg.norm(np.eye(2) * (1 - step * state["reg"]) - step * slope, 2))
        w = w - step * (state["reg"] * w - residual * w[::-1])
        if np.abs(w).max() > 1e3:
            return 100.0
    return 100 * growth


def root_condition(target: float, reg: float, depth: float, w: float) -> float:
    """Condition number of a root; 1 where there is none, and at depth 2, where the root is a square root."""
    if not w > 0:
        return 1.0
    return max(1.0, target / abs(depth * w**depth - (depth - 2) * reg * w ** (2 - depth)))


@pytest.mark.parametrize(
    "step, end",
    [
        (0.45, "settles at (1, 1), with 4."),
        (0.5, "comes to rest, but slowly: the step is at the edge."),
        (0.56, "goes round in two steps."),
        (0.63, "goes round in four steps."),
        (0.8, "finds no order."),
        (1.05, "diverges."),
    ],
)
def test_what_becomes_of_equal_factors(explorers: Page, step: float, end: str) -> None:
    # The maximum of a step's map, from which it leads out where the step exceeds twice the edge.
    first = round(((1 + 2 * step) / (6 * step)) ** 0.5, 2)
    state = {"step": step, "first": first, "second": first, "reg": 0}
    (seen,) = explorers.evaluate(SEEN, ["hyperbola", [state]])
    assert seen["sentence"].endswith(f"This run {end}")


@pytest.mark.parametrize(
    "state, end",
    [
        ({"step": 0.4}, "settles at (1.284, 0.7787), with 4.511."),
        ({"step": 0.56}, "goes round in two steps."),
        ({"step": 0.63}, "goes round in four steps."),
        ({"step": 0.8, "first": 1.2, "second": 0.7}, "finds no order."),
    ],
)
def test_the_text_promises_what_is_seen(explorers: Page, state: dict, end: str) -> None:
    (seen,) = explorers.evaluate(SEEN, ["hyperbola", [state]])
    assert seen["sentence"].endswith(f"This run {end}")


@pytest.mark.parametrize("name", NAMES)
def test_all_numbers_stand_as_text(explorers: Page, name: str) -> None:
    (seen,) = explorers.evaluate(SEEN, [name, [{}]])
    rows = explorers.locator(f"[data-explorer={name}] tr")
    assert rows.locator("th").all_inner_texts() == list(seen["numbers"])
    for row, value in zip(rows.all(), seen["numbers"].values(), strict=True):
        shown = [float(datum.get_attribute("value")) for datum in row.locator("data").all()]
        assert set(shown) <= set(np.ravel(value))
    caption = explorers.locator(f"[data-explorer={name}] caption").inner_text()
    assert all(control["label"] in caption for control in controls(explorers, name))
    pictures = explorers.locator(f"[data-explorer={name}] svg")
    assert all(
        len(label) > 40 for label in pictures.evaluate_all("all => all.map(e => e.ariaLabel)")
    )


def test_the_address_holds_the_view(explorers: Page) -> None:
    section = explorers.locator("#explorer-landscape")
    section.get_by_label("depth L").press("ArrowRight")
    section.get_by_label("weight λ").press("Home")
    assert "landscape.depth=5" in explorers.url and explorers.url.endswith("#explorer-landscape")
    link = section.get_by_role("link", name="Link to this view").get_attribute("href")
    assert link == explorers.url
    numbers = section.locator("table").inner_text()
    explorers.reload()
    assert section.locator("table").inner_text() == numbers
    assert section.get_by_label("weight λ").get_attribute("aria-valuetext") == "0.01"
    section.get_by_role("button", name="Start again").click()
    assert section.get_by_label("depth L").input_value() == "4"


@pytest.mark.parametrize("text, depth", [("7", 7), ("99", 12), ("2.4", 2), ("x", 4), ("", 4)])
def test_an_address_that_asks_too_much(tab: Page, site: str, text: str, depth: int) -> None:
    tab.goto(f"{site}{PAGE}?landscape.depth={text}&landscape.reg=-1&other=1")
    state = tab.evaluate("document.querySelector('[data-explorer=landscape]').frame.state")
    assert (state["depth"], state["reg"]) == (depth, 0.01)


@pytest.mark.parametrize("name", NAMES)
def test_the_call_can_be_copied(explorers: Page, name: str) -> None:
    explorers.context.grant_permissions(["clipboard-read", "clipboard-write"])
    section = explorers.locator(f"#explorer-{name}")
    section.get_by_role("button", name="Copy as Python").click()
    expect(section.get_by_role("button", name="Copied")).to_be_visible()
    copied = explorers.evaluate("navigator.clipboard.readText()")
    section.locator("summary").click()
    assert copied.strip() == section.locator("pre").inner_text().strip()


@pytest.mark.parametrize(
    "name, handle, value",
    [
        ("landscape", "target", "target"),
        ("modes", "sigma3", "sigma3"),
        ("modes", "reg", "reg"),
        ("collapse", "reg", "reg"),
        ("hyperbola", "start", "first"),
        ("hyperbola", "step", "step"),
        ("data", "target", "strength"),
        ("data", "ellipse", "weak"),
        ("data", "weak", "weak"),
    ],
)
def test_handles_follow_the_pointer(explorers: Page, name: str, handle: str, value: str) -> None:
    frame = f"document.querySelector('#explorer-{name}').frame"
    before = explorers.evaluate(f"{frame}.state.{value}")
    grip = explorers.locator(f"#explorer-{name} [data-handle={handle}]").first
    grip.scroll_into_view_if_needed()
    box = grip.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    explorers.mouse.move(x, y)
    explorers.mouse.down()
    explorers.mouse.move(x - 8, y - 10)
    explorers.mouse.move(x - 16, y - 20)
    explorers.mouse.up()
    after = explorers.evaluate(f"{frame}.state.{value}")
    assert after != before
    assert f"{name}.{value}={after:g}" in explorers.url
    explorers.mouse.move(x, y)
    assert explorers.evaluate(f"{frame}.state.{value}") == after


NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@pytest.mark.parametrize("name", NAMES)
def test_first_view_is_what_the_script_draws(explorers: Page, root: Path, name: str) -> None:
    stored = (root / "book" / "templates" / "explorers" / f"{name}.html").read_text("utf-8")
    drawn = explorers.inner_html(f"#explorer-{name} .explorer-view")
    stored = re.sub(r"\n(?=<)|\n$", "", stored)
    assert NUMBER.sub("0", stored) == NUMBER.sub("0", drawn), "run `make views`"
    # A tenth of a pixel may round the other way elsewhere.
    numbers = [np.array(NUMBER.findall(text), dtype=float) for text in (stored, drawn)]
    np.testing.assert_allclose(*numbers, rtol=1e-9, atol=0.11)


def test_without_a_script_and_on_paper(plain: Page, site: str) -> None:
    plain.goto(site + PAGE)
    for media in ("screen", "print"):
        plain.emulate_media(media=media)
        for name in NAMES:
            section = plain.locator(f"#explorer-{name}")
            assert section.locator("svg").count() >= 2
            assert section.locator("svg").first.bounding_box()["width"] > 200
            assert "Numbers of this view" in section.inner_text()
            assert "To move it needs JavaScript" in section.inner_text()


def test_paper_has_no_controls(explorers: Page) -> None:
    explorers.emulate_media(media="print", color_scheme="dark")
    assert explorers.locator(".explorer :is(input, select, button):visible").count() == 0
    assert explorers.locator(".explorer svg:visible").count() >= 2 * len(NAMES)
    colour = "getComputedStyle(document.querySelector('.explorer text')).fill"
    assert explorers.evaluate(colour) == "rgb(0, 0, 0)"


def test_from_a_file(browser: Browser, html: Path) -> None:
    tab = browser.new_page()
    complaints: list[str] = []
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.goto((html / PAGE).as_uri() + "?modes.depth=5")
    assert tab.evaluate("document.querySelector('#explorer-modes').frame.state.depth") == 5
    tab.locator("#explorer-modes").get_by_label("depth L").press("ArrowRight")
    assert "modes.depth=6" in tab.url
    assert complaints == []
    tab.close()


def test_touch_moves_a_handle_and_not_the_page(browser: Browser, site: str) -> None:
    context = browser.new_context(viewport={"width": 360, "height": 700}, has_touch=True)
    tab = context.new_page()
    tab.goto(site + PAGE)
    grip = tab.locator("#explorer-data [data-handle=target]")
    assert grip.evaluate("element => getComputedStyle(element).touchAction") == "none"
    assert min(grip.bounding_box().values()) > 0 and grip.bounding_box()["width"] >= 24
    context.close()


def test_only_pages_with_an_explorer_load_one(html: Path, page: Path) -> None:
    text = (html / page).read_text("utf-8")
    names = re.findall(r'data-explorer="(\w+)"', text)
    loaded = re.findall(r'src="[^"]*_static/explorers/(\w+)\.js', text)
    assert loaded == ([*SHARED, *names] if names else [])
    assert ("explorers.css" in text) == bool(names)
