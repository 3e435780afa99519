"""Which parameter sets a sweep goes through."""

import ast
import contextlib
import itertools
import re
from collections.abc import Iterable
from typing import Any

from dmfbook.workflow.sources.notebooks import Chapter
from dmfbook.workflow.sources.parameters import Parameter
from dmfbook.workflow.system.errors import BookError, shortened, unknown

_RANGE = re.compile(r"([+-]?\d+):([+-]?\d+)(?::(\d+))?")
_BRACKETS = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}
# More than this is a slip of the pen.
_MOST_RUNS = 10**6


def parameter_sets(
    chapter: Chapter, over: Iterable[str], seeds: int | None = None
) -> list[dict[str, Any]]:
    """Return every combination of the values that are asked for.

    Parameters
    ----------
    chapter : Chapter
        The chapter, for its parameters.
    over : iterable of str
        ``NAME=VALUE,VALUE,…`` each; for a whole number also ``NAME=FIRST:LAST`` or
        ``NAME=FIRST:LAST:STEP``, with both ends.
    seeds : int, optional
        Sets the parameter ``seed`` to 0, 1, …, so many values.

    Returns
    -------
    list of dict
        The last parameter changes fastest.

    Raises
    ------
    BookError
        If a parameter is unknown or given twice, a value does not fit or stands twice, or there
        are more than a million sets.
    """
    declared = {parameter.name: parameter for parameter in chapter.parameters}
    axes: dict[str, list[Any]] = {}
    for given in over:
        name, equals, text = given.partition("=")
        if not equals:
            raise BookError(f"expected --over NAME=VALUES, got {shortened(repr(given), 200)}")
        if name not in declared:
            raise unknown("parameter", name, declared)
        if name in axes:
            raise BookError(f"--over gives the parameter {name!r} twice")
        axes[name] = _values(declared[name], text)
    if seeds is not None:
        if "seed" not in declared:
            raise BookError(f"chapter {chapter.name} has no parameter 'seed' for --seeds")
        if "seed" in axes:
            raise BookError("both --seeds and --over say what the seeds are; give one")
        axes["seed"] = [declared["seed"].convert(seed) for seed in range(seeds)]
    total = 1
    for values in axes.values():
        total *= len(values)
    if total > _MOST_RUNS:
        raise BookError(f"{total} runs are wanted; {_MOST_RUNS} are the most")
    return [dict(zip(axes, chosen, strict=True)) for chosen in itertools.product(*axes.values())]


def _values(parameter: Parameter, text: str) -> list[Any]:
    """Read the values of one parameter."""
    values: list[Any] = []
    for piece in _pieces(text):
        found = _RANGE.fullmatch(piece.strip()) if parameter.type == "int" else None
        if found:
            first, last, step = int(found[1]), int(found[2]), int(found[3] or 1)
            if step == 0 or not 0 <= last - first < _MOST_RUNS * step:
                raise BookError(f"parameter {parameter.name!r}: no range of values: {piece}")
            values += range(first, last + 1, step)
        else:
            values.append(parameter.convert(_unquoted(piece) if parameter.type == "str" else piece))
    for value in values:
        if values.count(value) > 1:
            raise BookError(f"--over gives {parameter.name}={value!r} twice")
    return values


def _pieces(text: str) -> list[str]:
    """Split at the commas that stand outside of brackets and quotes."""
    pieces, depth, quote = [""], 0, ""
    for letter in text:
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        depth += 0 if quote else _BRACKETS.get(letter, 0)
        if letter == "," and depth == 0 and not quote:
            pieces.append("")
        else:
            pieces[-1] += letter
    return pieces


def _unquoted(piece: str) -> str:
    """Return the text in quotes, if it is in quotes."""
    with contextlib.suppress(ValueError, SyntaxError):
        value = ast.literal_eval(piece)
        return value if isinstance(value, str) else piece
    return piece
