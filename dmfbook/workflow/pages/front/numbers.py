"""The role ``number``: a number that an executed chapter has handed out, on any page."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from docutils import nodes

from dmfbook.workflow.execution.harvest import glued


def number(
    role: str, rawtext: str, text: str, lineno: int, inliner: Any, *unused: Any, **options: Any
) -> tuple[list[nodes.Node], list[nodes.Node]]:
    """Write a number as ``{number}`part/chapter name digits` `` asks: so many significant digits.

    A chapter hands a number out with MyST-NB's ``glue``, by its name.
    """
    env = inliner.document.settings.env
    chapter, name, digits = text.split()
    path = Path(env.srcdir, "book", f"{chapter}.ipynb")
    env.note_dependency(str(path))
    try:
        value = glued(json.loads(path.read_bytes()))[name]
        return [nodes.Text(written(value, int(digits)))], []
    except (OSError, KeyError, TypeError) as error:
        told = inliner.reporter.error(f"no number for {text!r}: {error!r}", line=lineno)
        return [inliner.problematic(rawtext, rawtext, told)], [told]


def written(value: float, digits: int) -> str:
    """Write a number with so many significant digits, for people.

    Parameters
    ----------
    value : float
        A finite number.
    digits : int, >= 1
        How many digits.

    Returns
    -------
    str
        Without an exponent, and with a true minus.

    Examples
    --------
    >>> written(-0.00123456, 3), written(1234.56, 3), written(27, 3), written(1.999, 2)
    ('−0.00123', '1230', '27', '2.0')
    """
    if isinstance(value, int):
        return f"{value}".replace("-", "−")
    rounded = float(f"{value:.{digits}g}")
    magnitude = math.floor(math.log10(abs(rounded))) if rounded else 0
    return f"{rounded:.{max(0, digits - 1 - magnitude)}f}".replace("-", "−")
