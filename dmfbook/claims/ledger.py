"""The ledger: all verdicts as tables, for the page that lists every claim."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby

from dmfbook.claims.verdict import Trial, Verdict

MEASURED = """\
| statement | claim | controls | rivals | cases | error | tolerance | whose |
|---|---|---|---|--:|--:|--:|---|"""

TOLD_APART = """\
| statement | fails without | not needed, as far as searched | told from |
|---|---|---|---|"""


def measured(verdicts: Iterable[Verdict]) -> str:
    """Errors and outcomes as a MyST table whose first column links to the statements.

    Parameters
    ----------
    verdicts : iterable of Verdict
        One a row, in the order given.

    Returns
    -------
    str
        Markdown. Error and tolerance are those of the case with the smallest margin. Of controls and
        rivals the number is given, and how many did not fail, if any.

    Examples
    --------
    >>> print(measured([]).splitlines()[0])
    | statement | claim | controls | rivals | cases | error | tolerance | whose |
    """
    return "\n".join([MEASURED, *_by_part(verdicts, _measured_row)])


def told_apart(verdicts: Iterable[Verdict]) -> str:
    """What each check can tell from its statement, as a MyST table.

    Parameters
    ----------
    verdicts : iterable of Verdict
        One a row, in the order given.

    Returns
    -------
    str
        Markdown: the hypotheses whose controls fail; those that were found not to be needed, with
        what was searched; the rivals that are refuted. What is not as it must be is set in bold.

    Examples
    --------
    >>> print(told_apart([]).splitlines()[0])
    | statement | fails without | not needed, as far as searched | told from |
    """
    return "\n".join([TOLD_APART, *_by_part(verdicts, _told_apart_row)])


def ratios(verdicts: Iterable[Verdict]) -> dict[str, list[list[float]]]:
    """Errors in units of the tolerance, for :func:`dmfbook.figures.show_margins`.

    Parameters
    ----------
    verdicts : iterable of Verdict
        One a row, in the order given.

    Returns
    -------
    dict of str to list of lists of floats
        For ``"claim"``, ``"control"`` and ``"rival"`` the ratios of each row: of the worst case, of
        each hypothesis' most lenient control, and of the case that refutes each rival best.
    """
    rows = list(verdicts)
    return {
        "claim": [[_ratio(verdict.worst)] for verdict in rows],
        "control": [[_ratio(trial) for trial in verdict.controls.values()] for verdict in rows],
        "rival": [[_ratio(trial) for trial in verdict.rivals.values()] for verdict in rows],
    }


def _by_part(verdicts: Iterable[Verdict], row: Callable[[Verdict], str]) -> Iterator[str]:
    """Rows, under the name of each part of the book."""
    for part, group in groupby(verdicts, key=_part):
        name = part.replace("_", " ").capitalize()
        yield f"| **{name}** |"
        yield from map(row, group)


def _part(verdict: Verdict) -> str:
    """Folder of the claim's module, which is called like the part."""
    return verdict.claim.check.__module__.split(".")[-2]


def _measured_row(verdict: Verdict) -> str:
    claim = verdict.claim
    source = claim.source if claim.source == "this book" else f"{{cite:p}}`{claim.source}`"
    cells = [
        _link(verdict),
        "holds" if verdict.holds else "**fails**",
        _tally(verdict.controls, verdict.passing_controls, "fails", "fail", "passes"),
        _tally(verdict.rivals, verdict.surviving_rivals, "refuted", "refuted", "survives"),
        str(verdict.cases),
        f"{verdict.worst_error:.1e}",
        f"{verdict.tolerance:.1e}",
        f"{claim.status}{', certified' * (claim.label in _certified())}; {source}",
    ]
    return f"| {' | '.join(cells)} |"


def _certified() -> tuple[str, ...]:
    """Labels of the statements that are certified; none where python-flint is not installed."""
    try:
        from dmfbook.exact import labels
    except ImportError:
        return ()
    return labels()


def _told_apart_row(verdict: Verdict) -> str:
    not_needed = [f"{name}: {note}" for name, note in verdict.claim.not_needed.items()]
    cells = [
        _link(verdict),
        _names(verdict.controls, verdict.passing_controls),
        "; ".join(map(_literal, not_needed)),
        _names(verdict.rivals, verdict.surviving_rivals),
    ]
    return f"| {' | '.join(cells)} |"


def _link(verdict: Verdict) -> str:
    return f"{{prf:ref}}`{verdict.claim.label}` {_literal(verdict.claim.title)}"


def _tally(
    tried: Mapping[str, Trial], wrong: Mapping[str, Trial], one: str, many: str, against: str
) -> str:
    if wrong:
        return f"**{len(wrong)} of {len(tried)} {against}**"
    return f"{len(tried)} {one if len(tried) == 1 else many}" if tried else "none"


def _names(tried: Mapping[str, Trial], wrong: Mapping[str, Trial]) -> str:
    return "; ".join(f"**{_literal(name)}**" if name in wrong else _literal(name) for name in tried)


def _literal(text: str) -> str:
    """Markdown that shows a text as it stands, inside a table."""
    return re.sub(r"([\\`*_{}\[\]<>$|~])", r"\\\1", text)


def _ratio(trial: Trial) -> float:
    """Error over tolerance; NaN counts as infinite."""
    margin = trial.evidence.margin
    return math.inf if margin == 0 else 1 / margin
