"""Packs what a recipe stands on (MANIFEST.in) beside the library; all else is in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithCheckout(build_py):
    """Copies the files of MANIFEST.in to sslse/checkout, for `sslse new-recipe`."""

    def run(self):
        super().run()
        if self.editable_mode:
            return  # the checkout itself is there
        self.run_command("egg_info")
        target = Path(self.build_lib, "sslse", "checkout")
        shutil.rmtree(target, ignore_errors=True)
        for file in map(Path, self.get_finalized_command("egg_info").filelist.files):
            if file.parts[0] not in ("sslse", "sslse.egg-info"):
                (target / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, target / file)  # with its mode: scripts stay executable


setup(cmdclass={"build_py": BuildWithCheckout})
