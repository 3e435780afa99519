"""Make the environment ``.venv`` of this checkout, or mend it; `make` calls this before all else.

An environment holds absolute paths: to its interpreter, in the scripts of ``.venv/bin``, and to the
checkout whose package it imports. So one that was copied or renamed together with its checkout
works for another checkout, or not at all.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

VENV = ("-m", "venv")
# -I: what PYTHONPATH names is not installed here.
PIP = ("-I", "-m", "pip", "--disable-pip-version-check", "install", "--quiet")


def main(root: Path, chosen: bool) -> None:
    """Make the environment.

    Parameters
    ----------
    root : Path
        The checkout.
    chosen : bool
        Whether this interpreter was asked for; one of another Python is then replaced.
    """
    if sys.version_info < (3, 11):  # noqa: UP036 (this must run where the package cannot)
        sys.exit("dmfbook needs Python 3.11 or newer; try: make PYTHON=python3.12")
    with open(root / "requirements.txt") as lock:  # who holds it installs
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print("waiting for another process that installs into .venv", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)
        _install(root, chosen)


def fault(root: Path, chosen: bool) -> str:
    """Say why an environment cannot be used.

    Parameters
    ----------
    root : Path
        The checkout.
    chosen : bool
        Whether the interpreter that runs this was asked for.

    Returns
    -------
    str
        What is wrong; empty where there is no environment, or nothing is wrong with it.
    """
    folder = root / ".venv"
    if not folder.exists():
        return ""
    made, stamp = _ask(folder), _stamp(folder)
    if "prefix" in stamp and stamp["prefix"] != str(folder):
        return f"it was made as {stamp['prefix']}"
    if made is None:
        return "its interpreter does not start"
    if stamp.get("content") == "unfinished":
        return "its installation was interrupted"
    for script in ("pip", "dmfbook"):
        path = folder / "bin" / script
        if path.is_file() and os.fsencode(folder) not in path.read_bytes():
            return f"its {script} belongs to another environment"
    if not (folder / "lib" / f"python{made['short']}").is_dir():
        return f"it was not made by Python {made['short']}, which its interpreter is now"
    if chosen and made["version"] != sys.version:
        return f"it has Python {made['version'].split()[0]}, not {sys.version.split()[0]}"
    return ""


def _install(root: Path, chosen: bool) -> None:
    folder, python = root / ".venv", root / ".venv" / "bin" / "python"
    if folder.is_symlink():
        sys.exit(f".venv is a link to {os.readlink(folder)}; remove it, then run make again")
    why = fault(root, chosen)
    if why:
        print(f"making .venv anew: {why}")
        shutil.rmtree(folder)
    elif folder.exists() and _stamp(folder).get("content") == _content(root):
        if _package(folder) == str(root / "dmfbook" / "__init__.py"):
            return
        print(f"installing into .venv: it imports dmfbook from {_package(folder)}")
    print("installing into .venv (some minutes the first time)", flush=True)
    if not folder.exists():
        subprocess.run([sys.executable, *VENV, folder], check=True)
    _write_stamp(folder, "unfinished")
    locked = ["--require-hashes", "-r", str(root / "requirements.txt")]
    subprocess.run([python, *PIP, *locked], check=True)
    package = ["--no-deps", "--no-build-isolation", "--editable", str(root)]
    subprocess.run([python, *PIP, *package], check=True)
    _write_stamp(folder, _content(root))


def _ask(folder: Path) -> "dict[str, str] | None":
    """Ask an environment's interpreter what it is; None where it does not start."""
    code = "import json, sys; v = sys.version_info"
    code += "; print(json.dumps({'version': sys.version, 'short': f'{v[0]}.{v[1]}'}))"
    command = [folder / "bin" / "python", "-I", "-c", code]
    try:
        done = subprocess.run(command, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return json.loads(done.stdout)


def _package(folder: Path) -> str:
    """Return the file of the package that an environment imports."""
    code = "import importlib.util as u; s = u.find_spec('dmfbook'); print(s.origin if s else '')"
    command = [folder / "bin" / "python", "-I", "-c", code]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip() or "nowhere"


def _content(root: Path) -> str:
    """Hash what is to be installed."""
    files = (root / "requirements.txt", root / "pyproject.toml")
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()


def _stamp(folder: Path) -> "dict[str, str]":
    try:
        return dict(json.loads((folder / ".installed").read_text()))
    except (OSError, ValueError, TypeError):
        return {}


def _write_stamp(folder: Path, content: str) -> None:
    stamp = {"prefix": str(folder), "content": content}
    (folder / ".installed").write_text(json.dumps(stamp))


if __name__ == "__main__":
    try:
        main(Path(__file__).resolve().parents[1], "--chosen" in sys.argv)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"the environment could not be made: {error}")
    except KeyboardInterrupt:
        sys.exit("\ninterrupted; the next make begins the environment anew")
