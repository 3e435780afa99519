"""A fork server, as seen by who asks it for kernels; see `fork_server`."""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from dmfbook.workflow.system.environment import environment


class ForkServer:
    """A process that has loaded modules and becomes a kernel for each run.

    Parameters
    ----------
    built : Path
        Folder for the caches of matplotlib, as `environment` takes it.
    modules : iterable of str
        What the chapters load.
    pictures : bool, optional
        Whether figures are drawn. Where nobody looks at them, that is half of a light chapter.

    Attributes
    ----------
    pictures : bool
        The same.
    """

    def __init__(self, built: Path, modules: Iterable[str], pictures: bool = True) -> None:
        self.pictures = pictures
        variables = environment(built)
        if not pictures:
            variables["MPLBACKEND"] = "module://dmfbook.workflow.kernels.undrawn"
        self._lock = threading.Lock()
        self._channel, theirs = socket.socketpair()
        command = [sys.executable, "-P", "-m", "dmfbook.workflow.kernels.fork_server"]
        with theirs:
            self._process = subprocess.Popen(
                [*command, *modules],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=variables,
                process_group=0,
            )

    def start(self, connection_file: str, folder: str, variables: dict[str, str]) -> "Forked":
        """Start a kernel.

        Parameters
        ----------
        connection_file : str
            What says where its sockets are.
        folder : str
            Where it works.
        variables : dict of str to str
            What its environment has besides that of the server.

        Returns
        -------
        Forked
            Its process.

        Raises
        ------
        OSError
            If the server has ended, or there is no memory for one more process.
        """
        request = {"connection_file": connection_file, "folder": folder, "variables": variables}
        ours, theirs = socket.socketpair()
        try:
            with theirs, self._lock:
                socket.send_fds(self._channel, [json.dumps(request).encode()], [theirs.fileno()])
            with ours.makefile("rb") as answer:
                return Forked(int(answer.readline()), ours)
        except (OSError, ValueError):  # nothing is answered where nobody lives
            ours.close()
            raise OSError("the process that becomes kernels has ended") from None

    @property
    def ended(self) -> bool:
        """Whether the process of the server is gone."""
        return self._process.poll() is not None

    def close(self) -> None:
        """End the server and all its kernels."""
        self._channel.close()
        self._process.wait()


class Forked:
    """A forked process, with what jupyter_client asks of a ``subprocess.Popen``.

    It is a child of the server and not of ours. So whether it lives is seen by a socket that it
    alone holds open at its end.
    """

    stdin = stdout = stderr = None

    def __init__(self, pid: int, alive: socket.socket) -> None:
        self.pid = pid
        self._alive = alive
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return 0 if the process has ended, however it did; None while it lives."""
        return self.wait(0)

    def wait(self, timeout: float | None = None) -> Any:
        """Wait until the process has ended, or for so many seconds; as `poll`."""
        if self.returncode is None and select.select([self._alive], [], [], timeout)[0]:
            self._alive.close()
            self.returncode = 0
        return self.returncode

    def send_signal(self, signum: int) -> None:
        """Send a signal."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signum)

    def kill(self) -> None:
        """Kill the process."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask the process to end."""
        self.send_signal(signal.SIGTERM)
