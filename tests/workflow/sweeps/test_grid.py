"""Which parameter sets a sweep goes through."""

import pytest

from dmfbook.workflow.sweeps.grid import parameter_sets
from dmfbook.workflow.system.errors import BookError

PARAMETERS = """\
reg = 0.3  # a float
depth = 4  # an int
widths = [3]  # a list
name = "a"  # a string
seed = 0  # a seed
"""


@pytest.fixture
def chapter(book, write_chapter):
    write_chapter("one", "reg, depth, widths, name, seed", parameters=PARAMETERS)
    return book.chapter("one")


@pytest.mark.parametrize(
    ("given", "values"),
    [
        ("reg=0.1,0.2,1", [0.1, 0.2, 1.0]),
        ("depth=2:6", [2, 3, 4, 5, 6]),
        ("depth=2:6:2,9", [2, 4, 6, 9]),
        ("depth=-1:1", [-1, 0, 1]),
        ("widths=[2, 3],[4],5", None),
        ("widths=[2, 3],[4]", [[2, 3], [4]]),
        ("name=a,b c", ["a", "b c"]),
        ("name='a,b',c", ["a,b", "c"]),
    ],
)
def test_values_are_read(chapter, given, values):
    if values is None:
        with pytest.raises(BookError, match="must be list"):
            parameter_sets(chapter, [given])
    else:
        name = given.partition("=")[0]
        assert parameter_sets(chapter, [given]) == [{name: value} for value in values]


def test_every_combination_is_run(chapter):
    sets = parameter_sets(chapter, ["reg=0.1,0.2", "depth=2:4"], seeds=2)
    assert len(sets) == 12
    assert sets[:3] == [
        {"reg": 0.1, "depth": 2, "seed": 0},
        {"reg": 0.1, "depth": 2, "seed": 1},
        {"reg": 0.1, "depth": 3, "seed": 0},
    ]
    assert parameter_sets(chapter, []) == [{}]


@pytest.mark.parametrize(
    ("over", "seeds", "why"),
    [
        (["reg"], None, "expected --over NAME=VALUES"),
        (["rig=1"], None, "did you mean 'reg'"),
        (["reg=1", "reg=2"], None, "twice"),
        (["reg=1,1.0"], None, "twice"),
        (["reg=1,,2"], None, "must be float"),
        (["depth=6:2"], None, "no range"),
        (["depth=1:5:0"], None, "no range"),
        (["depth=1:100000000"], None, "no range"),
        (["reg=1:3"], None, "must be float"),
        (["seed=1,2"], 3, "both --seeds and --over"),
        (["depth=1:2000", "reg=" + ",".join(map(str, range(600)))], None, "1200000 runs"),
    ],
)
def test_bad_requests_are_refused(chapter, over, seeds, why):
    with pytest.raises(BookError, match=why):
        parameter_sets(chapter, over, seeds)


def test_seeds_need_a_parameter(book, write_chapter):
    write_chapter("two", "n")
    with pytest.raises(BookError, match="no parameter 'seed'"):
        parameter_sets(book.chapter("two"), [], 2)
