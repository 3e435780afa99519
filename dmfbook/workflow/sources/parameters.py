"""Parameters of a chapter: what its cell tagged ``parameters`` declares."""

import ast
import contextlib
import io
import math
import tokenize
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dmfbook.workflow.sources.cells import parse_cell
from dmfbook.workflow.system.errors import BookError, shortened, unknown

# What papermill can write into a cell and get back unchanged: a tuple would arrive as a string.
_SCALARS = {"bool": bool, "int": int, "float": float, "str": str}

# How YAML, JSON and other shells spell what is no Python literal.
_SPELLINGS = {"true": True, "false": False, "inf": math.inf, "nan": math.nan}


@dataclass(frozen=True)
class Parameter:
    """One parameter of a chapter.

    Attributes
    ----------
    name : str
        The variable of the parameters cell.
    type : str
        Its annotation, or else the type of its default; such as ``"int"`` or ``"list[float]"``.
    default : bool, int, float, str, list or None
        The value in the cell.
    meaning : str
        The comment on its line.
    """

    name: str
    type: str
    default: Any
    meaning: str

    def convert(self, value: Any) -> Any:
        """Return `value` as this parameter's type.

        Parameters
        ----------
        value : object
            A whole number is good for a ``float``, a tuple for a ``list``. A string, where none is
            wanted, is read as a Python literal, or as ``true``, ``false``, ``inf`` or ``nan``: so
            values come from the command line, and so YAML gives ``1e-3``. Nothing else is bent.

        Returns
        -------
        object
            The value to hand to papermill.

        Raises
        ------
        BookError
            If the value does not fit the type.

        Examples
        --------
        >>> Parameter("widths", "list[int]", [3], "hidden widths").convert("4, 5")
        [4, 5]
        """
        readings = [value]
        if isinstance(value, str) and self.type != "str":
            with contextlib.suppress(ValueError):
                readings.insert(0, _literal(value))
        for reading in readings:
            with contextlib.suppress(TypeError):
                return _cast(reading, _expression(self.type))
        hint = "; say True or False" if self.type == "bool" else ""
        got = _shown(readings[0])
        raise BookError(f"parameter {self.name!r} must be {self.type}, got {got}{hint}")


def read_parameters(source: str) -> tuple[Parameter, ...]:
    """Read the parameters that the source of a cell declares.

    Parameters
    ----------
    source : str
        Lines ``name = literal  # meaning``, with an annotation where the default has no type.

    Returns
    -------
    tuple of Parameter
        In the order of the cell.

    Raises
    ------
    BookError
        If a line is anything else.

    Examples
    --------
    >>> read_parameters("reg: float = 1  # weight of the regularization")
    (Parameter(name='reg', type='float', default=1.0, meaning='weight of the regularization'),)
    """
    source = source.lstrip("\n")
    try:
        declared = tuple(_parameter(*line) for line in _statements(source))
    except (RecursionError, MemoryError):
        raise BookError("the parameters cell is nested too deeply") from None
    names = [parameter.name for parameter in declared]
    for name in names:
        if names.count(name) > 1:
            raise BookError(f"parameter {name!r} is declared twice")
    return declared


def check_values(parameters: Iterable[Parameter], values: Mapping[str, Any]) -> dict[str, Any]:
    """Check values against the parameters that a chapter declares.

    Parameters
    ----------
    parameters : iterable of Parameter
        What the chapter declares.
    values : mapping of str to object
        What is to be set.

    Returns
    -------
    dict
        The values, each as its parameter's type.

    Raises
    ------
    BookError
        If a name is not declared or a value does not fit.
    """
    declared = {parameter.name: parameter for parameter in parameters}
    for name in values:
        if name not in declared:
            raise unknown("parameter", name, declared)
    return {name: declared[name].convert(value) for name, value in values.items()}


def _statements(source: str) -> Iterator[tuple[ast.stmt, str, str]]:
    """Yield each statement of a parameters cell, as parsed and as written, and its comment."""
    try:
        statements = parse_cell(source).body
    except BookError as error:
        raise BookError(f"the parameters cell is {error}") from None
    lines = source.splitlines()
    for statement in statements:
        written = lines[statement.lineno - 1 : statement.end_lineno]
        comment = ""
        # A statement that begins and ends inside its line is followed by the comment alone.
        with contextlib.suppress(tokenize.TokenError, SyntaxError):
            for token in tokenize.generate_tokens(io.StringIO("\n".join(written)).readline):
                if token.type == tokenize.COMMENT and token.start[0] == len(written):
                    comment = token.string.lstrip("#").strip()
        yield statement, shortened(" ".join(map(str.strip, written)), 200), comment


def _parameter(statement: ast.stmt, line: str, meaning: str) -> Parameter:
    """Read one line of a parameters cell."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            annotation = None
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            annotation = statement.annotation
        case _:
            raise BookError(f"the parameters cell may hold only `name = value`, got `{line}`")
    try:
        default = ast.literal_eval(value)
    except (ValueError, TypeError):
        raise BookError(f"the default in `{line}` must be a literal, not computed") from None
    if not meaning:
        raise BookError(f"`{line}` needs a comment on its line that says what {name!r} means")
    kind = ast.unparse(annotation) if annotation else _type_name(default)
    if kind is None:
        raise BookError(
            f"the default in `{line}` must be a bool, int, float, str or a list of these"
            " (a tuple does not survive papermill; None needs an annotation)"
        )
    try:
        converted = _cast(default, _expression(kind))
    except TypeError:
        raise BookError(f"the default in `{line}` does not fit its type {kind}") from None
    if converted != default:
        raise BookError(f"the default in `{line}` must be a list: papermill passes no tuple")
    return Parameter(name, kind, converted, meaning)


def _type_name(value: Any) -> str | None:
    """Name the type of a default, or None where it has none that papermill can pass."""
    if isinstance(value, list):
        kinds = {_type_name(element) for element in value}
        if None in kinds:
            return None
        if kinds == {"int", "float"}:
            return "list[float]"
        return f"list[{kinds.pop()}]" if len(kinds) == 1 else "list"
    name = type(value).__name__
    return name if name in _SCALARS else None


def _expression(kind: str) -> ast.expr:
    return ast.parse(kind, mode="eval").body


def _cast(value: Any, kind: ast.expr) -> Any:
    """Return `value` as the type that `kind` spells; TypeError where it is none of that type."""
    match kind:
        case ast.Constant(value=None) if value is None:
            return None
        case ast.Name(id="float") if type(value) in (int, float):
            with contextlib.suppress(OverflowError):
                return float(value)
        case ast.Name(id=name) if type(value) is _SCALARS.get(name) and _can_be_written(value):
            return value
        case ast.Name(id="list") if isinstance(value, (list, tuple)):
            return [_plain(entry) for entry in value]
        case ast.Subscript(value=ast.Name(id="list"), slice=element) if isinstance(
            value, (list, tuple)
        ):
            return [_cast(entry, element) for entry in value]
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            try:
                return _cast(value, left)
            except TypeError:
                return _cast(value, right)
    raise TypeError


def _plain(value: Any) -> Any:
    """Return an entry of a list of anything; TypeError where papermill would make it a string."""
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if value is None or (type(value) in _SCALARS.values() and _can_be_written(value)):
        return value
    raise TypeError


def _can_be_written(value: Any) -> bool:
    """Tell whether a file can hold a value: half a character and 5000 digits it cannot."""
    try:
        str(value).encode("utf-8")
    except ValueError:
        return False
    return True


class _Spelled(ast.NodeTransformer):
    """Puts constants in place of the names that spell them elsewhere."""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        name = node.id.lower()
        return ast.Constant(_SPELLINGS[name]) if name in _SPELLINGS else node


def _literal(text: str) -> Any:
    """Evaluate a literal; ValueError where it is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.literal_eval(_Spelled().visit(ast.parse(text.strip(), mode="eval")))
        except (SyntaxError, TypeError, RecursionError, MemoryError):
            raise ValueError("not a literal") from None


def _shown(value: Any) -> str:
    try:
        return shortened(repr(value), 200)
    except ValueError:
        return "a number of too many digits"
