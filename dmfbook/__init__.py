"""Exact numerics for the loss landscape of (regularized) deep matrix factorization."""

import ast
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# What is missing is said here, not at the first use. Nothing is loaded: `python -m dmfbook` comes
# through here before it hears Ctrl-C.
for _needed in ("numpy", "scipy"):
    if find_spec(_needed) is None:
        raise ModuleNotFoundError(f"No module named {_needed!r}", name=_needed)

__version__ = "0.1.0"


def _public_names() -> dict[str, str]:
    """Where each public name is defined, as the stub beside this file says to type checkers."""
    stub = ast.parse(Path(__file__).with_suffix(".pyi").read_text("utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    return {name.name: str(node.module) for node in imports for name in node.names}


# Most of SciPy takes longer to load than to use: each name brings its module when it is first asked for.
_MODULES = _public_names()
__all__ = sorted(_MODULES)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_MODULES[name]), name)
    return value


def __dir__() -> list[str]:
    return __all__
