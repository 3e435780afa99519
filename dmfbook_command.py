"""Entry point of the command ``dmfbook``.

Outside of the package, whose import takes a moment: Ctrl-C must be heard before it.
"""

import os
import signal
from typing import Any


def main() -> None:
    """Run the command line; until it is loaded, Ctrl-C ends it at once."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)
    from dmfbook.workflow.cli import main

    main()


def _end(*_: Any) -> None:
    # An exception could be swallowed or rewritten by any of the modules that are being loaded.
    os.write(2, b"\ninterrupted\n")
    os._exit(130)


if __name__ == "__main__":
    main()
