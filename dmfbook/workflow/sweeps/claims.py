"""Which claims are there, in the book or in a reader's own package."""

import importlib
import pkgutil
from typing import Any

from dmfbook.workflow.system.errors import BookError, shortened, unknown


def chosen_claims(labels: list[str], module: str | None) -> tuple[list[Any], int]:
    """Return the claims of some labels.

    Parameters
    ----------
    labels : list of str
        Which; all where the list is empty.
    module : str or None
        Where to look for them, as `claims_of` does; without it, in the book.

    Returns
    -------
    claims : list of Claim
        In the order of the labels, or of the book.
    width : int
        Length of the longest label of all that there are.

    Raises
    ------
    BookError
        If a label is unknown, or the module is at fault.
    """
    from dmfbook_command import loading

    with loading():
        from dmfbook.claims import all_claims
    known = all_claims() if module is None else claims_of(module)
    claims = {claim.label: claim for claim in known}
    for label in labels:
        if label not in claims:
            raise unknown("claim", label, claims)
    wanted = [claims[label] for label in dict.fromkeys(labels)] or list(claims.values())
    return wanted, max(map(len, claims), default=0)


def claims_of(name: str) -> tuple[Any, ...]:
    """Import a module and all below it, and collect their claims.

    Parameters
    ----------
    name : str
        Name of the module, such as ``my_package.claims``.

    Returns
    -------
    tuple of Claim
        Each once, in the order in which they are found.

    Raises
    ------
    BookError
        If a module is not found or cannot be imported, there is no claim, or two have one label.
    """
    from dmfbook.claims import Claim

    found: dict[int, Any] = {}
    modules = [_imported(name)]
    for module in modules:
        found |= {id(each): each for each in vars(module).values() if isinstance(each, Claim)}
        below = pkgutil.iter_modules(getattr(module, "__path__", []), f"{module.__name__}.")
        modules += [_imported(each.name) for each in below if not each.name.endswith("__main__")]
    if not found:
        raise BookError(f"{name} and the modules below it have no claim; see dmfbook.claims.claim")
    labels = [claim.label for claim in found.values()]
    for label in labels:
        if labels.count(label) > 1:
            raise BookError(f"two claims of {name} have the label {label!r}")
    return tuple(found.values())


def why_untested(error: Exception) -> str:
    """Say why a claim has no verdict: what its oracle needs, or the error of its check and the case."""
    from dmfbook.claims.oracles import MissingOracle

    if isinstance(error, MissingOracle):
        return str(error)
    told = [f"{type(error).__name__}: {error}", *getattr(error, "__notes__", [])]
    return shortened("\n  ".join(told))


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        missing = getattr(error, "name", None) if isinstance(error, ModuleNotFoundError) else None
        if missing and f"{name}.".startswith(f"{missing}."):
            why = f"no module named {missing!r}; install it, or name its folder in PYTHONPATH"
            raise BookError(f"cannot import {name!r}: {why}") from None
        told = shortened(f"{type(error).__name__}: {error}".strip(), 500)
        raise BookError(f"cannot import {name!r}: {told}") from None
