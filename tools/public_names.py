"""Call every public function of an installed dmfbook as its docstring shows; end with 1 if one fails or shows nothing."""

import doctest
import inspect
import sys

import numpy as np

import dmfbook


def main() -> int:
    """Run the examples, and say how many there were."""
    known = vars(dmfbook) | {"dmf": dmfbook, "np": np}
    finder, runner, silent = doctest.DocTestFinder(), doctest.DocTestRunner(), []
    for name in dir(dmfbook):
        tests = finder.find(getattr(dmfbook, name), name, module=False, globs=known)
        shown = any(name in example.source for test in tests for example in test.examples)
        if inspect.isfunction(getattr(dmfbook, name)) and not shown:
            silent.append(name)
        for test in tests:
            runner.run(test)
    failed, tried = runner.summarize()
    print(f"dmfbook {dmfbook.__version__}, {dmfbook.__file__}: {tried} examples, {failed} failed")
    if silent:
        print("not called:", *silent)
    return int(bool(failed or silent))


if __name__ == "__main__":
    sys.exit(main())
