"""What is certified, that nothing false is, and that lines say what the book's pages say."""

import re
import subprocess
import sys
from dataclasses import replace

import pytest

from dmfbook.claims import all_claims
from dmfbook.claims.statements.regularized.spectrum import MU_MINUS, MU_PLUS, TABLE
from dmfbook.exact import NotCertified, certify, certify_book, critical_point, labels, whole
from dmfbook.exact.certificates import digest, entry
from dmfbook.exact.measures import Facts
from dmfbook.exact.scalar_statements import SCALAR_STATEMENTS
from dmfbook.exact.statements import STATEMENTS


@pytest.mark.parametrize("label", labels())
def test_statement_holds_rivals_are_refuted_and_controls_fail(label):
    both = (*SCALAR_STATEMENTS, *STATEMENTS)
    statement = next(each for each in both if each.label == label)
    found = list(certify_book([label]))
    names = {role: [each["name"] for each in found if each["role"] == role] for role in ROLES}
    assert names["rival"] == list(statement.rivals) and names["control"] == list(statement.controls)
    assert names["claim"] and statement.rivals
    assert all(each["digest"] == digest(each | {"digest": ""}) for each in found)


ROLES = ("claim", "rival", "control")


def test_labels_are_those_of_claims():
    assert set(labels()) <= {claim.label for claim in all_claims()}
    assert len(set(labels())) == len(labels())


def test_no_rival_can_be_certified():
    point = Facts(critical_point((2, 3, 3, 2), 1, [2, "1/2"]))
    for statement in STATEMENTS:
        for rival in statement.rivals:
            false = replace(statement, says=statement.rival(rival), rivals={})
            if point.says(statement.given) and not point.says(false.says):
                with pytest.raises(NotCertified):
                    entry(false, "a point", point)


def test_a_rival_that_no_point_refutes_is_an_error(monkeypatch):
    odd = replace(STATEMENTS[0], rivals={"the same in another order": ("2*sum(sq", "sum(sq")})
    odd = replace(odd, says=odd.says.replace("2*sum(sq", "sum(sq") + " or True", given="modes")
    monkeypatch.setattr(
        "dmfbook.exact.certificates.STATEMENTS", [replace(odd, rivals={"r": ("or True", "or 1")})]
    )
    with pytest.raises(NotCertified, match="no point refutes 'r'"):
        list(certify_book([odd.label]))


def test_the_closed_spectrum_is_the_table_of_the_page():
    line = next(each.says for each in STATEMENTS if each.label == "thm-closed-spectrum")
    for row in TABLE:
        value = {"mu_plus_ij": MU_PLUS, "mu_minus_ij": MU_MINUS}.get(row.eigenvalue, row.eigenvalue)
        value = re.sub(r"\bs_([ij])\b", r"w_\1**L", value)
        value, times = (re.sub(r"\b(w|sigma)_([ij])\b", r"\1[\2]", x) for x in (value, row.times))
        assert f"({value}, {times})" in line, row


def test_a_reader_certifies_a_case_of_their_own():
    found = certify(critical_point((3, 4, 2), "1/3", ["5/7"], ["1/9"], turn=3))
    assert {"thm-closed-spectrum", "thm-morse-index", "thm-exact-trace"} <= {
        e["label"] for e in found
    }
    with pytest.raises(TypeError, match="point must be a RationalPoint, got int"):
        certify(3)


def test_order_and_completeness_are_in_the_digest():
    found = list(certify_book(["thm-balance"]))
    assert whole(found)["digest"] != whole(found[1:])["digest"] != whole(found[::-1])["digest"]


def test_without_flint_it_is_said_what_to_install():
    code = "import sys; sys.modules['flint'] = None\nimport dmfbook\nimport dmfbook.exact"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.splitlines()[-1].startswith("ImportError: dmfbook.exact needs python-flint")
