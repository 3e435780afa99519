"""The book on disk, and every way in which it can be wrong."""

import pytest

from dmfbook.workflow.errors import BookError
from dmfbook.workflow.notebooks import Book


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
    ],
)
def test_bad_variations_are_refused(book, write_chapter, text, message):
    write_chapter("one", "n")
    (book.root / "book" / "variations.yml").write_text(text)
    with pytest.raises(BookError, match=message):
        list(book.variations())
