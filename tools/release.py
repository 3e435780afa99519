"""Build the archive of the sources and the wheel into ``dist/``, and see that both can be published and used.

Checked are the archives' metadata (``twine check --strict``), and the wheel in an environment that holds what it asks
for and nothing else: there every public name is used as its docstring shows.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Build and check; the first command that fails ends it."""
    target = ROOT / "dist"
    shutil.rmtree(target, ignore_errors=True)
    run(sys.executable, "-m", "build", "--outdir", target, ROOT)
    archives = sorted(target.iterdir())
    run(sys.executable, "-m", "twine", "check", "--strict", *archives)
    (wheel,) = target.glob("*.whl")
    with TemporaryDirectory() as folder:
        try_out(wheel, Path(folder))
    print("ready to publish:", *(archive.relative_to(ROOT) for archive in archives))


def try_out(wheel: Path, folder: Path) -> None:
    """Install a wheel into an empty environment, and call every public function there."""
    run(sys.executable, "-m", "venv", folder / "environment")
    python = folder / "environment" / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", wheel)
    shutil.copyfile(ROOT / "tools" / "public_names.py", folder / "public_names.py")
    run(python, "-I", folder / "public_names.py", cwd=folder)


def run(*command: str | Path, cwd: Path = ROOT) -> None:
    """Run a command; end with its status where it fails."""
    done = subprocess.run(command, cwd=cwd)
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    main()
