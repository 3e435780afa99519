"""What stands at each statement of the built book, and the tags."""

import re
from pathlib import Path

import pytest
import yaml
from bs4 import BeautifulSoup
from playwright.sync_api import Page

import dmfbook.claims
from dmfbook.workflow.pages.claim_code import PAGES, places
from dmfbook.workflow.pages.tags import read_tags

LABEL = re.compile(r":label: *([\w-]+)")


def labels(root: Path) -> set[str]:
    """Return the labels of all statements, definitions, remarks and examples."""
    texts = [path.read_text("utf-8") for path in root.glob("book/*/*.ipynb")]
    return {label for text in texts for label in LABEL.findall(text)}


def test_every_label_has_a_tag_and_every_tag_a_statement_or_an_explanation(root: Path) -> None:
    tags = read_tags(root / "book" / "tags.yml")
    assert {tag for tag, gone in tags.items() if not gone} == labels(root)


def test_versions_agree(root: Path) -> None:
    settings = yaml.safe_load((root / "_config.yml").read_text("utf-8"))
    citation = yaml.safe_load((root / "CITATION.cff").read_text("utf-8"))
    project = (root / "pyproject.toml").read_text("utf-8")
    release = str(settings["sphinx"]["config"]["release"])
    assert release == str(citation["version"])
    assert f'version = "{release}"' in project
    assert f"Version {release}." in settings["html"]["extra_footer"]


@pytest.mark.book
def test_every_statement_has_its_badge(html: Path) -> None:
    seen = {}
    for path in html.glob("book/*/*.html"):
        page = BeautifulSoup(path.read_text("utf-8"), "html.parser")
        for statement in page.select("div.proof[id]"):
            seen[statement["id"]] = len(statement.select("details.verdict.passed"))
            assert statement.select_one("a.tag")["href"] == f"#{statement['id']}"
    claimed = {claim.label for claim in dmfbook.claims.all_claims()}
    assert {label for label, count in seen.items() if count == 1} == claimed


@pytest.mark.book
def test_every_claim_has_its_code(html: Path) -> None:
    for label, (module, first, _) in places().items():
        path = html / PAGES / f"{module.split('.', 2)[2].replace('.', '/')}.html"
        line = BeautifulSoup(path.read_text("utf-8"), "html.parser").find(id=label)
        target = (path.parent / line["href"].partition("#")[0]).resolve()
        assert f'id="{label}"' in target.read_text("utf-8")
        assert re.match(r"\s*@claim", line.next_sibling.next_element.text or line.next_sibling)
        assert first > 1


@pytest.mark.book
def test_a_badge_unfolds_by_keyboard(tab: Page, site: str) -> None:
    tab.goto(f"{site}book/foundations/exact_derivatives.html")
    badge = tab.locator("#thm-gradient details.verdict")
    badge.locator("summary").focus()
    tab.keyboard.press("Enter")
    assert "fails, as it must" in badge.inner_text()
    badge.get_by_role("link", name="its row of the ledger").click()
    tab.wait_for_url("**/ledger.html#ledger-thm-gradient")
    tab.go_back()
    tab.locator("#thm-gradient details.verdict summary").click()
    tab.get_by_role("link", name="its check").first.click()
    tab.wait_for_url("**/exact_derivatives.html#thm-gradient")
    assert "@claim" in tab.locator("pre").inner_text()
