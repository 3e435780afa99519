"""A chapter at many parameters: what is wanted, what is done, and the table of it."""

import contextlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from dmfbook.workflow.execution import cache, harvest
from dmfbook.workflow.execution.places import check_place, readable
from dmfbook.workflow.execution.single import NO_HURRY, Limits
from dmfbook.workflow.sources.notebooks import Book, Chapter
from dmfbook.workflow.sweeps.engine import Lost, spread, workers
from dmfbook.workflow.sweeps.journal import Journal
from dmfbook.workflow.sweeps.tables import write_table
from dmfbook.workflow.sweeps.versions import fingerprint, versions
from dmfbook.workflow.sweeps.worker import Outcome, imports, run_chapter
from dmfbook.workflow.system.errors import BookError
from dmfbook.workflow.system.files import check_writable, remove, whole
from dmfbook.workflow.system.locks import alone

_LAST = ("passed", "seconds", "error")
_NOT_YET = {"passed": False, "error": "not run yet"}


@dataclass(frozen=True)
class Sweep:
    """A chapter, and the parameter sets to run it at.

    Attributes
    ----------
    book : Book
        The book.
    chapter : Chapter
        What to execute.
    sets : sequence of dict
        Values for some of its parameters, checked; the same names in each.
    folder : Path
        For the results.
    notebooks : bool
        Whether the executed notebooks are kept too. Without them figures are not drawn.
    """

    book: Book
    chapter: Chapter
    sets: Sequence[dict[str, Any]]
    folder: Path
    notebooks: bool = True

    def carry_out(self, address: str | None = None, limits: Limits = NO_HURRY) -> list[str]:
        """Run what is not done, keep each result as it comes, and write the table at the end.

        The table is written also where the sweep is interrupted, with what is done; a run that is
        not done has a row that says so.

        Parameters
        ----------
        address : str, optional
            Address of a running scheduler; without it, processes of this machine work.
        limits : Limits, optional
            How long each run may take and how much it may show.

        Returns
        -------
        list of str
            The runs that failed, each with what went wrong.

        Raises
        ------
        BookError
            If the folder is not ours, or the workers are not as they must be; nothing is run.
        BuildError
            If the scheduler is gone.
        """
        self._check_folder()
        with alone(self.folder):
            self._describe()
            journal = Journal(self.folder / "runs.jsonl")
            keys = [cache.key(self.chapter, values, fingerprint()) for values in self.sets]
            ahead = [
                (values, key)
                for values, key in zip(self.sets, keys, strict=True)
                if not self._done(journal, key, values)
            ]
            try:
                if ahead:
                    self._run(journal, ahead, address, limits)
            finally:
                rows = self._write_tables(journal, keys)
        return [
            f"{_spoken(values)}: {row['error']}"
            for values, row in zip(self.sets, rows, strict=True)
            if not row["passed"]
        ]

    def _check_folder(self) -> None:
        place = self.folder.resolve()
        check_place(self.book, [place, *place.parents])
        check_writable(place)
        about = self.folder / "sweep.json"
        if not about.exists():
            if any(path.name[0] != "." for path in self.folder.iterdir()):
                raise BookError(f"{self.folder} holds something else; give another --output")
            return
        try:
            name = json.loads(about.read_bytes())["chapter"]
        except (ValueError, LookupError, TypeError):
            raise BookError(f"{about} was edited; give another --output") from None
        if name != self.chapter.name:
            raise BookError(f"{self.folder} holds a sweep of {name}; give another --output")

    def _describe(self) -> None:
        """Write down what this is a sweep of, and with which versions."""
        fixed = {p.name: p.default for p in self.chapter.parameters if p.name not in self.sets[0]}
        about = {"chapter": self.chapter.name, "runs": len(self.sets), "defaults": fixed}
        with whole(self.folder / "sweep.json") as partial:
            partial.write_text(json.dumps(about | {"versions": versions()}, indent=1) + "\n")

    def _done(self, journal: Journal, key: str, values: dict[str, Any]) -> bool:
        if key not in journal or not journal[key]["final"]:
            return False
        has_notebook = bool(journal[key]["notebook"])
        return not (self.notebooks and has_notebook) or self._place(journal[key], values).exists()

    def _place(self, record: dict[str, Any], values: dict[str, Any]) -> Path:
        """Where the notebook of a run stands."""
        kind = "failed" if record["error"] else "notebooks"
        return self.folder / kind / f"{readable(values)}.ipynb"

    def _run(
        self,
        journal: Journal,
        ahead: list[tuple[dict[str, Any], str]],
        address: str | None,
        limits: Limits,
    ) -> None:
        loaded = imports(self.chapter)
        options = limits, loaded, self.notebooks
        jobs = ((self.chapter, values, key, *options) for values, key in ahead)
        done = len(self.sets) - len(ahead)
        print(f"{len(self.sets)} runs, {done} of them done before", file=sys.stderr, flush=True)
        with contextlib.ExitStack() as stack:
            bar = stack.enter_context(
                tqdm(total=len(self.sets), initial=done, unit="run", disable=None)
            )
            client = stack.enter_context(workers(address))
            for job, outcome in spread(client, run_chapter, jobs):
                self._keep(journal, job[1], job[2], outcome)
                bar.update()

    def _keep(
        self, journal: Journal, values: dict[str, Any], key: str, outcome: Outcome | Lost
    ) -> None:
        """Keep what came out of a run: first its notebook, then that it is done."""
        if isinstance(outcome, Lost):
            lost = f"the workers that ran it died: {outcome}"
            outcome = Outcome("", lost, final=False, seconds=0.0)
        record: dict[str, Any] = {
            "values": {},
            "verdicts": [],
            "error": outcome.error,
            "final": outcome.final,
            "seconds": round(outcome.seconds, 3),
            "notebook": bool(outcome.notebook),
        }
        if outcome.notebook:
            notebook = json.loads(outcome.notebook)
            record["values"] = harvest.glued(notebook)
            record["verdicts"] = harvest.verdicts(notebook)
            taken = [name for name in record["values"] if name in (*values, *_LAST)]
            if taken and not record["error"]:
                record["error"] = f"glues {taken[0]!r}, which is the name of another column"
        if self.notebooks:
            for kind in ("failed", "notebooks"):
                remove(self.folder / kind / f"{readable(values)}.ipynb")
            if outcome.notebook:
                with whole(self._place(record, values)) as partial:
                    partial.write_text(outcome.notebook, encoding="utf-8")
        journal.add(key, record)

    def _write_tables(self, journal: Journal, keys: list[str]) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        verdicts: list[dict[str, Any]] = []
        glued: dict[str, None] = {}
        for values, key in zip(self.sets, keys, strict=True):
            if key not in journal:
                rows.append(values | _NOT_YET)
                continue
            record = journal[key]
            glued |= dict.fromkeys(record["values"])
            last = {"passed": not record["error"], "seconds": record["seconds"]}
            rows.append(record["values"] | values | last | {"error": record["error"]})
            verdicts += [values | verdict for verdict in record["verdicts"]]
        names = list(self.sets[0])
        handed = [name for name in glued if name not in (*names, *_LAST)]
        write_table(self.folder / "results", [*names, *handed, *_LAST], rows)
        said = ("label", "cases", "worst_error", "tolerance", "margin", "holds", "passed")
        write_table(self.folder / "verdicts", [*names, *said], verdicts)
        return rows


def _spoken(values: dict[str, Any]) -> str:
    return " ".join(f"{name}={value!r}" for name, value in values.items()) or "defaults"
