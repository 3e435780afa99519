"""What tests share that start processes and wait for them."""

import os
import time
from pathlib import Path

# A cell that says which process it is in, and waits for a file.
WAITS = """\
import os, time
from pathlib import Path
Path("pid").write_text(str(os.getpid()))
while not Path("go").exists():
    time.sleep(0.05 * n)
"""

# The shell that runs the tests may ignore Ctrl-C or hang-ups, and children inherit that.
COMMAND = """\
import pathlib, signal, sys
from dmfbook.workflow.execution import cache
cache.PACKAGE = pathlib.Path(sys.argv.pop())
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
from dmfbook.workflow.cli import main
main()
"""


def wait_for(condition, seconds=30):
    """Wait until a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def alive(pid):
    """Tell whether a process lives; a zombie does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
