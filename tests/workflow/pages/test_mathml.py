"""Formulas as MathML."""

import re
from types import SimpleNamespace

import pytest

from dmfbook.workflow.pages.loading.mathml import add_mathml, expanded, mathml

MACROS = {"norm": [r"\left\lVert #1 \right\rVert", 1], "tr": r"\operatorname{tr}"}


@pytest.mark.parametrize(
    ("tex", "plain"),
    [
        (r"\norm{a_{1}}^2", r"{\left\lVert a_{1} \right\rVert}^2"),
        (
            r"\norm x + \norm\lambda",
            r"{\left\lVert x \right\rVert} + {\left\lVert \lambda \right\rVert}",
        ),
        (r"\norm{\norm{x}}", r"{\left\lVert {\left\lVert x \right\rVert} \right\rVert}"),
        (r"\norm{\{ x \}}", r"{\left\lVert \{ x \} \right\rVert}"),
        (r"\tr A^\top", r"{\operatorname{tr}}A^\top"),
        (r"\triangle", r"\triangle"),
    ],
)
def test_commands_of_the_book_are_replaced(tex: str, plain: str) -> None:
    assert expanded(tex, MACROS) == plain


@pytest.mark.parametrize(
    "tex",
    [
        r"\tfrac12", r"\frac2L", r"\frac 1\lambda", r"\dots", r"\Big/", r"\norm{x}",
        r"\begin{split}\begin{aligned} a &= b \\ c &= d \end{aligned}\end{split}",
    ],
)  # fmt: skip
def test_all_is_converted(tex: str) -> None:
    assert re.fullmatch(r"<math.*</math>", mathml(tex, True, MACROS), re.DOTALL)


def test_what_cannot_be_converted_stands_as_tex() -> None:
    assert mathml(r"\unheard < 1", False, {}) == r"<code>\unheard &lt; 1</code>"


def test_mathml_stands_beside_the_tex() -> None:
    settings = SimpleNamespace(mathjax3_config={"tex": {"macros": MACROS}})
    app = SimpleNamespace(builder=SimpleNamespace(name="html"), config=settings)
    inline = r'<span class="math notranslate nohighlight">\(a &lt; 1\)</span>'
    display = '<div class="math notranslate nohighlight">\n\\[\n\\tr A\n\\]</div>'
    context = {"body": f"<p>{inline}</p>{display}"}
    add_mathml(app, "page", "page.html", context, None)
    assert context["body"].count("<noscript><math") == 2
    assert r"\(a &lt; 1\)<noscript>" in context["body"] and "\\]<noscript>" in context["body"]
    assert "<mo>&lt;</mo>" in context["body"] or "<mo><</mo>" not in context["body"]
