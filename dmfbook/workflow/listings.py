"""What ``_toc.yml`` and ``book/variations.yml`` list."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dmfbook.workflow.errors import BookError


def toc_entries(root: Path) -> Iterator[str]:
    """Yield the pages that ``_toc.yml`` lists, in its order and without endings.

    Parameters
    ----------
    root : Path
        Folder of the file.

    Yields
    ------
    str
        A page, as a path below `root`.

    Raises
    ------
    BookError
        If the file is not valid YAML.
    """

    def walk(node: Any) -> Iterator[str]:
        if isinstance(node, list):
            for entry in node:
                yield from walk(entry)
        elif isinstance(node, dict):
            for key, value in node.items():
                if key in ("root", "file"):
                    yield str(value).removesuffix(".ipynb").removesuffix(".md")
                else:
                    yield from walk(value)

    yield from walk(_read_yaml(root / "_toc.yml"))


def parameter_sets(path: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield what ``variations.yml`` lists for each chapter.

    Parameters
    ----------
    path : Path
        The file.

    Yields
    ------
    name : str
        A chapter's name.
    sets : list of dict
        Values for some of its parameters, not yet checked.

    Raises
    ------
    BookError
        If the file is not valid YAML or lists anything else.
    """
    listed = _read_yaml(path) or {}
    if not isinstance(listed, dict):
        raise BookError(f"{path}: expected `chapter: [{{name: value}}]`, got {listed!r}")
    for name, sets in listed.items():
        # YAML reads some words, such as on and no, as true and false.
        well_formed = isinstance(sets, list) and all(
            isinstance(values, dict) and all(isinstance(word, str) for word in [name, *values])
            for values in sets
        )
        if not well_formed:
            raise BookError(
                f"{path}: expected `chapter: [{{name: value}}]`, got {{{name}: {sets}}}"
            )
        yield name, sets


def _read_yaml(path: Path) -> Any:
    # PyYAML is part of the extra `book`; --help and --version do without it.
    import yaml

    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise BookError(f"{path} is not valid YAML: {error}") from None
