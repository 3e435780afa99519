"""What came out when a claim, its controls and its rivals were put to a number of cases."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dmfbook.claims.evidence import Evidence

if TYPE_CHECKING:
    from dmfbook.claims.claim import Claim


class ClaimFailed(Exception):
    """A claim failed on a case, held where it must fail, or could not refute a rival."""


@dataclass(frozen=True)
class Trial:
    """The evidence of one check on one numbered case."""

    number: int
    evidence: Evidence


@dataclass(frozen=True)
class Verdict:
    """Outcome of testing a claim, its controls and its rivals.

    Parameters
    ----------
    claim : Claim
        The claim that was tested.
    cases : int
        Number of cases, and of cases of each control.
    seed : int
        Seed of the cases.
    worst : Trial
        The case with the smallest margin.
    controls : dict of str to Trial
        For each hypothesis the control with the largest margin, the one nearest to passing.
    rivals : dict of str to Trial
        For each false statement the case with the smallest margin, the one that refutes it best.
    seconds : float
        Time taken.
    """

    claim: Claim
    cases: int
    seed: int
    worst: Trial
    controls: Mapping[str, Trial]
    rivals: Mapping[str, Trial]
    seconds: float

    @property
    def worst_error(self) -> float:
        """Error of the worst case."""
        return self.worst.evidence.error

    @property
    def tolerance(self) -> float:
        """Tolerance of the worst case."""
        return self.worst.evidence.tolerance

    @property
    def margin(self) -> float:
        """Tolerance over error in the worst case."""
        return self.worst.evidence.margin

    @property
    def stratum(self) -> str:
        """Kind of the worst case."""
        return self.claim.stratum(self.worst.number)

    @property
    def holds(self) -> bool:
        """Whether the claim held on every case."""
        return self.worst.evidence.holds

    @property
    def passing_controls(self) -> dict[str, Trial]:
        """The hypotheses without which the check did not fail on every case, as it must."""
        return {name: trial for name, trial in self.controls.items() if not trial.evidence.fails}

    @property
    def surviving_rivals(self) -> dict[str, Trial]:
        """The false statements that no case refuted."""
        return {name: trial for name, trial in self.rivals.items() if not trial.evidence.fails}

    @property
    def passed(self) -> bool:
        """Whether the claim held, every control failed and every rival was refuted."""
        return self.holds and not self.passing_controls and not self.surviving_rivals

    @property
    def failures(self) -> list[str]:
        """What went wrong, one line each, with the command that shows it again."""
        lines = []
        if not self.holds:
            number, found = self.worst.number, self.worst.evidence
            lines.append(
                f"fails on case {number} ({self.stratum}): error {found.error:.1e}, tolerance"
                f" {found.tolerance:.1e}; again: {self.command('case', number)}"
            )
        lines += [
            f"must fail without {hypothesis!r}, but does not on case {trial.number}: error"
            f" {trial.evidence.error:.1e}, tolerance {trial.evidence.tolerance:.1e};"
            f" again: {self.command('case', trial.number)}"
            for hypothesis, trial in self.passing_controls.items()
        ]
        lines += [
            f"no case of {self.cases} refutes {statement!r}; nearest is case {trial.number} with"
            f" margin {trial.evidence.margin:.1e}; again: {self.command('cases', self.cases)}"
            for statement, trial in self.surviving_rivals.items()
        ]
        return lines

    def command(self, option: str, value: int) -> str:
        """Command line that tests this claim again, on one ``case`` or so many ``cases``."""
        return f"dmfbook verify {self.claim.label} --seed {self.seed} --{option} {value}"

    def require(self) -> None:
        """Do nothing if the claim passed.

        Raises
        ------
        ClaimFailed
            If it did not; the message names the claim, what failed, and the command that shows it.
        """
        if not self.passed:
            lines = "\n  ".join(self.failures)
            raise ClaimFailed(f"{self.claim.title} ({self.claim.label})\n  {lines}")

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, with None for a number that is not finite."""
        return {
            "label": self.claim.label,
            "title": self.claim.title,
            "source": self.claim.source,
            "status": self.claim.status,
            "cases": self.cases,
            "worst_error": _finite(self.worst_error),
            "tolerance": _finite(self.tolerance),
            "margin": _finite(self.margin),
            "holds": self.holds,
            "controls": [
                {
                    "hypothesis": hypothesis,
                    "fails": trial.evidence.fails,
                    "margin": _finite(trial.evidence.margin),
                }
                for hypothesis, trial in self.controls.items()
            ],
            "rivals": [
                {
                    "statement": statement,
                    "refuted": trial.evidence.fails,
                    "margin": _finite(trial.evidence.margin),
                }
                for statement, trial in self.rivals.items()
            ],
            "passed": self.passed,
            "failures": self.failures,
            "worst_case": {
                "stratum": self.stratum,
                "number": self.worst.number,
                "seed": self.seed,
                "command": self.command("case", self.worst.number),
            },
            "seconds": self.seconds,
        }

    def __str__(self) -> str:
        kinds = len(self.claim.cases)
        passing, surviving = self.passing_controls, self.surviving_rivals
        lines = [
            f"{self.claim.title} ({self.claim.label})",
            f"  {'holds' if self.holds else 'FAILS'} on {_count(self.cases, 'case')}"
            + (f" of {kinds} kinds" if kinds > 1 else ""),
            *_listed("fails, as it must, without", self.controls.keys() - passing, self.controls),
            *_listed("HOLDS, and must not, without", passing, self.controls),
            *_listed(
                "not needed, as far as searched", self.claim.not_needed, self.claim.not_needed
            ),
            *_listed("refuted", self.rivals.keys() - surviving, self.rivals),
            *_listed("NOT REFUTED", surviving, self.rivals),
        ]
        return "\n".join(lines)


def joined(verdicts: Sequence[Verdict]) -> Verdict:
    """Join verdicts on different cases to one on all of them.

    Parameters
    ----------
    verdicts : sequence of Verdict
        On the same claim with the same seed, at least one, in the order of their cases.

    Returns
    -------
    Verdict
        What one test on all cases would have found.

    Raises
    ------
    ValueError
        If there is none, or they are of different claims or seeds.
    """
    if len({(verdict.claim, verdict.seed) for verdict in verdicts}) != 1:
        raise ValueError("verdicts must be of one claim and one seed")
    first = verdicts[0]
    return Verdict(
        claim=first.claim,
        cases=sum(verdict.cases for verdict in verdicts),
        seed=first.seed,
        worst=min((each.worst for each in verdicts), key=lambda trial: trial.evidence.margin),
        controls={
            name: max((each.controls[name] for each in verdicts), key=leniency)
            for name in first.controls
        },
        rivals={
            name: min((each.rivals[name] for each in verdicts), key=leniency)
            for name in first.rivals
        },
        seconds=sum(verdict.seconds for verdict in verdicts),
    )


def leniency(trial: Trial) -> float:
    """Margin of a check that must fail; NaN shows no failure and counts as passing."""
    return math.inf if math.isnan(trial.evidence.error) else trial.evidence.margin


def _listed(heading: str, some: Iterable[str], order: Iterable[str]) -> list[str]:
    """A line ``heading: one; another``, broken as a page shows it; none if there is nothing."""
    chosen = set(some)
    text = "; ".join(name for name in order if name in chosen)
    if not text:
        return []
    return textwrap.wrap(
        f"  {heading}: {text}",
        width=78,
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
