"""Mathematics in docstrings: written for a terminal, set on the page."""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from dmfbook.workflow.pages.reference.transcription import NotMathematics, transcribed


@pytest.mark.parametrize(
    ("text", "tex"),
    [
        ("‖M − W_L ⋯ W_1‖_F²", r"\norm{M - W_{L} \cdots W_{1}}_{F}^{2}"),
        ("max_l |‖A_l‖₂ − 1|", r"\max_{l} \abs{\norm{A_{l}}_{2} - 1}"),
        ("(Q⁺)ᵀ", r"(Q^{+})^{\top}"),
        ("𝒜*(y) = Σ_k y_k S_k", r"\mathcal{A}^*(y) = \sum_{k} y_{k} S_{k}"),
        ("‖M‖_*^{2 − 2/L}", r"\norm{M}_{*}^{2 - 2/L}"),
        ("√((1 + γ)² − q) / 2", r"\sqrt{(1 + \gamma)^{2} - q} / 2"),
        ("M̃, λ̄, Ẇ ≠ 0", r"\widetilde{M}, \bar{\lambda}, \dot{W} \ne 0"),
        ("1e-10 ε, 2.2e-16 ε", r"10^{-10} \varepsilon, 2.2 \cdot 10^{-16} \varepsilon"),
        ("w_{l-1}^{n²}", r"w_{l-1}^{n^{2}}"),
        ("tr ∇²F", r"\tr \nabla^{2}F"),
        ("⟨S_k, X⟩", r"\inner{S_{k}, X}"),
        ("m − gap", r"m - \mathtt{gap}"),
        ("O(L d)", "O(L d)"),
        ("d_L × d_0", r"d_{L} \times d_{0}"),
    ],
)
def test_formulas_become_tex(text: str, tex: str) -> None:
    def tight(formula: str) -> str:
        return formula.replace(r"\,", "").replace(" ", "")

    assert tight(transcribed(text)) == tight(tex)


@pytest.mark.parametrize(
    "code",
    [
        "matvec",
        "factors[l-1]",
        'order="C"',
        "w**2",
        "scale * x",
        "f(x).T",
        "hidden_widths",
        "a == b",
    ],
)
def test_code_is_no_formula(code: str) -> None:
    with pytest.raises(NotMathematics):
        transcribed(code)


@pytest.mark.parametrize("broken", ["‖M", "(1 − λ", "w_{l − 1", "λ ☃", "λ^", "√", "λ}"])
def test_what_cannot_be_read_is_refused(broken: str) -> None:
    with pytest.raises(NotMathematics):
        transcribed(broken)


def page(folder: Path, docstring: str) -> tuple[str, str]:
    """Return the page of a docstring and the warnings of its build."""
    source = f"def function():\n    r'''{inspect.cleandoc(docstring)}'''\n"
    (folder / "module.py").write_text(source, encoding="utf-8")
    (folder / "index.rst").write_text("Page\n====\n\n.. autofunction:: module.function\n", "utf-8")
    extensions = "sphinx.ext.autodoc,sphinx.ext.napoleon,sphinx.ext.mathjax"
    extensions += ",dmfbook.workflow.pages.reference.formulas"
    command = [sys.executable, "-m", "sphinx", "-C", "-q", "-D", f"extensions={extensions}"]
    command += ["-D", "html_theme=basic", "-D", "napoleon_use_param=0", str(folder)]
    done = subprocess.run(
        [*command, str(folder / "html")],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(folder)},
    )
    return (folder / "html" / "index.html").read_text("utf-8"), done.stderr


def test_a_page_sets_formulas_and_letters_and_keeps_code(tmp_path: Path) -> None:
    docstring = """Distance ``‖X‖²`` of a point.

    Parameters
    ----------
    k : array (d_L, d_{l-1})
        A number k of ``factors``, of ``X``, by L-BFGS, where I know the order "C".
    """
    text, warnings = page(tmp_path, docstring)
    assert not warnings
    assert r"\(\norm{X}^{2}\)" in text and "mathjax" in text
    for letter in (
        "d<sub>L</sub>",
        "d<sub>l−1</sub>",
        "k",
        "X",
    ):
        assert f'<em class="letter">{letter}</em>' in text
    assert text.count('class="letter"') == 4
    assert "<strong>k</strong>" in text and '<span class="pre">factors</span>' in text


@pytest.mark.parametrize("words", ["of ‖X‖ at most", "the product XᵀX of", "``‖X`` alone"])
def test_a_formula_that_is_not_set_is_warned_of(tmp_path: Path, words: str) -> None:
    assert "WARNING: " in page(tmp_path, f"Text {words} here.")[1]
