"""Entry point of the command line, once Python has loaded the package."""

import io
import signal
import sys

from dmfbook.workflow.system.errors import INSTALL


def main() -> None:
    """Run the command line, or say what to install when its extra is missing."""
    if sys.platform == "win32":
        sys.exit(
            "dmfbook: the command line does not run on Windows, which has no process groups and"
            " file locks of the kind it needs; use it in WSL. The numerics, `import dmfbook`, do."
        )
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal of another encoding shows λ as \u03bb.
            stream.reconfigure(errors="backslashreplace")
    try:
        from dmfbook.workflow.commands import app

        # Who ends a build in another way than Ctrl-C must not leave kernels behind either. What the
        # caller has said to ignore, as nohup does, stays ignored.
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(each) is not signal.SIG_IGN:
                signal.signal(each, signal.default_int_handler)
        app()
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "dmfbook":
            raise
        sys.exit(f"dmfbook: the command line needs {error.name}; install it with: {INSTALL}")
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        sys.exit(130)
