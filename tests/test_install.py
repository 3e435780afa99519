"""What a user gets who installs the package alone."""

import importlib
import importlib.metadata
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import dmfbook as dmf

FUNCTIONS = [name for name in dmf.__all__ if inspect.isfunction(getattr(dmf, name))]


def test_only_numpy_and_scipy_are_required():
    required = [
        re.match(r"[\w.-]+", requirement)[0]
        for requirement in importlib.metadata.requires("dmfbook")
        if "extra ==" not in requirement
    ]
    assert sorted(required) == ["numpy", "scipy"]


def test_the_extras_exist():
    extras = importlib.metadata.metadata("dmfbook").get_all("Provides-Extra")
    assert {"book", "test", "benchmark"} <= set(extras)


def test_import_brings_nothing_of_the_book():
    code = "import sys, dmfbook; print(*sys.modules)"
    command = [sys.executable, "-W", "error", "-c", code]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "scipy"} & set(loaded), "each name brings its module when it is asked for"
    of_the_book = {"autograd", "matplotlib", "nbformat", "papermill", "tqdm", "typer", "yaml"}
    assert not of_the_book & set(loaded)


@pytest.mark.parametrize("name", ["numpy", "scipy"])
def test_missing_requirement_is_said_at_once(tmp_path, name):
    code = f"import sys; sys.path = [{str(Path(dmf.__file__).parents[1])!r}, *sys.path[1:]]\n"
    code += "import importlib.util as u; find = u.find_spec\n"
    code += f"u.find_spec = lambda each, *a: None if each == {name!r} else find(each, *a)\n"
    done = subprocess.run([sys.executable, "-c", code + "import dmfbook"], capture_output=True)
    assert done.returncode == 1
    assert done.stderr.endswith(f"ModuleNotFoundError: No module named {name!r}\n".encode())


def test_version_is_that_of_the_distribution():
    assert dmf.__version__ == importlib.metadata.version("dmfbook")


def test_public_names_are_sorted_and_there():
    assert list(dmf.__all__) == sorted(set(dmf.__all__))
    for name in dmf.__all__:
        assert getattr(dmf, name).__module__.startswith("dmfbook.")


def test_public_names_are_on_the_pages_of_the_package():
    pages = (Path(__file__).parents[1] / "book").glob("api*.md")
    page = "\n".join(path.read_text("utf-8") for path in pages)
    listed = re.findall(r"^\.\. auto(?:class|function):: (\w+)$", page, flags=re.MULTILINE)
    assert set(dmf.__all__) <= set(listed)
    assert len(listed) == len(set(listed))


def sections(docstring):
    """Titles of the sections of a numpydoc docstring."""
    return re.findall(r"^(\w[\w ]*)\n-+$", inspect.cleandoc(docstring), flags=re.MULTILINE)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_documented(name):
    function = getattr(dmf, name)
    first, *_ = function.__doc__.splitlines()
    assert first.endswith(".")
    found = set(sections(function.__doc__))
    assert {"Parameters", "Raises", "Notes", "Examples"} <= found and {"Returns", "Yields"} & found
    described = function.__doc__[function.__doc__.index("Parameters") :]
    for parameter in inspect.signature(function).parameters:
        assert re.search(rf"^ +(\w+, )*{parameter}(, \w+)* : ", described, flags=re.MULTILINE)


def public_methods():
    """Methods of the public classes that are not inherited from elsewhere."""
    for name in dmf.__all__:
        if inspect.isclass(getattr(dmf, name)):
            for attribute, value in vars(getattr(dmf, name)).items():
                if not attribute.startswith("_") and callable(value):
                    yield value


def test_classes_and_their_methods_are_documented():
    for name in set(dmf.__all__) - set(FUNCTIONS):
        assert {"Parameters", "Attributes"} & set(sections(getattr(dmf, name).__doc__)), name
    for method in public_methods():
        assert "Returns" in sections(method.__doc__), method.__qualname__


def test_all_numerical_modules_say_what_they_are():
    for module in pkgutil.iter_modules(dmf.__path__, "dmfbook."):
        if not module.ispkg:
            assert importlib.import_module(module.name).__doc__, module.name
