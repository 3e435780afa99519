"""What is kept of runs: the journal, what notebooks hand out, the tables."""

import math

import pytest
from pyarrow import parquet

from dmfbook.workflow.execution import harvest
from dmfbook.workflow.execution.results import VERDICT
from dmfbook.workflow.sweeps.journal import Journal
from dmfbook.workflow.sweeps.tables import write_table
from dmfbook.workflow.sweeps.versions import check_equal, versions
from dmfbook.workflow.system.errors import BookError


def test_journal_keeps_all_lines_but_a_torn_one(tmp_path):
    path = tmp_path / "runs.jsonl"
    journal = Journal(path)
    journal.add("a", {"x": 1})
    journal.add("b", math.inf)
    journal.add("a", {"x": 2})
    for torn in (b'["c", {"x"', b'["c", 1]', b"\xff\n", b'{"c": 1}\n'):
        path.write_bytes(path.read_bytes() + torn)
        again = Journal(path)
        assert again["a"] == {"x": 2} and again["b"] == math.inf and "c" not in again
        assert path.read_bytes().count(b"\n") == len(path.read_bytes().splitlines())
    again.add("c", 3)
    assert Journal(path)["c"] == 3


@pytest.mark.parametrize(
    ("shown", "value"),
    [
        ("1.5", 1.5),
        ("np.float64(0.1)", 0.1),
        ("np.True_", True),
        ("True", True),
        ("-inf", -math.inf),
        ("None", None),
        ("'text'", "text"),
        ("[1, 2]", "[1, 2]"),
        ("array([1., 2.])", "array([1., 2.])"),
    ],
)
def test_glued_values_are_read(shown, value):
    data = {"application/papermill.record/text/plain": shown}
    scrap = {"name": "x", "mime_prefix": "application/papermill.record/"}
    output = {"output_type": "display_data", "data": data, "metadata": {"scrapbook": scrap}}
    verdict = {"output_type": "display_data", "data": {VERDICT: {"label": "thm"}}, "metadata": {}}
    notebook = {"cells": [{"cell_type": "markdown"}, {"outputs": [output, verdict]}]}
    assert harvest.glued(notebook) == {"x": value}
    assert harvest.verdicts(notebook) == [{"label": "thm"}]


def test_tables_say_the_same(tmp_path):
    rows = [
        {"n": 1, "x": 0.5, "both": 1, "mixed": 1, "list": [1, 2], "big": 2**70, "error": ""},
        {"n": 2, "both": 0.5, "mixed": "a", "list": [3], "big": 1, "error": 'a, "b"\nc'},
    ]
    columns = ["n", "x", "both", "mixed", "list", "big", "error"]
    write_table(tmp_path / "results", columns, rows)
    assert parquet.read_table(tmp_path / "results.parquet").to_pylist() == [
        {
            "n": 1,
            "x": 0.5,
            "both": 1.0,
            "mixed": "1",
            "list": [1, 2],
            "big": str(2**70),
            "error": "",
        },
        {
            "n": 2,
            "x": None,
            "both": 0.5,
            "mixed": "a",
            "list": [3],
            "big": "1",
            "error": 'a, "b"\nc',
        },
    ]
    assert (tmp_path / "results.csv").read_text().splitlines()[:2] == [
        "n,x,both,mixed,list,big,error",
        f'1,0.5,1,1,"[1, 2]",{2**70},',
    ]


def test_other_versions_are_named():
    ours = versions()
    assert {"python", "dmfbook", "machine", "numpy", "distributed", "papermill"} <= ours.keys()
    assert "pytest" not in ours
    check_equal({"tcp://a": ours})
    with pytest.raises(BookError, match=r"tcp://b has other versions: numpy 1\.0 there, 2"):
        check_equal({"tcp://a": ours, "tcp://b": ours | {"numpy": "1.0"}})
