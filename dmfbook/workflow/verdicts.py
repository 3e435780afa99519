"""The table of ``dmfbook verify``."""

import json
from pathlib import Path
from typing import Any

from dmfbook.workflow.errors import BookError, unknown
from dmfbook.workflow.files import check_writable, whole


def verify(labels: list[str], cases: int, seed: int, report: Path | None) -> bool:
    """Check claims, print a row for each as it is done, and report to a file.

    Parameters
    ----------
    labels : list of str
        Which claims; all where the list is empty.
    cases : int
        Random cases a claim.
    seed : int
        Seed of the random cases.
    report : Path or None
        JSON file for the verdicts, a list with one object a claim. A number that is not finite,
        as the margin of an error that is exactly zero, is null.

    Returns
    -------
    bool
        Whether every claim holds and every control fails.

    Raises
    ------
    BookError
        If a label is unknown or the file cannot be written; nothing is checked.
    """
    from dmfbook.claims import all_claims

    claims = {claim.label: claim for claim in all_claims()}
    for label in labels:
        if label not in claims:
            raise unknown("claim", label, claims)
    if report is not None:
        check_writable(report.resolve().parent)
        if report.is_dir():
            raise BookError(f"cannot write to {report}: it is a folder")
    wanted = [claims[label] for label in labels] or list(claims.values())
    width = max(map(len, claims), default=0)
    print(_row(width, "claim", "cases", "worst error", "tolerance", "margin", "seconds", "verdict"))
    verdicts = []
    for claim in wanted:
        verdict = claim.verify(cases, seed)
        verdicts.append(verdict)
        print(_row(width, claim.label, *_cells(verdict)), flush=True)
    if report is not None:
        with whole(report) as partial:
            partial.write_text(json.dumps([verdict.as_dict() for verdict in verdicts], indent=1))
    passed = sum(verdict.passed for verdict in verdicts)
    print(f"{passed} of {len(verdicts)} claims passed")
    return passed == len(verdicts)


def _cells(verdict: Any) -> list[str]:
    return [
        str(verdict.cases),
        f"{verdict.worst_error:.1e}",
        f"{verdict.tolerance:.1e}",
        f"{verdict.margin:.1e}",
        f"{verdict.seconds:.2f}",
        _in_words(verdict),
    ]


def _in_words(verdict: Any) -> str:
    if not verdict.holds:
        return "FAILS"
    return "holds, control fails" if verdict.control_fails else "CONTROL PASSES"


def _row(width: int, label: str, *cells: str) -> str:
    *numbers, verdict = cells
    return "  ".join([label.ljust(width), *(cell.rjust(11) for cell in numbers), verdict])
