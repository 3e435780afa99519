"""One environment for whatever executes a chapter or reads it, and what of it belongs to the key.

A chapter must not depend on who builds the book. So papermill's kernels, nbval's kernels and Sphinx
see of the caller's variables only those that say where things are; whatever else can change a
result is fixed here.
"""

import hashlib
import importlib.util
import os
import platform
import re
import site
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dmfbook
from dmfbook.workflow.system.errors import BookError

# Where programs, libraries, certificates and temporary files are. Not how anything is computed.
_KEPT = re.compile(
    r"PATH|HOME|USER|LOGNAME|SHELL|TMPDIR|TEMP|TMP|SYSTEMROOT|VIRTUAL_ENV|CONDA_\w+|NIX_\w+"
    r"|(DY)?LD_\w+|SSL_CERT_\w+|(HTTPS?|NO|ALL)_PROXY|CUDA_VISIBLE_DEVICES",
    re.IGNORECASE,
)
# Of these, what chooses libraries; it is in the key.
_LIBRARIES = re.compile(r"(DY)?LD_|CUDA_", re.IGNORECASE)

_FIXED = {
    # Two kernels at a time fill the machine, and sums of floats come out the same on every build.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "BLIS_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    # A progress bar inside a chapter is for those who run it by hand, not for its page.
    "TQDM_DISABLE": "1",
    # Silences a debugger that no chapter uses.
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}


def environment(built: Path) -> dict[str, str]:
    """Return the environment of a process that executes or reads chapters.

    Parameters
    ----------
    built : Path
        The book's folder ``_build``, for the caches of matplotlib.

    Returns
    -------
    dict of str to str
        All its variables. Its `dmfbook` is the one that runs now, and its matplotlib has the
        settings that matplotlib comes with.
    """
    kept = {name: value for name, value in os.environ.items() if _KEPT.fullmatch(name)}
    chosen = {"PYTHONPATH": os.pathsep.join(map(str, _python_path()))}
    if not site.ENABLE_USER_SITE:
        chosen["PYTHONNOUSERSITE"] = "1"
    matplotlib = importlib.util.find_spec("matplotlib")
    if matplotlib is not None and matplotlib.origin is not None:
        settings = Path(matplotlib.origin).parent / "mpl-data" / "matplotlibrc"
        chosen |= {"MATPLOTLIBRC": str(settings), "MPLCONFIGDIR": str(built / "matplotlib")}
    return kept | _FIXED | chosen


def find_fonts(built: Path) -> None:
    """Let matplotlib look for fonts once, since it may say so in the output of a chapter.

    Parameters
    ----------
    built : Path
        The book's folder ``_build``.
    """
    variables = environment(built)
    folder = variables.get("MPLCONFIGDIR")
    if folder is not None and not list(Path(folder).glob("fontlist-*")):
        command = [sys.executable, "-P", "-c", "import matplotlib.font_manager"]
        subprocess.run(command, env=variables, capture_output=True, check=False)


def identity(lock: str) -> list[str]:
    """Return what a result depends on besides the book and `dmfbook`.

    Parameters
    ----------
    lock : str
        The lock, ``requirements.txt``, which names what a chapter may import.

    Returns
    -------
    list of str
        The interpreter, the fixed variables, the versions that are installed of what the lock
        names, and what other Python sources are on the path.
    """
    return [
        sys.executable,
        sys.version,
        platform.machine(),
        repr(_FIXED),
        *(f"{name}={os.environ[name]}" for name in sorted(os.environ) if _LIBRARIES.match(name)),
        *sorted(_installed(lock)),
        *(f"{path} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in _other_sources()),
    ]


def check_here() -> None:
    """Make sure that who works in a checkout works with its package; see `check_package`."""
    for folder in [Path.cwd(), *Path.cwd().parents]:
        if (folder / "_toc.yml").is_file():
            check_package(folder)


def check_package(folder: Path) -> None:
    """Make sure that a checkout with a package of its own is not built by that of another.

    Parameters
    ----------
    folder : Path
        A folder of a book, which need not have a package.

    Raises
    ------
    BookError
        If it has one, and another one runs; says where both are.
    """
    own, runs = folder / "dmfbook", Path(dmfbook.__file__).parent
    if (own / "__init__.py").is_file() and not own.samefile(runs):
        raise BookError(
            f"{folder} has a package of its own, {own},"
            f" but the one that runs is {runs} (of {sys.executable});"
            f" run `make` in {folder}, or install its package: pip install --no-deps -e {folder}"
        )


def _python_path() -> list[Path]:
    """Return the folder of the package that runs, then what the caller's PYTHONPATH names."""
    named = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    first = Path(dmfbook.__file__).parents[1]
    # In the folder of all installed packages it is found anyway; here that would hide the library.
    found = [] if str(first) in [*site.getsitepackages(), site.getusersitepackages()] else [first]
    return list(dict.fromkeys([*found, *(Path(name).absolute() for name in named if name)]))


def _installed(lock: str) -> Iterator[str]:
    """Yield ``name-version`` of what the lock names and a kernel would import."""
    locked = {_plain(name) for name in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)}
    for folder in dict.fromkeys([*map(str, _python_path()), *sys.path]):
        for path in Path(folder).glob("*.dist-info"):
            name, _, version = path.stem.partition("-")
            if _plain(name) in locked:
                yield f"{_plain(name)}-{version}"


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()


def _other_sources() -> list[Path]:
    """Return modules and packages in the folders of PYTHONPATH but `dmfbook`, not what is installed."""
    own = Path(dmfbook.__file__).parents[1]
    found: list[Path] = []
    for folder in _python_path():
        if folder != own and next(folder.glob("*.dist-info"), None) is None:
            found += folder.glob("*.py")
            for package in folder.glob("*/__init__.py"):
                found += package.parent.rglob("*.py")
    return sorted(found)
