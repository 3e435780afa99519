"""What a parameters cell may say, and what may be set."""

import datetime
import math
import warnings

import pytest

from dmfbook.workflow.sources.parameters import Parameter, check_values, read_parameters
from dmfbook.workflow.system.errors import BookError

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
        ("a: list[int] = (1, 2)  # a tuple", "must be a list: papermill passes no tuple"),
        ("a: list = [(1, 2)]  # a list of tuples", "must be a list: papermill passes no tuple"),
        ("a: list = [{1}]  # a list of sets", "does not fit its type list"),
        ("a = {[]: 1}  # not hashable", "must be a literal"),
        ("a = 1  # one\na = 2  # two", "parameter 'a' is declared twice"),
        ("%matplotlib inline", "only `name = value`, got `%matplotlib inline`"),
        ("%%bash\necho a", "only `name = value`, got `%%bash`"),
        ("a = !ls  # files", "must be a literal, not computed"),
        ("a?", "only `name = value`, got `a\\?`"),
        ("if True:\n    %time a", "only `name = value`, got `if True: %time a`"),
        ("a: int = " + 10_000 * "-" + "1  # deep", "nested too deeply"),
        ("a = " + 10_000 * "[" + 10_000 * "]" + "  # deep", "not valid Python|too deeply"),
        ("a = 0x" + 5000 * "f" + "  # large", "does not fit its type int"),
        ("a = '\ud800'  # half a character", "not valid Python"),
        ("a = = 1", "not valid Python: line 1"),
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
        ("str | None", "true", "true"),
        ("bool", "true", True),
        ("bool", "FALSE", False),
        ("bool | None", "None", None),
        ("float", "inf", math.inf),
        ("float", "-inf", -math.inf),
        ("float", "1e400", math.inf),
        ("float", "+Inf", math.inf),
        ("list[float]", "1, inf", [1.0, math.inf]),
        ("list[bool]", "[true, False]", [True, False]),
        ("list", "(1, (2, 'x'), [None, (3.5,)])", [1, [2, "x"], [None, [3.5]]]),
        ("list", "()", []),
        ("str", "inf", "inf"),
        ("str", "a\0b", "a\0b"),
    ],
)
def test_text_is_read_as_the_type_says(kind, text, value):
    read = Parameter("a", kind, None, "").convert(text)
    assert read == value and type(read) is type(value)


@pytest.mark.parametrize(
    ("kind", "text"),
    [("int", "6.5"), ("int", "True"), ("float", "True"), ("bool", "1"), ("float", "six")]
    + [("list[int]", "[4, 'x']"), ("list[int]", "4"), ("int | None", "'x'"), ("int", "")]
    + [("int", "inf"), ("int", "true"), ("float", "true"), ("list", "{1, 2}"), ("list", "[{1}]")]
    + [("list", "[b'x']"), ("list", "[1j]"), ("list", "[...]"), ("list", "['\\ud800']")]
    + [("int", "0x" + 5000 * "f"), ("int", 5000 * "9"), ("list", f"[0x{5000 * 'f'}]")]
    + [("float", "1" + 400 * "0"), ("int", 10_000 * "-" + "1"), ("int", 10_000 * "(")]
    + [("list", 10_000 * "["), ("int", "{[]: 1}"), ("int", "\0"), ("int", "\ud800")]
    + [("str", "\ud800"), ("int", "1 if 1 is 1 else 2"), ("int", "'\\d'"), ("int", "9**9**9")]
    + [("int", "__import__('os')"), ("int", "n"), ("float", "1 + 2j"), ("float", ".")],
)
def test_values_that_do_not_fit_are_refused(kind, text):
    with warnings.catch_warnings(record=True) as seen:
        with pytest.raises(BookError, match="parameter 'a' must be ") as caught:
            Parameter("a", kind, None, "").convert(text)
    assert seen == []
    assert len(str(caught.value)) < 400
    str(caught.value).encode("utf-8")


def test_right_spelling_of_a_bool_is_said():
    with pytest.raises(BookError, match="must be bool, got 'yes'; say True or False"):
        Parameter("a", "bool", None, "").convert("yes")


@pytest.mark.parametrize("value", [{1}, {"a": 1}, b"x", datetime.date(2020, 1, 1), 1j, object()])
def test_what_only_yaml_or_python_can_say_is_refused(value):
    for kind in ("list", "int", "float", "str", "bool", "list[int]"):
        for given in (value, [value], (1, [value])):
            with pytest.raises(BookError, match="parameter 'a' must be "):
                Parameter("a", kind, None, "").convert(given)


def test_all_that_is_accepted_reaches_the_chapter_unchanged():
    from papermill.translators import PythonTranslator

    for kind, text in [
        ("float", "-inf"),
        ("list[float]", "1e400, -0.0"),
        ("list", "((1, 'a\"b'), [None, True, inf])"),
        ("str", "\0 \\ \n ' λ 𝔸 {n} <b>"),
        ("int", "-" + 4000 * "9"),
    ]:
        value = Parameter("a", kind, None, "").convert(text)
        written: dict = {}
        exec(PythonTranslator.codify({"a": value}), written)
        assert repr(written["a"]) == repr(value)


def test_unknown_parameter_is_answered_with_the_nearest():
    with pytest.raises(BookError, match="unknown parameter 'dept'; did you mean 'depth'"):
        check_values(read_parameters(CELL), {"dept": 3})
    with pytest.raises(BookError, match="known: depth, reg"):
        check_values(read_parameters(CELL), {"zzz": 3})
    assert check_values(read_parameters(CELL), {"reg": 3, "depth": 2}) == {"reg": 3.0, "depth": 2}
