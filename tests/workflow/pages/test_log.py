"""What a failed build says: its cause, never "look above", never a traceback."""

import shutil
import subprocess

import pytest
from processes import alive, wait_for

from dmfbook.workflow.execution.execute import Run
from dmfbook.workflow.pages import build
from dmfbook.workflow.pages.log import causes, located
from dmfbook.workflow.system.errors import BuildError

CONFIG = "{title: A, execute: {execute_notebooks: 'off'}, only_build_toc_files: true"

ABORT = """\
Running Jupyter-Book v1.0.4.post1
\x1b[91mExtension error:\x1b[39;49;00m
Could not import extension nothing (exception: No module named 'nothing')
Traceback (most recent call last):
  File "registry.py", line 453, in load_extension
ModuleNotFoundError: No module named 'nothing'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "registry.py", line 456, in load_extension
    raise ExtensionError(
sphinx.errors.ExtensionError: Could not import extension nothing
  on two lines

Traceback (most recent call last):
  File "main.py", line 528, in build
RuntimeError: 
\x1b[91m=======\x1b[0m

There was an error in building your book. Look above for the cause.

\x1b[91m=======\x1b[0m
"""


@pytest.mark.parametrize(
    ("log", "told"),
    [
        (
            ABORT,
            [
                "ModuleNotFoundError: No module named 'nothing'",
                "sphinx.errors.ExtensionError: Could not import extension nothing",
                "  on two lines",
            ],
        ),
        ("reading\na.md:3: WARNING: no\nwriting\na.md:3: WARNING: no", ["a.md:3: WARNING: no"]),
        ("a.md:3: WARNING: no\nOSError: disk full", ["a.md:3: WARNING: no", "OSError: disk full"]),
        ("\n".join(map(str, range(20))), list(map(str, range(10, 20)))),
        ("", []),
        ("OSError: no\nThe full traceback has been saved in /tmp/a", ["OSError: no"]),
        (
            "\n".join(f"{k}.md: WARNING: no" for k in range(30)),
            [*(f"{k}.md: WARNING: no" for k in range(20)), "and 10 more"],
        ),
    ],
    ids=["abort", "twice", "warning and abort", "no cause", "nothing", "last words", "many"],
)  # fmt: skip
def test_causes_are_picked_from_the_log(log, told):
    assert causes(log) == told


@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        (", sphinx: {extra_extensions: [nothing_here]}", "No module named 'nothing_here'"),
        (", sphinx: {config: {templates_path: [book/layout]}}", "TemplateSyntaxError"),
        (", sphinx: 4", "Error: "),
    ],
    ids=["extension", "template", "settings"],
)
def test_abort_of_sphinx_is_told_and_its_log_kept(book, settings, cause):
    (book.root / "_toc.yml").write_text("format: jb-book\nroot: book/intro\n")
    (book.root / "_config.yml").write_text(f"{CONFIG}{settings}}}\n")
    (book.root / "book" / "layout").mkdir()
    (book.root / "book" / "layout" / "layout.html").write_text("{% if %}")
    with pytest.raises(BuildError) as caught:
        build.build_pages(book)
    message = str(caught.value)
    assert cause in message
    assert "Look above" not in message and "Traceback" not in message and "\x1b" not in message
    log = book.built / "pages.log"
    assert message.endswith(f"whole log: {log}")
    assert cause in log.read_text()


@pytest.mark.parametrize(
    ("status", "printed", "told"),
    [(-9, b"", "Jupyter Book was ended by SIGKILL"), (1, b"caf\xe9 \xff", "caf\ufffd \ufffd")],
)
def test_death_and_odd_bytes_of_jupyter_book_are_told(book, monkeypatch, status, printed, told):
    real = subprocess.Popen

    def die(command, **options):
        end = f"os._exit({status})" if status > 0 else f"os.kill(os.getpid(), {-status})"
        code = f"import os; os.write(1, {printed!r}); {end}"
        return real([command[0], "-c", code], **options)

    monkeypatch.setattr(subprocess, "Popen", die)
    with pytest.raises(BuildError, match=told):
        build.build_pages(book)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("book/one.ipynb:40006: WARNING: no", "book/one.ipynb: cell 4, line 5: WARNING: no"),
        ("book/one.ipynb:10002: WARNING: no", "book/one.ipynb: cell 1, line 1: WARNING: no"),
        ("book/one.ipynb:3: WARNING: no", "book/one.ipynb:3: WARNING: no"),
        ("book/one.ip.rst: WARNING: no", "book/one.ipynb: WARNING: no"),
        ("\x1b[91mbook/intro.rst: WARNING: no\x1b[0m", "book/intro.md: WARNING: no"),
        ("book/intro.md:3: WARNING: no", "book/intro.md:3: WARNING: no"),
        ("book/real.rst: WARNING: no", "book/real.rst: WARNING: no"),
        ("book/none.rst: WARNING: no", "book/none.rst: WARNING: no"),
        ("reading sources... [ 50%] book/one", "reading sources... [ 50%] book/one"),
    ],
)
def test_line_names_a_file_that_is_there_and_the_cell(book, write_chapter, line, told):
    write_chapter("one", "n")
    (book.root / "book" / "real.rst").write_text("")
    assert located(line, book.root) == told


def test_warnings_of_a_build_name_the_cell(book, write_chapter, write_toc):
    source = write_chapter("one", "print(n)", "# See\n\n{prf:ref}`nothing`")
    write_toc("intro", "one")
    target = build.executed(book, source)
    target.parent.mkdir(parents=True)
    shutil.copyfile(source, target)
    with pytest.raises(BuildError) as caught:
        build.build_pages(book)
    message = str(caught.value)
    assert "book/one.ipynb: cell 4, line 3: WARNING: prf:ref reference target" in message
    assert "book/one.ipynb: WARNING: label 'nothing' not found." in message


@pytest.mark.parametrize(
    "line",
    [
        "WARNING: Failed to copy a file in html_static_file: a.js: OSError(28, 'No space left')",
        "WARNING: error writing file /a/intro.html: [Errno 28] No space left on device",
        "WARNING: cannot copy image file '/a.png': [Errno 13] Permission denied",
    ],
)
def test_page_that_lacks_a_file_is_no_page(book, write_chapter, monkeypatch, line):
    # Sphinx goes on, and ends well unless it was told to take warnings for errors.
    source = write_chapter("one", "n")
    build.execute_book(book)
    real = subprocess.Popen

    def lose(command, **options):
        return real([command[0], "-c", f"print({line!r})"], **options)

    monkeypatch.setattr(subprocess, "Popen", lose)
    run = Run(book.chapter("one"), build.executed(book, source))
    with pytest.raises(BuildError) as caught:
        build.build_page(book, run, book.root / "page", book.root / "themes")
    assert line in str(caught.value)
    assert not (book.root / "page").exists()


@pytest.mark.parametrize("name", ["build", "run"])
def test_pages_that_take_too_long_are_ended_and_so_is_what_they_started(
    book, command, write_chapter, monkeypatch, name
):
    write_chapter("one", "n")
    started = book.root / "started"
    hangs = "import os, pathlib, subprocess, sys, time\n"
    hangs += "print('a.md:3: WARNING: no', flush=True)\n"
    hangs += "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    hangs += f"pathlib.Path({str(started)!r}).write_text(str(child.pid))\ntime.sleep(60)\n"
    monkeypatch.setattr(build, "_JUPYTER_BOOK", hangs)
    assert command("save-outputs").exit_code == 0  # executes it, without a limit
    result = command(name, *["one"] * (name == "run"), "--run-limit", 4)
    assert result.exit_code == 1
    assert "Jupyter Book ran longer than 4 s; see the option --run-limit" in result.output
    assert "whole log: " in result.output and "Traceback" not in result.output
    (log,) = book.built.rglob("pages.log")
    assert log.read_text() == "a.md:3: WARNING: no\n"
    wait_for(lambda: not alive(int(started.read_text())))
