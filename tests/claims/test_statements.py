"""What pages state and what claims evaluate is the same, and worked examples of it."""

import json
from pathlib import Path

import numpy as np
import pytest

import dmfbook as dmf
from dmfbook.claims import CHAPTERS, Claim
from dmfbook.claims.cases.critical_points import at_modes
from dmfbook.claims.statements.linear_networks import on_data
from dmfbook.claims.statements.modes import OUT
from dmfbook.claims.statements.regularized.spectrum import MU_MINUS, MU_PLUS, TABLE, spectrum
from dmfbook.claims.statements.regularized.table import evaluate, latex, markdown


def page(name: str, part: str = "regularized") -> str:
    """Text of a chapter."""
    path = Path(__file__).parents[2] / "book" / part / f"{name}.ipynb"
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells)


def test_the_page_shows_the_table_that_is_tested() -> None:
    text = page("the_spectrum_in_blocks")
    assert f"\n\n{markdown(TABLE)}\n:::" in text
    assert rf"\mu^+_{{ij}} = {latex(MU_PLUS)} ," in text
    assert rf"\mu^-_{{ij}} = {latex(MU_MINUS)} ," in text


def test_the_page_says_of_each_statement_what_becomes_of_it_on_data() -> None:
    text = page("from_a_matrix_to_a_network", "linear_networks")
    assert f"\n\n{on_data.markdown()}\n\n" in text
    stated = [
        found.label
        for chapter in CHAPTERS
        if "linear_networks" not in chapter.__name__
        for found in vars(chapter).values()
        if isinstance(found, Claim)
    ]
    assert sorted(label for row in on_data.ROWS for label in row.labels) == sorted(stated)


def test_two_layers_whose_ends_differ() -> None:
    """At zero, widths (3, 2, 2): twice the weight belongs to the place of the longer end."""
    rng = np.random.default_rng(0)
    case = at_modes(rng, (3, 2, 2), np.full(2, 0.7), np.array([1.5, 0.4]), [OUT, OUT])
    expected = np.repeat([-1.6, 0.6, 1.4, 2.2, 4.4], 2)
    np.testing.assert_allclose(spectrum(case), expected, atol=1e-14)
    np.testing.assert_allclose(case.eigenvalues, expected, atol=1e-14)
    point = next(iter(dmf.critical_points(case.problem)))
    np.testing.assert_allclose(dmf.hessian_spectrum(point), expected, atol=1e-14)


@pytest.mark.parametrize(
    ("formula", "rendered", "value"),
    [
        ("2*sigma_i*w_i**(L - 2)", r"2 \sigma_i w_i^{L-2}", 12.0),
        ("(d[1] - k)*abs(d[0] - d[L])", r"(d_1 - k) \lvert d_0 - d_L \rvert", 4),
        ("sum(d[l] - k for l in range(1, L))", r"\sum_{1 \le l < L} (d_l - k)", 3),
        ("sum(d[l] for l in range(1, L + 1))", r"\sum_{1 \le l \le L} d_l", 10),
        ("lam - (1 - k)", r"\lambda - (1 - k)", 0.5),
        ("(1 + k)/w_i", r"\frac{1 + k}{w_i}", 1.0),
    ],
)
def test_a_formula_is_rendered_and_evaluated(formula: str, rendered: str, value: float) -> None:
    assert latex(formula) == rendered
    names = {"sigma_i": 3.0, "w_i": 2.0, "L": 3, "d": (3, 3, 2, 5), "k": 1, "lam": 0.5}
    assert evaluate(formula, names) == value


def test_what_is_no_formula_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a formula of sums, products and powers"):
        latex("[w]")
    with pytest.raises(ValueError, match="expected a sum over a range"):
        latex("sum(w for w in values)")
