"""Kernels that execute the chapters, and their end when someone presses Ctrl-C."""

import contextlib
import os
import re
import signal
import tempfile
from typing import Any
from weakref import WeakSet

import zmq
from jupyter_client.kernelspec import (
    NATIVE_KERNEL_NAME,
    KernelSpec,
    KernelSpecManager,
    NoSuchKernel,
)
from jupyter_client.manager import AsyncKernelManager
from traitlets import default

from dmfbook.workflow.errors import INSTALL, BookError

# One thread a kernel: two kernels at a time already fill the machine, and sums of floats then come
# out the same on every build. The last entry silences a debugger that no chapter uses.
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    "PYTHONSTARTUP": "",
    # A progress bar inside a chapter is for those who run it by hand, not for its page.
    "TQDM_DISABLE": "1",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}

_started: WeakSet["BookKernel"] = WeakSet()


class _Specs(KernelSpecManager):
    """Kernel specifications, with ``python3`` always the running interpreter.

    A ``python3`` installed for the user, or found by JUPYTER_PATH, may be another interpreter, one
    that has no `dmfbook`.
    """

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        if kernel_name != NATIVE_KERNEL_NAME:
            return super().get_kernel_spec(kernel_name)
        try:
            from ipykernel.kernelspec import RESOURCES, get_kernel_dict
        except ImportError:
            raise NoSuchKernel(kernel_name) from None
        return KernelSpec(resource_dir=RESOURCES, **get_kernel_dict())


class BookKernel(AsyncKernelManager):
    """A kernel that is the running interpreter and can be stopped from another thread.

    It speaks through socket files that only this user can open, and reads no IPython profile: a
    chapter must not depend on what its reader loads at startup.
    """

    def __init__(self, **kwargs: Any) -> None:
        self._scratch = _scratch()
        folder = self._scratch.name
        super().__init__(
            transport="ipc", ip=f"{folder}/ipc", connection_file=f"{folder}/kernel.json", **kwargs
        )

    @default("kernel_spec_manager")
    def _own_specs(self) -> KernelSpecManager:
        return _Specs()

    async def start_kernel(self, **kwargs: Any) -> None:  # type: ignore[override]
        """Start the kernel in this book's environment."""
        _started.add(self)
        environment = os.environ | _ENVIRONMENT | {"IPYTHONDIR": self._scratch.name}
        await super().start_kernel(**kwargs, env=environment)

    async def shutdown_kernel(  # type: ignore[override]
        self, now: bool = False, restart: bool = False
    ) -> None:
        """Ask the kernel to end, or kill it `now`.

        Without the interrupt that jupyter_client sends before it asks: an idle kernel has nothing
        to interrupt, and reports the attempt on the terminal.
        """
        if now:
            await super().shutdown_kernel(now=True, restart=restart)
            return
        self.shutting_down = True
        self.stop_restarter()
        await self.request_shutdown(restart=restart)
        await self.finish_shutdown(restart=restart)
        await self.cleanup_resources(restart=restart)

    async def cleanup_resources(self, restart: bool = False) -> None:  # type: ignore[override]
        """Close the connection and remove its files."""
        await super().cleanup_resources(restart=restart)
        self._scratch.cleanup()


def _scratch() -> "tempfile.TemporaryDirectory[str]":
    """Make a folder for a kernel's sockets; in ``/tmp`` where TMPDIR is too deep for their names."""
    longest = zmq.IPC_PATH_MAX_LEN - len("/dmfbook-12345678/ipc-5")
    home = tempfile.gettempdir()
    if len(os.fsencode(home)) > longest:
        home = "/tmp"
    return tempfile.TemporaryDirectory(prefix="dmfbook-", dir=home, ignore_cleanup_errors=True)


def check_kernel(name: str) -> None:
    """Make sure that a kernel is installed.

    Parameters
    ----------
    name : str
        The name that a notebook gives.

    Raises
    ------
    BookError
        If there is none of that name; says how to install it.
    """
    # Other names Jupyter refuses, and ipykernel does not install.
    valid = re.fullmatch(r"[\w.-]+", name, re.ASCII)
    try:
        if not valid:
            raise NoSuchKernel(name)
        _Specs().get_kernel_spec(name)
    except NoSuchKernel:
        if name == NATIVE_KERNEL_NAME:
            remedy = f"install it with: {INSTALL}"
        else:
            remedy = f"set metadata.kernelspec.name of the notebook to {NATIVE_KERNEL_NAME!r}"
            if valid:
                remedy += f", or run: python -m ipykernel install --sys-prefix --name {name}"
        raise BookError(f"no kernel named {name!r} is installed; {remedy}") from None


def kill_kernels() -> None:
    """Kill every kernel that this process has started; what waits for one then gets an error."""
    for kernel in list(_started):
        process = getattr(kernel.provisioner, "process", None)
        if process is not None and process.poll() is None:
            # A kernel leads a process group of its own, so this takes its children along.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
