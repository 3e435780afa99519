"""Temporary folders: none is left, and none is taken from who lives."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dmfbook.workflow.system.temporary import TemporaryFolder, clear, mark

DIES = """\
import os, pathlib, signal, sys
{makes}
print(folder, flush=True)
sys.stdin.read()
os.kill(os.getpid(), signal.SIGKILL)
"""
KERNEL = """\
from dmfbook.workflow.kernels.manager import BookKernel
kernel = BookKernel(pathlib.Path("_build"))
folder = kernel._scratch.path
"""
WORKER = """\
from dmfbook.workflow.sweeps.worker import _home
folder = _home()
"""


@pytest.mark.parametrize("makes", [KERNEL, WORKER])
def test_folder_of_a_dead_owner_goes_and_that_of_a_living_one_stays(tmp_path, makes):
    with subprocess.Popen(
        [sys.executable, "-c", DIES.format(makes=makes)],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=tmp_path,
    ) as owner:
        folder = Path(owner.stdout.readline().decode().strip())
        clear(tmp_path)
        assert folder.parent == tmp_path and (folder / "alive").exists()
    assert owner.returncode == -signal.SIGKILL and folder.exists()
    fresh = TemporaryFolder(tmp_path)
    assert list(tmp_path.iterdir()) == [fresh.path]
    fresh.remove()
    assert not list(tmp_path.iterdir())


def test_folder_is_never_found_without_its_lock(tmp_path):
    """Whoever clears at any moment of its making leaves it."""
    folder = tmp_path / "dmfbook-1"
    folder.mkdir()
    clear(tmp_path)
    assert folder.exists()
    with mark(folder):
        clear(tmp_path)
        assert [path.name for path in folder.iterdir()] == ["alive"]
