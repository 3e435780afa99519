"""What ``pyproject.toml`` cannot say: build from nothing, and into a folder of any name."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build import build
from setuptools.command.install import install


class Build(build):
    """Forgets an earlier build, unless somebody chose the folder.

    Setuptools ships whatever it left there, also modules that were renamed since.
    """

    def run(self) -> None:
        """Build."""
        if Path(self.build_lib) == Path("build", "lib"):
            shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()


class Install(install):
    """Takes the path of the environment as it is.

    Setuptools would put variables in place of ``$name`` and ``{name}`` in it.
    """

    def expand_basedirs(self) -> None:
        """Expand nothing."""


setup(cmdclass={"build": Build, "install": Install})
