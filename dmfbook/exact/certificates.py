"""Certificates: what was found true without rounding, written so that somebody else can check it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cache
from importlib.metadata import version
from typing import Any

from flint import fmpq

from dmfbook.exact.boxes import Box
from dmfbook.exact.catalogue import catalogue
from dmfbook.exact.expressions import names_in
from dmfbook.exact.measures import Facts
from dmfbook.exact.points import RationalPoint
from dmfbook.exact.rationals import written
from dmfbook.exact.scalar_statements import DEPTHS, SCALAR_STATEMENTS, ScalarStatement
from dmfbook.exact.statements import STATEMENTS, Statement

Entry = dict[str, Any]

# Coefficients of a characteristic polynomial are written up to this size.
READABLE = 16


class NotCertified(Exception):
    """A statement is not what a certificate of it would say: there is none."""


def labels() -> tuple[str, ...]:
    """Labels of the statements that can be certified, in the order of the book."""
    scalar = [each.label for each in SCALAR_STATEMENTS]
    return (*scalar, *(each.label for each in STATEMENTS))


def certify_book(labels: Sequence[str] = ()) -> Iterator[Entry]:
    """Certify the book's statements, refute their rivals, and see their controls fail.

    Parameters
    ----------
    labels : sequence of str
        Labels of statements; all that can be certified without any.

    Yields
    ------
    dict
        One entry each of a claim at a point of the catalogue, or at one depth for all
        targets and weights; of a rival where it is refuted first; and of a control.

    Raises
    ------
    NotCertified
        If a statement is false at a point, a rival true at all, or a control true.
    """
    for scalar in SCALAR_STATEMENTS:
        if not labels or scalar.label in labels:
            yield from _scalar(scalar)
    facts = {about: Facts(point) for about, point in catalogue().items()}
    outside = {kind for each in STATEMENTS for kind in each.controls.values()}
    for statement in STATEMENTS:
        if labels and statement.label not in labels:
            continue
        inside = [
            about
            for about, found in facts.items()
            if about not in outside and found.says(statement.given)
        ]
        for about in inside:
            yield entry(statement, about, facts[about])
        for rival in statement.rivals:
            line = statement.rival(rival)
            refuting = next((each for each in inside if not facts[each].says(line)), None)
            if refuting is None:
                raise NotCertified(f"no point refutes {rival!r}, a rival of {statement.label}")
            yield entry(statement, refuting, facts[refuting], rival=rival)
        for hypothesis, about in statement.controls.items():
            yield entry(statement, about, facts[about], without=hypothesis)


def certify(point: RationalPoint, about: str = "a point of a reader") -> list[Entry]:
    """Certify every statement whose hypotheses a rational point fulfils.

    Parameters
    ----------
    point : RationalPoint
        The point, of :func:`critical_point` or :func:`fitted_point`.
    about : str
        What it is, in a few words.

    Returns
    -------
    list of dict
        One entry a statement.

    Raises
    ------
    TypeError
        If `point` is none.
    NotCertified
        If a statement is false at the point.

    Notes
    -----
    Seconds for some hundreds of parameters: the characteristic polynomial takes ``O(N^4)`` bit operations and more.

    Examples
    --------
    >>> from dmfbook.exact import certify, critical_point
    >>> entries = certify(critical_point((2, 3, 2), mean=1, w=[2], idle=["1/2"]))
    >>> "thm-closed-spectrum" in [entry["label"] for entry in entries]
    True
    """
    if not isinstance(point, RationalPoint):
        raise TypeError(f"point must be a RationalPoint, got {type(point).__name__}")
    facts = Facts(point)
    return [entry(each, about, facts) for each in STATEMENTS if facts.says(each.given)]


def entry(
    statement: Statement,
    about: str,
    facts: Facts,
    rival: str | None = None,
    without: str | None = None,
) -> Entry:
    """One certificate: of a statement, that a rival is false, or that it fails without a hypothesis."""
    says = statement.says if rival is None else statement.rival(rival)
    return _of_point(statement, about, facts, says, rival, without)


def _scalar(statement: ScalarStatement) -> Iterator[Entry]:
    """Entries of one statement about the scalar problem."""
    boxes = [box for box in map(Box, DEPTHS) if box.says(statement.given)]
    for box in boxes:
        yield _of_box(statement, box, statement.says)
    for rival, line in statement.rivals.items():
        refuting = (box for box in _tried(boxes, "lam" in names_in(line)) if not box.says(line))
        found = next(refuting, None)
        if found is None:
            raise NotCertified(f"nothing refutes {rival!r}, a rival of {statement.label}")
        yield _of_box(statement, found, line, rival=rival)
    for hypothesis, (line, where) in statement.controls.items():
        if isinstance(where, int):
            yield _of_box(statement, Box(where), line, without=hypothesis)
        else:
            yield _of_point(statement, where, Facts(catalogue()[where]), line, without=hypothesis)


def _tried(boxes: Iterable[Box], with_weight: bool) -> Iterator[Box]:
    """Boxes from the least depth on, with weights from the least denominator on, where one is needed."""
    for box in boxes:
        if not with_weight:
            yield box
            continue
        weights = (fmpq(p, q) for q in range(1, 40) for p in range(1, 2 * q) if math.gcd(p, q) == 1)
        yield from (Box(box.depth, lam) for lam in weights if box.decides(lam))


def _of_point(
    statement: Statement | ScalarStatement,
    about: str,
    facts: Facts,
    says: str,
    rival: str | None = None,
    without: str | None = None,
) -> Entry:
    names = ["loss"]
    if "hessian" in says or "index" in says or "trace" in says:
        names += ["trace", "index", "nullity"] + ["charpoly"] * (facts.point.size <= READABLE)
    witness = {name: list(facts[name]) if name == "charpoly" else facts[name] for name in names}
    parts = {each.name: getattr(facts.point, each.name) for each in fields(facts.point)}
    # A reader of the file checks all of a point by what is said of it, so it holds nothing else.
    for part, uses in (("turns", {"turn"}), ("other", {"other", "hessian_of_other"})):
        if not uses & names_in(says):
            del parts[part]
    return _entry(statement, about, says, facts, parts, witness, rival, without)


def _of_box(
    statement: ScalarStatement,
    box: Box,
    says: str,
    rival: str | None = None,
    without: str | None = None,
) -> Entry:
    about = f"depth {box.depth}, every target and weight"
    if box.lam is not None:
        about = f"depth {box.depth}, weight {box.lam} for the target 1"
    witness = {"measure": [high - low for low, high in (box.stationary.rest, box.better.rest)]}
    return _entry(statement, about, says, box, box.parts(), witness, rival, without)


def _entry(
    statement: Statement | ScalarStatement,
    about: str,
    says: str,
    facts: Facts | Box,
    parts: Mapping[str, Any],
    witness: Mapping[str, Any],
    rival: str | None,
    without: str | None,
) -> Entry:
    holds = rival is None and without is None
    if facts.says(says) is not holds:
        raise NotCertified(f"{statement.label} is {not holds} at {about!r}: {says}")
    result = {
        "label": statement.label,
        "role": "claim" if holds else "control" if rival is None else "rival",
        "name": rival or without or statement.label,
        "about": about,
        "given": statement.given,
        "says": says,
        "holds": holds,
        "point": written({name: value for name, value in parts.items() if value is not None}),
        "witness": written(witness),
        "tools": dict(_tools()),
        "digest": "",
    }
    return result | {"digest": digest(result)}


def whole(entries: Iterable[Entry]) -> dict[str, Any]:
    """What a file of certificates holds."""
    found = list(entries)
    return {"entries": found, "digest": digest([each["digest"] for each in found])}


def digest(value: Any) -> str:
    """SHA-256 of a value, whatever its layout in a file is."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


@cache
def _tools() -> tuple[tuple[str, str], ...]:
    return tuple((name, version(name)) for name in ("dmfbook", "python-flint"))
