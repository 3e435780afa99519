"""Markdown of the book as any Jupyter shows it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pybtex.database import BibliographyData, Entry

_FENCE = re.compile(r"^(:{3,})(?:\{([\w:]+)\} *(.*))?$")
_ROLE = re.compile(r"\{([\w:]+)\}`([^`]+)`")
# A link to another page, or to a place on one.
_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\((?!https?:)[^)\s]+\)")


@dataclass(frozen=True)
class Book:
    """What a notebook takes from the book around it.

    Parameters
    ----------
    title, version, address : str
        Of the book; the address of its repository may be empty.
    macros : mapping of str to str or (str, int)
        TeX macros, as MathJax is told.
    labels : mapping of str to str
        What a reference to each statement and each figure shows, such as "Theorem 2.3".
    entries : BibliographyData
        The bibliography.
    """

    title: str
    version: str
    address: str
    macros: Mapping[str, Any]
    labels: Mapping[str, str]
    entries: BibliographyData


def plain(text: str, book: Book, cited: dict[str, None]) -> str:
    """Replace directives, roles, macros and links within the book by plain Markdown.

    Parameters
    ----------
    text : str
        MyST Markdown.
    book : Book
        What it refers to.
    cited : dict
        Gets a key for each work that is cited.

    Returns
    -------
    str
        Markdown for any Jupyter.
    """
    text = _without_directives(text.splitlines(), book)
    text = _ROLE.sub(lambda found: _said(found[1], found[2], book, cited), text)
    text = _LINK.sub(lambda found: f"*{found[1]}*" if found[1] else "", text)
    for name, macro in book.macros.items():
        text = expanded(text, name, macro)
    return text


def _without_directives(lines: list[str], book: Book) -> str:
    found: list[str] = []
    ends: list[str | None] = []  # what closes each open directive; None where it is left out
    code = False
    for line in lines:
        code ^= line.startswith("```")
        fence = None if code else _FENCE.match(line)
        if fence and fence[2]:
            start, end = _directive(fence[2], fence[3])
            found += ["", *start, ""]
            ends.append(end)
        elif fence and ends:
            end = ends.pop()
            found += ["", end, ""] if end else []
        elif None in ends:
            continue
        elif ends and (option := re.match(r"^:(\w+): *(\S*)$", line)):
            if option[1] == "label":
                shown = book.labels.get(option[2])
                named = re.sub(r"^\*\*\w+\*\*", f"**{shown}**", found[-2]) if shown else found[-2]
                found[-2] = f'{named} <a id="{option[2]}"></a>'
        else:
            found.append(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(found)).strip("\n")


def _directive(name: str, title: str) -> tuple[list[str], str | None]:
    """What stands for the beginning and the end of a directive."""
    if name.startswith("prf:"):
        kind = name.removeprefix("prf:").capitalize()
        return ["---", "", f"**{kind}**" + f" ({title})" * bool(title)], "---"
    if name == "dropdown":
        return [f"<details><summary>{title}</summary>"], "</details>"
    if name == "admonition":
        return ["---", "", f"**{title}**"], "---"
    return ["*(The page of the book has a picture here that can be moved.)*"], None


def _said(role: str, text: str, book: Book, cited: dict[str, None]) -> str:
    """What stands for a role."""
    shown, target = _target(text)
    if role.startswith("cite:"):
        keys = [key.strip() for key in target.split(",")]
        cited.update(dict.fromkeys(keys))
        works = [_short(book.entries.entries[key], role == "cite:p") for key in keys]
        return f"({'; '.join(works)})" if role == "cite:p" else ", ".join(works)
    if role in ("prf:ref", "numref"):
        return shown or book.labels[target]
    if role.startswith("py:"):
        return f"`{target.lstrip('~')}`"
    return shown or target


def _target(text: str) -> tuple[str, str]:
    """Split ``shown <target>``."""
    found = re.fullmatch(r"(.*?)\s*<([^<>]+)>", text, re.DOTALL)
    return (found[1], found[2]) if found else ("", text)


def _authors(entry: Entry) -> str:
    names = [" ".join(each.prelast_names + each.last_names) for each in entry.persons["author"]]
    names = [name.replace("{", "").replace("}", "") for name in names]
    return f"{names[0]} et al." if len(names) > 2 else " and ".join(names)


def _short(entry: Entry, parenthetical: bool) -> str:
    year = entry.fields["year"]
    return f"{_authors(entry)}, {year}" if parenthetical else f"{_authors(entry)} ({year})"


def described(entry: Entry) -> str:
    """A work in one line."""
    title = entry.fields["title"].replace("{", "").replace("}", "")
    places = {"url": "", "doi": "https://doi.org/", "eprint": "https://arxiv.org/abs/"}
    known = (place + entry.fields[name] for name, place in places.items() if name in entry.fields)
    address = next(known, "")
    return f"{_short(entry, False)}. *{title}*. {address}".rstrip()


def expanded(text: str, name: str, macro: Any) -> str:
    r"""Put what a TeX macro stands for in its place, arguments included.

    Examples
    --------
    >>> expanded(r"$\norm{a + \norm{b}}$ and \normal", "norm", [r"|#1|", 1])
    '$|a + |b||$ and \\normal'
    """
    body, arguments = (macro, 0) if isinstance(macro, str) else macro
    pattern = re.compile(rf"\\{name}(?![A-Za-z])")
    while found := pattern.search(text):
        replaced, rest = body, text[found.end() :]
        for number in range(1, arguments + 1):
            argument, rest = _argument(rest)
            replaced = replaced.replace(f"#{number}", argument)
        after = " " if replaced[-1:].isalpha() and rest[:1].isalpha() else ""
        text = text[: found.start()] + replaced + after + rest
    return text


def _argument(text: str) -> tuple[str, str]:
    """Split what follows a macro into its argument and the rest."""
    text = text.lstrip()
    if not text.startswith("{"):
        return text[:1], text[1:]
    depth = 0
    for i, letter in enumerate(text):
        depth += (letter == "{") - (letter == "}")
        if not depth:
            return text[1:i], text[i + 1 :]
    raise ValueError(f"a brace is not closed: {text[:40]!r}")
