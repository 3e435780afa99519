"""What runs inside of a kernel: IPython's own program, made to lose nothing that a cell shows.

It is started by its path, without importing `dmfbook`: that is left to the chapters.
"""

import json
import sys
from typing import Any

import zmq
from ipykernel.kernelapp import IPKernelApp
from jupyter_client.jsonutil import json_default
from jupyter_client.session import json_packer


class KernelProcess(IPKernelApp):
    """A kernel that waits for who reads what it shows, and can send any string."""

    def init_path(self) -> None:
        """Let a chapter import modules that stand beside it, where no installed one has the name."""
        sys.path.append("")

    def init_iopub(self, context: Any) -> None:
        """Open the socket through which outputs go."""
        self.session.pack = _pack
        super().init_iopub(context)
        thread = self.iopub_thread
        # Where its queue is full ZeroMQ would drop the rest.
        thread.schedule(lambda: thread.socket.setsockopt(zmq.XPUB_NODROP, 1))


def _pack(content: Any) -> bytes:
    """Pack a message; half of a character as JSON spells it, since UTF-8 has no word for it."""
    try:
        return json.dumps(content, default=json_default, allow_nan=False).encode()
    except (TypeError, ValueError):
        return json_packer(content)


if __name__ == "__main__":
    KernelProcess.launch_instance()
