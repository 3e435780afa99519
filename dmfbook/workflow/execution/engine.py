"""Papermill's engine for a notebook that somebody looks at while it is executed."""

from collections.abc import Callable
from typing import Any

from papermill.engines import NBClientEngine, papermill_engines

NAME = "dmfbook"


class Engine(NBClientEngine):
    """The engine of nbclient, which first shows the notebook that its cells are going to fill.

    Papermill itself writes the whole notebook twice for each cell, with all pictures, so that
    something is left when it fails. Who has the notebook can write it once.
    """

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: str, *, on_start: Callable[[Any], None], **kwargs: Any
    ) -> None:
        """Execute a notebook; `on_start` is called with it before."""
        on_start(nb_man.nb)
        super().execute_managed_notebook(nb_man, kernel_name, **kwargs)


papermill_engines.register(NAME, Engine)
