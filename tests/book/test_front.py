"""The first page: each of its numbers computed again with the package, each chapter there."""

import re
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page
from sklearn import datasets

import dmfbook as dmf
from dmfbook.workflow.execution.harvest import glued
from dmfbook.workflow.pages.front.chapters import numbered_parts
from dmfbook.workflow.pages.front.numbers import written
from dmfbook.workflow.sources.cells import read_notebook
from dmfbook.workflow.sources.statements import statements

# What the page says in words, in numbers.
SPECTRA = {
    "product": [3, 2, 1.2, 0.6],
    "orbit": [3, 2, 0.5],
    "list": [3, 2.4, 2],
    "flat": [3, 1.5, 0.6],
}


def digits() -> dmf.Problem:
    bunch = datasets.load_digits()
    inputs, outputs = bunch.data.T / 16, np.eye(10)[:, bunch.target]
    inputs, outputs = (each - each.mean(axis=1, keepdims=True) for each in (inputs, outputs))
    return dmf.Problem(dmf.Regression(inputs, outputs, scale=1 / inputs.shape[1]), [10])


def kinds() -> list[str]:
    problem = dmf.Problem(np.diag(SPECTRA["list"]), [4, 3], [0.6, 1.2, 0.7])
    return [point.kind for point in dmf.critical_points(problem)]


def condition_number() -> float:
    """From a dense Hessian, whose kernel is the orbit."""
    weight = 0.3 * float(dmf.critical_reg(3.0, 3))
    problem = dmf.Problem(np.diag([3.0, 2.0, 0.6]), [3, 4], weight)
    values = np.linalg.eigvalsh(dmf.hessian(problem, dmf.global_minimizer(problem).factors()))
    return float(values[-1] / values[values > 1e-8 * values[-1]][0])


def orbit() -> float:
    problem = dmf.Problem(np.diag(SPECTRA["orbit"]), [3, 4], 0.3)
    hessian = dmf.hessian(problem, dmf.global_minimizer(problem).factors())
    return float(np.linalg.eigvalsh(hessian)[-1])


def lasts(step: float) -> bool:
    """Whether gradient descent on two equal factors of 1 ends in a cycle of two values, not one."""
    w = 0.6
    for _ in range(20_000):
        w = w - 2 * step * ((w**2 - 1) * w + 0.05 * w)
    after = w - 2 * step * ((w**2 - 1) * w + 0.05 * w)
    again = after - 2 * step * ((after**2 - 1) * after + 0.05 * after)
    return abs(after - w) > 1e-3 and abs(again - w) < 1e-6


def changes(begin: float, end: float, before: bool) -> float:
    """Find the step at which `lasts` changes."""
    while end - begin > 1e-5:
        middle = (begin + end) / 2
        begin, end = (middle, end) if lasts(middle) is before else (begin, middle)
    return begin


def claims() -> int:
    """Count the statements that are claims in the text of the chapters."""
    kinds = {"theorem", "proposition", "lemma", "corollary", "observation"}
    pages = (Path(__file__).parents[2] / "book").glob("*/*.ipynb")
    return sum(each.kind in kinds for page in pages for each in statements(page))


AGAIN = {
    "regularized/the_end_to_end_problem threshold": lambda: dmf.collapse_threshold(0.3, 3),
    "regularized/the_end_to_end_problem rank": lambda: int(
        np.count_nonzero(dmf.shrink(np.array(SPECTRA["product"]), 0.3, 3))
    ),
    "regularized/one_orbit_one_spectrum largest_eigenvalue": orbit,
    "regularized/all_critical_points critical_orbits": lambda: len(kinds()),
    "regularized/all_critical_points local_minimizers": lambda: kinds().count("local minimizer"),
    "regularized/collapse critical_reg": lambda: dmf.critical_reg(3.0, 3),
    "linear_networks/collapse_on_data critical_reg_on_real_data": lambda: dmf.critical_reg_of(
        digits()
    ),
    "sharpness/flat_minima least_sharpness": lambda: dmf.sharpness(
        dmf.flat_factors(np.diag(SPECTRA["flat"]), [4, 4], np.random.default_rng(1))
    ),
    "training/beyond_the_edge edge": lambda: changes(0.4, 0.6, False),
    "training/beyond_the_edge cycle_ends": lambda: changes(0.6, 0.7, True),
    "training/how_fast condition_number": condition_number,
    "training/how_fast rate": lambda: 1 - 2 / (condition_number() + 1),
    "training/how_fast rate_with_momentum": lambda: 1 - 2 / (condition_number() ** 0.5 + 1),
    "ledger claims": claims,
}


def shown(root: Path) -> list[tuple[str, int]]:
    text = (root / "book" / "intro.md").read_text(encoding="utf-8")
    found = re.findall(r"\{number\}`(\S+ \S+) (\d)`", text)
    return [(name, int(digits)) for name, digits in found]


def test_each_number_is_computed_again(root: Path) -> None:
    assert {name for name, _ in shown(root)} == set(AGAIN)


def test_each_chapter_has_a_line(root: Path) -> None:
    text = (root / "book" / "intro.md").read_text(encoding="utf-8")
    listed = re.findall(r"^(\w+): ", text.split("```{chapters}")[1].split("```")[0], re.MULTILINE)
    chapters = [each for _, part in numbered_parts(root / "_toc.yml") for each in part]
    assert sorted(listed) == sorted(each.rpartition("/")[2] for each in chapters)


@pytest.mark.book
@pytest.mark.parametrize("name", AGAIN)
def test_a_number_comes_out_the_same(root: Path, name: str) -> None:
    chapter, key = name.split()
    handed = glued(read_notebook(root / "_build" / "executed" / "book" / f"{chapter}.ipynb"))[key]
    (digits,) = {digits for each, digits in shown(root) if each == name}
    assert written(handed, digits) == written(AGAIN[name](), digits)


@pytest.mark.book
def test_each_chapter_has_a_line_and_a_picture(tab: Page, site: str, root: Path) -> None:
    tab.goto(f"{site}book/intro.html")
    chapters = tab.locator("ol.chapters > li")
    assert chapters.count() == len([*(root / "book").glob("*/*.ipynb")])
    # A chapter whose figures are maps alone has none.
    pictures = chapters.filter(has=tab.locator("svg.thumbnail path:not(.frame)"))
    assert pictures.count() > 0.8 * chapters.count()
    # Numbers count on from part to part, as in the contents.
    starts = tab.locator("ol.chapters").evaluate_all(
        "all => all.map(o => [o.start, o.children.length])"
    )
    assert all(a + n == b for (a, n), (b, _) in zip(starts, starts[1:], strict=False))
