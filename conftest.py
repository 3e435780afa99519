"""What every test run needs, be it tests, doctests or notebooks."""

import os
from functools import cache
from pathlib import Path

import pytest

# Two workers fill two cores; threads of BLAS in each would only wait for one another. It has to be
# said before NumPy is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Progress bars are for people.
os.environ["TQDM_DISABLE"] = "1"

ROOT = Path(__file__).parent


def pytest_configure(config):
    """Test the package beside this file and no other; let nbval start the kernel of the book."""
    from dmfbook.workflow.system.environment import check_package
    from dmfbook.workflow.system.errors import BookError

    try:
        check_package(ROOT)
    except BookError as error:
        raise pytest.UsageError(str(error)) from None
    if config.pluginmanager.hasplugin("nbval"):
        import nbval.kernel
        import nbval.plugin

        from dmfbook.workflow.execution.results import tidy

        nbval.kernel.KernelManager = _kernel
        nbval.plugin.coalesce_streams = tidy
        nbval.plugin.IPyNbFile.setup = _replayed_or(nbval.plugin.IPyNbFile.setup)


def pytest_collectstart(collector):
    """Let nbval skip SVG pictures as it skips PNG, and what is for programs: sources hold text only."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("image/svg+xml", "application/pdf")
        collector.skip_compare += ("application/vnd.dmfbook.verdict+json",)
        collector.skip_compare += ("application/vnd.dmfbook.figure+json",)
        collector.skip_compare += ("application/papermill.record/text/plain",)


def _kernel(kernel_name, **_):
    """Make for nbval what papermill gets: the same interpreter in the same environment."""
    from dmfbook.workflow.kernels.manager import BookKernel
    from dmfbook.workflow.system.environment import find_fonts

    find_fonts(ROOT / "_build")
    return BookKernel(ROOT / "_build", kernel_name=kernel_name)


def _replayed_or(start):
    """Let nbval compare the stored outputs with those that `make book` has just made.

    Executed once more, in the same environment, a chapter would show the same. One without a current copy is executed.
    """

    def setup(file):
        copy = _current_copy(file.path)
        if copy:
            file.kernel = _Replay(copy)
        else:
            start(file)

    return setup


def _current_copy(path):
    """Find the executed copy of a chapter that was made from what stands there now."""
    from dmfbook.workflow.execution.cache import key, stored_key
    from dmfbook.workflow.pages.build import executed
    from dmfbook.workflow.sources.notebooks import Book

    root = next((folder for folder in path.parents if (folder / "_toc.yml").is_file()), None)
    if root is None:
        return None
    book = Book.find(root)
    name = next((name for name, source in book.sources().items() if source == path), None)
    if name is None:
        return None
    copy = executed(book, path)
    return copy if stored_key(copy) == key(book.chapter(name), {}, _surroundings(root)) else None


@cache
def _surroundings(root):
    from dmfbook.workflow.execution.cache import surroundings

    return surroundings(root)


class _Replay:
    """What nbval takes for a kernel; it answers with the outputs of an executed notebook."""

    def __init__(self, executed):
        import nbformat

        cells = nbformat.read(executed, as_version=4).cells
        self.cells = iter([cell for cell in cells if cell.cell_type == "code"])
        self.messages = []

    def is_alive(self):
        return True

    def stop(self):
        pass

    def execute_cell_input(self, source, allow_stdin):
        cell = next(cell for cell in self.cells if cell.source == source)
        self.messages = [(output.output_type, output) for output in cell.outputs]
        self.messages.append(("status", {"execution_state": "idle"}))
        return cell.id

    def await_reply(self, message, timeout):
        self.answered = message

    def get_message(self, stream, timeout):
        kind, content = self.messages.pop(0)
        return {"msg_type": kind, "content": content, "parent_header": {"msg_id": self.answered}}
