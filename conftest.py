"""What every test run needs, be it tests, doctests or notebooks."""

import os

# Two workers fill two cores; threads of BLAS in each would only wait for one another. Kernels that
# nbval starts inherit this. It has to be said before NumPy is loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Progress bars of the chapters are for people; nbval would compare them.
os.environ["TQDM_DISABLE"] = "1"


def pytest_collectstart(collector):
    """Let nbval skip SVG pictures as it skips PNG: sources hold text outputs only."""
    if hasattr(collector, "skip_compare"):
        collector.skip_compare += ("image/svg+xml",)
