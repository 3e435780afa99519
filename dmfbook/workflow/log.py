"""What the log of a failed build says about its cause."""

import re

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_WARNING = re.compile(r"\b(WARNING|ERROR|CRITICAL|SEVERE)\b")
# Where a traceback ends: ``sphinx.errors.ExtensionError: Could not import …``.
_EXCEPTION = re.compile(r"(\w+\.)*\w*(Error|Exception|Interrupt|Exit|Warning)(: |:?$)")
_TRACEBACK = re.compile(r"Traceback \(|(The above exception|During handling of the above) ")
# Jupyter Book's own last words, which send the reader to look for what stands here.
_LAST_WORDS = re.compile(r"=+|RuntimeError:|There was an error in building your book\..*")


def causes(log: str) -> list[str]:
    r"""Pick from the log of Jupyter Book the lines that say why it failed.

    Parameters
    ----------
    log : str
        All that it printed.

    Returns
    -------
    list of str
        Each warning and error, and the messages of exceptions; where there is none of them, the
        last lines. No tracebacks, and no line twice.

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
    return list(dict.fromkeys(told or last[-10:]))
