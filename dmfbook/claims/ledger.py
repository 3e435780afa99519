"""The ledger: all verdicts as one table, for the page that lists every claim."""

from __future__ import annotations

from collections.abc import Iterable

from dmfbook.claims.claim import Verdict

HEADER = """\
| statement | source | status | cases | worst error | tolerance | claim | control |
|---|---|---|--:|--:|--:|---|---|"""


def table(verdicts: Iterable[Verdict]) -> str:
    """Verdicts as a MyST table whose first column links to the statements.

    Parameters
    ----------
    verdicts : iterable of Verdict
        One a row, in the order given.

    Returns
    -------
    str
        Markdown. Error and tolerance are those of the case with the smallest margin.

    Examples
    --------
    >>> print(table([]).splitlines()[0])
    | statement | source | status | cases | worst error | tolerance | claim | control |
    """
    return "\n".join([HEADER, *map(_row, verdicts)])


def _row(verdict: Verdict) -> str:
    claim = verdict.claim
    source = claim.source if claim.source == "this book" else f"{{cite:p}}`{claim.source}`"
    cells = [
        f"{{prf:ref}}`{claim.title} <{claim.label}>`",
        source,
        claim.status,
        str(verdict.cases),
        f"{verdict.worst_error:.1e}",
        f"{verdict.tolerance:.1e}",
        "holds" if verdict.holds else "**fails**",
        "fails" if verdict.control_fails else "**holds**",
    ]
    return f"| {' | '.join(cells)} |"
