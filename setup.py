"""What ``pyproject.toml`` cannot say: the package is built from nothing.

Setuptools ships whatever an earlier build has left in ``build/``, also modules that were renamed.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build import build


class Build(build):
    """Forgets an earlier build, unless somebody chose the folder."""

    def run(self) -> None:
        """Build."""
        if Path(self.build_lib) == Path("build", "lib"):
            shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()


setup(cmdclass={"build": Build})
