"""What a claim is: a statement of the book that can be tested, and can be made to fail."""

from __future__ import annotations

import sys
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, get_args

import numpy as np

from dmfbook._validation import integer
from dmfbook.claims.evidence import Evidence
from dmfbook.claims.verdict import Trial, Verdict, leniency

Status = Literal["paper's claim", "derived", "new", "empirical"]
CaseMaker = Callable[[np.random.Generator], Any]
Check = Callable[[Any], Evidence]

# Type of the output that carries a verdict in an executed notebook, for sweeps to read.
MIME_TYPE = "application/vnd.dmfbook.verdict+json"


# Claims are module attributes: each is equal to itself alone.
@dataclass(frozen=True, eq=False)
class Claim:
    """A statement of the book, the check that tests it, and what to test it on.

    Case number ``i`` is of kind ``i`` modulo the number of kinds and has a random stream of its own, from
    the seed, the label and ``i``: more cases extend fewer, and each can be made again alone. Case
    ``i`` of a control draws from the same stream.

    Parameters
    ----------
    label : str
        Label of the statement in the book.
    title : str
        What it says, in a few words.
    source : str
        BibTeX key of the paper that states it, or ``"this book"``.
    status : {"paper's claim", "derived", "new", "empirical"}
        Whose statement it is, or that it is measured and not proved.
    check : callable
        Takes one case, returns its :class:`Evidence`.
    cases : dict of str to callable, at least one
        For each kind of case, in a few words, a function of a Generator that makes one within the
        hypotheses. A claim is tested on all kinds in turn.
    controls : dict of str to callable
        For each hypothesis a function of a Generator that makes a case which drops it alone, by a
        margin that the check must see: the check must fail on each of them.
    not_needed : dict of str to str
        The hypotheses without which no failure was found, and what was searched.
    rivals : dict of str to callable
        For each false statement near the true one a check of it. It takes the same cases, the same
        objects, so that what is costly can be cached on them; one at least must refute it.

    Raises
    ------
    TypeError
        If one of the functions is not callable, or a mapping is not a dict.
    ValueError
        If there is no case, the status is none of these, or a hypothesis has a control and is not
        needed.
    """

    label: str
    title: str
    source: str
    status: Status
    check: Check
    cases: Mapping[str, CaseMaker]
    controls: Mapping[str, CaseMaker] = field(default_factory=dict)
    not_needed: Mapping[str, str] = field(default_factory=dict)
    rivals: Mapping[str, Check] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, wanted in (("cases", 1), ("controls", 0), ("not_needed", 0), ("rivals", 0)):
            given = getattr(self, name)
            if not isinstance(given, Mapping):
                raise TypeError(f"{name} of {self.label} must be a dict, got {given!r}")
            if len(given) < wanted:
                raise ValueError(f"{self.label} must have a maker of cases, got none")
            if name != "not_needed" and not all(map(callable, given.values())):
                raise TypeError(f"{name} of {self.label} must be functions, got {given!r}")
            object.__setattr__(self, name, MappingProxyType(dict(given)))
        if self.status not in get_args(Status):
            raise ValueError(f"status must be one of {get_args(Status)}, got {self.status!r}")
        if both := self.controls.keys() & self.not_needed.keys():
            raise ValueError(f"{self.label} has controls for what is not needed: {sorted(both)}")

    def __call__(self, case: Any) -> Evidence:
        """Check the claim on one case."""
        return self.check(case)

    def stratum(self, number: int) -> str:
        """Kind of a case, from its number."""
        return list(self.cases)[number % len(self.cases)]

    def example(self, number: int = 0, seed: int = 0, without: str | None = None) -> Any:
        """Make a case that a verdict names.

        Parameters
        ----------
        number : int, >= 0
            Its number.
        seed : int, >= 0
            Seed of the verdict.
        without : str, optional
            A hypothesis: gives the case of its control.

        Returns
        -------
        object
            The case, as the check takes it.

        Raises
        ------
        TypeError
            If one of them is no integer.
        ValueError
            If `number` or `seed` is negative, or no control drops the hypothesis.
        """
        stream = [
            integer("seed", seed, 0),
            zlib.crc32(self.label.encode()),
            integer("number", number, 0),
        ]
        if without is None:
            maker = self.cases[self.stratum(number)]
        elif without in self.controls:
            maker = self.controls[without]
        else:
            known = ", ".join(map(repr, self.controls))
            raise ValueError(f"without must be one of {known or 'no control'}, got {without!r}")
        return maker(np.random.default_rng(stream))

    def verify(self, cases: int = 10, seed: int = 0) -> Verdict:
        """Test the claim and its rivals on a number of cases, and each control on as many.

        Parameters
        ----------
        cases : int, >= 1
            Number of cases; raised to the number of kinds where it is below, so that each is met.
        seed : int, >= 0
            Seed of the cases.

        Returns
        -------
        Verdict
            What was worst, and the time taken. It need not have passed; see :meth:`show`.

        Raises
        ------
        TypeError
            If one of them is no integer.
        ValueError
            If `cases` is below 1 or `seed` is negative.
        """
        cases = integer("cases", cases, 1)
        return self.verify_on(range(max(cases, len(self.cases))), seed)

    def repeat(self, number: int, seed: int = 0) -> Verdict:
        """Test the claim, its controls and its rivals on the case of one number alone.

        Parameters
        ----------
        number : int, >= 0
            Number of the case.
        seed : int, >= 0
            Seed of the cases.

        Returns
        -------
        Verdict
            Outcome on this case. A rival may survive it, and be refuted by another.

        Raises
        ------
        TypeError
            If one of them is no integer.
        ValueError
            If `number` or `seed` is negative.
        """
        return self.verify_on([number], seed)

    def verify_on(self, numbers: Iterable[int], seed: int = 0) -> Verdict:
        """Test the claim, its controls and its rivals on the cases of some numbers.

        Parameters
        ----------
        numbers : iterable of int, >= 0
            Numbers of the cases, at least one.
        seed : int, >= 0
            Seed of the cases.

        Returns
        -------
        Verdict
            What was worst on these cases. Verdicts on other numbers can be `joined` with it.

        Raises
        ------
        TypeError
            If one of them is no integer.
        ValueError
            If there is no number, or one of them or `seed` is negative.
        """
        chosen = [integer("number", number, 0) for number in numbers]
        if not chosen:
            raise ValueError("numbers must hold at least one, got none")
        return self._verdict(chosen, integer("seed", seed, 0))

    def show(self, cases: int = 10, seed: int = 0) -> None:
        """Verify the claim and print the verdict, which is the same on every machine.

        Parameters
        ----------
        cases, seed : int
            As :meth:`verify` takes them.

        Raises
        ------
        ClaimFailed
            If the claim fails, a control passes or a rival survives.
        """
        verdict = self.verify(cases, seed)
        print(verdict)
        verdict.require()

    def _verdict(self, numbers: Iterable[int], seed: int) -> Verdict:
        start = time.perf_counter()
        trials: list[Trial] = []
        controls: dict[str, list[Trial]] = {name: [] for name in self.controls}
        rivals: dict[str, list[Trial]] = {name: [] for name in self.rivals}
        for number in numbers:
            try:
                case = self.example(number, seed)
                trials.append(Trial(number, self.check(case)))
                for name, check in self.rivals.items():
                    rivals[name].append(Trial(number, check(case)))
                for name in self.controls:
                    dropped = self.example(number, seed, without=name)
                    controls[name].append(Trial(number, self.check(dropped)))
            except Exception as error:
                again = f"dmfbook verify {self.label} --seed {seed} --case {number}"
                error.add_note(f"in case {number} of {self.label}; again: {again}")
                raise
        verdict = Verdict(
            claim=self,
            cases=len(trials),
            seed=seed,
            worst=min(trials, key=lambda trial: trial.evidence.margin),
            controls={name: max(tried, key=leniency) for name, tried in controls.items()},
            rivals={name: min(tried, key=leniency) for name, tried in rivals.items()},
            seconds=time.perf_counter() - start,
        )
        _emit(verdict)
        return verdict


def claim(
    label: str,
    title: str,
    *,
    source: str,
    status: Status,
    cases: Mapping[str, CaseMaker],
    controls: Mapping[str, CaseMaker] = MappingProxyType({}),
    not_needed: Mapping[str, str] = MappingProxyType({}),
    rivals: Mapping[str, Check] = MappingProxyType({}),
) -> Callable[[Check], Claim]:
    """Make a claim of a function that checks one case.

    Parameters are those of :class:`Claim`.

    Examples
    --------
    >>> from dmfbook.claims import Evidence, claim
    >>> @claim(
    ...     "thm-mean",
    ...     "The arithmetic mean is at least the geometric mean",
    ...     source="this book",
    ...     status="derived",
    ...     cases={"two positive numbers": lambda rng: rng.uniform(1, 2, 2)},
    ...     controls={"positive": lambda rng: -rng.uniform(1, 2, 2)},
    ...     rivals={"at least the maximum": lambda x: Evidence(max(0, x.max() - x.mean()), 1e-15)},
    ... )
    ... def means(x):
    ...     return Evidence(max(0, x.prod() ** 0.5 - x.mean()), 1e-15)
    >>> print(means.verify(cases=5))
    The arithmetic mean is at least the geometric mean (thm-mean)
      holds on 5 cases
      fails, as it must, without: positive
      refuted: at least the maximum
    """
    return lambda check: Claim(
        label, title, source, status, check, cases, controls, not_needed, rivals
    )


def _emit(verdict: Verdict) -> None:
    """Emit a verdict for programs that read a notebook, by whatever route a reader sees it.

    The output has the type ``application/vnd.dmfbook.verdict+json`` and holds
    :meth:`Verdict.as_dict`; pages skip it. An execution that shows one which does not pass fails.
    """
    if "IPython" in sys.modules:
        from IPython import get_ipython
        from IPython.display import display

        if get_ipython() is not None:
            display({MIME_TYPE: verdict.as_dict()}, raw=True)
