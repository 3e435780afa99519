"""Kernels that execute the chapters: the running interpreter, in the book's environment."""

import contextlib
import os
import re
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import zmq
from jupyter_client.kernelspec import (
    NATIVE_KERNEL_NAME,
    KernelSpec,
    KernelSpecManager,
    NoSuchKernel,
)
from jupyter_client.manager import AsyncKernelManager, KernelManager

from dmfbook.workflow.kernels.forked import ForkServer
from dmfbook.workflow.system.environment import environment
from dmfbook.workflow.system.errors import INSTALL, BookError
from dmfbook.workflow.system.temporary import TemporaryFolder


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
        spec = get_kernel_dict()
        # -P: what stands beside that file is not imported.
        program = [sys.executable, "-P", str(Path(__file__).with_name("process.py"))]
        spec["argv"] = [*program, "-f", "{connection_file}"]
        return KernelSpec(resource_dir=RESOURCES, **spec)


class BookKernel(KernelManager):
    """A kernel in the book's environment, which can be killed from another thread.

    It speaks through socket files that only this user can open, and reads no IPython profile: a
    chapter must not depend on what its reader loads at startup.
    """

    def __init__(self, built: Path, **kwargs: Any) -> None:
        self._built = built
        self._scratch = _scratch()
        folder = self._scratch.path
        # Bytes that the kernel sent.
        self.received = 0
        super().__init__(
            transport="ipc",
            ip=f"{folder}/ipc",
            connection_file=f"{folder}/kernel.json",
            kernel_spec_manager=_Specs(),
            **kwargs,
        )
        unpack = self.session.unpack

        def count(message: bytes) -> Any:
            self.received += len(message)
            return unpack(message)

        self.session.unpack = count

    async def _async_pre_start_kernel(self, **kwargs: Any) -> Any:
        variables = environment(self._built) | {"IPYTHONDIR": str(self._scratch.path)}
        return await super()._async_pre_start_kernel(**kwargs | {"env": variables})

    async def _async_cleanup_resources(self, restart: bool = False) -> None:
        await super()._async_cleanup_resources(restart=restart)
        if not restart:
            self._scratch.remove()

    def kill(self) -> None:
        """Kill the kernel, if it has started; what waits for it then gets an error."""
        process = getattr(self.provisioner, "process", None)
        if process is not None and process.poll() is None:
            # A kernel leads a process group of its own, so this takes its children along.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


class AsyncBookKernel(BookKernel, AsyncKernelManager):
    """The same for papermill; the class above serves nbval.

    Parameters
    ----------
    built : Path
        The book's folder ``_build``.
    server : ForkServer, optional
        What becomes the kernel; without one, a new process does.
    """

    def __init__(self, built: Path, server: ForkServer | None = None, **kwargs: Any) -> None:
        super().__init__(built, **kwargs)
        self._server = server

    async def _async_launch_kernel(self, kernel_cmd: list[str], **kw: Any) -> None:
        if self._server is None:
            await super()._async_launch_kernel(kernel_cmd, **kw)
            return
        variables = {"IPYTHONDIR": str(self._scratch.path)}
        folder = str(kw.get("cwd", self._scratch.path))
        provisioner: Any = self.provisioner
        provisioner.process = self._server.start(self.connection_file, folder, variables)
        # It leads a group of its own.
        provisioner.pid = provisioner.pgid = provisioner.process.pid
        self._reconcile_connection_info(provisioner.connection_info)

    async def shutdown_kernel(  # type: ignore[override]
        self, now: bool = False, restart: bool = False
    ) -> None:
        """Ask the kernel to end, or kill it `now`.

        Without the interrupt that jupyter_client sends before it asks: an idle kernel has nothing
        to interrupt, and reports the attempt on the terminal.
        """
        if now or self._server is not None:  # a copy has nothing to put in order
            await super().shutdown_kernel(now=True, restart=restart)
            return
        self.shutting_down = True
        self.stop_restarter()
        await self.request_shutdown(restart=restart)
        await self.finish_shutdown(restart=restart)
        await self.cleanup_resources(restart=restart)

    cleanup_resources = BookKernel._async_cleanup_resources


def kernel_spec(name: str) -> KernelSpec:
    """Find an installed kernel.

    Parameters
    ----------
    name : str
        The name that a notebook gives.

    Returns
    -------
    KernelSpec
        How it is started.

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
        return _Specs().get_kernel_spec(name)
    except NoSuchKernel:
        if name == NATIVE_KERNEL_NAME:
            remedy = f"install it with: {INSTALL}"
        else:
            remedy = f"set metadata.kernelspec.name of the notebook to {NATIVE_KERNEL_NAME!r}"
            if valid:
                remedy += f", or run: python -m ipykernel install --sys-prefix --name {name}"
        raise BookError(f"no kernel named {name!r} is installed; {remedy}") from None


def _scratch() -> TemporaryFolder:
    """Make a folder for a kernel's sockets; in ``/tmp`` where TMPDIR is too deep for their names."""
    longest = zmq.IPC_PATH_MAX_LEN - len("/dmfbook-12345678/ipc-5")
    deep = len(os.fsencode(tempfile.gettempdir())) > longest
    return TemporaryFolder(Path("/tmp") if deep else None)
