"""What can go wrong, in words for the person at the terminal."""

import difflib
import os
import re
from collections.abc import Iterable

# What installs the extra. The name alone would be looked for on PyPI, where it is not ours.
INSTALL = "pip install '.[book]', in the folder that holds pyproject.toml"


class BookError(Exception):
    """Something is wrong with the book or the request; nothing has been run.

    The command line prints the message without a traceback and exits with `exit_status`.
    """

    exit_status = 2


class BuildError(BookError):
    """The work was begun and failed: a cell raised, or the pages could not be built."""

    exit_status = 1


def unknown(kind: str, name: str, known: Iterable[str]) -> BookError:
    """Error for a name that does not exist, with the nearest one that does.

    Parameters
    ----------
    kind : str
        What the name should have named, such as ``"chapter"``.
    name : str
        The name that was given.
    known : iterable of str
        The names that exist.

    Returns
    -------
    BookError
        To be raised by the caller.

    Examples
    --------
    >>> print(unknown("chapter", "one-singular-valu", ["ledger", "one-singular-value"]))
    unknown chapter 'one-singular-valu'; did you mean 'one-singular-value'?
    """
    names = list(known)
    close = difflib.get_close_matches(name.replace("_", "-"), names, n=1, cutoff=0.5)
    close = close or difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    if close:
        return BookError(f"unknown {kind} {name!r}; did you mean {close[0]!r}?")
    listing = ", ".join(names) if names else "there is none"
    return BookError(f"unknown {kind} {name!r}; known: {listing}")


def of_system(error: OSError) -> str:
    """Say what the operating system refused, and for which file.

    Parameters
    ----------
    error : OSError
        What Python raised.

    Returns
    -------
    str
        A sentence.

    Examples
    --------
    >>> of_system(PermissionError(13, "Permission denied", "book/intro.md"))
    'book/intro.md: Permission denied'
    """
    names = [name for name in (error.filename, error.filename2) if name is not None]
    files = [os.fsdecode(name) if isinstance(name, bytes) else str(name) for name in names]
    why = error.strerror or str(error) or type(error).__name__
    return f"{' -> '.join(files)}: {why}" if files else why


def shortened(text: str, most: int = 2000) -> str:
    """Shorten a text that somebody else wrote, such as the message of an exception, for a terminal.

    Parameters
    ----------
    text : str
        The text.
    most : int
        Characters that are kept, of the beginning and of the end.

    Returns
    -------
    str
        The text, or its beginning and its end and how much is left out; without colours, and with
        a mark in place of what would steer the terminal.

    Examples
    --------
    >>> shortened("ab" * 500, most=8)
    'abab … (992 characters left out) … abab'
    """
    if len(text) <= most:
        return _printable(text)
    half = most // 2
    left_out = f" … ({len(text) - 2 * half} characters left out) … "
    return _printable(text[:half]) + left_out + _printable(text[-half:])


def _printable(text: str) -> str:
    """Drop colours, and mark what else would steer a terminal or cannot be encoded."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", "\ufffd", text)
