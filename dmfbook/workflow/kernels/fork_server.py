"""What runs inside of a fork server: it has loaded what chapters load, and becomes their kernels.

Loading takes longer than a light chapter. Here it is done once, in a process that never runs a line
of a chapter: for each run it forks, and the copy becomes the kernel. What a run changes, it changes
in the copy, which ends with it; the next one begins with the same memory as the first.
"""

import contextlib
import gc
import importlib
import io
import json
import os
import signal
import socket
import sys
from typing import Any, NoReturn

from dmfbook.workflow.kernels import process


class ForkedKernel(process.KernelProcess):
    """A kernel in a process that had loaded modules before it was one."""

    def init_shell(self) -> None:
        """Make the shell, and tell matplotlib, which would look for it when it is loaded."""
        super().init_shell()
        inline = sys.modules.get("matplotlib_inline.backend_inline")
        if inline is not None:
            inline._enable_matplotlib_integration()


def main(modules: list[str]) -> None:
    """Load modules; then fork for each request until the socket on stdin closes.

    Parameters
    ----------
    modules : list of str
        What to load. What cannot be loaded is left to the chapter, which then says so.
    """
    channel = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for name in modules:
        with contextlib.suppress(Exception, SystemExit):
            importlib.import_module(name)
    if "matplotlib.pyplot" in sys.modules:
        _draw_once()
    # What is loaded stays: no copy needs to look through it for what nobody uses any more.
    gc.collect()
    gc.freeze()
    # Whoever ends is gone at once; nobody asks how.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    kernels = []
    while True:
        request, (*files,), _, _ = socket.recv_fds(channel, 1 << 16, 1)
        if not request:
            break
        alive = files[0]
        kernels.append(os.fork())
        if kernels[-1] == 0:
            channel.close()
            _become_kernel(json.loads(request), alive)
        os.close(alive)
    for kernel in kernels:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(kernel, signal.SIGKILL)


def _draw_once() -> None:
    """Let matplotlib read its fonts and make its parser of formulas, before the first copy."""
    from matplotlib.figure import Figure

    figure = Figure()
    figure.text(0, 0, r"a $\lambda_1^2$")
    figure.savefig(io.BytesIO(), format="svg")


def _become_kernel(request: dict[str, Any], alive: int) -> NoReturn:
    """Be the kernel of one run; `alive` stays open as long as it lives."""
    os.setsid()
    os.set_inheritable(alive, False)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.chdir(request["folder"])
    os.environ.update(request["variables"], JPY_PARENT_PID=str(os.getppid()))
    if "numpy" in sys.modules:
        # The one global state that would be the same in each copy and is another in each process.
        sys.modules["numpy"].random.seed()
    sys.argv = [process.__file__, "-f", request["connection_file"]]
    os.write(alive, f"{os.getpid()}\n".encode())
    # Not from the environment, which it would have read when its module was loaded.
    ForkedKernel.launch_instance(parent_handle=os.getppid())
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
