"""What ``dmfbook certify`` does."""

from __future__ import annotations

import json
import time
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dmfbook.workflow.system.errors import BookError, unknown
from dmfbook.workflow.system.files import whole

if TYPE_CHECKING:
    from dmfbook.exact import RationalPoint


def certify(labels: list[str], report: Path | None, case: Path | None) -> bool:
    """Certify statements, print a row for each, and write the certificates to a file.

    Parameters
    ----------
    labels : list of str
        Which statements; all that can be certified where the list is empty.
    report : Path or None
        JSON file for the certificates, which ``tools/check_certificate.py`` reads.
    case : Path or None
        JSON file with a rational case of a reader's own: the arguments of `critical_point` or of `fitted_point`.

    Returns
    -------
    bool
        Whether all could be certified; if not, no file is written.

    Raises
    ------
    BookError
        If a label is unknown, python-flint is not installed, the case is none, or the file would replace something
        else; nothing is done.
    """
    try:
        from dmfbook import exact
    except ImportError as error:
        raise BookError(str(error)) from None
    known = exact.labels()
    for label in labels:
        if label not in known:
            raise unknown("statement with a certificate", label, known)
    point = None if case is None else _read(case)
    if report is not None:
        _check_report(report)
    start, entries = time.perf_counter(), []
    try:
        found = exact.certify_book(labels) if point is None else iter(exact.certify(point))
        for label, group in groupby(found, key=lambda entry: entry["label"]):
            if labels and label not in labels:
                continue
            here = list(group)
            entries += here
            seconds = time.perf_counter() - start
            print(
                f"{label.ljust(max(map(len, known)))}  {_in_words(here)}  {seconds:.2f} s",
                flush=True,
            )
            start = time.perf_counter()
    except exact.NotCertified as error:
        print(f"NOT CERTIFIED: {error}")
        return False
    if report is not None:
        with whole(report) as partial:
            partial.write_text(json.dumps(exact.whole(entries)), encoding="utf-8")
    print(f"{len(entries)} certificates")
    return True


def _in_words(entries: list[dict[str, Any]]) -> str:
    roles = [entry["role"] for entry in entries]
    parts = {"claim": "certified", "rival": "rivals refuted", "control": "controls fail"}
    return ", ".join(f"{roles.count(role):3d} {words}" for role, words in parts.items())


def _read(path: Path) -> RationalPoint:
    """The point that a file describes."""
    from dmfbook import exact

    try:
        given = json.loads(path.read_text(encoding="utf-8"))
        make = exact.fitted_point if "factors" in given else exact.critical_point
        return make(**given)
    except (ValueError, TypeError) as error:
        raise BookError(f"{path}: {error}") from None


def _check_report(path: Path) -> None:
    """Make sure that the file replaces nothing but certificates."""
    if path.is_dir():
        raise BookError(f"cannot write to {path}: it is a folder")
    if path.exists() and path.stat().st_size:
        try:
            ours = set(json.loads(path.read_bytes())) == {"entries", "digest"}
        except (ValueError, TypeError):
            ours = False
        if not ours:
            raise BookError(
                f"cannot write to {path}: it holds no certificates; choose another name"
            )
