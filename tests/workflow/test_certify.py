"""The command ``dmfbook certify``."""

import json

import pytest

from dmfbook.exact import labels


@pytest.fixture
def report(tmp_path):
    """A file for certificates, with what must not be lost."""
    return tmp_path / "certificates.json"


def test_certificates_are_written(command, report):
    result = command("certify", "cor-sharpness-scalar", "thm-any-balance", "--json", str(report))
    assert result.exit_code == 0
    rows = [line.split() for line in result.output.splitlines()]
    assert [row[:2] for row in rows[:2]] == [
        ["cor-sharpness-scalar", "2"],
        ["thm-any-balance", "3"],
    ]
    written = json.loads(report.read_text())
    assert rows[-1] == [str(len(written["entries"])), "certificates"]
    again = command("certify", "thm-any-balance", "--json", str(report))
    assert again.exit_code == 0, "certificates may be replaced"
    assert len(json.loads(report.read_text())["entries"]) < len(written["entries"])


def test_a_case_of_a_reader(command, report, tmp_path):
    case = tmp_path / "case.json"
    case.write_text('{"widths": [1, 2, 1], "mean": "1/2", "w": ["3/2"]}')
    assert command("certify", "--case", str(case), "--json", str(report)).exit_code == 0
    found = {entry["label"] for entry in json.loads(report.read_text())["entries"]}
    assert {"cor-scalar-spectrum", "thm-least-eigenvalue"} <= found <= set(labels())
    case.write_text('{"factors": [[[2], [1]], [["1/2", 1]]]}')
    result = command("certify", "prop-gauss-newton", "--case", str(case))
    assert result.output.splitlines()[-1] == "1 certificates"


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (
            '{"widths": [1, 1, 1], "mean": 1, "w": [0.5]}',
            "each of w must be an integer, a fraction",
        ),
        ('{"widths": [1, 1, 1]}', "missing"),
        ("[1, 2", "Expecting"),
        ("[1, 2]", "argument after ** must be a mapping"),
    ],
)
def test_a_bad_case_is_refused(command, tmp_path, case, message):
    path = tmp_path / "case.json"
    path.write_text(case)
    result = command("certify", "--case", str(path))
    assert result.exit_code == 2 and message in result.output


def test_a_bad_request_is_refused(command, report):
    result = command("certify", "thm-collaps")
    assert result.exit_code == 2 and "unknown statement with a certificate" in result.output
    report.write_text("something else")
    result = command("certify", "thm-balance", "--json", str(report))
    assert result.exit_code == 2 and report.read_text() == "something else"


def test_what_is_false_writes_nothing(command, report, monkeypatch):
    from dataclasses import replace

    from dmfbook.exact.statements import STATEMENTS

    false = [replace(each, says="False", rivals={}) for each in STATEMENTS]
    monkeypatch.setattr("dmfbook.exact.certificates.STATEMENTS", false)
    result = command("certify", "thm-balance", "--json", str(report))
    assert result.exit_code == 1 and "NOT CERTIFIED: thm-balance" in result.output
    assert not report.exists()
