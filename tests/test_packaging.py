"""What an archive of the sources and a wheel hold."""

import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BUILD = "from setuptools import build_meta as b; b.build_{kind}({target!r})"


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """A copy of what git tracks, in which another build has left a module of another name."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone: which files belong to it is not known")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    folder = tmp_path_factory.mktemp("sources")
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():  # not what is deleted and not yet committed
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    (folder / "build" / "lib" / "dmfbook" / "old").mkdir(parents=True)
    (folder / "build" / "lib" / "dmfbook" / "old" / "renamed.py").write_text("")
    (folder / "build" / "lib" / "renamed.py").write_text("")
    return folder


def build(kind, sources):
    """Build an archive as pip does; return its file."""
    target = sources.parent / f"{sources.name}-{kind}"
    target.mkdir(exist_ok=True)
    code = BUILD.format(kind=kind, target=str(target))
    done = subprocess.run([sys.executable, "-c", code], cwd=sources, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (archive,) = target.iterdir()
    return archive


def tracked(sources):
    """Names of the files of a clone, but hidden ones and what a build makes."""
    files = [path.relative_to(sources) for path in sources.rglob("*") if path.is_file()]
    made = ("build", "dist", "dmfbook.egg-info")
    return {
        path.as_posix()
        for path in files
        if path.parts[0] not in made and not path.parts[0].startswith(".")
    }


def test_archive_of_the_sources_is_a_clone(sources):
    wanted = tracked(sources)
    with tarfile.open(build("sdist", sources)) as archive:
        names = {Path(m.name).relative_to(Path(m.name).parts[0]) for m in archive if m.isfile()}
    held = {path.as_posix() for path in names}
    assert wanted <= held
    assert {"tests/conftest.py", "Makefile", "requirements.txt", "book/references.bib"} <= held
    assert not [name for name in held if "renamed" in name or "__pycache__" in name]


def test_wheel_holds_the_package_and_nothing_of_an_earlier_build(sources):
    with zipfile.ZipFile(build("wheel", sources)) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    package = {name for name in tracked(sources) if name.startswith("dmfbook/")}
    assert names == package | {"dmfbook_command.py"}


@pytest.mark.parametrize("name", ["a $HOME", "{b}", "c $d {e} 'f' #g %h"])
def test_package_is_installed_into_an_environment_of_any_name(sources, tmp_path, name):
    environment = tmp_path / name / ".venv"
    venv.create(environment, with_pip=False, symlinks=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "outer.pth").write_text(sysconfig.get_path("purelib"))
    code = BUILD.format(kind="editable", target=str(tmp_path))
    command = [environment / "bin" / "python", "-c", code]
    done = subprocess.run(command, cwd=sources, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob("dmfbook-*.whl"))


def test_make_calls_no_script_that_names_itself_by_its_whole_path():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert set(re.findall(r"bin/(\w+)", text)) == {"python"}
