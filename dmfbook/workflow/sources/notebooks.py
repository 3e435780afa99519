"""The book on disk: its root, its chapters in order, and their further parameter sets."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dmfbook.workflow.sources.cells import names_read, read_notebook
from dmfbook.workflow.sources.listings import parameter_sets, toc_entries
from dmfbook.workflow.sources.parameters import Parameter, check_values, read_parameters
from dmfbook.workflow.system.environment import check_package
from dmfbook.workflow.system.errors import BookError, unknown


@dataclass(frozen=True)
class Chapter:
    """A notebook of the book.

    Attributes
    ----------
    name : str
        The stem of its file, with dashes.
    source : Path
        Its file.
    notebook : dict
        What the file holds, as JSON gives it, each cell's source joined to one string.
    parameters : tuple of Parameter
        What its cell tagged ``parameters`` declares.
    """

    name: str
    source: Path
    notebook: dict[str, Any]
    parameters: tuple[Parameter, ...]

    @property
    def kernel(self) -> str:
        """Name of the kernel that it asks for."""
        return self.notebook["metadata"].get("kernelspec", {}).get("name", "python3")

    def check(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Check values for its parameters; see `check_values`."""
        try:
            return check_values(self.parameters, values)
        except BookError as error:
            raise BookError(f"chapter {self.name}: {error}") from None


@dataclass(frozen=True)
class Book:
    """A folder that holds a ``_toc.yml`` and the chapters below ``book/``.

    Attributes
    ----------
    root : Path
        That folder.
    """

    root: Path

    @classmethod
    def find(cls, root: Path | None = None) -> "Book":
        """Find the book.

        Parameters
        ----------
        root : Path, optional
            Its root. Without it, the current folder and those above are searched.

        Returns
        -------
        Book
            The book.

        Raises
        ------
        BookError
            If there is none, or it has a package of its own and another one runs.
        """
        try:
            start = Path.cwd() if root is None else root.resolve()
        except FileNotFoundError:
            raise BookError(
                "the current folder is gone; change into the book's folder or give --root"
            ) from None
        for folder in [start, *start.parents] if root is None else [start]:
            if (folder / "_toc.yml").is_file() and (folder / "book").is_dir():
                check_package(folder)
                return cls(folder)
        where = f"{start} or above it" if root is None else f"{start}"
        raise BookError(
            f"no book in {where}: expected a folder with _toc.yml and book/;"
            " change into the book's folder or give --root"
        )

    @property
    def built(self) -> Path:
        """Folder of everything that is made from the sources."""
        return self.root / "_build"

    def sources(self) -> dict[str, Path]:
        """Return the file of each chapter by name, in the order of ``_toc.yml``."""
        order = {entry: place for place, entry in enumerate(toc_entries(self.root))}
        found: dict[str, Path] = {}
        files = [
            path
            for path in sorted((self.root / "book").rglob("*.ipynb"))
            if not any(part.startswith(".") for part in path.relative_to(self.root).parts)
        ]
        files.sort(
            key=lambda path: order.get(
                path.relative_to(self.root).with_suffix("").as_posix(), len(order)
            )
        )
        for path in files:
            name = path.stem.replace("_", "-")
            if name in found:
                raise BookError(f"two chapters are named {name}: {found[name]} and {path}")
            found[name] = path
        return found

    def chapter(self, name: str) -> Chapter:
        """Read one chapter.

        Parameters
        ----------
        name : str
            Its name.

        Returns
        -------
        Chapter
            The chapter, checked.

        Raises
        ------
        BookError
            If there is none of that name, or its file is no chapter.
        """
        sources = self.sources()
        if name not in sources:
            raise unknown("chapter", name, sources)
        return self._read(name, sources[name])

    def chapters(self) -> list[Chapter]:
        """Read all chapters, in order; BookError if one of them is at fault."""
        return [self._read(name, path) for name, path in self.sources().items()]

    def variations(self) -> Iterator[tuple[Chapter, dict[str, Any]]]:
        """Yield each further parameter set of ``book/variations.yml``, checked.

        Yields
        ------
        chapter : Chapter
            A chapter.
        values : dict
            Values for some of its parameters.

        Raises
        ------
        BookError
            If the file names an unknown chapter or parameter, or a value does not fit.
        """
        path = self.root / "book" / "variations.yml"
        for name, sets in parameter_sets(path) if os.path.lexists(path) else []:
            chapter = self.chapter(name)
            for values in sets:
                yield chapter, chapter.check(values)

    def _read(self, name: str, path: Path) -> Chapter:
        notebook = read_notebook(path)
        try:
            return Chapter(name, path, notebook, _declared(notebook["cells"]))
        except BookError as error:
            raise BookError(f"{path.relative_to(self.root)}: {error}") from None


def _declared(cells: list[dict[str, Any]]) -> tuple[Parameter, ...]:
    """Read the parameters of a chapter and make sure that each of them is read."""
    tagged = [k for k, cell in enumerate(cells) if "parameters" in cell["metadata"].get("tags", [])]
    if len(tagged) != 1:
        raise BookError(f"needs one cell tagged 'parameters', has {len(tagged) or 'none'}")
    if cells[tagged[0]]["cell_type"] != "code":
        raise BookError(f"cell {tagged[0] + 1}, tagged 'parameters', must be a code cell")
    parameters = read_parameters(cells[tagged[0]]["source"])
    read: set[str] = set()
    for number, cell in enumerate(cells[tagged[0] + 1 :], start=tagged[0] + 2):
        if cell["cell_type"] == "code":
            try:
                read |= names_read(cell["source"])
            except BookError as error:
                raise BookError(f"cell {number} is {error}") from None
    for parameter in parameters:
        if parameter.name not in read:
            raise BookError(f"parameter {parameter.name!r} is declared and never read")
    return parameters
