"""The checker shares nothing with what it checks, accepts what is true and refuses what was changed."""

import ast
import copy
import importlib.util
import json
import subprocess
import sys
from dataclasses import fields
from fractions import Fraction
from pathlib import Path

import pytest

from dmfbook.exact import RationalPoint, certify_book, critical_point, labels, whole
from dmfbook.exact.catalogue import catalogue
from dmfbook.exact.measures import Facts
from dmfbook.exact.rationals import written

FILE = Path(__file__).parents[2] / "book" / "downloads" / "certificates.json"
PATH = Path(__file__).parents[2] / "tools" / "check_certificate.py"


def load():
    """Import the checker from its file."""
    spec = importlib.util.spec_from_file_location("check_certificate", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


checker = load()
PARTS = [each.name for each in fields(RationalPoint)]


def leaves(value, path=()):
    """Places of all numbers, texts and verdicts inside of a value."""
    if isinstance(value, (dict, list)):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inside in pairs:
            yield from leaves(inside, (*path, key))
    else:
        yield path


def changed(value, path):
    """A copy with another leaf: the next number, the other verdict, another text."""
    result = copy.deepcopy(value)
    *above, last = path
    place = result
    for key in above:
        place = place[key]
    old = place[last]
    if isinstance(old, bool):
        place[last] = not old
    elif path[0] in ("point", "witness"):
        place[last] = str(Fraction(old) + 1) if not isinstance(old, int) else old + 1
    else:
        place[last] = f"not ({old})" if path[0] in ("given", "says") else f"{old} "
    return result


def accepted(entry):
    """Whether the checker accepts an entry."""
    try:
        checker.check(entry)
    except Exception:
        return False
    return True


@pytest.fixture(scope="module")
def entries():
    """Certificates at all points, the smallest first."""
    return sorted(certify_book(), key=lambda each: len(json.dumps(each["point"])))


def test_it_imports_neither_the_package_nor_flint():
    nodes = ast.walk(ast.parse(PATH.read_text("utf-8")))
    imports = [node for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = {each.name.split(".")[0] for node in imports for each in node.names}
    names |= {node.module for node in imports if isinstance(node, ast.ImportFrom)}
    assert not names & {"dmfbook", "flint", "numpy", "scipy", "sympy"}


def test_it_accepts_the_file_of_the_book():
    done = subprocess.run([sys.executable, PATH, FILE], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "none refused" in done.stdout


def test_the_file_of_the_book_is_up_to_date(entries):
    # If not: dmfbook certify --json book/downloads/certificates.json
    same = {"tools": "", "digest": ""}
    stored = [entry | same for entry in json.loads(FILE.read_text("utf-8"))["entries"]]
    assert sorted(stored, key=json.dumps) == sorted((e | same for e in entries), key=json.dumps)


def test_any_change_is_refused(entries):
    seen = set()
    for entry in entries:
        kind = entry["label"], entry["role"]
        if kind not in seen:
            assert accepted(entry)
            for path in leaves(entry):
                assert not accepted(changed(entry, path)), path
        seen.add(kind)


@pytest.mark.parametrize("label", labels())
def test_what_is_false_is_refused_under_a_digest_of_its_own(entries, label):
    tried = [e for e in entries if e["label"] == label and e["role"] == "claim"]
    more = [e for e in tried if {"turns", "inputs", "better"} & set(e["point"])]
    for entry in tried[:1] + more[:1]:
        for path in leaves(entry):
            if path[0] in ("point", "witness", "holds", "role", "given", "says"):
                false = changed(entry, path)
                false["digest"] = checker.digest({**false, "digest": ""})
                assert not accepted(false), path


@pytest.mark.parametrize(
    ("polynomial", "top"),
    [
        ([0, 0, 9, -24, 17], ["1/4", "1/3"]),  # rises again at the end
        ([2, -2, 2], ["0", "0"]),  # falls first and rises then
        ([0, 1, -1], ["1/4", "1/3"]),  # its top is elsewhere
        ([0, 1, -1], ["2/3", "1/3"]),
    ],
)
def test_another_shape_is_refused(polynomial, top):
    rest = [Fraction(-100), Fraction(100)]
    with pytest.raises(checker.Refused, match="does not rise"):
        checker.shape(polynomial, list(map(Fraction, top)), rest)
    assert checker.shape([0, 1, -1], [Fraction(1, 3), Fraction(2, 3)], rest)


def test_a_rest_that_is_too_small_is_refused():
    top = [Fraction(1, 3), Fraction(2, 3)]
    with pytest.raises(checker.Refused, match="leave the rest"):
        checker.shape([0, 1, -1], top, [Fraction(2, 9), Fraction(2, 9)])
    # The top is 1/4, the mean of both ends, and what is asked for is no less.
    low, high = Fraction(2, 9), Fraction(2, 9) + Fraction(1, 36)
    assert checker.shape([0, 1, -1], top, [low, high]) == (top, [low, high])


def test_missing_entries_are_noticed(tmp_path, entries, capsys):
    path = tmp_path / "file.json"
    for change in (lambda all: all[1:], lambda all: all[::-1]):
        made = whole(entries[:3])
        path.write_text(json.dumps(made | {"entries": change(made["entries"])}))
        assert checker.main(path) == 1
    assert "missing" in capsys.readouterr().out


@pytest.mark.parametrize(
    "line", ["open('x')", "L.__class__", "[].append(1)", "lambda: 1", "1/3.0 and __import__"]
)
def test_a_line_is_arithmetic_and_nothing_else(line):
    point = checker.Point({"factors": [[["1"]], [["1"]]], "target": [["1"]], "weights": ["0", "0"]})
    with pytest.raises((checker.Refused, NameError)):
        checker.truth(line, point)


def test_arithmetic_is_exact():
    point = checker.Point({"factors": [[["1"]], [["1"]]], "target": [["1"]], "weights": ["0", "0"]})
    assert checker.truth("1/3 + 1/5 == 8/15 and 2**-1 == 1/2 and (1/10)**3*1000 == 1", point)


@pytest.mark.parametrize("about", [a for a, p in catalogue().items() if p.size < 32])
def test_both_measure_the_same(about):
    facts = Facts(catalogue()[about])
    parts = {name: value for name, value in vars(facts.point).items() if name in PARTS}
    point = checker.Point(written({name: x for name, x in parts.items() if x is not None}))
    assert checker.write(point.hessian) == written(facts["hessian"])
    assert checker.write(point.charpoly) == written(list(facts["charpoly"]))
    assert (point.index, point.nullity) == (facts["index"], facts["nullity"])


def test_a_case_of_a_reader(tmp_path, capsys):
    from dmfbook.exact import certify

    path = tmp_path / "mine.json"
    path.write_text(json.dumps(whole(certify(critical_point((2, 3, 2), 1, ["3/2"], ["1/2"])))))
    assert checker.main(path) == 0
