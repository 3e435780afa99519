"""Runs of one chapter: each in a folder of its own, and never in place of something else."""

import json

import pytest

from dmfbook.workflow import runs
from dmfbook.workflow.execution.places import check_report
from dmfbook.workflow.pages import build
from dmfbook.workflow.runs import carry_out, plan_run
from dmfbook.workflow.system.errors import BookError


@pytest.fixture
def no_sphinx(monkeypatch):
    """In place of Jupyter Book something quick."""

    def make(source, output, *_):
        pages = output / "_build" / "html"
        pages.mkdir(parents=True)
        (pages / "index.html").write_text("made")
        (pages / "_static").mkdir()
        (pages / "_static" / "theme.js").write_text("large")
        return pages

    monkeypatch.setattr(build, "jupyter_book", make)


def tree(folder):
    """Return each file below a folder and what it holds."""
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_other_parameters_go_elsewhere(book, write_chapter, command, no_sphinx, tmp_path):
    cell = "n = 3  # size\na: list = []  # things\ns = ''  # text"
    write_chapter("one", "print(n, a, s)", parameters=cell)
    write_chapter("two", "print(n)")
    chapters = {name: book.chapter(name) for name in ("one", "two")}
    texts = ["", "a", "A", "a b", "a-b", "../..", "x" * 300, "λ", "a/b", ".", "\0"]
    values = [{}, {"n": 3}, {"n": 4}, {"a": [1]}, {"a": [1.0]}, {"a": [True]}]
    values += [{"s": text} for text in texts]
    planned = [plan_run(book, chapters["one"], each) for each in values]
    planned += [plan_run(book, chapters["two"], each) for each in values[:3]]
    folders = [str(run.target.parent).casefold() for run in planned]
    assert len(set(folders)) == len(folders)
    for run in planned:
        assert run.target.parent.parents[1] == book.built / "runs"
        assert len(run.target.parent.name) < 100
    again = plan_run(book, chapters["one"], {"n": 4})
    assert again.target == planned[2].target


@pytest.mark.parametrize("output", [[], ["--output", "results"]])
def test_repeated_runs_keep_each_other(
    book, write_chapter, command, no_sphinx, monkeypatch, output
):
    monkeypatch.chdir(book.root)
    write_chapter("one", "print(10 * n)")
    first = command("run", "one", "-p", "n=1", *output)
    folder = book.root / (output[1] if output else "_build/runs")
    before = tree(folder)
    second = command("run", "one", "-p", "n=2", "--no-page", *output)
    assert first.exit_code == second.exit_code == 0, first.output + second.output
    after = tree(folder)
    assert before.items() < after.items() and len(after) == len(before) + 1
    assert "page:" in first.stdout and "page:" not in second.stdout
    again = command("run", "one", "-p", "n=1", *output)
    assert again.stdout == first.stdout and "executing" not in again.stderr
    assert tree(folder) == after


@pytest.mark.parametrize(
    "place",
    ["book", "book/part", "book/new/deep", ".git", "_build/executed", "_build/html", "link"],
)
def test_sources_are_no_place_for_results(book, write_chapter, command, place):
    write_chapter("part/one", "n")
    (book.root / ".git").mkdir()
    (book.root / "link").symlink_to(book.root / "book" / "part")
    for made in ("executed", "html"):
        (book.built / made).mkdir(parents=True)
    before = tree(book.root)
    result = command("run", "one", "--output", book.root / place)
    assert result.exit_code == 2
    assert result.output.startswith("dmfbook: results do not go into ")
    assert tree(book.root) == before and not (book.root / "book" / "new").exists()


def test_current_folder_among_the_sources_is_refused(book, write_chapter, command, monkeypatch):
    source = write_chapter("part/one", "n")
    monkeypatch.chdir(source.parent)
    before = tree(book.root / "book")
    assert command("run", "one", "--output", ".").exit_code == 2
    assert tree(book.root / "book") == before


def test_package_is_no_place_for_results(book, write_chapter):
    write_chapter("one", "n")
    with pytest.raises(BookError, match="results do not go into"):
        plan_run(book, book.chapter("one"), {}, book.root / "package" / "results")


def foreign_page(run):
    (run.target.parent / "page").mkdir()
    (run.target.parent / "page" / "thesis.tex").write_text("mine")


def foreign_page_file(run):
    (run.target.parent / "page").write_text("mine")


def foreign_notebook(run):
    run.target.write_text('{"cells": [], "metadata": {}}')


def linked_notebook(run):
    run.target.symlink_to(run.chapter.source)


@pytest.mark.parametrize(
    "put", [foreign_page, foreign_page_file, foreign_notebook, linked_notebook]
)
def test_what_is_not_ours_is_not_replaced(book, write_chapter, no_sphinx, monkeypatch, put):
    write_chapter("one", "n")
    run = plan_run(book, book.chapter("one"), {}, book.root / "results")
    run.target.parent.mkdir(parents=True)
    put(run)
    before = tree(book.root)
    monkeypatch.setattr(runs, "execute", None)
    with pytest.raises(BookError, match="move it away"):
        carry_out(book, run)
    assert tree(book.root) == before


def edit_page(folder):
    (folder / "page" / "index.html").write_text("made, and edited by hand")


def add_to_page(folder):
    (folder / "page" / "notes").mkdir()
    (folder / "page" / "notes" / "thesis.tex").write_text("mine")


def edit_notebook(folder):
    notebook = json.loads((folder / "one.ipynb").read_text())
    notebook["cells"][0]["source"] = "# My notes"
    (folder / "one.ipynb").write_text(json.dumps(notebook))


@pytest.mark.parametrize("edit", [edit_page, add_to_page, edit_notebook])
def test_results_that_were_edited_are_not_replaced(book, write_chapter, no_sphinx, edit):
    write_chapter("one", "n")
    run = plan_run(book, book.chapter("one"), {}, book.root / "results")
    carry_out(book, run)
    edit(run.target.parent)
    before = tree(run.target.parent)
    with pytest.raises(BookError, match="edited since; move it away"):
        carry_out(book, run)
    assert tree(run.target.parent) == before


def test_our_page_is_built_again_when_something_is_gone(book, write_chapter, no_sphinx):
    write_chapter("one", "n")
    run = plan_run(book, book.chapter("one"), {})
    carry_out(book, run)
    before = tree(run.target.parent)
    (run.target.parent / "page" / "index.html").unlink()
    carry_out(book, run)
    assert tree(run.target.parent) == before


def test_pages_of_many_runs_share_one_theme(book, write_chapter, no_sphinx):
    write_chapter("one", "n")
    jobs = [plan_run(book, book.chapter("one"), {"n": n}) for n in (1, 2)]
    links = [carry_out(book, job).parents[1] / "_static" for job in jobs]
    (theme,) = (book.built / "runs" / "themes").iterdir()
    assert [link.resolve() for link in links] == [theme.resolve()] * 2
    assert not any(link.readlink().is_absolute() for link in links)
    (theme / "theme.js").unlink()
    theme.rmdir()
    carry_out(book, jobs[0])
    assert (links[1] / "theme.js").read_text() == "large"


def test_failed_run_leaves_the_earlier_good_one(book, write_chapter, command, no_sphinx):
    write_chapter("one", "print(n)")
    assert command("run", "one").exit_code == 0
    before = tree(book.built / "runs")
    write_chapter("one", "1 / (n - 3)")
    failed = command("run", "one")
    assert failed.exit_code == 1 and "ZeroDivisionError" in failed.stderr
    assert tree(book.built / "runs") == before


@pytest.mark.parametrize(
    "text", ["mine", "{}", "[1]", '[{"name": 1}]', "null", '"label"', "[" * 5000, "\xff"]
)
def test_report_of_verdicts_replaces_nothing_else(tmp_path, text):
    path = tmp_path / "report.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(BookError, match="holds something else than verdicts"):
        check_report(path)
    assert path.read_text(encoding="latin-1") == text


@pytest.mark.parametrize("text", [None, "", "[]", '[{"label": "thm-a"}]'])
def test_report_of_verdicts_replaces_an_older_one(tmp_path, text):
    if text is not None:
        (tmp_path / "report.json").write_text(text)
    check_report(tmp_path / "report.json")


@pytest.mark.parametrize("place", ["book/report.json", "book/one.ipynb", "_build/html/a.json"])
def test_report_of_verdicts_does_not_go_among_the_sources(book, write_chapter, place):
    write_chapter("one", "n")
    (book.built / "html").mkdir(parents=True)
    with pytest.raises(BookError, match="results do not go into"):
        check_report(book.root / place)
