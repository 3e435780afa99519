"""What the log of a failed build says about its cause."""

import re
from pathlib import Path

from dmfbook.workflow.system.errors import shortened

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_WARNING = re.compile(r"\b(WARNING|ERROR|CRITICAL|SEVERE)\b")
# Where a traceback ends: ``sphinx.errors.ExtensionError: Could not import …``.
_EXCEPTION = re.compile(r"(\w+\.)*\w*(Error|Exception|Interrupt|Exit|Warning)(: |:?$)")
_TRACEBACK = re.compile(r"Traceback \(|(The above exception|During handling of the above) ")
# Where MyST-NB finds fault: 40006 is the fifth line of the fourth cell.
_IN_CELL = re.compile(r"(\.ipynb):(\d+)(?=: )")
# How sphinx-proof spells a page: ``intro.rst`` for intro.md, ``one.ip.rst`` for one.ipynb.
_SPELLED = re.compile(r"^(.+?)(?:\.ip)?\.rst(?=: )")

# The last words of Jupyter Book and Sphinx, which send the reader elsewhere.
_LAST_WORDS = re.compile(
    r"=+|RuntimeError:|There was an error in building your book\..*"
    r"|The full traceback has been saved in .*|Please also report this if .*|A bug report can be .*"
)
# A file that was not written. Sphinx calls that a warning.
_LOST = re.compile(r"(Failed to copy|error writing|cannot copy) .*(Errno|OSError)")
# More than this nobody reads on a terminal.
_MOST_CAUSES = 20


def causes(log: str) -> list[str]:
    r"""Pick from the log of Jupyter Book the lines that say why it failed.

    Parameters
    ----------
    log : str
        All that it printed.

    Returns
    -------
    list of str
        Each warning and error, and the messages of exceptions, the first 20 of them; where there is
        none, the last lines. No tracebacks, and no line twice.

    Examples
    --------
    >>> causes("reading\nTraceback (most recent call last):\n  File 'a'\nKeyError: 'b'\n")
    ["KeyError: 'b'"]
    """
    told, last = [], []
    in_traceback = in_message = False
    for line in (line.rstrip() for line in _COLOURS.sub("", log).splitlines()):
        if _TRACEBACK.match(line):
            in_traceback, in_message = True, False
        elif not line or _LAST_WORDS.fullmatch(line):
            in_message = False
        elif _EXCEPTION.match(line):
            in_traceback, in_message = False, True
            told.append(line)
        elif in_message or _WARNING.search(line):
            told.append(line)
        elif not in_traceback:
            last.append(line)
    found = [shortened(line) for line in dict.fromkeys(told or last[-10:])]
    more = len(found) - _MOST_CAUSES
    return found[:_MOST_CAUSES] + ([f"and {more} more"] if more > 0 else [])


def located(line: str, source: Path) -> str:
    """Let a line of the log name a file that is there, and the cell of a notebook.

    Parameters
    ----------
    line : str
        A line, in which files are named as below `source`.
    source : Path
        Folder of the sources.

    Returns
    -------
    str
        The line, without colours.

    Examples
    --------
    >>> located("book/one.ipynb:40006: WARNING: no such page", Path())
    'book/one.ipynb: cell 4, line 5: WARNING: no such page'
    """
    line = _COLOURS.sub("", line)
    spelled = _SPELLED.match(line)
    if spelled and not (source / spelled[0]).exists():
        for suffix in (".md", ".ipynb"):
            if (source / f"{spelled[1]}{suffix}").exists():
                line = f"{spelled[1]}{suffix}{line[spelled.end() :]}"
    return _IN_CELL.sub(_cell, line)


def _cell(found: re.Match[str]) -> str:
    cell, line = divmod(int(found[2]), 10_000)
    return f"{found[1]}: cell {cell}, line {line - 1}" if cell and line > 1 else found[0]


def lost_files(log: str) -> list[str]:
    r"""Pick the lines that say which files could not be written; then pages are not complete.

    Parameters
    ----------
    log : str
        All that Jupyter Book printed.

    Returns
    -------
    list of str
        The lines; empty where every file was written.

    Examples
    --------
    >>> lost_files("done\nWARNING: error writing file a.html: [Errno 28] No space left on device")
    ['WARNING: error writing file a.html: [Errno 28] No space left on device']
    """
    return [line for line in log.splitlines() if _LOST.search(line)]
