"""Mutation check: break each formula in turn and see that a test of its module fails.

Run as ``python tests/mutation.py [FOLDER/MODULE …]``; without names, on all numerics. A mutant is a module with one
operator, sign, number, comparison or transpose changed, and ``tests/<folder>/test_<module>.py``, or what stands in
``TESTS``, runs on it. Most mutants are a function that gets other code in a fork of a process that has loaded all, and
the tests that take the changed line run, the quickest of them first; those that none finds, and which are not on the
list of equivalent ones, meet all tests on a copy of the package. Who survives is printed and fails the check.
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
from equivalent_mutants import EQUIVALENT  # noqa: E402

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
    "network/losses/regression": ["network/losses/losses", "network/units"],
    "network/losses/stacks": ["network/losses/losses"],
    "network/problem": ["network/problem", "network/units"],
    "regularized/scalar": ["regularized/scalar", "regularized/roots", "homogeneity"],
    "regularized/blocks": [
        "regularized/spectrum",
        "regularized/eigenvectors",
        "regularized/rates",
    ],
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
    "zero_loss/davidson": ["zero_loss/sharpness", "zero_loss/inputs", "zero_loss/scale"],
    "zero_loss/flattest": ["zero_loss/inputs"],
    "zero_loss/galerkin": ["zero_loss/sharpness", "zero_loss/inputs", "zero_loss/scale"],
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
            if ast.unparse(other.left) != ast.unparse(other.right):
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
    """Nodes below `node`, without annotations, messages, seeds and tuning constants.

    Any negative length stands for the one that is left.
    """
    for child in ast.iter_child_nodes(node):
        if isinstance(node, ast.Call) and isinstance(child, ast.UnaryOp):
            if ast.unparse(node.func).endswith("reshape"):
                yield child
                continue
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
        taken, functions = json.loads(self.notes.read_text()), functions_of(self.file)
        gc.freeze()  # or each fork would touch, and so copy, all there is
        for number, mutant in enumerate(self.mutants):
            if not os.fork():
                self.finish = lambda status: status
                tests, limit = in_order(session.items, taken, mutant.lines)
                resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
                session.items[:] = tests if replaced(functions, self.file, mutant.source) else []
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


def functions_of(file: str) -> list[FunctionType]:
    """Functions of a module that is loaded."""
    things = [thing for thing in gc.get_objects() if isinstance(thing, FunctionType)]
    return [thing for thing in things if thing.__code__.co_filename == file]


def replaced(functions: list[FunctionType], file: str, source: bytes) -> bool:
    """Whether some of the functions could be given their code in another source of their module."""
    olds, news = (codes(compile(text, file, "exec")) for text in (Path(file).read_bytes(), source))
    other = {old: new for old, new in zip(olds, news, strict=True) if old != new}
    changed = [function for function in functions if function.__code__ in other]
    for function in changed:
        function.__code__ = other[function.__code__]
    return bool(changed)


def codes(code: CodeType) -> Iterator[CodeType]:
    """A piece of code, and all within."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


def in_order(items: list[pytest.Item], taken: dict, lines: range) -> tuple[list[pytest.Item], int]:
    """Those tests that take some of the lines, the quickest of them first; and seconds that are too many for them."""
    names = {test for line in lines for test in taken["lines"].get(str(line), [])}
    chosen = [item for item in items if item.nodeid in names]
    seconds = [taken["seconds"][item.nodeid] for item in chosen]
    ordered = [chosen[place] for place in sorted(range(len(chosen)), key=seconds.__getitem__)]
    return ordered, min(TIMEOUT, int(10 + 3 * sum(seconds)))


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


def gone_from(made: list[Mutant]) -> list[str]:
    """Entries of the list of equivalent mutants that are made no more."""
    known = {(mutant.line, mutant.change) for mutant in made}
    listed = [(line, change) for line, changes in EQUIVALENT.items() for change in changes]
    return [f"{change}    in    {line}" for line, change in listed if (line, change) not in known]


def main(modules: list[str]) -> int:
    """Check the modules; print survivors and the score."""
    left, made = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for (module, _), status in forked(on_each_mutant, [(module, folder) for module in modules]):
            if status:
                print(
                    f"{module}: the tests fail without any mutant, or do not run", file=sys.stderr
                )
                return 2
            cases = list(mutants(module))
            rest = [cases[place] for place in json.loads(notes_of(module, folder).read_text())]
            made, left = made + cases, left + rest
            print(
                f"{module}: {len(rest)} of {len(cases)} left at first", file=sys.stderr, flush=True
            )
    doubtful = [(mutant,) for mutant in left if not is_equivalent(mutant)]
    equivalent, survived = len(left) - len(doubtful), 0
    for (mutant,), status in forked(on_a_copy, doubtful):
        if status in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED):
            raise RuntimeError(f"the tests of {mutant.module} did not run")
        if status == 0:
            survived += 1
            place = f"dmfbook/{mutant.module}.py:{mutant.lines.start}"
            print(f"survived: {place}: {mutant.change}    in    {mutant.line}", flush=True)
    found = len(made) - equivalent - survived
    print(f"{found} of {len(made)} mutants found, {equivalent} equivalent, {survived} survived")
    gone = gone_from(made) if modules == all_modules() else []
    for entry in gone:
        print(f"equivalent, but not made any more: {entry}")
    return int(survived > 0 or bool(gone))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or all_modules()))
