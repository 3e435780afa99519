"""Bad input is refused at the door of every public function, in words that help."""

import re

import numpy as np
import pytest

import dmfbook as dmf

PROBLEM = dmf.Problem(np.ones((2, 3)), (4,), reg=0.5)
FACTORS = [np.ones((4, 3)), np.ones((2, 4))]

OF_FACTORS = {
    "end_to_end": dmf.end_to_end,
    "partial_products": dmf.partial_products,
    "flatten": dmf.flatten,
    "imbalance": dmf.imbalance,
    "loss": PROBLEM.loss,
    "gradient": PROBLEM.gradient,
    "hessian": lambda factors: dmf.hessian(PROBLEM, factors),
    "hessian_operator": lambda factors: dmf.hessian_operator(PROBLEM, factors),
    "hessian_trace": lambda factors: dmf.hessian_trace(PROBLEM, factors),
}
OF_PROBLEM = ["loss", "gradient", "hessian", "hessian_operator", "hessian_trace"]
OF_TARGET = {
    "critical_reg": lambda value: dmf.critical_reg(value, 3),
    "stationary_values": lambda value: dmf.stationary_values(value, 1.0, 3),
    "shrink": lambda value: dmf.shrink(value, 1.0, 3),
}
OF_REG = {
    "fold_threshold": lambda value: dmf.fold_threshold(value, 3),
    "collapse_threshold": lambda value: dmf.collapse_threshold(value, 3),
    "stationary_values": lambda value: dmf.stationary_values(1.0, value, 3),
    "shrink": lambda value: dmf.shrink(1.0, value, 3),
}
OF_DEPTH = {
    "fold_threshold": lambda value: dmf.fold_threshold(1.0, value),
    "collapse_threshold": lambda value: dmf.collapse_threshold(1.0, value),
    "critical_reg": lambda value: dmf.critical_reg(1.0, value),
    "stationary_values": lambda value: dmf.stationary_values(1.0, 1.0, value),
    "shrink": lambda value: dmf.shrink(1.0, 1.0, value),
}


def refused(call, value, error, message):
    """The call is refused with exactly this kind of error and a message like this."""
    with pytest.raises(error, match=message) as caught:
        call(value)
    assert caught.type is error


# What is wrong with the entries of an array is the same everywhere: value, error, message.
BAD_ENTRIES = {
    "NaN": ([[1.0, np.nan]], ValueError, "must be finite in float64, got NaN or infinity"),
    "infinity": ([[1.0, np.inf]], ValueError, "must be finite in float64, got NaN or infinity"),
    "minus infinity": ([[-np.inf, 1.0]], ValueError, "must be finite in float64, got NaN or inf"),
    "too large": (np.array([[np.longdouble("1e400")]]), ValueError, "must be finite in float64"),
    "complex": ([[1.0, 1j]], TypeError, "must hold real numbers, got dtype complex128"),
    "boolean": ([[True, False]], TypeError, "must hold real numbers, got dtype bool"),
    "object": ([[1.0, None]], TypeError, "must hold real numbers, got dtype object"),
    "huge integer": ([[10**30]], TypeError, "must hold real numbers, got dtype object"),
    "string": ([["1.0"]], TypeError, "must hold real numbers, got dtype <U3"),
    "date": (np.array([["2020-01-01"]], "M8[D]"), TypeError, "must hold real numbers, got dtype"),
    "ragged": ([[1.0, 2.0], [3.0]], ValueError, "must be a rectangular array of numbers: "),
    "masked": (
        np.ma.masked_invalid([[1.0]]),
        TypeError,
        "must not be a masked array: fill or drop",
    ),
    "empty": (np.ones((0, 3)), ValueError, r"must not be empty, got shape \(0, 3\)"),
    "rounded integer": ([[2**53 + 1]], ValueError, r"holds integers beyond 2\*\*53"),
    "rounded negative": ([[-(2**53) - 1]], ValueError, r"holds integers beyond 2\*\*53"),
    "rounded unsigned": (np.array([[2**63]], "u8"), ValueError, r"holds integers beyond 2\*\*53"),
}


@pytest.mark.parametrize("value, error, message", BAD_ENTRIES.values(), ids=BAD_ENTRIES)
def test_bad_entries_are_refused(value, error, message):
    for call in OF_FACTORS.values():
        refused(call, [value, FACTORS[1]], error, rf"^factors\[0\] {message}")
        refused(call, [FACTORS[0], value], error, rf"^factors\[1\] {message}")
    refused(lambda target: dmf.Problem(target, (4,)), value, error, f"^target {message}")
    refused(lambda reg: dmf.Problem([[1.0]], (4,), reg), value, error, f"^reg {message}")
    refused(lambda reg: dmf.imbalance(FACTORS, reg), value, error, f"^reg {message}")
    refused(lambda vector: dmf.unflatten(vector, (1, 1, 1)), value, error, f"^vector {message}")
    for call in OF_TARGET.values():
        refused(call, value, error, f"^target {message}")
    for call in OF_REG.values():
        refused(call, value, error, f"^reg {message}")


def test_the_largest_exact_integers_pass():
    assert dmf.Problem([[2**53, -(2**53)]], (4,)).target[0, 0] == 2.0**53
    assert dmf.critical_reg(2**53, 2) == 2.0**53


BAD_FACTORS = {
    "a number": (3.0, TypeError, "^factors must be a sequence of matrices, got 3.0$"),
    "an array of one number": (np.array(3.0), TypeError, "^factors must be a sequence of matrices"),
    "nothing": (None, TypeError, "^factors must be a sequence of matrices, got None$"),
    "no factor": ([], ValueError, "^factors must hold (at least )?2 matrices, got 0$"),
    "one factor": (FACTORS[:1], ValueError, "^factors must hold (at least )?2 matrices, got 1$"),
    "a vector": (
        [np.ones(3), FACTORS[1]],
        ValueError,
        r"^factors\[0\] .* matrix, got shape \(3,\)$",
    ),
    "one matrix": (np.ones((2, 2)), ValueError, r"^factors\[0\] .* matrix, got shape \(2,\)$"),
    "a stack": ([FACTORS[0], np.ones((1, 2, 4))], ValueError, r"^factors\[1\] must be a matrix"),
    "reversed": (
        FACTORS[::-1],
        ValueError,
        r"^factors\[1\] must have 2 columns to follow factors\[0\], got shape \(4, 3\)$",
    ),
}


@pytest.mark.parametrize("factors, error, message", BAD_FACTORS.values(), ids=BAD_FACTORS)
def test_bad_factors_are_refused(factors, error, message):
    for call in OF_FACTORS.values():
        refused(call, factors, error, message)


@pytest.mark.parametrize("name", OF_PROBLEM)
def test_factors_of_another_problem_are_refused(name):
    call = OF_FACTORS[name]
    refused(call, [*FACTORS, np.ones((5, 2))], ValueError, "^factors must hold 2 matrices, got 3$")
    message = r"^factors\[{}\] must have shape {}, got {}$"
    expected = message.format(0, re.escape("(4, 3)"), re.escape("(5, 3)"))
    refused(call, [np.ones((5, 3)), np.ones((2, 5))], ValueError, expected)
    expected = message.format(1, re.escape("(2, 4)"), re.escape("(1, 4)"))
    refused(call, [np.ones((4, 3)), np.ones((1, 4))], ValueError, expected)


def test_bad_shapes_of_arrays_are_refused():
    refused(
        lambda target: dmf.Problem(target, (2,)), [1.0, 2.0], ValueError, r"matrix, got .*\(2,\)"
    )
    refused(lambda target: dmf.Problem(target, (2,)), 1.0, ValueError, r"matrix, got shape \(\)")
    expected = r"^vector must have shape \(9,\) for widths \(2, 3, 1\), got "
    for vector, shape in ((np.ones(8), r"\(8,\)$"), (np.ones((1, 9)), r"\(1, 9\)$")):
        refused(lambda value: dmf.unflatten(value, (2, 3, 1)), vector, ValueError, expected + shape)


BAD_WIDTHS = {
    "a number": (3, TypeError, "must be a sequence of integers, got 3$"),
    "nothing": (None, TypeError, "must be a sequence of integers, got None$"),
    "a fraction": ((3, 2.5, 1), TypeError, r"\[1\] must be an integer, got 2.5$"),
    "a truth value": ((3, 2, True), TypeError, r"\[2\] must be an integer, got True$"),
    "a string": ("321", TypeError, r"\[0\] must be an integer, got '3'$"),
    "zero": ((3, 0, 1), ValueError, r"\[1\] must be at least 1, got 0$"),
    "negative": ((3, 2, -1), ValueError, r"\[2\] must be at least 1, got -1$"),
}


@pytest.mark.parametrize("widths, error, message", BAD_WIDTHS.values(), ids=BAD_WIDTHS)
def test_bad_widths_are_refused(widths, error, message):
    hidden = f"^hidden_widths( |){message}"
    refused(lambda value: dmf.Problem([[1.0]], value), widths, error, hidden)
    refused(lambda value: dmf.unflatten([1.0], value), widths, error, f"^widths( |){message}")


def test_too_few_widths_are_refused():
    expected = "^hidden_widths must hold at least 1 width .depth 2., got none$"
    refused(lambda widths: dmf.Problem([[1.0]], widths), (), ValueError, expected)
    expected = "^widths must hold at least 3 numbers .depth 2., got 2$"
    refused(lambda widths: dmf.unflatten([1.0], widths), (1, 1), ValueError, expected)


def test_bad_weights_of_layers_are_refused():
    for reg in ([1.0], [1.0, 2.0, 3.0], [[1.0, 2.0]]):
        shape = re.escape(str(np.shape(reg)))
        expected = rf"^reg must be a number or 2 numbers(, one a layer)?, got shape {shape}$"
        refused(lambda value: dmf.Problem([[1.0]], (4,), value), reg, ValueError, expected)
        refused(lambda value: dmf.imbalance(FACTORS, value), reg, ValueError, expected)
    expected = "^reg must not be negative, got -0.5$"
    refused(lambda value: dmf.Problem([[1.0]], (4,), value), -0.5, ValueError, expected)
    refused(lambda value: dmf.Problem([[1.0]], (4,), value), (1, -0.5), ValueError, expected)
    refused(lambda value: dmf.imbalance(FACTORS, value), 0.0, ValueError, "^reg .*positive, got 0$")
    refused(lambda value: dmf.imbalance(FACTORS, value), (1, -2), ValueError, "positive, got -2$")


@pytest.mark.parametrize("name", OF_TARGET)
def test_negative_targets_are_refused(name):
    refused(OF_TARGET[name], -1.5, ValueError, "^target must not be negative, got -1.5$")
    refused(OF_TARGET[name], [1.0, -1.5], ValueError, "^target must not be negative, got -1.5$")


@pytest.mark.parametrize("name", OF_REG)
def test_negative_weights_are_refused(name):
    refused(OF_REG[name], [[1.0], [-1e-300]], ValueError, "^reg must not be negative, got -1e-300$")


BAD_DEPTHS = {
    "one": (1, ValueError, "^depth must be at least 2, got 1$"),
    "negative": (-3, ValueError, "^depth must be at least 2, got -3$"),
    "one of many": ([3, 1], ValueError, "^depth must be at least 2, got 1$"),
    "fraction": (2.5, TypeError, "^depth must be an integer or an array of integers, got 2.5$"),
    "truth value": (True, TypeError, "^depth must be an integer .*, got True$"),
    "string": ("3", TypeError, "^depth must be an integer .*, got '3'$"),
    "nothing": (None, TypeError, "^depth must be an integer .*, got None$"),
    "huge": (2**53 + 1, ValueError, r"^depth must be at most 2\*\*53$"),
    "too huge": (10**30, TypeError, "^depth must be an integer or an array of integers, got"),
    "empty": (np.ones(0, int), ValueError, r"^depth must not be empty, got shape \(0,\)$"),
    "masked": (np.ma.masked_less([3, 4], 4), TypeError, "^depth must not be a masked array"),
    "ragged": ([[3], [3, 4]], ValueError, "^depth must be a rectangular array of integers"),
}


@pytest.mark.parametrize("depth, error, message", BAD_DEPTHS.values(), ids=BAD_DEPTHS)
def test_bad_depths_are_refused(depth, error, message):
    for call in OF_DEPTH.values():
        refused(call, depth, error, message)


def test_shapes_that_do_not_broadcast_are_refused():
    with pytest.raises(ValueError, match="broadcast"):
        dmf.shrink([1.0, 2.0], [1.0, 2.0, 3.0], 3)
    with pytest.raises(ValueError, match="broadcast"):
        dmf.fold_threshold([1.0, 2.0], [3, 4, 5])


def test_bad_directions_are_refused():
    operator = dmf.hessian_operator(PROBLEM, FACTORS)
    message = "^directions must hold real numbers, got dtype complex128$"
    with pytest.raises(ValueError, match="dimension mismatch"):
        operator @ np.ones(3)
    with pytest.raises(TypeError, match=message):
        operator @ (1j * np.ones(PROBLEM.size))
    with pytest.raises(TypeError, match=message):
        operator @ (1j * np.ones((PROBLEM.size, 2)))
