"""The command line, but for what needs a kernel."""

import json
import signal
import sys
import types
from dataclasses import asdict, dataclass

import pytest

import dmfbook.claims
from dmfbook.workflow.cli import main


def test_list_says_what_there_is(command, write_chapter, write_toc):
    cell = "depth = 4  # number of factors\nreg: float = 1  # weight"
    write_chapter("one_value", "depth + reg", parameters=cell)
    write_chapter("first", "n")
    write_toc("first", "one_value")
    result = command("list")
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "first",
        "  n  int  3  size",
        "one-value",
        "  depth  int    4    number of factors",
        "  reg    float  1.0  weight",
    ]


def test_version(command):
    assert command("--version").output == f"dmfbook {dmfbook.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "oen"], "unknown chapter 'oen'; did you mean 'one'?"),
        (["run", "one", "-p", "nn=1"], "chapter one: unknown parameter 'nn'; did you mean 'n'?"),
        (["run", "one", "-p", "n=1.5"], "chapter one: parameter 'n' must be int, got 1.5"),
        (["run", "one", "-p", "n=a"], "chapter one: parameter 'n' must be int, got 'a'"),
        (["run", "one", "-p", "n"], "expected -p NAME=VALUE, got 'n'"),
        (["run", "one", "--output", "/proc/none"], "cannot write to /proc/none: "),
    ],
)
def test_bad_requests_are_answered_before_any_work(
    book, command, write_chapter, arguments, message
):
    write_chapter("one", "n")
    result = command(*arguments)
    assert result.exit_code == 2
    assert result.output.startswith(f"dmfbook: {message}")
    assert not book.built.exists()


@pytest.mark.parametrize("name", ["list", "build", "save-outputs"])
def test_bad_chapter_stops_every_command(book, command, write_chapter, name):
    write_chapter("good", "n")
    write_chapter("plain", "print(1)", parameters=None)
    result = command(name)
    assert result.exit_code == 2
    assert (
        result.output == "dmfbook: book/plain.ipynb: needs one cell tagged 'parameters', has none\n"
    )
    assert not book.built.exists()


@pytest.mark.parametrize("missing", ["typer", "yaml"])
def test_missing_extra_is_named(book, monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.delitem(sys.modules, "dmfbook.workflow.commands", raising=False)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["dmfbook", "list", "--root", str(book.root)])
    with pytest.raises(SystemExit) as caught:
        main()
    assert f"needs {missing}" in caught.value.code
    assert "pip install 'dmfbook[book]'" in caught.value.code


@dataclass(frozen=True)
class Verdict:
    """What `dmfbook.claims` returns, as far as the table reads it."""

    label: str
    cases: int
    holds: bool
    control_fails: bool
    worst_error: float = 1e-15
    tolerance: float = 1e-12
    margin: float = 1e3
    seconds: float = 0.01

    @property
    def passed(self):
        return self.holds and self.control_fails

    def as_dict(self):
        return asdict(self) | {"margin": None}


@dataclass(frozen=True)
class Claim:
    """A claim that answers as it is told."""

    label: str
    holds: bool = True
    control_fails: bool = True

    def verify(self, cases, seed):
        assert seed == 5
        return Verdict(self.label, cases, self.holds, self.control_fails)


@pytest.fixture
def claims(monkeypatch):
    """Three claims: a good one, a wrong one, and one with a control that passes."""
    three = (Claim("good"), Claim("wrong", holds=False), Claim("idle", control_fails=False))
    module = types.SimpleNamespace(all_claims=lambda: three)
    monkeypatch.setitem(sys.modules, "dmfbook.claims", module)


@pytest.mark.parametrize(
    ("labels", "status", "words"),
    [
        (["good"], 0, ["holds, control fails", "1 of 1 claims passed"]),
        (["wrong"], 1, ["FAILS", "0 of 1 claims passed"]),
        (["idle"], 1, ["CONTROL PASSES", "0 of 1 claims passed"]),
        ([], 1, ["good", "wrong", "idle", "1 of 3 claims passed"]),
    ],
)
def test_verify_prints_verdicts(command, claims, labels, status, words):
    result = command("verify", *labels, "--seed", 5)
    assert result.exit_code == status
    assert all(word in result.output for word in words)
    assert len(result.output.splitlines()) == 2 + (len(labels) or 3)


def test_verify_writes_json_whole(command, claims, tmp_path):
    report = tmp_path / "new" / "report.json"
    result = command("verify", "--cases", 7, "--seed", 5, "--json", report)
    assert result.exit_code == 1
    verdicts = json.loads(report.read_text())
    assert [verdict["label"] for verdict in verdicts] == ["good", "wrong", "idle"]
    assert {verdict["cases"] for verdict in verdicts} == {7}
    assert [verdict["control_fails"] for verdict in verdicts] == [True, True, False]
    assert verdicts[0]["margin"] is None
    assert [path.name for path in report.parent.iterdir()] == ["report.json"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["goood"], "unknown claim 'goood'; did you mean 'good'?"),
        (["--json", "/proc/none/report.json"], "cannot write to /proc/none: "),
        (["--json", "/proc"], "cannot write to "),
        (["--cases", "0"], "'--cases'"),
        (["--seed", "-1"], "'--seed'"),
    ],
)
def test_bad_verify_requests(command, claims, arguments, message):
    result = command("verify", *arguments)
    assert result.exit_code == 2
    assert message in result.output


def test_verify_reads_the_claims_of_the_book(command, tmp_path):
    report = tmp_path / "report.json"
    label = dmfbook.claims.all_claims()[0].label
    result = command("verify", label, "--cases", 2, "--json", report)
    assert result.exit_code == 0, result.output
    (verdict,) = json.loads(report.read_text())
    assert set(verdict) == {
        *("label", "title", "source", "status", "cases", "seconds"),
        *("worst_error", "tolerance", "margin", "holds", "control_fails"),
    }
    assert (verdict["label"], verdict["holds"], verdict["control_fails"]) == (label, True, True)
