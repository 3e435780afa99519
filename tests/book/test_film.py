"""The picture of the first page that moves: once, by itself, and never against a reader's wish."""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

import dmfbook as dmf

pytestmark = pytest.mark.book

FRONT = "book/intro.html"
WEIGHT = "document.querySelector('#explorer-collapse').frame.state.reg"
START = 0.3
# Time is the page's own, set by the tests: no machine is too slow for them.
SECONDS = 8


@pytest.fixture
def front(tab: Page, site: str) -> Iterator[Page]:
    """Open the first page with a clock that stands until a test lets it run."""
    tab.clock.install(time=0)
    tab.clock.pause_at(1000)
    tab.goto(site + FRONT)
    expect(tab.locator("#explorer-collapse form")).to_be_visible()
    yield tab


def see(tab: Page) -> None:
    """Scroll the picture into view; observers hear of it with the next real frame."""
    tab.locator("#explorer-collapse .explorer-panels").scroll_into_view_if_needed()


def button(tab: Page) -> str:
    return tab.locator(".explorer-film button").inner_text()


def weights(tab: Page, milliseconds: int, every: int = 200) -> list[float]:
    """Let the page's time pass, and return the weights on the way."""
    seen = []
    for _ in range(milliseconds // every):
        tab.clock.run_for(every)
        seen.append(tab.evaluate(WEIGHT))
    return seen


def test_it_moves_by_itself_and_ends(front: Page) -> None:
    see(front)
    expect(front.get_by_role("button", name="Pause")).to_be_visible()
    seen = weights(front, 1000 * SECONDS // 2)
    assert seen[0] < 0.05 and all(a <= b for a, b in itertools.pairwise(seen))
    assert seen[-1] == pytest.approx(0.5, abs=0.05)
    weights(front, 1000 * SECONDS)
    assert front.evaluate(WEIGHT) == 1
    assert button(front) == "Play"
    assert set(weights(front, 2000)) == {1}


def test_the_picture_moves_with_the_weight(front: Page) -> None:
    see(front)
    expect(front.get_by_role("button", name="Pause")).to_be_visible()
    front.clock.run_for(200)
    dots = "all => all.map(dot => dot.getAttribute('cy'))"
    before = front.locator("#explorer-collapse .dot").evaluate_all(dots)
    weights(front, 2000)
    after = front.locator("#explorer-collapse .dot").evaluate_all(dots)
    assert len(before) == len(after) == 10
    # What two layers keep goes down, one and all.
    assert all(float(a) < float(b) for a, b in zip(before[:5], after[:5], strict=True))


def test_it_pauses_and_goes_on_by_keyboard(front: Page) -> None:
    see(front)
    pause = front.get_by_role("button", name="Pause")
    expect(pause).to_be_visible()
    weights(front, 1000)
    pause.focus()
    front.keyboard.press("Enter")
    assert button(front) == "Play"
    (held,) = set(weights(front, 2000))
    assert 0.05 < held < 0.5
    front.keyboard.press("Space")
    assert button(front) == "Pause"
    assert all(weight >= held for weight in weights(front, 1000))
    assert front.evaluate(WEIGHT) > held


def test_a_hand_on_a_control_takes_over(front: Page) -> None:
    see(front)
    expect(front.get_by_role("button", name="Pause")).to_be_visible()
    weights(front, 1000)
    front.locator("#explorer-collapse").get_by_label("weight λ").press("End")
    front.locator("#explorer-collapse").get_by_label("weight λ").press("ArrowLeft")
    assert button(front) == "Play"
    assert set(weights(front, 1000)) == {0.995}


def test_it_stands_still_for_who_wants_less_motion(front: Page, site: str) -> None:
    front.emulate_media(reduced_motion="reduce")
    front.goto(site + FRONT)
    see(front)
    assert set(weights(front, 3000)) == {START}
    # Asked for, it moves; the wish for less, when it comes later, stops it.
    front.emulate_media(reduced_motion="no-preference")
    front.get_by_role("button", name="Play").click()
    assert weights(front, 1000)[-1] > START
    front.emulate_media(reduced_motion="reduce")
    expect(front.get_by_role("button", name="Play")).to_be_visible()
    assert len(set(weights(front, 1000))) == 1


def test_a_linked_view_stands(front: Page, site: str) -> None:
    front.goto(f"{site}{FRONT}?collapse.reg=0.2#explorer-collapse")
    see(front)
    assert set(weights(front, 2000)) == {0.2}


def test_elsewhere_it_waits_to_be_asked(front: Page, site: str) -> None:
    front.goto(f"{site}book/explorers.html")
    see(front)
    assert set(weights(front, 2000)) == {START}
    front.get_by_role("button", name="Play").click()
    assert weights(front, 1000)[-1] > START


def test_its_text_is_quiet_while_it_moves_and_true_when_it_stands(front: Page) -> None:
    sentence = front.locator("#explorer-collapse .explorer-sentence")
    see(front)
    expect(front.get_by_role("button", name="Pause")).to_be_visible()
    assert sentence.get_attribute("aria-live") == "off"
    weights(front, 3000)
    front.get_by_role("button", name="Pause").click()
    assert sentence.get_attribute("aria-live") == "polite"
    words = ["none", "one", "two", "three", "four", "five"]
    values, weight = [2, 1.6, 1.2, 0.8, 0.4], front.evaluate(WEIGHT)
    two, four = (words[np.count_nonzero(dmf.shrink(values, weight, depth))] for depth in (2, 4))
    assert f"two layers keep {two} of the five values, 4 layers {four}" in sentence.inner_text()
    slider = front.locator("#explorer-collapse").get_by_label("weight λ")
    assert slider.get_attribute("aria-valuetext") == f"{weight:g}"


@pytest.mark.parametrize("width", [360, 1280])
def test_what_is_below_stays_where_it_is(front: Page, width: int) -> None:
    front.set_viewport_size({"width": width, "height": 800})
    see(front)
    expect(front.get_by_role("button", name="Pause")).to_be_visible()
    # The first frames find the height; numbers then grow, and the box with them, but not back.
    tops = []
    for _ in range(12):
        front.clock.run_for(700)
        heading = front.locator("#two-ways-in")
        tops.append(heading.evaluate("e => e.getBoundingClientRect().top + scrollY"))
    assert all(b >= a - 0.5 for a, b in itertools.pairwise(tops))
    assert tops[-1] - tops[0] < 60


def test_it_changes_in_place(front: Page) -> None:
    """The theme looks for what scrolls once no part has come for 300 ms; a film must not keep it waiting."""
    see(front)
    expect(front.get_by_role("button", name="Pause")).to_be_visible()
    front.evaluate(
        """() => {
            window.parts = 0;
            const watch = new MutationObserver((all) => (window.parts += all.length));
            watch.observe(document.body, { childList: true, subtree: true });
        }"""
    )
    assert weights(front, 4000)[-1] > START
    assert front.evaluate("window.parts") == 0


def test_the_picture_before_the_script(plain: Page, site: str) -> None:
    plain.goto(site + FRONT)
    for media in ("screen", "print"):
        plain.emulate_media(media=media)
        picture = plain.locator("#explorer-collapse")
        assert picture.locator("svg").count() == 2
        assert f"weight {START}" in picture.locator(".explorer-sentence").inner_text()


def test_what_moves_asks_for_frames_in_one_place(root: Path) -> None:
    scripts = root / "book" / "static" / "explorers"
    for path in scripts.glob("*.js"):
        asks = re.search("requestAnimationFrame|setInterval", path.read_text("utf-8"))
        assert bool(asks) == (path.stem == "motion")
