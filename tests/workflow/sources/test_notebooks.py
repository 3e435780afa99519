"""The book on disk, and every way in which it can be wrong."""

import json

import pytest

from dmfbook.workflow.sources.notebooks import Book
from dmfbook.workflow.system.errors import BookError

# Nine lists of nine, one in the other: a third of a billion entries.
BOMB = "a0: &a0 [x]\n" + "".join(
    f"a{k + 1}: &a{k + 1} [{', '.join(9 * [f'*a{k}'])}]\n" for k in range(9)
)


def test_book_is_found_from_below(book, monkeypatch):
    monkeypatch.chdir(book.root / "book")
    assert Book.find() == book
    assert Book.find(book.root) == book


def test_missing_book_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BookError, match=r"no book in .* expected a folder with _toc\.yml"):
        Book.find()
    with pytest.raises(BookError, match="give --root"):
        Book.find(tmp_path / "nowhere")


def test_folder_that_is_gone_is_said(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(BookError, match="the current folder is gone; .* give --root"):
        Book.find()


def test_chapters_come_in_the_order_of_the_toc(book, write_chapter, write_toc):
    for place in ("a/first_one", "b/second", "b/unlisted", "b/.hidden", ".ipynb_checkpoints/c"):
        write_chapter(place, "n")
    write_toc("b/second", "a/first_one.ipynb")
    assert [chapter.name for chapter in book.chapters()] == ["second", "first-one", "unlisted"]
    assert book.chapter("first-one").source == book.root / "book" / "a" / "first_one.ipynb"


@pytest.mark.parametrize("name", ["one-singular-valu", "one_singular_value", "singular-value"])
def test_wrong_chapter_is_answered_with_the_nearest(book, write_chapter, name):
    write_chapter("ledger", "n")
    write_chapter("foundations/one_singular_value", "n")
    with pytest.raises(BookError, match=f"'{name}'; did you mean 'one-singular-value'"):
        book.chapter(name)
    with pytest.raises(BookError, match="unknown chapter 'zzz'; known: one-singular-value, ledger"):
        book.chapter("zzz")


def test_two_chapters_of_one_name_are_refused(book, write_chapter):
    write_chapter("a/same", "n")
    write_chapter("b/same", "n")
    with pytest.raises(BookError, match="two chapters are named same"):
        book.chapters()


def test_chapter_needs_a_parameters_cell(book, write_chapter):
    write_chapter("plain", "print(1)", parameters=None)
    with pytest.raises(BookError, match=r"book/plain\.ipynb: needs one cell tagged 'parameters'"):
        book.chapters()


def test_parameter_must_be_read_in_a_later_cell(book, write_chapter):
    write_chapter("idle", "n = 5", "# n stands in this text", "def f(n=1):\n    pass")
    with pytest.raises(BookError, match=r"book/idle\.ipynb: parameter 'n' is declared and never"):
        book.chapter("idle")
    write_chapter("idle", "%matplotlib inline\ndef f():\n    return [n for _ in range(3)]")
    assert book.chapter("idle").parameters[0].name == "n"


def test_code_that_is_no_python_is_refused(book, write_chapter):
    write_chapter("broken", "n", "x = = 1")
    with pytest.raises(BookError, match="cell 4 is not valid Python"):
        book.chapter("broken")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"nbformat": 3, "cells": []}'])
def test_file_that_is_no_notebook_is_refused(book, text):
    (book.root / "book" / "odd.ipynb").write_text(text)
    with pytest.raises(BookError, match=r"book/odd\.ipynb: not a notebook"):
        book.chapter("odd")


def test_toc_that_is_no_yaml_is_refused(book):
    (book.root / "_toc.yml").write_text("a: [")
    with pytest.raises(BookError, match="_toc.yml is not valid YAML"):
        book.chapters()


def test_variations_are_yielded_as_their_types(book, write_chapter):
    write_chapter("one", "x + n", parameters="n = 1  # count\nx = 2.0  # place")
    assert list(book.variations()) == []
    variations = book.root / "book" / "variations.yml"
    variations.write_text("one:\n  - {n: 4}\n  - {n: 5, x: 3}\n")
    assert [(c.name, values) for c, values in book.variations()] == [
        ("one", {"n": 4}),
        ("one", {"n": 5, "x": 3.0}),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("onee:\n  - {n: 4}", "unknown chapter 'onee'; did you mean 'one'"),
        ("on:\n  - {n: 4}", "expected `chapter: "),
        ("one:\n  - {off: 4}", "expected `chapter: "),
        ("one: {n: 4}", "expected `chapter: "),
        ("one: [4]", "expected `chapter: "),
        ("one", "expected `chapter: "),
        ("one:\n  - {nn: 4}", "chapter one: unknown parameter 'nn'; did you mean 'n'"),
        ("one:\n  - {n: four}", "chapter one: parameter 'n' must be int, got 'four'"),
        ("one: {", "is not valid YAML"),
        ("one:\n  - {n: 4}\n\none:\n  - {n: 5}", "'one' stands twice, in lines 1 and 4"),
        ("one: [{n: 4}]\n'one': [{n: 5}]", "'one' stands twice, in lines 1 and 2"),
        ("one:\n  - {n: 4, n: 5}", "'n' stands twice, in lines 2 and 2"),
        ("one: [{n: 2001-99-99}]", "is not valid YAML: month must be in 1..12"),
        ("one: [{n: 2001-09-09}]", r"'n' must be int, got datetime.date\(2001, 9, 9\)"),
        ("one: [{n: !!python/object/apply:os.getcwd []}]", "is not valid YAML: line 1: could not"),
        ("one: [{n: !!timestamp x}]", "is not valid YAML"),
        ("one: [{n: !!binary eA==}]", "'n' must be int, got b'x'"),
        ("one: [{n: !!set {a}}]", "'n' must be int, got {'a'}"),
        ("one: [{n: " + 5000 * "9" + "}]", "is not valid YAML: Exceeds the limit"),
        ("one: [{n: 0x" + 5000 * "f" + "}]", "must be int, got a number of too many digits"),
        ("one: [{n: \x07}]", "is not valid YAML: .*special characters"),
        ("one: [{? [a] : 1}]", "is not valid YAML: .*unhashable key"),
        ("one: " + 5000 * "[", "is not valid YAML: nested too deeply"),
        ("a: &a [*a]\none: *a", "is not valid YAML: its aliases stand for too much"),
        (BOMB, "is not valid YAML: its aliases stand for too much"),
        ("one: [*none]", "is not valid YAML: .*undefined alias"),
        ("one: " + 100_000 * "x", "expected .* characters left out"),
        ("--- {}\n--- {}", "is not valid YAML: line 2: expected a single document"),
    ],
)
def test_bad_variations_are_refused(book, write_chapter, text, message):
    write_chapter("one", "n")
    (book.root / "book" / "variations.yml").write_text(text)
    with pytest.raises(BookError, match=message) as caught:
        list(book.variations())
    assert len(str(caught.value)) < 4000


def test_parts_of_variations_may_be_shared(book, write_chapter):
    write_chapter("one", "x + n", parameters="n = 1  # count\nx = 2.0  # place")
    (book.root / "book" / "variations.yml").write_text(
        "one:\n  - &small {n: 4}\n  - {<<: *small, x: .inf}\n  - *small\n"
    )
    values = [values for _, values in book.variations()]
    assert values == [{"n": 4}, {"n": 4, "x": float("inf")}, {"n": 4}]


@pytest.mark.parametrize("name", ["_toc.yml", "book/variations.yml", "book/one.ipynb"])
@pytest.mark.parametrize("fault", ["latin-1", "missing", "folder"])
def test_file_that_cannot_be_read_is_named(book, write_chapter, name, fault):
    write_chapter("one", "n")
    path = book.root / name
    path.unlink(missing_ok=True)
    if fault == "latin-1":
        path.write_bytes(b"# caf\xe9\n")
    elif fault == "folder":
        path.mkdir()
    else:
        path.symlink_to("nowhere")
    with pytest.raises(BookError, match=f"(cannot read {path}: [A-Z]|{path} is not UTF-8)"):
        book.chapters()
        list(book.variations())


@pytest.mark.parametrize("text", [BOMB, "root: &a [*a]", "root: " + 5000 * "["])
def test_hostile_toc_is_refused(book, write_chapter, text):
    (book.root / "_toc.yml").write_text(text)
    with pytest.raises(BookError, match="_toc.yml is not valid YAML: (its aliases|nested)"):
        book.chapters()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected `root: PAGE` and what follows it, got None"),
        ("[]", r"expected `root: PAGE` and what follows it, got \[\]"),
        ("parts: []", "expected `root: PAGE` and what follows it"),
        ("root: 3", "expected `root: PAGE`, got 3"),
        ("root: book/intro\nchapters:\n- file: [a]", r"expected `file: PAGE`, got \['a'\]"),
        ("root: book/intro\nchapters:\n- file: no", "expected `file: PAGE`, got False"),
    ],
)
def test_toc_that_lists_no_pages_is_refused(book, text, message):
    (book.root / "_toc.yml").write_text(text)
    with pytest.raises(BookError, match=f"_toc.yml: {message}"):
        book.chapters()


def test_magics_are_read_as_ipython_reads_them(book, write_chapter):
    write_chapter("magic", "%%bash\necho {n}", "def f():\n    %time 1", "f = !ls", "len?")
    assert book.chapter("magic").parameters[0].name == "n"


def test_parameters_cell_must_hold_code(book, write_chapter):
    path = write_chapter("text", "n", "# n")
    notebook = json.loads(path.read_text())
    notebook["cells"][1]["cell_type"] = "markdown"
    path.write_text(json.dumps(notebook))
    with pytest.raises(BookError, match="text.ipynb: cell 2, tagged 'parameters', must be a code"):
        book.chapters()
