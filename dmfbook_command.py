"""Entry point of the command ``dmfbook``.

Outside of the package, whose import takes a moment: Ctrl-C must be heard before it.
"""

import contextlib
import os
import signal
from collections.abc import Iterator
from typing import Any


def main() -> None:
    """Run the command line; until it is loaded, Ctrl-C ends it at once."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)
    from dmfbook.workflow.cli import main

    main()


@contextlib.contextmanager
def loading() -> Iterator[None]:
    """Let Ctrl-C end the process at once, while modules are loaded."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _end(*_: Any) -> None:
    # An exception could be swallowed or rewritten by any of the modules that are being loaded.
    os.write(2, b"\ninterrupted\n")
    os._exit(130)


if __name__ == "__main__":
    main()
