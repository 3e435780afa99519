"""Mutation check: break each formula in turn and see that a test of its module fails.

Run as ``python tests/mutation.py [FOLDER/MODULE …]``; without names, on all numerics. A mutant is a module with one
operator, sign, number, comparison or transpose changed, and ``tests/<folder>/test_<module>.py``, or what stands in
``TESTS``, runs on it. Most mutants are a function that gets other code in a fork of a process that has loaded all, and
the tests that take the changed line run, the quickest of them first; those that none finds, and which are not on the
list of equivalent ones below, meet all tests on a copy of the package. Who survives is printed and fails the check.
"""

import ast
import copy
import gc
import importlib
import json
import os
import re
import resource
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import CodeType, FunctionType
from typing import NamedTuple

# Loaded before the forks, and with one thread, which a fork survives and which shares the cores.
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
# Plugins that these tests do not need take longer to load than a mutant to fail.
os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
import autograd.numpy  # noqa: E402, F401
import coverage  # noqa: E402
import mpmath  # noqa: E402, F401
import pytest  # noqa: E402
import scipy.optimize.elementwise  # noqa: E402
import scipy.sparse.linalg  # noqa: E402
import scipy.stats  # noqa: E402, F401

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
PARTS = ("network", "regularized", "unregularized", "zero_loss", "sensing", "training", "yardstick")
# Modules that are tested by what calls them.
TESTS = {
    "network/factors": ["network/factors", "network/units", "network/layouts"],
    "network/frames": ["unregularized/kinds"],
    "network/gradient": ["network/problem", "network/losses/losses", "training/descent"],
    "network/hessian": ["network/hessian", "network/units"],
    "network/losses/curvature": ["network/losses/losses", "network/hessian"],
    "network/losses/factorization": ["network/losses/losses"],
    "network/losses/loss": ["network/losses/losses"],
    "network/losses/moments": ["network/losses/losses", "zero_loss/inputs"],
    "network/losses/regression": ["network/losses/losses"],
    "network/losses/stacks": ["network/losses/losses"],
    "network/problem": ["network/problem", "network/units"],
    "regularized/scalar": ["regularized/scalar", "regularized/roots", "homogeneity"],
    "regularized/blocks": ["regularized/spectrum", "regularized/eigenvectors"],
    "regularized/modes": [
        "regularized/modes",
        "regularized/critical",
        "regularized/point",
        "homogeneity",
    ],
    "regularized/point": [
        "regularized/point",
        "regularized/critical",
        "regularized/spectrum",
        "homogeneity",
    ],
    "regularized/reduced_regression": ["regularized/regression_fit", "regularized/critical_weight"],
    "zero_loss/chain": ["zero_loss/chain", "zero_loss/measures"],
    "zero_loss/davidson": ["zero_loss/sharpness", "zero_loss/scale"],
    "zero_loss/flattest": ["zero_loss/inputs"],
    "zero_loss/galerkin": ["zero_loss/sharpness", "zero_loss/scale"],
    "zero_loss/lagrangian": ["zero_loss/interpolation"],
    "zero_loss/leading": ["zero_loss/sharpness", "zero_loss/inputs", "zero_loss/scale"],
    "zero_loss/modes": ["zero_loss/factorizations", "zero_loss/inputs"],
    "zero_loss/sharpness": ["zero_loss/sharpness", "zero_loss/inputs", "zero_loss/scale"],
    "zero_loss/spectral_norm": ["zero_loss/sharpness", "zero_loss/scale"],
    "zero_loss/trace": ["zero_loss/trace", "zero_loss/inputs", "zero_loss/scale"],
    "sensing/checks": ["sensing/operator"],
    "sensing/entries": ["sensing/entries", "sensing/operator"],
    "training/descent": ["training/descent", "training/trajectory"],
    "training/flow": ["training/flow", "training/trajectory"],
    "yardstick/asks": ["yardstick/asks", "yardstick/network"],
    "yardstick/blocks": ["yardstick/network"],
    "yardstick/modes": ["yardstick/network"],
    "yardstick/minimizer": ["yardstick/asks", "yardstick/network"],
    "yardstick/saddle": ["yardstick/asks", "yardstick/network"],
    "yardstick/zero_loss": ["yardstick/asks", "yardstick/network"],
}
# The conftest beside the package refuses any other one.
OPTIONS = (
    "-x -q --tb=no -p no:cacheprovider -p _hypothesis_pytestplugin --hypothesis-profile mutants "
    f"--confcutdir={ROOT / 'tests'}"
)
PROCESSES = 2
TIMEOUT = 120  # seconds of computing; a mutant that does not end counts as found

# Changes that no test can find. Line of code: changes, and why.
EQUIVALENT = {
    # Tuning: the same numbers, sooner or later.
    "step = max(1, TILE_ENTRIES // (height * panel.stop))": ["1 → 2"],
    # Another unit, in which the numbers are in range as well.
    "unit = unit_exponent(0.0, reg, depth)": ["0.0 → 1.0"],
    "unit = unit_exponent(target, 0.0, depth)": ["0.0 → 1.0"],
    # Any positive number stands for a mode that is left out.
    "values = np.choose(checked, (1.0, self.smaller, self.larger))": ["1.0 → 2.0"],
    # How near is equal: far above rounding, far below what a target can mean.
    "scale = self.values if self._is_diagonal else sum(self._target.shape) * self.values[0]": [
        "sum(self._target.shape) * self.values[0] → sum(self._target.shape) / self.values[0]"
    ],
    "resolution = np.broadcast_to(4 * EPSILON * scale, self.values.shape)": ["4 → 5"],
    "starts = np.r_[True, self.values[:-1] - self.values[1:] > resolution[:-1]]": [
        "self.values[:-1] - self.values[1:] > resolution[:-1] → "
        "self.values[:-1] - self.values[1:] >= resolution[:-1]"
    ],
    "result[np.abs(result - landmark) <= np.minimum(resolution, landmark / 2)] = landmark": [
        "np.abs(result - landmark) <= np.minimum(resolution, landmark / 2) → "
        "np.abs(result - landmark) < np.minimum(resolution, landmark / 2)",
        "2 → 3",
    ],
    # A mode of value zero has no sign.
    "left[places, columns] = np.where(self._target[places, places] < 0, -1.0, 1.0)": [
        "self._target[places, places] < 0 → self._target[places, places] <= 0"
    ],
    # A bracket may be wider, and the fold is its other end where it would be too narrow.
    "high = low * root_of((2 * depth - 2) / depth, depth - 2) * (1 + SLACK)": [
        "1 → 2",
        "2 → 3",
        "1 + SLACK → 1 - SLACK",
        "2 * depth - 2 → 2 * depth + 2",
        "(2 * depth - 2) / depth → (2 * depth - 2) * depth",
        "low * root_of((2 * depth - 2) / depth, depth - 2) * (1 + SLACK) → "
        "low * root_of((2 * depth - 2) / depth, depth - 2) / (1 + SLACK)",
    ],
    "low = high * root_of((depth - 2) / (2 * depth - 2), depth) * (1 - SLACK)": [
        "2 → 3",
        "1 - SLACK → 1 + SLACK",
        "2 * depth - 2 → 2 * depth + 2",
        "high * root_of((depth - 2) / (2 * depth - 2), depth) * (1 - SLACK) → "
        "high * root_of((depth - 2) / (2 * depth - 2), depth) / (1 - SLACK)",
    ],
    "return _bracketed_root(low, high * (1 + SLACK), target, reg, depth)": ["1 → 2"],
    "by_reg = (of_reg + depth - 1) // (2 * depth - 2)": ["1 → 2"],
    "highest = (of_reg - LOWEST_EXPONENT) // (2 * depth - 2)": ["2 → 3"],
    # All layers have stacks of one shape.
    "stack, inputs = shapes[0][:-2], shapes[0][-1]": ["0 → 1"],
    # NumPy takes any negative length for the one that is left; and the matrix is symmetric.
    "units = np.eye(rows * cols).reshape(-1, cols, rows).mT": ["1 → 2"],
    "return images.mT.reshape(rows * cols, -1).T": [
        "1 → 2",
        "images.mT.reshape(rows * cols, -1).T → images.mT.reshape(rows * cols, -1)",
    ],
    # Another way to the same sum.
    "if matrices.ndim == 2:": ["2 → 3"],
    # What is not positive is NaN by then.
    "exists = np.where(gap > 0, 1.0, np.nan)": ["gap > 0 → gap >= 0"],
    # The scale of an empty sum.
    "top = max((exponent for term, exponent in terms if term), default=0)": ["0 → 1"],
    # A zero is divided by it.
    "root = np.where(target > 0, root_of(jump, depth), 1.0)": ["1.0 → 2.0"],
    # How far a Newton step may go: where it helps it is far shorter, where it harms far longer.
    "return np.where(np.abs(quotient - 1) < 1e-6, guess - guess * step, guess)": [
        "np.abs(quotient - 1) < 1e-06 → np.abs(quotient - 1) <= 1e-06",
        "1e-06 → 2e-06",
    ],
    "found[inside] = np.where(np.abs(step) < 1e-12 * w, w - step, w)": [
        "np.abs(step) < 1e-12 * w → np.abs(step) <= 1e-12 * w",
        "1e-12 * w → 1e-12 / w",
        "1e-12 → 2e-12",
    ],
    # At depth 2 the root is not used: s = m − λ w^0.
    "active = (depth > 2) & (reg > 0) & (target >= threshold)": ["depth > 2 → depth >= 2"],
    # A spectrum just as wide as its bins may be narrow.
    "if high - low < number * SMALLEST_BIN * high:": [
        "high - low < number * SMALLEST_BIN * high → high - low <= number * SMALLEST_BIN * high"
    ],
    # Two ends that are equally near.
    "fold_end = np.where(np.abs(ends[0]) < np.abs(ends[1]), low, high)": [
        "np.abs(ends[0]) < np.abs(ends[1]) → np.abs(ends[0]) <= np.abs(ends[1])"
    ],
    # More products are kept than are used.
    "products = deque(_running_products(factor_list(factors), np.matmul), maxlen=1)": ["1 → 2"],
    # NumPy takes any negative length for the one that is left.
    "heads, tails = heads.reshape(len(tile), 2, -1).mT, tails.reshape(len(tile), 2, -1)": ["1 → 2"],
    "columns = tile[:, start:stop].reshape(len(tile), block[0].shape[1], -1)": ["1 → 2"],
    "self._images = np.concatenate([image.reshape(cols, rows, -1) for image in images], axis=2)": [
        "1 → 2"
    ],
    "self._inputs, self._seen = self._right[k], images.reshape(len(images), -1)": ["1 → 2"],
    "return (self._inputs[some] @ self._seen).reshape(-1, self._stop)": ["1 → 2"],
    # All layers have stacks of one shape.
    "return np.reshape(traces, checked[0].shape[:-2])": ["0 → 1"],
    # How near is equal: far above rounding in single precision, far below what another function does.
    "if outputs.shape != expected.T.shape or (abs(outputs - expected.T) > 1e-3 * size.T).any():": [
        "0.001 → 0.002"
    ],
    # NumPy takes any negative length for the one that is left.
    "basis = np.linalg.qr(vectors[:, place].reshape(side, -1))[0]": ["1 → 2"],
    "vectors = matrices.mT.reshape(-1, self.shape[1])": ["1 → 2"],
    "vectors = _apply(self._operator.rmatmat, measurements.reshape(-1, self.shape[0]), stack)": [
        "1 → 2"
    ],
    "return DenseSensing(given.reshape(-1, sides[1], sides[0]).mT)": ["1 → 2"],
    "return self._matmat(np.reshape(vector, (-1, 1)))[:, 0]": ["1 → 2"],
    "return self._rmatmat(np.reshape(vector, (-1, 1)))[:, 0]": ["1 → 2"],
    "tall = self._transposed.reshape(-1, self.matrix_shape[0])": ["1 → 2"],
    "flat = slices.reshape(len(slices), -1)": ["1 → 2"],
    # Tuning: more half steps, whose gain is below rounding.
    "if abs(ratio - previous) <= LEAST_GAIN * ratio:": ["ratio - previous → ratio + previous"],
    # Rows and columns are equally many.
    "super().__init__(len(entries[0]), matrix_shape)": ["0 → 1"],
    "return EntrySampling(sides, places, float(np.sqrt(total / len(places[0]))))": ["0 → 1"],
    # Any numbers without a symmetry try an operator.
    "matrices = np.cos(np.arange(2.0 * operator.shape[1]) ** 1.5).reshape(2, *operator.matrix_shape)": [
        "np.arange(2.0 * operator.shape[1]) ** 1.5 → np.arange(2.0 * operator.shape[1]) * 1.5",
        "1.5 → 3.0",
    ],
    # And NumPy takes any negative length for the one that is left.
    "values = np.sin(1 + np.arange(2.0 * operator.shape[0]) ** 1.5).reshape(2, -1)": [
        "1 + np.arange(2.0 * operator.shape[0]) ** 1.5 → 1 - np.arange(2.0 * operator.shape[0]) ** 1.5",
        "1 → 2",
        "np.arange(2.0 * operator.shape[0]) ** 1.5 → np.arange(2.0 * operator.shape[0]) * 1.5",
        "1.5 → 3.0",
    ],
    # Both have one shape.
    '_checked_result(operator, "measure", matrices[0], values[0].shape)': ["0 → 1"],
    '_checked_result(operator, "back", values[0], matrices[0].shape)': ["0 → 1"],
    # The product of two vectors commutes.
    "size = float(np.abs(ax) @ np.abs(y) + np.vdot(np.abs(x), np.abs(aty)))": [
        "np.abs(ax) @ np.abs(y) → np.abs(y) @ np.abs(ax)"
    ],
    # Any number of columns asks for an adjoint.
    "linear.rmatmat(np.zeros((given.shape[0], 1)))": ["1 → 2"],
    # A Gram matrix is square.
    "return gram + self._damping * np.eye(gram.shape[-1])": ["1 → 2"],
    # Any number but zero, the step at which the first record is made.
    "self._recorded_at = -1": ["-1 → 1", "1 → 2"],
    # Tuning: another number of matrices at a time.
    "tile = max(1, BLOCK_ENTRIES // (size + count))": ["1 → 2"],
    # How small is zero: above rounding, far below what a singular value can mean.
    "rank = int((s > max(self.shape) * np.finfo(float).eps * s[0]).sum())": [
        "s > max(self.shape) * np.finfo(float).eps * s[0] → s >= max(self.shape) * np.finfo(float).eps * s[0]",
        "max → min",
    ],
    # Another unit in which the flow is neither fast nor slow, or one at the ends of float64.
    "self._unit = float(np.ldexp(1.0, np.clip(exponent, -1000, 1000)))": [
        "1.0 → 2.0",
        "1000 → 1001",
    ],
    # An infinite gradient makes an infinite step, which ends the run as well.
    "if not length < np.inf:": ["length < np.inf → length <= np.inf"],
    # How far is too far: beyond all digits, give or take none.
    "and leap > path / EPS": ["leap > path / EPS → leap >= path / EPS"],
    # A root that is found to one more digit, or at the end of its bracket.
    "return float(brentq(excess, 0, most, xtol=1e-15, rtol=1e-15))": ["1e-15 → 2e-15"],
    "return float(brentq(excess, last, second, xtol=1e-15))": ["1e-15 → 2e-15"],
    "if excess(most) <= 0:": ["excess(most) <= 0 → excess(most) < 0"],
    # Ends that just meet.
    "if not (last < second and excess(last) < 0):": [
        "last < second → last <= second",
        "excess(last) < 0 → excess(last) <= 0",
    ],
    "if not least <= 2 * reg:": ["least <= 2 * reg → least < 2 * reg"],
    # What is zero to rounding is made so, also where it is zero already.
    "return np.where(np.abs(values) <= resolution(modes.depth) * size[:, None], 0.0, values)": [
        "np.abs(values) <= resolution(modes.depth) * size[:, None] → "
        "np.abs(values) < resolution(modes.depth) * size[:, None]"
    ],
    "return float(16 * depth * np.finfo(float).eps)": ["16 → 17"],
    # Tuning: another number of blocks at a time.
    "step = max(1, TILE_ENTRIES // (2 * modes.depth) ** 2)": [
        "1 → 2",
        "2 → 3",
        "(2 * modes.depth) ** 2 → 2 * modes.depth * 2",
    ],
    # Another order of the same sorts, and sorts without members.
    "shape = np.c_[there[pairs.first], there[pairs.second], pairs.first == pairs.second]": [
        "pairs.first == pairs.second → pairs.first != pairs.second"
    ],
    "for sort in range(sorts.max(initial=-1) + 1):": ["-1 → 1", "1 → 2"],
    # Any negative number stands for none.
    "classes = np.full(size, -1)": ["1 → 2"],
    # All layers have one weight.
    "return self.problem.reg[0]": ["0 → 1"],
    # The product of two vectors commutes.
    "return float(self.values @ self.counts)": [
        "self.values @ self.counts → self.counts @ self.values"
    ],
    # What is too many is cut off.
    "enough = int(np.searchsorted(np.cumsum(counts), number)) + 1": ["1 → 2"],
    # Only its sign counts.
    'values, vectors = end_of(self._modes, 1 if which == "largest" else -1, self._number(k))': [
        "1 → 2"
    ],
    # The opposite of an eigenvector is one.
    "direction[l] += np.outer(value * self._bases[l + 1][:, row], self._bases[l][:, column])": [
        "direction[l] += np.outer(value * self._bases[l + 1][:, row], self._bases[l][:, column]) → "
        "direction[l] -= np.outer(value * self._bases[l + 1][:, row], self._bases[l][:, column])"
    ],
    # Tuning: another number of columns at a time.
    "columns = max(1, BLOCK_ENTRIES // sum(map(len, samples.values())))": ["1 → 2"],
    # Without inputs the loss is constant, whatever a layer's natural size.
    "natural = (of_target / of_inputs) ** (1 / len(factors)) if of_inputs else 0.0": ["0.0 → 1.0"],
    # A bound on errors is zero only where the residual is zero as well; no measured number meets another one exactly.
    "rank = int(np.count_nonzero(values > known))": ["values > known → values >= known"],
    "if rank and largest_left_out > values[rank - 1] + known + self.fit.error:": [
        "largest_left_out > values[rank - 1] + known + self.fit.error → "
        "largest_left_out >= values[rank - 1] + known + self.fit.error"
    ],
    "if _norm(coupling) <= _error(outer):": [
        "_norm(coupling) <= _error(outer) → _norm(coupling) < _error(outer)"
    ],
    "return len(values) > rank and bool(values[rank] > _error(self.layers[l + 1 : k]))": [
        "values[rank] > _error(self.layers[l + 1:k]) → values[rank] >= _error(self.layers[l + 1:k])"
    ],
    # Tuning: groups too small for the count yield nothing, later.
    "if count > available - start:": ["available - start → available + start"],
}

SWAPS = {ast.Add: ast.Sub, ast.Mult: ast.Div, ast.BitAnd: ast.BitOr, ast.Eq: ast.NotEq}
SWAPS |= {ast.Lt: ast.LtE, ast.Gt: ast.GtE}
SWAPS |= {new: old for old, new in SWAPS.items()} | {ast.Pow: ast.Mult}
TUNING = re.compile(r"\b[A-Z_]{4,}\b")
NAMES = {"maximum": "minimum", "minimum": "maximum", "max": "min", "min": "max"}


class Mutant(NamedTuple):
    module: str
    lines: range
    line: str
    change: str
    source: bytes


def variants(node: ast.AST) -> Iterator[ast.AST]:
    """What a node may be mistaken for; nothing where the mistake would be none.

    A sign is its own inverse; and a measured number never meets a tuning constant, written in capitals, exactly.
    """
    other = copy.deepcopy(node)
    if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Mult | ast.Div):
        factor = node.right if isinstance(node, ast.BinOp) else node.value
        if ast.unparse(factor).startswith("np.sign("):
            return
    if isinstance(node, ast.Compare) and not isinstance(node.ops[0], ast.Eq | ast.NotEq):
        if TUNING.search(ast.unparse(node)):
            return
    match other:
        case ast.BinOp(op=ast.MatMult()):
            other.left, other.right = other.right, other.left
            yield other
        case ast.BinOp() | ast.AugAssign() if type(other.op) in SWAPS:
            other.op = SWAPS[type(other.op)]()
            yield other
        case ast.Compare(ops=[operator]) if type(operator) in SWAPS:
            other.ops = [SWAPS[type(operator)]()]
            yield other
        case ast.UnaryOp(op=ast.USub() | ast.Invert()):
            yield other.operand
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            yield ast.Constant(value + 1 if isinstance(value, int) or value == 0 else 2 * value)
        case ast.Attribute(attr="T" | "mT"):
            yield other.value
        case ast.Attribute(attr=name) if name in NAMES:
            other.attr = NAMES[name]
            yield other
        case ast.Name(id=name) if name in NAMES:
            yield ast.Name(NAMES[name])


def statements(node: ast.AST, lines: range = range(0)) -> Iterator[tuple[ast.AST, range]]:
    """All nodes below `node`, each with the lines of its statement, of which a compound one has its head alone."""
    for child in ast.iter_child_nodes(node):
        inner = lines
        if isinstance(child, ast.stmt):
            body = getattr(child, "body", None)
            inner = range(child.lineno, body[0].lineno if body else child.end_lineno + 1)
        yield child, inner
        yield from statements(child, inner)


def formulas(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes below `node`, without annotations, messages, seeds and tuning constants."""
    for child in ast.iter_child_nodes(node):
        tuning = isinstance(node, ast.Module) and isinstance(child, ast.Assign)
        annotation = child in (getattr(node, "annotation", None), getattr(node, "returns", None))
        seed = isinstance(child, ast.Call) and ast.unparse(child.func) == "np.random.default_rng"
        if not (tuning or annotation or seed or isinstance(child, ast.Raise | ast.JoinedStr)):
            yield child
            yield from formulas(child)


def mutants(module: str) -> Iterator[Mutant]:
    """All mutants of a module."""
    source = (ROOT / "dmfbook" / f"{module}.py").read_bytes()
    lines = source.splitlines(keepends=True)
    tree = ast.parse(source)
    around = dict(statements(tree))
    for node in formulas(tree):
        for variant in variants(node):
            start = sum(map(len, lines[: node.lineno - 1])) + node.col_offset
            end = sum(map(len, lines[: node.end_lineno - 1])) + node.end_col_offset
            text = ast.unparse(variant)
            # Parentheses keep the rest of the formula as it is; statements and `-1 → 1` need none.
            new = text if isinstance(variant, ast.stmt | ast.Constant) else f"({text})"
            yield Mutant(
                module,
                around[node],
                lines[node.lineno - 1].decode().strip(),
                f"{ast.unparse(node)} → {text}",
                source[:start] + new.encode() + source[end:],
            )


def is_equivalent(mutant: Mutant) -> bool:
    """Whether it is on the list of those that no test can find."""
    return mutant.change in EQUIVALENT.get(mutant.line, [])


def all_modules() -> list[str]:
    """Modules of numerics that hold a formula."""
    package = ROOT / "dmfbook"
    files = sorted(path for part in PARTS for path in (package / part).rglob("*.py"))
    names = [path.relative_to(package).with_suffix("").as_posix() for path in files]
    return [name for name in names if next(mutants(name), None)]


def tests_of(module: str) -> list[str]:
    """Files of the tests of a module."""
    paths = [ROOT / "tests" / name for name in TESTS.get(module, [module])]
    return [str(path.with_name(f"test_{path.name}.py")) for path in paths]


class Taken:
    """A plugin of pytest: notes which tests take which lines of a file, and how long each computes."""

    def __init__(self, file: str):
        self.file, self.seconds = file, {}
        self.trace = coverage.Coverage(data_file=None, config_file=False, include=[file])
        self.trace.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        """Trace a test under its name."""
        self.trace.switch_context(item.nodeid)
        start = time.process_time()
        result = yield
        self.seconds[item.nodeid] = time.process_time() - start
        return result

    def save(self, path: Path):
        """Write the seconds of each test, and the tests of each line."""
        self.trace.stop()
        lines = self.trace.get_data().contexts_by_lineno(self.file)
        path.write_text(json.dumps({"seconds": self.seconds, "lines": lines}))


class OnEachMutant:
    """A plugin of pytest: forks of the process, in which the tests are collected already, run them on the mutants."""

    def __init__(self, module: str, notes: Path):
        self.file = str(ROOT / "dmfbook" / f"{module}.py")
        self.name = f"dmfbook.{module.replace('/', '.')}"
        self.mutants, self.notes = list(mutants(module)), notes
        self.finish = self.write_survivors

    def pytest_runtestloop(self, session):
        """Stay the parent, who runs no test, or become a child, who goes on and runs them."""
        importlib.import_module(self.name)  # the package loads a module when it is asked for
        if not os.fork():
            taken = Taken(self.file)
            session.config.pluginmanager.register(taken)
            self.finish = lambda status: taken.save(self.notes) or status
            return None
        if status_of_child() != 0:
            session.shouldfail = "without any mutant"
            raise session.Failed(session.shouldfail)
        self.survivors = []
        for number, mutant in enumerate(self.mutants):
            if not os.fork():
                resource.setrlimit(resource.RLIMIT_CPU, (TIMEOUT, TIMEOUT))
                self.finish = lambda status: status
                session.items[:] = (
                    in_order(session.items, self.notes, mutant.lines)
                    if replaced(self.file, mutant.source)
                    else []
                )
                return None
            if status_of_child() == 0:
                self.survivors.append(number)
        return True

    def write_survivors(self, status: int) -> int:
        """Write which mutants are left, to be tested on a copy of the package."""
        if status == 0:
            self.notes.write_text(json.dumps(self.survivors))
        return status


def status_of_child() -> int:
    """Wait for one child."""
    return os.waitstatus_to_exitcode(os.wait()[1])


def replaced(file: str, source: bytes) -> bool:
    """Whether functions of a module that is loaded could be given their code in another source of it."""
    olds, news = (codes(compile(text, file, "exec")) for text in (Path(file).read_bytes(), source))
    other = {old: new for old, new in zip(olds, news, strict=True) if old != new}
    functions = [
        thing
        for thing in gc.get_objects()
        if isinstance(thing, FunctionType) and thing.__code__ in other
    ]
    for function in functions:
        function.__code__ = other[function.__code__]
    return bool(functions)


def codes(code: CodeType) -> Iterator[CodeType]:
    """A piece of code, and all within."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


def in_order(items: list[pytest.Item], notes: Path, lines: range) -> list[pytest.Item]:
    """Those tests that take some of the lines, the quickest of them first."""
    taken = json.loads(notes.read_text())
    names = {test for line in lines for test in taken["lines"].get(str(line), [])}
    chosen = [item for item in items if item.nodeid in names]
    return sorted(chosen, key=lambda item: taken["seconds"][item.nodeid])


def run_tests(module: str, *plugins) -> int:
    """Run the tests of a module without a word; return their exit status."""
    sys.dont_write_bytecode = True
    if "dmfbook" in sys.modules:
        raise RuntimeError("the package was loaded too early")
    with open(os.devnull, "w") as log, redirect_stdout(log), redirect_stderr(log):
        return pytest.main([*OPTIONS.split(), *tests_of(module)], plugins)


def on_each_mutant(module: str, folder: Path) -> int:
    """Run the tests of a module on its mutants where they are quickly made: functions with other code."""
    plugin = OnEachMutant(module, notes_of(module, folder))
    status = run_tests(module, plugin)
    return plugin.finish(status)  # by now another one, in a child


def notes_of(module: str, folder: Path) -> Path:
    """Where the notes on a module are."""
    return folder / f"{module.replace('/', '.')}.json"


def on_a_copy(mutant: Mutant) -> int:
    """Run the tests of a mutant on a copy of the package: what it does when it is loaded is changed as well."""
    resource.setrlimit(resource.RLIMIT_CPU, (TIMEOUT, TIMEOUT))
    with tempfile.TemporaryDirectory() as folder:
        ignore = shutil.ignore_patterns("__pycache__", "workflow")
        shutil.copytree(ROOT / "dmfbook", Path(folder, "dmfbook"), ignore=ignore)
        Path(folder, "dmfbook", f"{mutant.module}.py").write_bytes(mutant.source)
        sys.path.insert(0, folder)
        return run_tests(mutant.module)


def forked(task: Callable[..., int], cases: Iterable[tuple]) -> Iterator[tuple[tuple, int]]:
    """Do a task with each case in a process of its own; yield cases and exit statuses. Forks inherit the libraries."""
    running: dict[int, tuple] = {}
    waiting = list(cases)[::-1]
    while waiting or running:
        while waiting and len(running) < PROCESSES:
            case = waiting.pop()
            pid = os.fork()
            if pid == 0:
                try:
                    os._exit(task(*case))
                except BaseException:
                    traceback.print_exc()
                    os._exit(pytest.ExitCode.INTERNAL_ERROR)
            running[pid] = case
        pid, status = os.wait()
        yield running.pop(pid), os.waitstatus_to_exitcode(status)


def main(modules: list[str]) -> int:
    """Check the modules; print survivors and the score."""
    left, number = [], 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for (module, _), status in forked(on_each_mutant, [(module, folder) for module in modules]):
            if status:
                print(
                    f"{module}: the tests fail without any mutant, or do not run", file=sys.stderr
                )
                return 2
            cases = list(mutants(module))
            number += len(cases)
            left += [cases[place] for place in json.loads(notes_of(module, folder).read_text())]
    doubtful = [(mutant,) for mutant in left if not is_equivalent(mutant)]
    equivalent, survived = len(left) - len(doubtful), 0
    for (mutant,), status in forked(on_a_copy, doubtful):
        if status in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED):
            raise RuntimeError(f"the tests of {mutant.module} did not run")
        if status == 0:
            survived += 1
            place = f"dmfbook/{mutant.module}.py:{mutant.lines.start}"
            print(f"survived: {place}: {mutant.change}    in    {mutant.line}", flush=True)
    found = number - equivalent - survived
    print(f"{found} of {number} mutants found, {equivalent} equivalent, {survived} survived")
    return int(survived > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or all_modules()))
