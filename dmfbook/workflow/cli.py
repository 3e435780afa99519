"""Entry point of the command ``dmfbook``."""

import signal
import sys


def main() -> None:
    """Run the command line, or say what to install when its extra is missing."""
    # Who ends a build in another way than Ctrl-C must not leave kernels behind either.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        from dmfbook.workflow.commands import app

        app()
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "dmfbook":
            raise
        sys.exit(
            f"dmfbook: the command line needs {error.name};"
            " install it with: pip install 'dmfbook[book]'"
        )
