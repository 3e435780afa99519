"""What ``_toc.yml`` and ``book/variations.yml`` list."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dmfbook.workflow.system.errors import BookError, shortened
from dmfbook.workflow.system.files import read_text

# What an honest book never reaches.
_MOST_NODES = 100_000


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
        If the file is not valid YAML or lists anything else than pages.
    """
    path = root / "_toc.yml"

    def walk(node: Any) -> Iterator[str]:
        if isinstance(node, list):
            for entry in node:
                yield from walk(entry)
        elif isinstance(node, dict):
            for key, value in node.items():
                if key not in ("root", "file"):
                    yield from walk(value)
                elif isinstance(value, str):
                    yield value.removesuffix(".ipynb").removesuffix(".md")
                else:
                    got = shortened(repr(value), 200)
                    raise BookError(f"{path}: expected `{key}: PAGE`, got {got}")

    listed = _read_yaml(path)
    if not isinstance(listed, dict) or "root" not in listed:
        got = shortened(repr(listed), 200)
        raise BookError(f"{path}: expected `root: PAGE` and what follows it, got {got}")
    yield from walk(listed)


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
        raise BookError(
            f"{path}: expected `chapter: [{{name: value}}]`, got {shortened(repr(listed), 200)}"
        )
    for name, sets in listed.items():
        # YAML reads some words, such as on and no, as true and false.
        well_formed = isinstance(sets, list) and all(
            isinstance(values, dict) and all(isinstance(word, str) for word in [name, *values])
            for values in sets
        )
        if not well_formed:
            got = shortened(f"{{{name}: {sets}}}", 200)
            raise BookError(f"{path}: expected `chapter: [{{name: value}}]`, got {got}")
        yield name, sets


def read_settings(path: Path) -> dict[str, Any]:
    """Read ``_config.yml``.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict
        What it sets.

    Raises
    ------
    BookError
        If there is none, or it is not valid YAML or no mapping.
    """
    if not path.exists():
        raise BookError(
            f"there is no {path}; Jupyter Book would execute the chapters again: write one that"
            ' says `execute: {execute_notebooks: "off"}`'
        )
    settings = _read_yaml(path)
    if not isinstance(settings, dict):
        raise BookError(f"{path}: expected `name: value`, got {shortened(repr(settings), 200)}")
    return settings


def _read_yaml(path: Path) -> Any:
    # PyYAML is part of the extra `book`; --help and --version do without it.
    import yaml

    text = read_text(path)
    try:
        loader = yaml.SafeLoader(text)
        loader.name = str(path)
        root = loader.get_single_node()
        _check_nodes(root)
        return None if root is None else loader.construct_document(root)
    except RecursionError:
        raise BookError(f"{path} is not valid YAML: nested too deeply") from None
    # Beside its own errors PyYAML raises many others, such as AttributeError for `!!timestamp x`.
    except Exception as error:
        told = str(error)
        if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
            why = ", ".join(filter(None, [error.context, error.problem]))
            told = f"line {error.problem_mark.line + 1}: {why}"
        raise BookError(f"{path} is not valid YAML: {shortened(told)}") from None


def _check_nodes(root: Any) -> None:
    """Refuse keys that stand twice, of which YAML keeps the last, and aliases without end."""
    import yaml

    sizes: dict[int, int] = {}

    def size(node: Any) -> int:
        """Number of nodes where each alias is written out."""
        if id(node) not in sizes:
            sizes[id(node)] = _MOST_NODES  # an alias inside what it stands for
            inner = node.value if isinstance(node, yaml.CollectionNode) else []
            if isinstance(node, yaml.MappingNode):
                _check_keys(inner)
                inner = [each for pair in inner for each in pair]
            sizes[id(node)] = 1 + sum(map(size, inner))
        return sizes[id(node)]

    if root is not None and size(root) >= _MOST_NODES:
        raise yaml.YAMLError("its aliases stand for too much")


def _check_keys(pairs: list[Any]) -> None:
    import yaml

    seen: dict[tuple[str, str], Any] = {}
    for key, _ in pairs:
        if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
            first = seen.setdefault((key.tag, key.value), key)
            if first is not key:
                lines = f"lines {first.start_mark.line + 1} and {key.start_mark.line + 1}"
                raise yaml.YAMLError(
                    f"{key.value!r} stands twice, in {lines}; only the last would count"
                )
