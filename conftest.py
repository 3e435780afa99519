"""What every test run needs, be it tests, doctests or notebooks."""

import os
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


def pytest_collectstart(collector):
    """Let nbval skip SVG pictures as it skips PNG, and verdicts: sources hold text outputs only."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("image/svg+xml", "application/vnd.dmfbook.verdict+json")


def _kernel(kernel_name, **_):
    """Make for nbval what papermill gets: the same interpreter in the same environment."""
    from dmfbook.workflow.kernels.manager import BookKernel
    from dmfbook.workflow.system.environment import find_fonts

    find_fonts(ROOT / "_build")
    return BookKernel(ROOT / "_build", kernel_name=kernel_name)
