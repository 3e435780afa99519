"""What must be equal on all machines of a sweep."""

import functools
import hashlib
import importlib.metadata
import json
import platform
from importlib.metadata import PackageNotFoundError

from packaging.requirements import Requirement

from dmfbook.workflow.execution import cache
from dmfbook.workflow.system.errors import BookError

# What those who only check the book need is no part of a result.
_EXTRAS = ("", "book", "convex", "sweep")


@functools.cache
def versions() -> dict[str, str]:
    """Return what a result depends on besides its chapter and its parameters.

    Returns
    -------
    dict of str to str
        The interpreter, the kind of machine, a digest of the sources of `dmfbook`, and the version
        of each package that it needs, and that these need, as they are installed here. Read once a
        process: that is what runs.
    """
    found: dict[str, str] = {}
    ahead = [("dmfbook", extra) for extra in _EXTRAS]
    seen = set(ahead)
    while ahead:
        name, extra = ahead.pop()
        try:
            distribution = importlib.metadata.distribution(name)
        except PackageNotFoundError:
            continue
        found[name] = distribution.version
        for text in distribution.requires or []:
            wanted = Requirement(text)
            if wanted.marker is None or wanted.marker.evaluate({"extra": extra}):
                needed = [(wanted.name.lower(), each) for each in ("", *wanted.extras)]
                ahead += [each for each in needed if each not in seen]
                seen |= set(needed)
    sources = cache.digest(cache.PACKAGE, sorted(cache.PACKAGE.rglob("*.py")))
    found |= {"dmfbook": sources[:16], "python": platform.python_version()}
    return dict(sorted((found | {"machine": platform.machine()}).items()))


@functools.cache
def fingerprint() -> str:
    """Return a digest of `versions`, which each answer of a worker carries."""
    return hashlib.sha256(json.dumps(versions()).encode()).hexdigest()


def check_equal(workers: dict[str, dict[str, str]]) -> None:
    """Make sure that workers have what we have.

    Parameters
    ----------
    workers : dict of str to dict
        For each worker's address, its `versions`.

    Raises
    ------
    BookError
        If one has something else; says which and what.
    """
    ours = versions()
    for address, theirs in workers.items():
        other = [name for name in sorted(ours | theirs) if ours.get(name) != theirs.get(name)]
        if other:
            told = "; ".join(
                f"{name} {theirs.get(name, 'missing')} there, {ours.get(name, 'missing')} here"
                for name in other[:5]
            )
            more = f"; and {len(other) - 5} more" if len(other) > 5 else ""
            raise BookError(
                f"worker {address} has other versions: {told}{more}; install the same lock on all"
            )
