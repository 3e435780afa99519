"""What a parameters cell may say, and what may be set."""

import pytest

from dmfbook.workflow.errors import BookError
from dmfbook.workflow.parameters import Parameter, check_values, read_parameters

CELL = """\
# The case.
depth = 4  # number of factors, L = 4
reg: float = 1  # weight
signed = True  # whether; a value = sign
widths = [
    4,
    5,
]  # hidden widths
mixed = [1, 2.5]  # numbers
empty = []  # anything
limit: int | None = None  # at most so many
name = "a # b"  # a string
"""


def test_parameters_are_read_with_type_default_and_meaning():
    read = {p.name: (p.type, p.default, p.meaning) for p in read_parameters(CELL)}
    assert read == {
        "depth": ("int", 4, "number of factors, L = 4"),
        "reg": ("float", 1.0, "weight"),
        "signed": ("bool", True, "whether; a value = sign"),
        "widths": ("list[int]", [4, 5], "hidden widths"),
        "mixed": ("list[float]", [1.0, 2.5], "numbers"),
        "empty": ("list", [], "anything"),
        "limit": ("int | None", None, "at most so many"),
        "name": ("str", "a # b", "a string"),
    }


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("import numpy", "only `name = value`"),
        ("a = b = 1  # both", "only `name = value`"),
        ("a, b = 1, 2  # both", "only `name = value`"),
        ("a: int  # no value", "only `name = value`"),
        ("a = 2 * b  # computed", "must be a literal"),
        ("a = 1", "needs a comment"),
        ("a = (1, 2)  # a tuple", "a tuple does not survive"),
        ("a = [(1, 2)]  # a list of tuples", "a tuple does not survive"),
        ("a = None  # no type", "None needs an annotation"),
        ("a: int = 1.5  # wrong", "does not fit its type int"),
        ("a: ndarray = 1  # unknown", "does not fit its type ndarray"),
        ("a = = 1", "not valid Python"),
        ("a = '''1", "not valid Python"),
    ],
)
def test_bad_parameters_cells_are_refused(cell, message):
    with pytest.raises(BookError, match=message):
        read_parameters(cell)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("int", "6", 6),
        ("int", " -6", -6),
        ("float", "6", 6.0),
        ("float", "1e-3", 1e-3),
        ("bool", "False", False),
        ("str", "6", "6"),
        ("str", "two words", "two words"),
        ("list[int]", "[4, 5]", [4, 5]),
        ("list[int]", "(4, 5)", [4, 5]),
        ("list[float]", "4, 5", [4.0, 5.0]),
        ("list[list[int]]", "[[1], [2]]", [[1], [2]]),
        ("int | None", "None", None),
        ("str | None", "None", None),
        ("str | None", "6", "6"),
    ],
)
def test_text_is_read_as_the_type_says(kind, text, value):
    read = Parameter("a", kind, None, "").convert(text)
    assert read == value and type(read) is type(value)


@pytest.mark.parametrize(
    ("kind", "text"),
    [("int", "6.5"), ("int", "True"), ("float", "True"), ("bool", "1"), ("float", "six")]
    + [("list[int]", "[4, 'x']"), ("list[int]", "4"), ("int | None", "'x'"), ("int", "")],
)
def test_values_that_do_not_fit_are_refused(kind, text):
    with pytest.raises(BookError, match="parameter 'a' must be "):
        Parameter("a", kind, None, "").convert(text)


def test_unknown_parameter_is_answered_with_the_nearest():
    with pytest.raises(BookError, match="unknown parameter 'dept'; did you mean 'depth'"):
        check_values(read_parameters(CELL), {"dept": 3})
    with pytest.raises(BookError, match="known: depth, reg"):
        check_values(read_parameters(CELL), {"zzz": 3})
    assert check_values(read_parameters(CELL), {"reg": 3, "depth": 2}) == {"reg": 3.0, "depth": 2}
