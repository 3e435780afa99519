"""From executed notebooks to pages."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
import yaml

from dmfbook.workflow.execution.execute import Run
from dmfbook.workflow.pages import build
from dmfbook.workflow.system.errors import BookError, BuildError
from dmfbook.workflow.system.files import check_writable, recover, whole

FORMULA = "# Formula $x^2$\n\n```{prf:theorem} Squares\n:label: squares\nNot negative.\n```"


def files_below(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_text_is_mirrored_and_what_left_the_book_is_removed(book, write_chapter, monkeypatch):
    monkeypatch.setattr(build, "jupyter_book", lambda source, output, *_: make_pages(output))
    folder = book.built / "executed"
    (book.root / "book" / "static").mkdir()
    (book.root / "book" / "static" / "a.css").write_text("a {}")
    (book.root / "book" / ".hidden").write_text("")
    write_chapter("one", "n")
    executed = folder / "book" / "one.ipynb"
    left_over = folder / "book" / ".one.123.ipynb"
    for path in (executed, folder / "book" / "gone.ipynb", folder / "book" / "gone.md", left_over):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    build.build_pages(book)
    text = {"_config.yml", "_toc.yml", "book/intro.md", "book/references.bib", "book/static/a.css"}
    assert files_below(folder) == text | {"book/one.ipynb"}
    page = folder / "book" / "intro.md"
    before = page.stat().st_mtime_ns, executed.stat().st_mtime_ns
    (book.root / "book" / "references.bib").write_text("")
    build.build_pages(book)
    assert (folder / "book" / "references.bib").read_text() == ""
    assert (page.stat().st_mtime_ns, executed.stat().st_mtime_ns) == before


def make_pages(output):
    """Stand in for Jupyter Book."""
    pages = output / "_build" / "html"
    pages.mkdir(parents=True)
    (pages / "index.html").write_text("")
    return pages


def test_pages_are_built_when_something_changed(book, monkeypatch):
    built = []

    def fake(source, output, *_):
        built.append(source)
        return make_pages(output)

    monkeypatch.setattr(build, "jupyter_book", fake)
    assert build.build_pages(book) and not build.build_pages(book)
    (book.root / "book" / "intro.md").write_text("# Changed\n")
    assert build.build_pages(book) and not build.build_pages(book)
    (book.root / "requirements.txt").write_text("")
    assert build.build_pages(book) and not build.build_pages(book)
    (book.built / "html" / "index.html").unlink()
    assert build.build_pages(book) and not build.build_pages(book)
    assert len(built) == 4


def delete(path):
    path.unlink()


def edit(path):
    path.write_text("edited")


def lose(path):
    shutil.rmtree(path.parent)


def add(path):
    path.with_name("added.html").write_text("")


def link(path):
    path.unlink()
    path.symlink_to("/dev/null")


@pytest.mark.parametrize("change", [delete, edit, lose, add, link])
@pytest.mark.parametrize("name", ["index.html", "book/one.html", "_images/a.svg", "_static/a.js"])
def test_pages_that_are_not_as_they_were_built_are_built_again(book, monkeypatch, change, name):
    files = ("index.html", "book/one.html", "_images/a.svg", "_static/a.js")

    def fake(source, output, *_):
        pages = make_pages(output)
        for path in map(pages.joinpath, files):
            path.parent.mkdir(exist_ok=True)
            path.write_text(path.name)
        return pages

    monkeypatch.setattr(build, "jupyter_book", fake)
    assert build.build_pages(book) and not build.build_pages(book)
    before = files_below(book.built)
    change(book.built / "html" / name)
    assert build.build_pages(book) and not build.build_pages(book)
    assert files_below(book.built) == before
    for path in files:
        assert (book.built / "html" / path).read_text() == Path(path).name


@pytest.mark.parametrize("stamp", [None, b"", b"\xff\x00", b"{", b"null", b"[]", b'{"key": 1}'])
def test_pages_with_an_unreadable_stamp_are_built_again(book, monkeypatch, stamp):
    monkeypatch.setattr(build, "jupyter_book", lambda source, output, *_: make_pages(output))
    build.build_pages(book)
    (path,) = (book.built / "html").glob(".dmfbook*")
    path.unlink() if stamp is None else path.write_bytes(stamp)
    assert build.build_pages(book) and not build.build_pages(book)


@pytest.mark.parametrize("place", ["package/a.py", "package/inner/new.py", "requirements.txt"])
def test_package_edited_while_pages_are_built_certifies_nothing(book, monkeypatch, place):
    monkeypatch.setattr(build, "jupyter_book", lambda source, output, *_: make_pages(output))
    build.build_pages(book)
    before = files_below(book.built)
    (book.root / "book" / "intro.md").write_text("# Changed\n")

    def fake(source, output, *_):
        (book.root / place).write_text("edited = 1")
        return make_pages(output)

    monkeypatch.setattr(build, "jupyter_book", fake)
    with pytest.raises(BuildError, match=f"{place} was edited during the build"):
        build.build_pages(book)
    assert files_below(book.built) == before
    monkeypatch.setattr(build, "jupyter_book", lambda source, output, *_: make_pages(output))
    assert build.build_pages(book)


@pytest.mark.parametrize("error", [BuildError("a warning"), KeyboardInterrupt()])
def test_pages_of_a_build_that_did_not_end_are_not_taken(book, monkeypatch, error):
    monkeypatch.setattr(build, "jupyter_book", lambda source, output, *_: make_pages(output))
    build.build_pages(book)
    before = files_below(book.built)
    (book.root / "book" / "intro.md").write_text("# Changed\n")

    def fail(source, output, *_):
        make_pages(output)
        raise error

    monkeypatch.setattr(build, "jupyter_book", fail)
    for _ in range(2):
        with pytest.raises(type(error)):
            build.build_pages(book)
    assert files_below(book.built) == before


def test_command_builds_the_book(book, command, write_chapter, write_toc, monkeypatch):
    write_chapter("one", "print(n)", FORMULA)
    write_toc("intro", "one")
    first = command("build")
    assert first.exit_code == 0, first.output
    page = book.built / "html" / "index.html"
    assert "1 of 1 chapters executed" in first.output
    assert first.output.splitlines()[-1] == f"first page: {page}"
    assert page.is_file()
    chapter = (book.built / "html" / "book" / "one.html").read_text()
    assert "Squares" in chapter and "injected-parameters" not in chapter

    monkeypatch.setattr(subprocess, "Popen", None)  # nothing may be started now
    again = command("build")
    assert again.exit_code == 0, again.output
    assert "0 of 1 chapters executed" in again.output and "pages unchanged" in again.output
    monkeypatch.undo()

    (book.root / "book" / "intro.md").write_text("# Welcome\n\n{prf:ref}`nothing`\n")
    failed = command("build")
    assert failed.exit_code == 1
    assert "book/intro.md:3: WARNING: prf:ref reference target not found" in failed.output
    assert str(book.built / "executed") not in failed.output
    assert "Some text" in (book.built / "html" / "book" / "intro.html").read_text()


def test_command_runs_one_chapter(book, command, write_chapter):
    write_chapter("part/one", "print(10 * n)", FORMULA, "# See {cite}`noether`")
    result = command("run", "one", "-p", "n=7")
    assert result.exit_code == 0, result.output
    (folder,) = (book.built / "runs" / "one").iterdir()
    page = folder / "page" / "book" / "part" / "one.html"
    assert f"notebook: {folder / 'one.ipynb'}\npage:     {page}\n" in result.output
    text = page.read_text()
    assert "70" in text and "Emmy Noether" in text and "Squares" in text
    assert "[?]" not in text
    for address in ("http://", "https://"):  # links may lead out; nothing may be loaded from there
        assert f'<script src="{address}' not in text and f'src="{address}' not in text
    assert "injected-parameters" in (folder / "one.ipynb").read_text()
    assert {path.name for path in folder.iterdir()} == {"one.ipynb", "page"}
    assert len([path for path in folder.rglob("*") if path.is_file()]) < 20
    assert (folder / "page" / "_static" / "basic.css").is_file()


@pytest.mark.parametrize("name", ["no", "1e3", "a: b", "# x", "it's", "- y", "[z]", 'qu"ote', "λ𝔸"])
def test_chapter_may_have_a_name_that_yaml_must_quote(book, write_chapter, monkeypatch, name):
    listed = []

    def read(source, output, *_):
        listed.append(yaml.safe_load((source / "_toc.yml").read_text(encoding="utf-8"))["root"])
        return make_pages(output)

    monkeypatch.setattr(build, "jupyter_book", read)
    path = write_chapter(name, "n")
    build.build_page(
        book, Run(book.chapter(name), path), book.built / "page", book.built / "themes"
    )
    assert listed == [f"book/{name}"]


@pytest.mark.parametrize("text", [None, "", "title", "[1]", "a: [", "title: a\ntitle: b"])
@pytest.mark.parametrize("name", ["build", "save-outputs", "run"])
def test_book_without_settings_is_refused_before_any_work(book, command, write_chapter, name, text):
    write_chapter("one", "n")
    settings = book.root / "_config.yml"
    settings.unlink()
    if text is not None:
        settings.write_text(text)
    result = command(name, *["one"] * (name == "run"))
    assert result.exit_code == 2
    assert "_config.yml" in result.output and result.output.count("\n") == 1
    assert not list(book.built.rglob("*.ipynb"))


@pytest.mark.parametrize("name", ["intro.md", "references.bib", "static/a.css", "templates/a.html"])
def test_text_that_is_not_utf_8_is_refused_before_any_work(book, command, write_chapter, name):
    write_chapter("one", "n")
    path = book.root / "book" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"one\ntwo \xe9\n")
    (book.root / "book" / "photo.jpg").write_bytes(b"\xff\xd8\xe9")
    result = command("build")
    assert result.exit_code == 2
    assert result.output == f"dmfbook: {path} is not UTF-8 in line 2; save it as UTF-8\n"
    assert not list(book.built.rglob("*.ipynb"))


@pytest.mark.parametrize("text", ["[]", "null", "", "{", "3", '{"metadata": null}', "\0"])
def test_executed_file_that_is_no_notebook_is_made_again(book, write_chapter, text):
    source = write_chapter("one", "print(n)")
    target = build.executed(book, source)
    target.parent.mkdir(parents=True)
    target.write_text(text)
    assert [run.chapter.name for run in build.execute_book(book)] == ["one"]
    assert build.execute_book(book) == []


@pytest.mark.parametrize("error", [28, 5, 30])
def test_disk_that_fills_while_text_is_copied_is_named(book, command, monkeypatch, error):
    def fail(source, target):
        target.write_text("half")
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(shutil, "copyfile", fail)
    result = command("build")
    target = book.built / "executed" / "_config.yml"
    assert result.exit_code == 1
    assert result.output.endswith(f"dmfbook: {target}: {os.strerror(error)}\n")
    assert files_below(book.built) == set()


def test_up_to_date_book_may_be_read_only(book, command, write_chapter, monkeypatch):
    write_chapter("one", "print(n)")
    monkeypatch.setattr(build, "jupyter_book", lambda source, output, *_: make_pages(output))
    assert command("build").exit_code == 0
    before = files_below(book.built)

    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    real = open
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    monkeypatch.setattr(
        "builtins.open",
        lambda file, mode="r", *a, **k: (refuse if mode[0] in "wax" else real)(file, mode, *a, **k),
    )
    again = command("build")
    assert again.exit_code == 0, again.output
    assert "0 of 1 chapters executed, all unchanged\npages unchanged\n" in again.output
    assert files_below(book.built) == before

    (book.root / "book" / "intro.md").write_text("# Changed\n")
    changed = command("build")
    assert changed.exit_code == 2
    assert changed.output.startswith(
        f"0 of 1 chapters executed, all unchanged\ndmfbook: cannot write to {book.built}"
    )


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_full_disk_is_found_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda dir: open("/dev/full", "wb"))
    with pytest.raises(BookError, match=f"cannot write to {tmp_path}: No space left on device"):
        check_writable(tmp_path)


def test_file_system_that_refuses_even_to_remove_is_told_by_the_name_of_the_target(
    tmp_path, monkeypatch
):
    def refuse(path, *_, **__):
        raise OSError(30, "Read-only file system", str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    monkeypatch.setattr(Path, "write_text", refuse)
    with pytest.raises(OSError) as caught, whole(tmp_path / "a.md") as partial:
        partial.write_text("a")
    assert caught.value.filename == str(tmp_path / "a.md")
    recover(tmp_path / "pages")


def test_page_that_does_not_exist_is_named_before_any_work(
    book, command, write_chapter, write_toc, monkeypatch
):
    write_chapter("a/one", "n")
    write_toc("intro", "a/one.ipynb", "a/on")
    result = command("build")
    toc = book.root / "_toc.yml"
    assert result.exit_code == 2
    assert result.output == f"dmfbook: {toc} lists book/a/on, which does not exist\n"
    write_toc("intro.md", "a/one")
    monkeypatch.setattr(build, "jupyter_book", lambda source, output, *_: make_pages(output))
    assert command("build").exit_code == 0
