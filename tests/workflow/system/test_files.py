"""Folders that are replaced: whatever ends the replacement, one of both books is there."""

import os

import pytest

from dmfbook.workflow.system import files
from dmfbook.workflow.system.files import put_in_place, recover, scratch, whole


class Killed(BaseException):
    """Stands for a process that ends at once: nothing may catch it and go on."""


@pytest.fixture
def place(tmp_path):
    """A folder with the old book, beside it one with the new book."""
    for name in ("old", "new"):
        folder = tmp_path / ("html" if name == "old" else "made")
        folder.mkdir()
        for page in ("index", "other"):
            (folder / f"{page}.html").write_text(name)
    return tmp_path / "html"


def book_in(place):
    """Return which book stands there, whole; fail where there is none or half of one."""
    pages = {path.name: path.read_text() for path in place.iterdir()}
    assert pages.keys() == {"index.html", "other.html"}
    (book,) = set(pages.values())
    return book


def interrupt(monkeypatch, function, call, when, error):
    """Let the `call`-th call of a function of `os` or `shutil` end before or after its work."""
    module, name = function
    real, calls = getattr(module, name), []

    def wrapped(*arguments, **options):
        calls.append(arguments)
        if len(calls) == call and when == "before":
            raise error
        real(*arguments, **options)
        if len(calls) == call and when == "after":
            raise error

    monkeypatch.setattr(module, name, wrapped)
    return calls


RENAMES = [(call, when) for call in (1, 2, 3) for when in ("before", "after")]


@pytest.mark.parametrize(("call", "when"), RENAMES)
def test_interrupt_leaves_one_book_and_nothing_else(place, monkeypatch, call, when):
    with monkeypatch.context() as patch:
        interrupt(patch, (os, "replace"), call, when, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            put_in_place(place.with_name("made"), place)
    assert book_in(place) in ("old", "new")
    assert {path.name for path in place.parent.iterdir()} <= {"html", "made"}


@pytest.mark.parametrize(("call", "when"), RENAMES)
def test_kill_leaves_one_book_for_the_next_start(place, monkeypatch, call, when):
    with monkeypatch.context() as patch:
        interrupt(patch, (os, "replace"), call, when, Killed())
        patch.setattr(files, "recover", lambda _: None)  # a dead process does nothing
        with pytest.raises(Killed):
            put_in_place(place.with_name("made"), place)
    recover(place)
    assert book_in(place) in ("old", "new")
    assert {path.name for path in place.parent.iterdir()} <= {"html", "made"}
    recover(place)
    assert book_in(place) in ("old", "new")


@pytest.mark.parametrize("when", ["before", "after"])
def test_second_interrupt_while_recovering(place, monkeypatch, when):
    with monkeypatch.context() as patch:
        interrupt(patch, (os, "replace"), 3, "before", KeyboardInterrupt())
        interrupt(patch, (os, "replace"), 4, when, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            put_in_place(place.with_name("made"), place)
    recover(place)
    assert book_in(place) in ("old", "new")
    assert {path.name for path in place.parent.iterdir()} <= {"html", "made"}


def test_kill_while_the_old_book_is_deleted(place, monkeypatch):
    with monkeypatch.context() as patch:
        interrupt(patch, (os, "rmdir"), 1, "before", Killed())
        with pytest.raises(Killed):
            put_in_place(place.with_name("made"), place)
    recover(place)
    assert book_in(place) == "new"
    assert [path.name for path in place.parent.iterdir()] == ["html"]


def test_first_book(place):
    put_in_place(place.with_name("made"), place.with_name("pages"))
    assert book_in(place.with_name("pages")) == "new" and book_in(place) == "old"


def test_link_is_replaced_and_not_what_it_names(place):
    linked = place.with_name("linked")
    place.rename(linked)
    place.symlink_to(linked)
    put_in_place(place.with_name("made"), place)
    assert book_in(place) == "new" and book_in(linked) == "old"


def test_file_that_is_replaced_keeps_its_link_and_its_mode(tmp_path):
    real, link = tmp_path / "real.ipynb", tmp_path / "link.ipynb"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    with whole(link) as partial:
        partial.write_text("new")
    assert link.is_symlink() and real.read_text() == "new"
    assert real.stat().st_mode & 0o777 == 0o640
    assert {path.name for path in tmp_path.iterdir()} == {"real.ipynb", "link.ipynb"}


def test_scratch_is_empty_and_goes(place):
    with scratch(place) as folder:
        assert folder == place and not list(folder.iterdir())
        (folder / "some").write_text("")
    assert not place.exists()
