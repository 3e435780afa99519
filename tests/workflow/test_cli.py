"""The process ``dmfbook``: terminals of any encoding, missing extras, Ctrl-C at any moment."""

import os
import signal
import subprocess
import sys

import pytest

from dmfbook.workflow.cli import main

# As the installed command starts; a test may run where Ctrl-C is ignored, which children inherit.
COMMAND = """\
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from dmfbook_command import main
sys.argv[0] = "dmfbook"
main()
"""


def start(*arguments, code=COMMAND, **variables):
    """Run the command in a process of its own; return its status and all that it printed."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=os.environ | variables,
        timeout=100,
    )
    return done.returncode, done.stdout


def test_package_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "dmfbook", "--version"], capture_output=True, check=True, text=True
    )
    assert done.stdout.startswith("dmfbook ") and done.stderr == ""


@pytest.mark.parametrize("missing", ["typer", "yaml"])
def test_missing_extra_is_named(book, monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.delitem(sys.modules, "dmfbook.workflow.commands", raising=False)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["dmfbook", "list", "--root", str(book.root)])
    with pytest.raises(SystemExit) as caught:
        main()
    assert f"needs {missing}" in caught.value.code
    assert "pip install '.[book]', in the folder that holds pyproject.toml" in caught.value.code


def test_platform_that_is_not_served_is_told(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(SystemExit, match="does not run on Windows.* use it in WSL"):
        main()


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252", "utf-8"])
def test_terminal_may_have_any_encoding(book, write_chapter, encoding):
    write_chapter("größe", "n", parameters="n = 3  # weight λ, größer")
    status, printed = start("list", "--root", book.root, PYTHONIOENCODING=encoding)
    assert status == 0
    # Click takes ASCII for a terminal that is set up wrongly, and writes UTF-8.
    shown = printed.decode("utf-8" if encoding == "ascii" else encoding)
    letter = "λ" if encoding in ("ascii", "utf-8") else r"\u03bb"
    assert f"größe\n  n  int  3  weight {letter}, größer" in shown
    status, printed = start("run", "λ", "--root", book.root, PYTHONIOENCODING=encoding)
    assert status == 2 and b"Traceback" not in printed


@pytest.mark.parametrize("module", ["numpy", "scipy", "typer", "dmfbook"])
@pytest.mark.parametrize("swallows", [False, True])
def test_interrupt_while_python_loads_is_one_message(tmp_path, book, module, swallows):
    # A module that is interrupted while it is imported, and may make another error of it.
    text = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(5)\n"
    if swallows:
        body = "".join(f"    {line}\n" for line in text.splitlines())
        text = f"try:\n{body}except BaseException:\n    raise ImportError from None\n"
    folder = tmp_path / "modules" / module
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(text)
    code = f"import sys\nimport dmfbook_command\nsys.path.insert(0, {str(folder.parent)!r})\n"
    words = ["verify", "thm-gradient"] if module in ("numpy", "scipy") else ["list"]
    status, printed = start(*words, code=code + COMMAND)
    assert (status, printed) == (130, b"\ninterrupted\n")


@pytest.mark.parametrize("module", ["numpy", "scipy", "typer"])
def test_interrupt_of_the_module_while_it_loads_is_one_message(tmp_path, book, module):
    text = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(5)\n"
    (tmp_path / "modules" / module).mkdir(parents=True)
    (tmp_path / "modules" / module / "__init__.py").write_text(text)
    code = "import runpy, signal, sys\n"
    code += "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code += f"sys.path.insert(0, {str(tmp_path / 'modules')!r})\n"
    code += "runpy.run_module('dmfbook', run_name='__main__', alter_sys=True)\n"
    words = ["list"] if module == "typer" else ["verify", "thm-gradient"]
    assert start(*words, code=code) == (130, b"\ninterrupted\n")


@pytest.mark.parametrize("name", ["nbformat", "papermill"])
def test_interrupt_while_a_command_loads_is_one_message(tmp_path, book, write_chapter, name):
    write_chapter("one", "n")
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / f"{name}.py").write_text(
        "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(5)\n"
    )
    code = f"import sys\nsys.path.insert(0, {str(tmp_path / 'modules')!r})\n{COMMAND}"
    status, printed = start("build", "--root", book.root, code=code)
    assert status == 130
    assert b"\ninterrupted; chapters that were executed to their end are kept\n" in printed
    assert b"Traceback" not in printed


def test_reader_who_has_enough_is_no_error(book, write_chapter):
    meaning = 1000 * "x"
    for number in range(100):
        write_chapter(f"c{number}", "n", parameters=f"n = 3  # {meaning}")
    done = subprocess.run(
        f"{sys.executable} -m dmfbook list --root '{book.root}' | head -c 10",
        shell=True,
        capture_output=True,
    )
    assert done.stderr == b""


def test_make_starts_the_command_that_hears_an_interrupt_at_once():
    done = subprocess.run(
        [sys.executable, "-m", "dmfbook_command", "--version"], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.startswith("dmfbook ")
