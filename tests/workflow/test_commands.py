"""The command line, but for what needs a kernel."""

import json
import re
import subprocess
import sys

import pytest

import dmfbook.claims
from dmfbook.workflow.pages import build
from dmfbook.workflow.sources.notebooks import Book


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
        (["run", "one", "-p", "n=1", "-p", "n=2"], "parameter 'n' is given twice: 1 and 2"),
        (["run", "one", "-p", "=1"], "chapter one: unknown parameter ''; known: n"),
        (["run", "one", "-p", f"n={5000 * '9'}"], "chapter one: parameter 'n' must be int, got "),
        (["run", "one", "-p", "n=\udcff"], "chapter one: parameter 'n' must be int, got "),
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


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(28, "No space left on device", "book/a.md"), "book/a.md: No space left on device"),
        (OSError(30, "Read-only file system", b"a.md"), "a.md: Read-only file system"),
        (OSError(18, "Cross-device link", "a", None, "b"), "a -> b: Cross-device link"),
        (OSError(5, "Input/output error"), "Input/output error"),
        (OSError("odd"), "odd"),
        (OSError(), "OSError"),
    ],
)
def test_error_of_the_system_is_one_message(command, monkeypatch, error, told):
    def fail(*_):
        raise error

    monkeypatch.setattr(Book, "chapters", fail)
    result = command("list")
    assert (result.exit_code, result.output) == (1, f"dmfbook: {told}\n")


@pytest.mark.parametrize(
    ("name", "promise"),
    [
        ("build", "; chapters that were executed to their end are kept"),
        ("save-outputs", "; chapters that were executed to their end are kept"),
        ("list", ""),
        ("run", ""),
        ("verify", ""),
    ],
)
def test_interrupt_promises_only_what_is_kept(command, monkeypatch, name, promise):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Book, "chapters", interrupt)
    monkeypatch.setattr(Book, "chapter", interrupt)
    monkeypatch.setattr(dmfbook.claims, "all_claims", interrupt)
    result = command(name, *["one"] * (name == "run"))
    assert (result.exit_code, result.output) == (130, f"\ninterrupted{promise}\n")


@pytest.mark.parametrize(
    ("ran", "told"),
    [
        (0, "0 of 2 chapters executed, all unchanged"),
        (1, "1 of 2 chapters executed, the others unchanged"),
        (2, "2 of 2 chapters executed"),
    ],
)
def test_build_counts_what_it_did(command, monkeypatch, write_chapter, ran, told):
    write_chapter("one", "n")
    write_chapter("two", "n")
    monkeypatch.setattr(build, "execute_book", lambda *_: ran * [None])
    monkeypatch.setattr(build, "build_pages", lambda *_: True)
    assert command("build").output.splitlines()[0] == told


def toy(label, case=1.0, control=9.0, bound=0.5):
    """A claim on numbers below 2, with a control and a rival bound."""

    def below(limit):
        return lambda value: dmfbook.claims.Evidence(value, limit)

    return dmfbook.claims.Claim(
        label=label,
        title="A toy",
        source="this book",
        status="derived",
        check=below(2.0),
        cases={"first": lambda rng: 0.25, "second": lambda rng: case},
        controls={"it is small": lambda rng: control},
        rivals={"less would do": below(bound)},
    )


@pytest.fixture
def claims(monkeypatch):
    """A good claim, a wrong one, one whose control passes, and one whose rival survives."""
    four = (toy("good"), toy("wrong", case=3.0), toy("idle", control=1.0), toy("blunt", bound=1.5))
    monkeypatch.setattr(dmfbook.claims, "all_claims", lambda: four)


@pytest.mark.parametrize(
    ("labels", "status", "words"),
    [
        (["good"], 0, ["holds, 1 control fails, 1 rival refuted", "1 of 1 claims passed"]),
        (["wrong"], 1, ["FAILS", "dmfbook verify wrong --seed 5 --case 1", "0 of 1 claims"]),
        (["idle"], 1, ["CONTROL PASSES", "dmfbook verify idle --seed 5 --case 0", "it is small"]),
        (["blunt"], 1, ["RIVAL SURVIVES", "dmfbook verify blunt --seed 5 --cases 3", "less would"]),
        ([], 1, ["good", "wrong", "idle", "blunt", "1 of 4 claims passed"]),
    ],
)
def test_verify_prints_verdicts(command, claims, labels, status, words):
    result = command("verify", *labels, "--seed", 5, "--cases", 3)
    assert result.exit_code == status
    assert all(word in result.output for word in words)
    failures = 3 if not labels else status
    assert len(result.output.splitlines()) == 2 + (len(labels) or 4) + failures


@pytest.mark.parametrize(
    ("label", "number", "status", "words"),
    [
        ("good", 0, 0, ["case 0 (first)", "holds", "fails", "survives"]),
        ("good", 1, 0, ["case 1 (second)", "holds", "fails", "refuted"]),
        ("wrong", 0, 0, ["case 0 (first)", "holds", "fails", "survives"]),
        ("wrong", 1, 1, ["case 1 (second)", "FAILS", "fails", "refuted"]),
        ("idle", 2, 1, ["case 2 (first)", "holds", "PASSES", "survives"]),
    ],
)
def test_one_case_is_tested_again(command, claims, label, number, status, words):
    result = command("verify", label, "--case", number)
    assert result.exit_code == status
    lines = result.output.splitlines()
    assert len(lines) == 4
    assert lines[0].startswith(label)
    assert all(word in line for word, line in zip(words, lines, strict=True))


def test_fewer_cases_than_kinds_are_raised(command, claims):
    result = command("verify", "good", "--cases", 1)
    assert result.exit_code == 0
    assert result.output.splitlines()[1].split()[:2] == ["good", "2"]


def test_claim_without_its_oracle_neither_holds_nor_fails(command, monkeypatch, tmp_path):
    # None in place of a module is what Python finds where it is not installed.
    monkeypatch.setitem(sys.modules, "cvxpy", None)
    report = tmp_path / "report.json"
    result = command(
        "verify", "cor-nuclear-norm", "cor-nuclear-norm", "--cases", 2, "--json", report
    )
    assert result.exit_code == 1
    _, row, why, count = result.output.splitlines()
    assert row.split() == ["cor-nuclear-norm", *5 * ["-"], "NOT", "TESTED"]
    assert why.startswith(
        "  the convex solver needs cvxpy; install it with: pip install '.[convex]'"
    )
    assert count == "0 of 1 claims passed, 1 not tested"
    (row,) = json.loads(report.read_text())
    assert (row["holds"], row["cases"], row["controls"]) == (None, 0, [])
    again = command("verify", "cor-nuclear-norm", "--case", 0)
    assert again.exit_code == 2
    assert again.output.startswith("dmfbook: cor-nuclear-norm was not tested: the convex solver ")


def test_claims_load_without_optional_oracles():
    code = "import sys; sys.modules['cvxpy'] = None; import dmfbook.claims as c; c.all_claims()"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_verify_writes_json_whole(command, claims, tmp_path):
    report = tmp_path / "new" / "report.json"
    result = command("verify", "--cases", 7, "--seed", 5, "--json", report)
    assert result.exit_code == 1
    verdicts = json.loads(report.read_text())
    assert [verdict["label"] for verdict in verdicts] == ["good", "wrong", "idle", "blunt"]
    assert {verdict["cases"] for verdict in verdicts} == {7}
    assert [verdict["holds"] for verdict in verdicts] == [True, False, True, True]
    assert [verdict["controls"][0]["fails"] for verdict in verdicts] == [True, True, False, True]
    assert [verdict["rivals"][0]["refuted"] for verdict in verdicts] == [True, True, True, False]
    assert [path.name for path in report.parent.iterdir()] == ["report.json"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["goood"], "unknown claim 'goood'; did you mean 'good'?"),
        (["--json", "/proc/none/report.json"], "cannot write to /proc/none: "),
        (["--json", "/proc"], "cannot write to "),
        (["--cases", "0"], "'--cases'"),
        (["--seed", "-1"], "'--seed'"),
        (["--case", "-1"], "'--case'"),
        (["goood", "--case", "1"], "unknown claim 'goood'; did you mean 'good'?"),
        (["--case", "1", "--cases", "2"], "--case tests one case"),
        (["--case", "1", "--json", "report.json"], "--case tests one case"),
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
        *("worst_error", "tolerance", "margin", "holds", "controls", "rivals"),
    }
    assert (verdict["label"], verdict["holds"]) == (label, True)
    assert {frozenset(each) for each in verdict["controls"]} == {
        frozenset({"hypothesis", "fails", "margin"})
    }


OWN = """\
from dmfbook.claims import Evidence, claim
{name} = claim("{label}", "Mine", source="this book", status="new", cases={{"a": lambda rng: 1.0}})(
    lambda case: Evidence(case, {bound})
)
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A reader's package of this name; returns how to write a module of it."""
    name = f"own_{tmp_path.name.replace('-', '_')}"
    (tmp_path / name).mkdir()
    monkeypatch.syspath_prepend(tmp_path)

    def write(module, text):
        (tmp_path / name / f"{module}.py").write_text(text)
        return name

    write("__init__", "")
    return write


def test_claims_of_a_readers_package_are_verified(command, own, tmp_path):
    own("one", OWN.format(name="a", label="own-good", bound=2.0))
    name = own("two", "from .one import a\n" + OWN.format(name="b", label="own-bad", bound=0.5))
    report = tmp_path / "report.json"
    result = command("verify", "--module", name, "--cases", 2, "--json", report)
    assert result.exit_code == 1 and "1 of 2 claims passed" in result.output
    assert f"again: dmfbook verify --module {name} own-bad --seed 0 --case 0" in result.output
    assert [row["label"] for row in json.loads(report.read_text())] == ["own-good", "own-bad"]
    assert command("verify", "own-good", "--module", name).exit_code == 0
    assert command("verify", "own-bad", "--module", f"{name}.two", "--case", 0).exit_code == 1
    other = command("verify", "thm-gradient", "--module", name)
    assert other.exit_code == 2 and "unknown claim 'thm-gradient'" in other.output


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "have no claim"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import nothing_here", "ModuleNotFoundError: No module named 'nothing_here'"),
        ("x = = 1", "SyntaxError: "),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        (2 * OWN, "two claims of .* have the label 'own'"),
    ],
)
def test_bad_module_of_claims_is_one_message(command, own, text, told):
    if text == 2 * OWN:
        text = "".join(OWN.format(name=name, label="own", bound=2.0) for name in "ab")
    result = command("verify", "--module", own("inner", text))
    assert result.exit_code == 2 and re.search(told, result.output)
    assert result.output.startswith("dmfbook: ") and "Traceback" not in result.output


@pytest.mark.parametrize("name", ["nothing_here", "nothing_here.claims", "json.nothing", "", ".a"])
def test_module_of_claims_that_is_not_there_is_said(command, name):
    result = command("verify", "--module", name)
    assert result.exit_code == 2
    assert result.output.startswith(f"dmfbook: cannot import {name!r}: ")
