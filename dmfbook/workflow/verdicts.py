"""The table of ``dmfbook verify``."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dmfbook.workflow.execution.places import check_report
from dmfbook.workflow.sweeps.claims import chosen_claims, why_untested
from dmfbook.workflow.system.errors import BookError
from dmfbook.workflow.system.files import whole

# More cases of a claim than these are spread over processes, and what is done is kept.
_AT_ONCE = 100

# What a report holds of each claim, for whoever reads it.
_COLUMNS = (
    *("label", "title", "source", "status", "cases", "worst_error", "tolerance", "margin"),
    *("holds", "controls", "rivals", "seconds"),
)


def verify(
    labels: list[str],
    cases: int,
    seed: int,
    report: Path | None,
    module: str | None = None,
    address: str | None = None,
) -> bool:
    """Test claims, print a row for each as it is done, and report to a file.

    Below the row of a claim that did not pass stands what went wrong, and the command that shows it
    again; so it does where a check raises an error, and the other claims are tested all the same.
    More than 100 cases, or those for a scheduler, are spread over processes, and what is done is
    kept; see `verify_many`.

    Parameters
    ----------
    labels : list of str
        Which claims; all where the list is empty.
    cases : int
        Cases a claim; at least one of each kind is tested.
    seed : int
        Seed of the cases.
    report : Path or None
        JSON file for the verdicts, a list with one object a claim. A number that is not finite,
        as the margin of an error that is exactly zero, is null; so is all that a claim would say
        whose oracle is not installed or whose check raises an error.
    module : str, optional
        Where to look for claims, as `claims_of` does; without it, in the book.
    address : str, optional
        Address of a running scheduler.

    Returns
    -------
    bool
        Whether every claim was tested and holds, every control fails and every rival is refuted.

    Raises
    ------
    BookError
        If a label is unknown or the file cannot be written; nothing is checked.
    """
    wanted, width = chosen_claims(labels, module)
    if report is not None:
        check_report(report)
    print(_row(width, "claim", "cases", "worst error", "tolerance", "margin", "seconds", "verdict"))
    again = f"dmfbook verify --module {module}" if module else "dmfbook verify"
    rows = {}
    many = cases > _AT_ONCE or address is not None
    if many:  # with tqdm and Dask, which few need
        from dmfbook.workflow.sweeps.verification import verify_many
    for claim, verdict in (
        verify_many(wanted, cases, seed, module, address)
        if many
        else _one_by_one(wanted, cases, seed)
    ):
        if isinstance(verdict, str):
            rows[claim.label] = _not_tested(claim)
            print(_row(width, claim.label, *5 * ["-"], "NOT TESTED"))
            print(f"  {verdict.replace('dmfbook verify', again)}", flush=True)
            continue
        rows[claim.label] = verdict.as_dict()
        print(_row(width, claim.label, *_cells(verdict)), flush=True)
        for failure in verdict.failures:
            print(f"  {failure.replace('dmfbook verify', again)}", flush=True)
    ordered = [rows[claim.label] for claim in wanted]
    if report is not None:
        with whole(report) as partial:
            chosen = [{name: row[name] for name in _COLUMNS} for row in ordered]
            partial.write_text(json.dumps(chosen, indent=1))
    passed = sum(row["passed"] for row in ordered)
    missing = sum(row["holds"] is None for row in ordered)
    not_tested = f", {missing} not tested" if missing else ""
    print(f"{passed} of {len(ordered)} claims passed{not_tested}")
    return passed == len(ordered)


def verify_case(labels: list[str], number: int, seed: int, module: str | None = None) -> bool:
    """Test claims on the case of one number, and print what claim, controls and rivals do on it.

    Parameters
    ----------
    labels : list of str
        Which claims; all where the list is empty.
    number : int
        Number of the case.
    seed : int
        Seed of the cases.
    module : str, optional
        Where to look for claims, as `claims_of` does; without it, in the book.

    Returns
    -------
    bool
        Whether every claim holds and every control fails. A rival may survive one case.

    Raises
    ------
    BookError
        If a label is unknown; nothing is checked. Or if an oracle is not installed.
    """
    wanted, _ = chosen_claims(labels, module)
    from dmfbook.claims.oracles import MissingOracle

    passed = True
    for claim in wanted:
        try:
            verdict = claim.repeat(number, seed)
        except MissingOracle as error:
            raise BookError(f"{claim.label} was not tested: {error}") from None
        passed &= verdict.holds and not verdict.passing_controls
        print(f"{claim.label}, case {number} ({verdict.stratum}), seed {seed}")
        print(_trial("holds" if verdict.holds else "FAILS", "", verdict.worst))
        for name, trial in verdict.controls.items():
            outcome = "PASSES" if name in verdict.passing_controls else "fails"
            print(_trial(outcome, f"without {name}", trial))
        for name, trial in verdict.rivals.items():
            outcome = "survives" if name in verdict.surviving_rivals else "refuted"
            print(_trial(outcome, f"rival {name}", trial), flush=True)
    return passed


def _one_by_one(claims: list[Any], cases: int, seed: int) -> Iterator[tuple[Any, Any]]:
    """Test claims here; yield each with its verdict, or with why it has none."""
    for claim in claims:
        try:
            yield claim, claim.verify(cases, seed)
        except Exception as error:
            yield claim, why_untested(error)


def _not_tested(claim: Any) -> dict[str, Any]:
    """Row for a claim without a verdict; it neither holds nor fails."""
    said = {name: getattr(claim, name) for name in ("label", "title", "source", "status")}
    unknown = ("worst_error", "tolerance", "margin", "holds")
    nothing = {"cases": 0, "controls": [], "rivals": [], "passed": False, "seconds": 0.0}
    return said | dict.fromkeys(unknown) | nothing


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
    """What failed, in capitals; or how many controls and rivals stood behind the claim."""
    wrong = [
        *([] if verdict.holds else ["FAILS"]),
        *([] if not verdict.passing_controls else ["CONTROL PASSES"]),
        *([] if not verdict.surviving_rivals else ["RIVAL SURVIVES"]),
    ]
    controls = _count(verdict.controls, "control fails", "controls fail")
    rivals = _count(verdict.rivals, "rival refuted", "rivals refuted")
    return ", ".join(wrong or ["holds", *controls, *rivals])


def _count(trials: Mapping[str, Any], one: str, many: str) -> list[str]:
    number = len(trials)
    return [f"{number} {one if number == 1 else many}"] if number else []


def _trial(outcome: str, what: str, trial: Any) -> str:
    found = trial.evidence
    numbers = f"error {found.error:.1e}  tolerance {found.tolerance:.1e}"
    return f"  {outcome:8}  {numbers}  {what}".rstrip()


def _row(width: int, label: str, *cells: str) -> str:
    *numbers, verdict = cells
    return "  ".join([label.ljust(width), *(cell.rjust(11) for cell in numbers), verdict])
