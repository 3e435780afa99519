"""Claims on many cases: parts of them on workers, and what is done kept."""

import contextlib
import functools
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from dmfbook.workflow.execution import cache
from dmfbook.workflow.sources.notebooks import Book
from dmfbook.workflow.sweeps.claims import claims_of, why_untested
from dmfbook.workflow.sweeps.engine import Lost, spread, workers
from dmfbook.workflow.sweeps.journal import Journal
from dmfbook.workflow.sweeps.versions import fingerprint
from dmfbook.workflow.system.errors import BookError, BuildError
from dmfbook.workflow.system.locks import alone

# Cases of one task: enough that handing it out costs little, few enough that little is lost.
_PART = 50


def verify_many(
    claims: list[Any], cases: int, seed: int, module: str | None, address: str | None
) -> Iterator[tuple[Any, Any]]:
    """Test claims on many cases, on all cores or on the workers of a scheduler.

    Each part of a claim's cases is kept as it is done, in ``_build/verify`` of the book around the
    current folder, or of that folder. What was kept with the same sources and versions is not
    done again.

    Parameters
    ----------
    claims : list of Claim
        What to test.
    cases : int
        Cases of each; at least one of each kind is tested.
    seed : int
        Seed of the cases.
    module : str or None
        Where workers find the claims; in the book without it.
    address : str or None
        Address of a running scheduler; without it, processes of this machine work.

    Yields
    ------
    claim : Claim
        A claim, as soon as all of its cases are done.
    verdict : Verdict or str
        Its verdict, the same as that of `Claim.verify`; or why it was not tested.

    Raises
    ------
    BuildError
        If workers die, or have other sources.
    """
    folder = _folder()
    with alone(folder):
        journal = Journal(folder / f"{module or 'book'}-{seed}.jsonl")
        sources = _sources(module)
        parts = {claim.label: _parts(claim, cases) for claim in claims}
        ahead = [
            (claim.label, module, sources, part, seed)
            for claim in claims
            for part in parts[claim.label]
            if _key(claim.label, sources, part, seed) not in journal
        ]
        left = {claim.label: 0 for claim in claims}
        untested: dict[str, str] = {}
        for job in ahead:
            left[job[0]] += 1
        total = sum(map(len, parts.values()))
        for claim in claims:
            if not left[claim.label]:
                yield claim, _joined(claim, parts[claim.label], seed, sources, journal)
        if not ahead:
            return
        by_label = {claim.label: claim for claim in claims}
        bar = tqdm(total=total, initial=total - len(ahead), unit="part", disable=None)
        with bar, _told_that_it_is_kept(), workers(address) as client:
            for job, outcome in spread(client, verify_part, ahead):
                label, _, _, part, _ = job
                if isinstance(outcome, Lost):
                    raise BuildError(f"the workers that tested {label} died: {outcome}")
                if "raised" in outcome:
                    raise BuildError(outcome["raised"])
                if "untested" in outcome:
                    untested.setdefault(label, outcome["untested"])
                else:
                    journal.add(_key(label, sources, part, seed), outcome)
                left[label] -= 1
                bar.update()
                if left[label] == 0:
                    claim, why = by_label[label], untested.get(label)
                    yield claim, why or _joined(claim, parts[label], seed, sources, journal)


@contextlib.contextmanager
def _told_that_it_is_kept() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        print("\nwhat is done is kept; the same command goes on", file=sys.stderr, flush=True)
        raise


def verify_part(
    label: str, module: str | None, sources: str, part: tuple[int, int], seed: int
) -> dict[str, Any]:
    """Test a claim on the cases of some numbers; this runs on a worker.

    Parameters
    ----------
    label : str
        Label of the claim.
    module : str or None
        Where it is found; in the book without it.
    sources : str
        Digest of that module's sources where the work was handed out.
    part : tuple of int
        The first number, and the one after the last.
    seed : int
        Seed of the cases.

    Returns
    -------
    dict
        The worst trials, as `_kept` gives them; or, under ``untested``, what went wrong in this
        claim, or, under ``raised``, what goes wrong in all.
    """
    if _sources(module) != sources:
        return {"raised": f"a worker has other sources of {module}; install the same on all"}
    claim = _known(module)[label]
    try:
        verdict = claim.verify_on(range(*part), seed)
    except Exception as error:
        return {"untested": why_untested(error)}
    return {
        "worst": _kept(verdict.worst),
        "controls": {name: _kept(trial) for name, trial in verdict.controls.items()},
        "rivals": {name: _kept(trial) for name, trial in verdict.rivals.items()},
        "seconds": verdict.seconds,
    }


def _kept(trial: Any) -> list[float]:
    """A trial as it is kept: number, error, tolerance."""
    return [trial.number, trial.evidence.error, trial.evidence.tolerance]


def _joined(
    claim: Any, parts: list[tuple[int, int]], seed: int, sources: str, journal: Journal
) -> Any:
    """Join what is kept of all parts of a claim to its verdict."""
    from dmfbook.claims.evidence import Evidence
    from dmfbook.claims.verdict import Trial, Verdict, joined

    def trial(kept: list[Any]) -> Trial:
        return Trial(kept[0], Evidence(kept[1], kept[2]))

    verdicts = []
    for part in parts:
        record = journal[_key(claim.label, sources, part, seed)]
        controls = {name: trial(kept) for name, kept in record["controls"].items()}
        rivals = {name: trial(kept) for name, kept in record["rivals"].items()}
        worst, size = trial(record["worst"]), part[1] - part[0]
        verdicts.append(Verdict(claim, size, seed, worst, controls, rivals, record["seconds"]))
    return joined(verdicts)


def _parts(claim: Any, cases: int) -> list[tuple[int, int]]:
    """Split the numbers of the cases; parts of more cases extend those of fewer."""
    cases = max(cases, len(claim.cases))
    return [(first, min(first + _PART, cases)) for first in range(0, cases, _PART)]


def _key(label: str, sources: str, part: tuple[int, int], seed: int) -> str:
    content = [label, fingerprint(), sources, part, seed]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


@functools.cache
def _known(module: str | None) -> dict[str, Any]:
    from dmfbook.claims import all_claims

    return {each.label: each for each in (claims_of(module) if module else all_claims())}


@functools.cache
def _sources(module: str | None) -> str:
    """Hash the package that a module of claims belongs to; `fingerprint` knows the book's."""
    if module is None:
        return ""
    _known(module)
    file = getattr(sys.modules[module.partition(".")[0]], "__file__", None)
    if file is None:
        folders = [Path(path) for path in sys.modules[module.partition(".")[0]].__path__]
        return "".join(cache.digest(each, sorted(each.rglob("*.py"))) for each in folders)
    path = Path(file)
    files = sorted(path.parent.rglob("*.py")) if path.stem == "__init__" else [path]
    return cache.digest(path.parent, files)


def _folder() -> Path:
    """Where what is done is kept."""
    try:
        return Book.find().built / "verify"
    except BookError:
        return Path.cwd() / "_build" / "verify"
