"""Mathematics as docstrings write it, ``‖W_l‖_F² + λ̄ w^{2−L}``, as TeX.

A name of several letters is a function that TeX knows, or an argument of the function that is described.
"""

from __future__ import annotations

import re
import unicodedata
from collections import deque

SYMBOLS = {
    "−": "-", "⋯": r"\cdots", "…": r"\dots", "·": r"\cdot", "×": r"\times", "⊗": r"\otimes", "±": r"\pm",
    "≤": r"\le", "≥": r"\ge", "≠": r"\ne", "≈": r"\approx", "∈": r"\in", "∞": r"\infty", "←": r"\leftarrow",
    "↦": r"\mapsto", "∂": r"\partial", "∇": r"\nabla", "Σ": r"\sum", "ℓ": r"\ell", "𝒜": r"\mathcal{A}", "𝒜*": r"\mathcal{A}^*",
    "α": r"\alpha", "β": r"\beta", "γ": r"\gamma", "δ": r"\delta", "Δ": r"\Delta", "ε": r"\varepsilon",
    "η": r"\eta", "θ": r"\theta", "ϑ": r"\vartheta", "κ": r"\kappa", "λ": r"\lambda", "μ": r"\mu", "ξ": r"\xi",
    "ρ": r"\rho", "σ": r"\sigma", "φ": r"\varphi", "ω": r"\omega", ">=": r"\ge", "<=": r"\le",
    "½": r"\tfrac{1}{2}", "¼": r"\tfrac{1}{4}",
}  # fmt: skip
FUNCTIONS = {name: rf"\{name}" for name in ("min", "max", "log", "ln", "tr", "rank", "diag")}
FUNCTIONS["vec"] = r"\vecop"
ACCENTS = {"\u0304": r"\bar", "\u0303": r"\widetilde", "\u0307": r"\dot"}
RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ˣ", "0123456789+-x", strict=True)) | {"ᵀ": r"\top"}
LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True))
SCRIPTS = {"raised": ("^", RAISED), "lowered": ("_", LOWERED)}
BRACKETS = {"(": ")", "[": "]"}
COMMANDS = {"‖": ("‖", r"\norm"), "|": ("|", r"\abs"), "⟨": ("⟩", r"\inner")}
PLAIN = {sign: sign for sign in "+-=<>/,;:! "} | {"_*": "_{*}"}

# What code does not have; dots and crosses stand in other text too.
SIGNS = {sign for sign in SYMBOLS if len(sign) == 1} - set("…×·")
SIGNS |= {*RAISED, *LOWERED, *"‖⟨⟩√"}

_TOKEN = re.compile(
    rf"(?P<number>\d+(?:\.\d+)?(?:e-?\d+)?)"
    rf"|(?P<word>[A-Za-z]{{2,}})"
    rf"|(?P<letter>𝒜\*|[A-Za-zα-ωℓ𝒜ΔΣ][{''.join(ACCENTS)}]?)"
    rf"|(?P<raised>[{''.join(RAISED)}]+)"
    rf"|(?P<lowered>[{''.join(LOWERED)}]+)"
    r"|(?P<sign>_\*|[<>=]=|.)"
)

Tokens = deque[tuple[str, str]]


class NotMathematics(ValueError):
    """Text that is no formula: code, or with a sign that is not known."""


def transcribed(text: str) -> str:
    r"""Write a formula of a docstring in TeX.

    Parameters
    ----------
    text : str
        The formula.

    Returns
    -------
    str
        TeX, with the commands of the book.

    Raises
    ------
    NotMathematics
        If it is none, or if a bracket has no partner.

    Examples
    --------
    >>> print(transcribed("∇²ℓ[Z] = 2 Z Q Qᵀ"))
    \nabla^{2}\ell [Z] = 2 Z Q Q^{\top}
    >>> print(transcribed("√(λ_l / λ̄) ‖W_l‖_F²"))
    \sqrt{\lambda_{l} / \bar{\lambda}} \norm{W_{l}}_{F}^{2}
    >>> transcribed("gradient(factors)")
    Traceback (most recent call last):
    ...
    dmfbook.workflow.pages.reference.transcription.NotMathematics: gradient(factors)
    """
    # Letters with their accent behind them; other signs, such as ≠, stay whole.
    parts = (unicodedata.normalize("NFD", sign) if sign.isalpha() else sign for sign in text)
    plain = " ".join("".join(parts).split())
    tokens = deque((match.lastgroup or "", match[0]) for match in _TOKEN.finditer(plain))
    named = any(kind == "word" and token not in FUNCTIONS for kind, token in tokens)
    if named and not SIGNS & set(text):
        raise NotMathematics(text)
    try:
        return re.sub(r" +(?=[_^)\]}, ]|$)", "", _until("", tokens))
    except (KeyError, IndexError):
        raise NotMathematics(text) from None


def _until(closing: str, tokens: Tokens) -> str:
    """Formula before a bracket, which is taken with it."""
    tex = ""
    while tokens and tokens[0][1] != closing:
        tex += _next(tokens)
    if closing:
        tokens.popleft()
    return tex


def _next(tokens: Tokens) -> str:
    """The next token, with what belongs to it."""
    kind, token = tokens.popleft()
    if kind == "number":
        mantissa, _, power = token.partition("e")
        before = "" if mantissa == "1" else rf"{mantissa} \cdot "
        return f"{before}10^{{{power}}}" if power else token
    if kind == "word":
        return f"{FUNCTIONS[token]} " if token in FUNCTIONS else rf"\mathtt{{{token}}}\,"
    if kind == "letter":
        accent = ACCENTS.get(token[-1], "")
        letter = token[0] if accent else token
        letter = SYMBOLS.get(letter, letter)
        return f"{accent}{{{letter}}}" if accent else f"{letter} "
    if kind in SCRIPTS:
        mark, digits = SCRIPTS[kind]
        return f"{mark}{{{''.join(digits[each] for each in token)}}}"
    return _sign(token, tokens)


def _sign(token: str, tokens: Tokens) -> str:
    if token in COMMANDS:
        closing, command = COMMANDS[token]
        return f"{command}{{{_until(closing, tokens)}}}"
    if token in BRACKETS:
        return f"{token}{_until(BRACKETS[token], tokens)}{BRACKETS[token]}"
    if token == "√":
        return rf"\sqrt{{{_argument('(', ')', tokens)}}}"
    if token in ("_", "^"):
        return f"{token}{{{_argument('{', '}', tokens)}}}"
    return f"{SYMBOLS[token]} " if token in SYMBOLS else PLAIN[token]


def _argument(opening: str, closing: str, tokens: Tokens) -> str:
    """What a root or a script is of: what brackets hold, or one token."""
    if tokens[0][1] != opening:
        return _next(tokens).strip()
    tokens.popleft()
    return _until(closing, tokens)
