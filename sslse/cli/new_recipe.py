"""Make a working recipe: egs/NAME/sslmse, or with --task enhancement egs/NAME/enhancement.

--task recognition reads a corpus with transcripts: SPEECH/{train,valid,test}/SPEAKER/NAME.wav (or
another kind of sound) with NAME.txt beside each, and noises in NOISE/{train,valid,test}. It trains
enhancers with the losses of SSL-MSE and judges them by recognisers. What it cannot take is counted
and listed. Another layout needs another local/data.sh and nothing else.

--task enhancement needs a folder of clean speech and nothing else: any kind, rate and number of
channels, no transcripts; noises of your own, or computed ones. It ends with a packed enhancer.

  sslse new-recipe mine --task enhancement --speech /recordings/clean
  sslse new-recipe mine --task enhancement --speech /recordings/clean --init ENHANCER

A recipe stands in a checkout of sslse. An installed sslse makes one of what it carries, if the
folder of --root is not there.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from sslse.errors import ConfigError, DataError

SUMMARY = "make a working recipe skeleton"
METHODS = {"recognition": "sslmse", "enhancement": "enhancement"}  # task to method
PACKAGE = Path(__file__).resolve().parents[1]
CARRIED = PACKAGE / "checkout"  # packed by setup.py; a checkout has no such folder
MODEL_RECIPE = Path("egs/mini/sslmse")  # whose settings a new recipe with recognisers starts with
SAMPLE_RATE = 16000  # Hz


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument("name", help="name of the corpus: letters, digits, - and _")
    parser.add_argument(
        "--task",
        choices=METHODS,
        default="recognition",
        help="what the recipe is for; recognition needs transcripts (default: recognition)",
    )
    parser.add_argument(
        "--speech", type=Path, metavar="FOLDER", help="the speech (default: set it later in db.sh)"
    )
    parser.add_argument(
        "--noise", type=Path, metavar="FOLDER", help="the noises (default: likewise)"
    )
    parser.add_argument(
        "--init",
        metavar="ENHANCER",
        help="of --task enhancement: fine-tune this one: default, a folder or a hub name (default: "
        "train a new one)",
    )
    parser.add_argument(
        "--sample-rate",
        type=int,
        metavar="HZ",
        help=f"of --task enhancement (default: that of --init, else {SAMPLE_RATE})",
    )
    parser.add_argument(
        "--root", type=Path, help="checkout (default: this one; if installed: ./sslse-checkout)"
    )


def make_checkout(root: Path) -> None:
    """Make the checkout ``root`` of the library and of what was packed beside it."""
    # Made under another name and renamed, so that a half-made checkout never exists.
    begun = root.with_name(f".{root.name}.tmp")
    shutil.rmtree(begun, ignore_errors=True)
    shutil.copytree(CARRIED, begun)
    unwanted = shutil.ignore_patterns(CARRIED.name, "__pycache__")
    shutil.copytree(PACKAGE, begun / PACKAGE.name, ignore=unwanted)
    begun.rename(root)
    print(f"made {root}, a checkout of sslse")


def make_recipe(
    name: str, root: Path, task: str = "recognition", values: Mapping[str, str] | None = None
) -> Path:
    """Make ``egs/NAME/METHOD`` and return its path.

    Args:
        name: of the corpus.
        root: the checkout.
        task: one of ``METHODS``.
        values: what stands for ``@SPEECH@`` and the other places of the skeleton's files; default:
            as without options.

    Raises:
        ConfigError: the name cannot be a folder's name.
        DataError: the recipe exists, or the checkout is none.
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise ConfigError(
            f"'{name}' cannot name a recipe: use letters, digits, - and _, beginning with a letter "
            "or digit"
        )
    method = METHODS[task]
    model, skeleton = root / MODEL_RECIPE, root / "egs/TEMPLATE/skeleton" / method
    for needed in (model / "run.sh", skeleton / "run.sh"):
        if not needed.exists():
            raise DataError(f"{root} is no checkout of sslse: it has no {needed.relative_to(root)}")
    recipe = root / "egs" / name / method
    if recipe.exists():
        raise DataError(f"{recipe} exists already; choose another name, or remove that folder")
    values = {**places(), **(values or {}), "NAME": name}
    # Made under another name and renamed, so that a half-made recipe never exists.
    begun = recipe.with_name(f".{method}.tmp")
    shutil.rmtree(begun, ignore_errors=True)
    for file in sorted(skeleton.rglob("*")):
        if file.is_file():
            copy = begun / file.relative_to(skeleton)
            copy.parent.mkdir(parents=True, exist_ok=True)
            text = re.sub("@([A-Z]+)@", lambda place: values[place[1]], file.read_text())
            copy.write_text(text)
            copy.chmod(file.stat().st_mode)
    for file in ("path.sh", "cmd.sh"):
        shutil.copy(model / file, begun / file)
    if task == "recognition":
        (begun / "conf").mkdir(exist_ok=True)
        for config in sorted((model / "conf").glob("*.yaml")):
            base = os.path.relpath(config, begun / "conf")
            (begun / "conf" / config.name).write_text(f"base: {base}\n")
    begun.rename(recipe)
    return recipe


def places(
    speech: Path | None = None,
    noise: Path | None = None,
    init: str | None = None,
    sample_rate: int | None = None,
) -> dict[str, str]:
    """Return what stands in the files of a skeleton for its places.

    Args:
        speech: folder of the speech.
        noise: folder of the noises.
        init: enhancer that is fine-tuned.
        sample_rate: Hz; default: that of ``init``.

    Raises:
        DataError: a folder is missing, or ``init`` is no enhancer.
        ConfigError: ``sample_rate`` is not that of ``init``.
    """
    for folder in filter(None, (speech, noise)):
        if not folder.is_dir():
            raise DataError(f"there is no folder {folder}")
    if init is not None:
        from sslse.enhancers.base import Enhancer
        from sslse.known_models import DEFAULT

        own = Enhancer.from_pretrained(init).sample_rate
        if sample_rate not in (None, own):
            raise ConfigError(
                f"--sample-rate {sample_rate}: the enhancer {init} works at {own} Hz; leave the "
                "option out, or train a new enhancer without --init"
            )
        sample_rate = own
        if init != DEFAULT and Path(init).is_dir():
            init = str(Path(init).resolve())
    return {
        "SPEECH": shlex.quote(str(speech.resolve())) if speech else "",
        "NOISE": shlex.quote(str(noise.resolve())) if noise else "",
        "INIT": json.dumps(init or ""),
        "ROW": "finetuned" if init else "own",
        "RATE": str(sample_rate or SAMPLE_RATE),
    }


def run(args: argparse.Namespace) -> None:
    """Make the recipe and say what to do next."""
    installed = CARRIED.is_dir()
    root = args.root or (Path("sslse-checkout") if installed else PACKAGE.parent)
    if installed and not root.exists():
        make_checkout(root)
    enhancement = args.task == "enhancement"
    if not enhancement and (args.init is not None or args.sample_rate is not None):
        raise ConfigError("--init and --sample-rate go with --task enhancement")
    if args.sample_rate is not None and args.sample_rate < 1:
        raise ConfigError(f"--sample-rate must be 1 or more, not {args.sample_rate}")
    values = places(args.speech, args.noise, args.init, args.sample_rate)
    recipe = make_recipe(args.name, root, args.task, values)
    print(f"made {recipe}; next:")
    steps = []
    if enhancement:
        if not args.speech:
            steps.append("set SPEECH_ROOT in db.sh: a folder of clean speech")
        steps.append(f"{recipe}/run.sh makes the data, trains, scores and packs")
        packed = recipe / "exp/seed0" / values["ROW"] / "packed"
        steps.append(f"sslse enhance noisy.wav -o clean.wav --model {packed}")
    else:
        if not (args.speech and args.noise):
            steps.append("set SPEECH_ROOT and NOISE_ROOT in db.sh, or rewrite local/data.sh")
        steps.append("./run.sh --stop_stage 1 makes and checks the data directories")
        steps.append("write below `base:` in conf/*.yaml what differs from egs/mini")
    for number, step in enumerate(steps, start=1):
        print(f"  {number}. {step}")
