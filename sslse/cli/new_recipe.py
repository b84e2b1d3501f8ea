"""Make a working recipe skeleton, egs/NAME/sslmse.

The skeleton reads a corpus of plain files: SPEECH_ROOT/{train,valid,test}/SPEAKER/*.wav|flac with
a transcript beside each (same name, .txt), and NOISE_ROOT/{train,valid,test}/*.wav|flac. Another
layout needs another local/data.sh and nothing else.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
from pathlib import Path

from sslse.errors import ConfigError, DataError

SUMMARY = "make a working recipe skeleton"
ROOT = Path(__file__).resolve().parents[2]
MODEL_RECIPE = Path("egs/mini/sslmse")  # whose settings a new recipe starts with


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("name", help="name of the corpus: letters, digits, - and _")
    parser.add_argument("--root", type=Path, default=ROOT, help="checkout (default: this one)")


def link(target: Path, name: Path) -> None:
    """Make a relative symbolic link ``name`` that points to ``target``."""
    name.symlink_to(os.path.relpath(target, name.parent))


def make_recipe(name: str, root: Path) -> Path:
    """Make ``egs/NAME/sslmse`` and return its path.

    Args:
        name: of the corpus.
        root: the checkout.

    Raises:
        ConfigError: the name cannot be a folder's name.
        DataError: the recipe exists, or the checkout is none.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise ConfigError(
            f"'{name}' cannot name a recipe: use letters, digits, - and _, beginning with a letter "
            "or digit"
        )
    model, skeleton = root / MODEL_RECIPE, root / "egs/TEMPLATE/skeleton"
    for needed in (model / "run.sh", skeleton / "run.sh"):
        if not needed.exists():
            raise DataError(f"{root} is no checkout of sslse: it has no {needed.relative_to(root)}")
    recipe = root / "egs" / name / "sslmse"
    if recipe.exists():
        raise DataError(f"{recipe} exists already; choose another name, or remove that folder")
    # Made under another name and renamed, so that a half-made recipe never exists.
    begun = recipe.with_name(".sslmse.tmp")
    shutil.rmtree(begun, ignore_errors=True)
    for file in sorted(skeleton.rglob("*")):
        if file.is_file():
            copy = begun / file.relative_to(skeleton)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(file.read_text().replace("@NAME@", name))
            copy.chmod(file.stat().st_mode)
    for file in ("path.sh", "cmd.sh"):
        shutil.copy(model / file, begun / file)
    (begun / "conf").mkdir(exist_ok=True)
    for config in sorted((model / "conf").glob("*.yaml")):
        link(config, begun / "conf" / config.name)
    begun.rename(recipe)
    return recipe


def run(args: argparse.Namespace) -> None:
    """Make the recipe and say what to do next."""
    recipe = make_recipe(args.name, args.root)
    print(f"made {recipe}; next:")
    print("  1. set SPEECH_ROOT and NOISE_ROOT in db.sh, or rewrite local/data.sh for your corpus")
    print("  2. ./run.sh --stop_stage 1 makes and checks the data directories")
    print("  3. replace links in conf/ by files of your own where settings must differ")
