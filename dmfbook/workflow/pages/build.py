"""From executed notebooks and text pages to HTML, by Jupyter Book."""

import contextlib
import filecmp
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from dmfbook.workflow.execution import cache
from dmfbook.workflow.execution.execute import NO_HURRY, Limits, Run, execute
from dmfbook.workflow.pages.log import causes, located, lost_files
from dmfbook.workflow.sources.cells import read_notebook
from dmfbook.workflow.sources.listings import read_settings, toc_entries
from dmfbook.workflow.sources.notebooks import Book, Chapter
from dmfbook.workflow.system.environment import environment
from dmfbook.workflow.system.errors import BookError, BuildError
from dmfbook.workflow.system.files import (
    check_writable,
    put_in_place,
    read_text,
    recover,
    remove,
    scratch,
    whole,
)
from dmfbook.workflow.system.locks import alone

_PAGES = (".md", ".ipynb", ".rst")

# What Sphinx, its themes and its extensions read as UTF-8.
_TEXT = (".md", ".rst", ".bib", ".yml", ".html", ".css", ".js")

# Jupyter Book, which ends when its input does: when the process that started it is dead. It leads a
# process group of its own, so what it has started ends with it.
_JUPYTER_BOOK = """\
import os, threading
threading.Thread(target=lambda: (os.read(0, 1), os.killpg(0, 9)), daemon=True).start()
from jupyter_book.cli.main import main
main()
"""

# Beside the pages where they could not be built.
_LOG = "pages.log"


def execute_book(
    book: Book, limits: Limits = NO_HURRY, chapters: Sequence[Chapter] = ()
) -> list[Run]:
    """Execute the chapters that changed, into ``_build/executed``.

    Parameters
    ----------
    book : Book
        The book.
    limits : Limits, optional
        How long each chapter may take.
    chapters : sequence of Chapter, optional
        Which; all without it.

    Returns
    -------
    list of Run
        What was executed now.

    Raises
    ------
    BookError
        If a chapter is at fault, a kernel is missing or the folder cannot be written.
    BuildError
        If a cell failed.
    """
    check_text(book)
    runs = [Run(c, executed(book, c.source)) for c in chapters or book.chapters()]
    with alone(book.built):
        return execute(book, runs, limits)


def executed(book: Book, source: Path) -> Path:
    """Return where the executed copy of a chapter's file stands."""
    return book.built / "executed" / source.relative_to(book.root)


def build_pages(book: Book, limits: Limits = NO_HURRY) -> bool:
    """Build the pages of an executed book into ``_build/html``, if anything changed.

    The pages are built aside and put in place when they are complete, so an interrupted or failed
    build leaves the pages of the last good one, and is done again next time. They are always built
    from nothing: navigation, numbers and references on one page depend on all the others, and
    Sphinx forgets the warnings of pages that it does not read again.

    Parameters
    ----------
    book : Book
        The book, its chapters executed.
    limits : Limits, optional
        How long Jupyter Book may take, which is as long as a run.

    Returns
    -------
    bool
        Whether there was anything to do.

    Raises
    ------
    BookError
        If ``_build`` cannot be written.
    BuildError
        If Jupyter Book gives any warning, or takes too long.
    """
    source, pages = book.built / "executed", book.built / "html"
    with alone(book.built):
        recover(pages)
        check_text(book)
        _mirror_text(book, source)
        return _build(book, source, pages, limits, "-W", "-n", "--keep-going")


def build_page(book: Book, run: Run, pages: Path, themes: Path, limits: Limits = NO_HURRY) -> Path:
    """Build one executed notebook as a small book of its own, in the style of the whole one.

    References to other chapters stay plain text. The theme, which is some 260 files and the same for
    every page, stands once in `themes`, and the page has a link to it.

    Parameters
    ----------
    book : Book
        The book, for its style and bibliography.
    run : Run
        What was executed.
    pages : Path
        Folder for the pages, replaced if it is ours.
    themes : Path
        Folder for the themes of many pages, on the same file system.
    limits : Limits, optional
        How long Jupyter Book may take, which is as long as a run.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    BookError
        If there is a folder in that place that is not ours.
    BuildError
        If Jupyter Book fails, or takes too long.
    """
    place = run.chapter.source.relative_to(book.root)
    with alone(pages.parent):
        recover(pages)
        check_ours(pages)
        with scratch(pages.with_name(f".{pages.name}.source")) as source:
            for path in _text_files(book):
                if path.suffix != ".md" and path.name != "_toc.yml":
                    with whole(source / path.relative_to(book.root)) as copy:
                        shutil.copyfile(path, copy)
            (source / place).parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps(_with_bibliography(run.target))
            (source / place).write_text(text, encoding="utf-8")
            # JSON is YAML, whatever the name: `no`, `1e3` and `a: b` stay names.
            root = json.dumps(place.with_suffix("").as_posix(), ensure_ascii=False)
            toc = f"format: jb-book\nroot: {root}\n"
            (source / "_toc.yml").write_text(toc, encoding="utf-8")
            _build(book, source, pages, limits, themes=themes)
    return pages / place.with_suffix(".html")


def check_text(book: Book) -> None:
    """Make sure that what the pages need besides notebooks can be read.

    Parameters
    ----------
    book : Book
        The book.

    Raises
    ------
    BookError
        If there are no settings, a page is not there, or a file is not UTF-8, which Sphinx would not
        name.
    """
    read_settings(book.root / "_config.yml")
    for page in toc_entries(book.root):
        if not any((book.root / f"{page}{suffix}").is_file() for suffix in ("", *_PAGES)):
            raise BookError(f"{book.root / '_toc.yml'} lists {page}, which does not exist")
    for path in _text_files(book):
        if path.suffix in _TEXT:
            read_text(path)


def check_ours(pages: Path) -> None:
    """Make sure that a folder of pages may be replaced.

    Parameters
    ----------
    pages : Path
        The folder, which need not exist.

    Raises
    ------
    BookError
        If it holds anything that was not built here, or was edited since.
    """
    if os.path.lexists(pages) and not cache.is_ours(pages):
        raise BookError(
            f"{pages} holds what was not built here, or was edited since; move it away,"
            " or give another --output"
        )


def _build(
    book: Book,
    source: Path,
    pages: Path,
    limits: Limits,
    *options: str,
    themes: Path | None = None,
) -> bool:
    """Build the pages of a folder of sources, unless they stand there as they were built."""
    before = cache.moment(book.root)
    files = sorted(path for path in source.rglob("*") if path.is_file())
    wanted = cache.digest(source, files) + cache.surroundings(book.root)
    theme = pages / "_static"
    if cache.stamped_key(pages) == wanted and (theme.exists() or not theme.is_symlink()):
        return False
    check_writable(pages.parent)
    pages.with_name(_LOG).unlink(missing_ok=True)
    with scratch(pages.with_name(f".{pages.name}.build")) as place:
        html = jupyter_book(source, place, limits, *options)
        cache.check_unchanged(book.root, before)
        if themes is not None and (html / "_static").is_dir():
            _share(html / "_static", themes, pages)
        cache.stamp(html, wanted)
        put_in_place(html, pages)
    return True


def _share(theme: Path, themes: Path, pages: Path) -> None:
    """Keep a theme once for all pages that have the same, and put a link in its place."""
    files = sorted(path for path in theme.rglob("*") if path.is_file())
    kept = themes / cache.digest(theme, files)[:16]
    if not kept.is_dir():
        themes.mkdir(parents=True, exist_ok=True)
        with scratch(themes / f".{kept.name}.{os.getpid()}") as fresh:
            shutil.copytree(theme, fresh, dirs_exist_ok=True)
            with contextlib.suppress(OSError):  # another one was faster
                os.rename(fresh, kept)
    remove(theme)
    theme.symlink_to(os.path.relpath(kept.resolve(), pages.resolve()), target_is_directory=True)


def _with_bibliography(path: Path) -> dict:
    """Read an executed notebook and, where it cites, list at its end what it cites."""
    notebook = read_notebook(path)
    if any("{cite" in cell["source"] for cell in notebook["cells"]):
        listing = "## References\n\n```{bibliography}\n:filter: docname in docnames\n```"
        cell = {"cell_type": "markdown", "id": "bibliography", "metadata": {}, "source": listing}
        notebook["cells"].append(cell)
    return notebook


def _text_files(book: Book) -> Iterator[Path]:
    """Yield what the pages need besides notebooks: settings, text, bibliography, pictures."""
    yield book.root / "_config.yml"
    yield book.root / "_toc.yml"
    if (book.root / "CITATION.cff").is_file():
        yield book.root / "CITATION.cff"
    for path in sorted((book.root / "book").rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(book.root).parts)
        if path.is_file() and path.suffix != ".ipynb" and not hidden:
            yield path


def _mirror_text(book: Book, folder: Path) -> None:
    """Copy the text files that changed, and remove what no longer belongs to the book."""
    wanted = {folder / path.relative_to(book.root): path for path in _text_files(book)}
    kept = wanted.keys() | {executed(book, source) for source in book.sources().values()}
    gone = [path for path in folder.rglob("*") if path.is_file() and path not in kept]
    new = [
        (target, path)
        for target, path in wanted.items()
        if not target.is_file() or not filecmp.cmp(path, target, shallow=False)
    ]
    if gone or new:  # an up-to-date book may be read-only
        check_writable(folder)
    for path in gone:
        path.unlink()
    for target, path in new:
        with whole(target) as partial:
            shutil.copyfile(path, partial)


def jupyter_book(
    source: Path, output: Path, limits: Limits, *options: str, builder: str = "html"
) -> Path:
    """Run ``jupyter-book build``.

    Parameters
    ----------
    source : Path
        Folder of executed notebooks and text.
    output : Path
        Where to build; its log, should it fail, goes beside it.
    limits : Limits
        How long it may take, which is as long as a run.
    *options : str
        More options of the command.
    builder : str, optional
        What to make: ``"html"`` or ``"singlehtml"``.

    Returns
    -------
    Path
        The folder of the pages.

    Raises
    ------
    BuildError
        If it fails, or takes too long.
    """
    # -P: what stands in the current folder is not imported.
    command = [sys.executable, "-P", "-c", _JUPYTER_BOOK]
    command += ["build", str(source), "--path-output", str(output), "--builder", builder, *options]
    status, printed = _run(command, environment(output) | {"NO_COLOR": "1"}, limits.run)
    if status != 0 or lost_files(printed):
        # Paths as in the sources, so that an editor can open them.
        lines = printed.replace(f"{source}{os.sep}", "").splitlines()
        log = "".join(f"{located(line, source)}\n" for line in lines)
        told = causes(log)
        if status is None:
            told = [f"Jupyter Book ran longer than {limits.run:g} s; see the option --run-limit"]
        elif status < 0:
            told.append(f"Jupyter Book was ended by {signal.Signals(-status).name}")
        with contextlib.suppress(OSError):  # a full disk may be the cause
            kept = output.with_name(_LOG)
            kept.write_text(log, encoding="utf-8")
            told.append(f"whole log: {kept}")
        raise BuildError("the pages could not be built:\n" + "\n".join(told))
    return output / "_build" / builder


def _run(command: list[str], variables: dict[str, str], seconds: float) -> tuple[int | None, str]:
    """Run a command; return its status, None where it took too long, and what it printed."""
    theirs, ours = os.pipe()
    try:
        process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            env=variables,
            process_group=0,
        )
        with process:
            try:
                printed, _ = process.communicate(timeout=seconds)
                return process.returncode, printed
            except BaseException as error:
                os.killpg(process.pid, signal.SIGKILL)
                if not isinstance(error, subprocess.TimeoutExpired):
                    raise
                return None, process.communicate()[0]
    finally:
        os.close(ours)
        os.close(theirs)
