"""Kernels: where they speak, how they end, and what is said where there is none."""

import signal
import sys
import tempfile

import pytest
from jupyter_client.provisioning import LocalProvisioner
from nbclient import NotebookClient

from dmfbook.workflow.execution.execute import Limits, Run, execute
from dmfbook.workflow.kernels.manager import kernel_spec
from dmfbook.workflow.system.errors import BookError


def test_good_execution_ends_without_an_interrupt(book, write_chapter, monkeypatch):
    sent = []

    async def record(self, signum):
        sent.append(signum)

    monkeypatch.setattr(LocalProvisioner, "send_signal", record)
    write_chapter("one", "print(n)")
    execute(book, [Run(book.chapter("one"), book.built / "one.ipynb")])
    # The kernel would report it on the terminal; 0 asks whether it lives.
    assert signal.SIGINT not in sent


@pytest.mark.parametrize("length", [60, 85, 120, 200])
def test_folder_for_temporary_files_may_be_deep(book, write_chapter, monkeypatch, length):
    deep = book.root / "t"
    while len(str(deep)) < length:
        deep /= "é" * 10
    deep.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    write_chapter("one", "print(n)")
    run = Run(book.chapter("one"), book.built / "one.ipynb")
    assert execute(book, [run]) == [run]
    assert not list(deep.iterdir())


@pytest.mark.parametrize("name", ["octave", "ir", "python3.11"])
def test_missing_kernel_is_answered_with_what_helps(name):
    with pytest.raises(BookError, match=f"no kernel named '{name}' is installed") as caught:
        kernel_spec(name)
    assert "metadata.kernelspec.name of the notebook to 'python3'" in str(caught.value)
    assert str(caught.value).endswith(f"python -m ipykernel install --sys-prefix --name {name}")


@pytest.mark.parametrize("name", ["", " ", "my kernel", "noyau-é", "../python3", "a;b", "-\n"])
def test_no_kernel_is_to_be_installed_under_an_impossible_name(name, caplog):
    with pytest.raises(BookError, match="to 'python3'$"):
        kernel_spec(name)
    assert not caplog.records


def test_missing_ipykernel_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipykernel.kernelspec", None)
    with pytest.raises(BookError, match=r"no kernel named 'python3' .*pip install '\.\[book\]'"):
        kernel_spec("python3")


def test_slow_kernel_is_waited_for(book, write_chapter, monkeypatch):
    """On a busy machine its last words may come later than the four seconds of nbclient."""
    seen = {}
    real = NotebookClient.__init__

    def note(self, *arguments, **options):
        real(self, *arguments, **options)
        seen.update(iopub=self.iopub_timeout, start=self.startup_timeout)

    monkeypatch.setattr(NotebookClient, "__init__", note)
    write_chapter("one", "print(n)")
    execute(book, [Run(book.chapter("one"), book.built / "one.ipynb")])
    assert min(seen.values()) > Limits().run


def test_chapter_imports_what_stands_beside_it_and_hides_nothing(book, write_chapter, command):
    (book.root / "book" / "helper.py").write_text("answer = 42\n")
    (book.root / "book" / "json.py").write_text("raise ImportError\n")
    write_chapter("one", "import json, helper\nprint(helper.answer, json.dumps(n))")
    assert command("run", "one", "--no-page").exit_code == 0
