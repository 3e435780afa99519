"""A backend of matplotlib for runs whose notebook nobody keeps: figures are made, and not drawn."""

import matplotlib.pyplot as plt
from IPython import get_ipython
from matplotlib.backends.backend_agg import FigureCanvasAgg as FigureCanvas

__all__ = ["FigureCanvas", "show"]


def show(block: bool | None = None) -> None:
    """Let go of all figures, as the backend of notebooks does when it has drawn them."""
    plt.close("all")


_shell = get_ipython()
if _shell is not None:
    # Also those of a cell that does not ask for it.
    _shell.events.register("post_execute", show)
