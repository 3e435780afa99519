"""Files for archives, GitHub, Docker and Binder say one thing, and repeat no recipe."""

import json
import re
import runpy
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

import dmfbook

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
README = (ROOT / "README.md").read_text("utf-8")


def told():
    """Commands of the README, and targets that `make help` lists."""
    fences = re.findall(r"^```sh\n(.*?)^```", README, re.M | re.S)
    listed = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True).stdout
    return {
        *(line.removeprefix(".venv/bin/") for fence in fences for line in fence.splitlines()),
        *(f"make {line.split()[0]}" for line in listed.splitlines()),
    }


def steps(workflow):
    """All steps of a workflow."""
    jobs = yaml.safe_load(workflow.read_text("utf-8"))["jobs"].values()
    return [step for job in jobs for step in job["steps"]]


def test_versions_agree():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    changes = re.search(r"^## (\S+),", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    found = [dmfbook.__version__, citation["version"], config["sphinx"]["config"]["release"]]
    found += [json.loads((ROOT / name).read_text("utf-8"))["version"] for name in METADATA]
    assert {*found, changes[1]} == {PROJECT["version"]}


METADATA = ("codemeta.json", ".zenodo.json")


@pytest.mark.parametrize("name", METADATA)
def test_metadata_is_what_the_project_says(name):
    # If not: make metadata
    written = runpy.run_path(str(ROOT / "tools" / "metadata.py"))["written"](ROOT)
    assert set(written) == set(METADATA)
    assert (ROOT / name).read_text("utf-8") == written[name]


def test_an_address_is_set_in_one_place(tmp_path):
    for name in ("pyproject.toml", "CITATION.cff", "_config.yml"):
        (tmp_path / name).write_text((ROOT / name).read_text("utf-8"), "utf-8")
    config = (tmp_path / "_config.yml").read_text("utf-8")
    assert config.count('  url: ""') == 1
    (tmp_path / "_config.yml").write_text(
        config.replace('  url: ""', "  url: https://example.org/book"), "utf-8"
    )
    written = runpy.run_path(str(ROOT / "tools" / "metadata.py"))["written"]
    (changed,) = (name for name in METADATA if written(tmp_path)[name] != written(ROOT)[name])
    assert json.loads(written(tmp_path)[changed])["codeRepository"] == "https://example.org/book"


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_have_no_recipe_of_their_own(workflow):
    commands = [step["run"] for step in steps(workflow) if "run" in step]
    assert set(commands) <= told()


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned(workflow):
    text = workflow.read_text("utf-8")
    pinned = re.findall(r"uses: \S+@[0-9a-f]{40}  # v\d+\.\d+\.\d+$", text, re.M)
    assert len(pinned) == sum("uses" in step for step in steps(workflow)) > 0


def test_pythons_are_those_of_the_lock():
    oldest = PROJECT["requires-python"].removeprefix(">=")
    tested = yaml.safe_load(WORKFLOWS[0].read_text("utf-8"))["jobs"]["test"]["strategy"]["matrix"]
    assert tested["python"][0] == oldest
    image = re.search(r"^FROM python:([\d.]+)-", (ROOT / "Dockerfile").read_text("utf-8"), re.M)
    binder = (ROOT / ".binder" / "runtime.txt").read_text("utf-8").strip()
    assert binder == f"python-{image[1]}"
    lowest, newest = (int(each.split(".")[1]) for each in tested["python"])
    assert lowest <= int(image[1].split(".")[1]) <= newest


def test_images_install_the_lock():
    folder = ROOT / ".binder"
    (line,) = (folder / "requirements.txt").read_text("utf-8").splitlines()
    assert (folder / line.removeprefix("-r ")).resolve() == ROOT / "requirements.txt"
    assert "--hash=sha256:" in (ROOT / "requirements.txt").read_text("utf-8")
    last = (folder / "postBuild").read_text("utf-8").splitlines()[-1]
    assert last in told() and (folder / "postBuild").stat().st_mode & 0o111
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text("utf-8"))
    dockerfile = ROOT / ".devcontainer" / container["build"]["dockerfile"]
    assert dockerfile.resolve() == ROOT / "Dockerfile"
    assert container["postCreateCommand"] in told()
    runs = re.findall(r"^RUN (make .*)$", dockerfile.read_text("utf-8"), re.M)
    assert runs and set(runs) <= told()


def test_the_tools_of_a_release_are_locked():
    extra = PROJECT["optional-dependencies"]["release"]
    lock = (ROOT / "tools" / "release.txt").read_text("utf-8")
    for name in (re.match(r"[\w-]+", each)[0] for each in extra):
        assert re.search(rf"^{name}==\S+ \\\n    --hash=sha256:", lock, re.M), name
