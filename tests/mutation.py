"""Mutation check: break each formula in turn and see that a test of its module fails.

Run as ``python tests/mutation.py [FOLDER/MODULE …]``; without names, on all numerics. A mutant is a module with one
operator, sign, number, comparison or transpose changed; it lives in a copy of the package, and
``tests/<folder>/test_<module>.py``, or what stands in ``TESTS``, runs on that copy. Survivors are printed, except the
equivalent mutants listed below, and fail the check.
"""

import ast
import copy
import os
import re
import resource
import shutil
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

# Loaded before the forks, and with one thread, which a fork survives and which shares the cores.
os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
# Plugins that these tests do not need take longer to load than a mutant to fail.
os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
import autograd.numpy  # noqa: E402, F401
import mpmath  # noqa: E402, F401
import pytest  # noqa: E402
import scipy.optimize.elementwise  # noqa: E402
import scipy.sparse.linalg  # noqa: E402
import scipy.stats  # noqa: E402, F401

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("network", "regularized", "unregularized", "zero_loss", "sensing", "training", "yardstick")
# Modules that are tested by what calls them.
TESTS = {
    "network/frames": ["unregularized/kinds"],
    "network/gradient": ["network/problem", "network/losses/losses", "training/descent"],
    "network/losses/curvature": ["network/losses/losses", "network/hessian"],
    "network/losses/factorization": ["network/losses/losses"],
    "network/losses/loss": ["network/losses/losses"],
    "network/losses/moments": ["network/losses/losses", "zero_loss/inputs"],
    "network/losses/regression": ["network/losses/losses"],
    "network/losses/stacks": ["network/losses/losses"],
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
}

SWAPS = {ast.Add: ast.Sub, ast.Mult: ast.Div, ast.BitAnd: ast.BitOr, ast.Eq: ast.NotEq}
SWAPS |= {ast.Lt: ast.LtE, ast.Gt: ast.GtE}
SWAPS |= {new: old for old, new in SWAPS.items()} | {ast.Pow: ast.Mult}
TUNING = re.compile(r"\b[A-Z_]{4,}\b")
NAMES = {"maximum": "minimum", "minimum": "maximum", "max": "min", "min": "max"}


class Mutant(NamedTuple):
    module: str
    number: int
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
    for node in formulas(ast.parse(source)):
        for variant in variants(node):
            start = sum(map(len, lines[: node.lineno - 1])) + node.col_offset
            end = sum(map(len, lines[: node.end_lineno - 1])) + node.end_col_offset
            text = ast.unparse(variant)
            # Parentheses keep the rest of the formula as it is; statements and `-1 → 1` need none.
            new = text if isinstance(variant, ast.stmt | ast.Constant) else f"({text})"
            yield Mutant(
                module,
                node.lineno,
                lines[node.lineno - 1].decode().strip(),
                f"{ast.unparse(node)} → {text}",
                source[:start] + new.encode() + source[end:],
            )


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


def survives(mutant: Mutant, folder: Path) -> bool:
    """Whether all tests of the module pass on the mutant; to be asked in a process of its own."""
    resource.setrlimit(resource.RLIMIT_CPU, (TIMEOUT, TIMEOUT))
    ignore = shutil.ignore_patterns("__pycache__", "workflow")
    shutil.copytree(ROOT / "dmfbook", folder / "dmfbook", ignore=ignore)
    (folder / "dmfbook" / f"{mutant.module}.py").write_bytes(mutant.source)
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True
    with open(folder / "log", "w") as log, redirect_stdout(log), redirect_stderr(log):
        status = pytest.main([*OPTIONS.split(), *tests_of(mutant.module)])
    if status in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise RuntimeError("no test ran")
    return status == pytest.ExitCode.OK


def survivors(cases: list[Mutant]) -> Iterator[Mutant]:
    """Those mutants that no test finds. Forks inherit the libraries, which saves most of the time."""
    running: dict[int, Mutant] = {}
    waiting = list(enumerate(cases))[::-1]
    with tempfile.TemporaryDirectory() as base:
        while waiting or running:
            while waiting and len(running) < PROCESSES:
                number, mutant = waiting.pop()
                pid = os.fork()
                if pid == 0:
                    try:
                        os._exit(0 if survives(mutant, Path(base, str(number))) else 1)
                    except BaseException:
                        traceback.print_exc()
                        os._exit(2)
                running[pid] = mutant
            pid, status = os.wait()
            mutant, code = running.pop(pid), os.waitstatus_to_exitcode(status)
            if code == 0:
                yield mutant
            elif code == 2:
                raise RuntimeError(f"the tests of {mutant.module} did not run")


def main(modules: list[str]) -> int:
    """Check the modules; print survivors and the score."""
    sources = {module: (ROOT / "dmfbook" / f"{module}.py").read_bytes() for module in modules}
    originals = [Mutant(module, 0, "", "", source) for module, source in sources.items()]
    if len(list(survivors(originals))) < len(modules):
        print("the tests fail without any mutant, or do not end in time", file=sys.stderr)
        return 2
    cases = [mutant for module in modules for mutant in mutants(module)]
    equivalent, survived = 0, 0
    for mutant in survivors(cases):
        if mutant.change in EQUIVALENT.get(mutant.line, []):
            equivalent += 1
        else:
            survived += 1
            place = f"dmfbook/{mutant.module}.py:{mutant.number}"
            print(f"survived: {place}: {mutant.change}    in    {mutant.line}", flush=True)
    found = len(cases) - equivalent - survived
    print(f"{found} of {len(cases)} mutants found, {equivalent} equivalent, {survived} survived")
    return int(survived > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or all_modules()))
