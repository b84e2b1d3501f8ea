"""Run every full-size recipe through all stages on generated corpora in the published layouts.

    python bench/rehearsal.py --work FOLDER                  all recipes
    python bench/rehearsal.py --work FOLDER superb/asr       some; those before them are needed

Configurations are the published ones: sizes of models, losses, schedules, decoders. Smaller are
the corpora, the number of steps (--steps), and the batches (--batch utterances, none accumulated),
since a processor is not a GPU: bench/needs.py says what a full batch needs. The models of the hub
have random weights. FOLDER/rehearsal.jsonl has a line a stage; the same command goes on after the
last stage that ended well. --table prints the lines as Markdown.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "test"), str(REPOSITORY / "bench")]

import published_corpora as corpora  # noqa: E402
import robust_corpora  # noqa: E402
from full_scale import MEGABYTE, Peak, disk_mb  # noqa: E402
from rehearsal_models import make_models  # noqa: E402

STAGES = range(0, 11)
SECONDS = 3.2  # of an utterance


def librispeech(root: Path) -> dict[str, str]:
    return corpora.make_librispeech(root, SECONDS, 12)


def dns(root: Path) -> dict[str, str]:
    return corpora.make_noise(root, 6.0)


def robust(root: Path) -> dict[str, str]:
    robust_corpora.SECONDS = SECONDS
    libri, noisy = root / "robust_libri", root / "robust"
    robust_corpora.make_robust_asr(noisy, libri)
    for part, reader in (("train-clean-100", "19"), ("train-clean-360", "14"), ("dev-clean", "84")):
        robust_corpora.make_librispeech(libri, part, reader, 8)
    return {"LIBRISPEECH": str(libri), "ROBUST_ASR": str(noisy)}


def chime4(root: Path) -> dict[str, str]:
    robust_corpora.SECONDS = SECONDS
    corpus, texts = root / "chime4", root / "wsj1"
    robust_corpora.make_chime4(corpus)
    robust_corpora.make_wsj1(texts)
    return {"CHIME4": str(corpus), "WSJ1": str(texts)}


def voxceleb(root: Path) -> dict[str, str]:
    return corpora.make_voxceleb(root, SECONDS, 4, 8)


def fluent(root: Path) -> dict[str, str]:
    return corpora.make_fluent(root, SECONDS, 4)


def commands(root: Path) -> dict[str, str]:
    return corpora.make_commands(root, 1.0)


def librimix(root: Path) -> dict[str, str]:
    return corpora.make_librimix(root, SECONDS, 4)


def xrmb(root: Path) -> dict[str, str]:
    return corpora.make_xrmb(root, SECONDS)


def musan(root: Path) -> dict[str, str]:
    return corpora.make_musan(root, 6.0)


def voicebank(root: Path) -> dict[str, str]:
    return corpora.make_voicebank(root, SECONDS, 3)


@dataclass
class Plan:
    """How a recipe is rehearsed.

    Args:
        corpora: functions above.
        local: options of local/data.sh.
        options: of run.sh.
        processes: of a training, where the recipe says ``devices: auto``.
        without: stages that the recipe leaves out.
        valid_batches: of a validation; trials need all.
    """

    corpora: tuple[Callable[[Path], dict[str, str]], ...]
    local: str = ""
    options: tuple[str, ...] = ()
    processes: int = 1
    without: tuple[int, ...] = ()
    valid_batches: int = 1


ASR = "--max-epoch 1 --vocab-size 60"  # a few sentences have no more pieces
SUPERB = (3, 5, 10)  # its enhancers are those of librispeech/sslmse
# The order matters: superb reads librispeech/sslmse.
RECIPES = {
    "librispeech/sslmse": Plan(
        (librispeech, dns),
        "--num_train 12 --num_valid 4 --num_test 1",
        (
            *("--variants", "ft_snr ft_asr ft_ssl_mse_wavlm_base_plus ft_ssl_mse_wavlm_large"),
            *("--logmel_args", ASR),
        ),
    ),
    "superb/asr": Plan((librispeech, dns), without=SUPERB),
    "superb/sv": Plan((voxceleb, dns), "--num_valid_speakers 2", without=SUPERB, valid_batches=9),
    "superb/ic": Plan((fluent, dns), without=SUPERB),
    "superb/ks": Plan((commands, dns), without=SUPERB),
    "superb/sid": Plan((voxceleb, dns), without=SUPERB),
    "superb/sd": Plan((librimix, dns), without=SUPERB),
    "voicebank/sslmse": Plan((voicebank,)),
    "librispeech/ew2": Plan((robust,), "--partial true", processes=2),
    "librispeech/cbpc": Plan(
        (librispeech, dns),
        "--test_parts test-clean",  # an untrained transducer is slow to search
        ("--asr_args", ASR, "--clusters", "60"),
    ),
    "chime4/ew2": Plan((chime4,), processes=2),
    "xrmb/inversion": Plan(
        (xrmb, musan), "--num_valid_speakers 2 --num_test_speakers 2", without=(6,)
    ),
}


def measured(
    command: list[str], log: Path, environment: dict[str, str]
) -> tuple[int, float, float]:
    """Run a command; return its exit status, seconds, and largest memory in MB."""
    begin = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=environment
        )
        peak = Peak(process.pid)
        peak.start()
        process.wait()
        peak.stop()
    return process.returncode, time.monotonic() - begin, peak.most / MEGABYTE


def make_checkout(work: Path) -> None:
    """Link the checkout, but for egs, whose folders are copied: data and results stay in WORK."""
    for name in ("utils", "bin", "conf", "sslse", "tools", "requirements.lock"):
        link = work / name
        if not link.exists():
            link.symlink_to(REPOSITORY / name)
    ignore = shutil.ignore_patterns("data", "exp*")
    shutil.copytree(REPOSITORY / "egs", work / "egs", ignore=ignore, dirs_exist_ok=True)


def make_corpora(work: Path) -> dict[str, dict[str, str]]:
    """Write all corpora once; return the variables of db.sh."""
    record = work / "corpora.json"
    if record.is_file():
        return json.loads(record.read_text())
    makers = dict.fromkeys(make for plan in RECIPES.values() for make in plan.corpora)
    roots: dict[str, dict[str, str]] = {}
    for make in makers:
        roots[make.__name__] = make(work / "corpora")
    record.write_text(json.dumps(roots))
    return roots


def environment_of(recipe: str, work: Path, roots: dict[str, dict[str, str]]) -> dict[str, str]:
    """Return the environment of a recipe: its corpora, and the models in place of the hub."""
    return {
        **os.environ,
        **{
            key: value
            for make in RECIPES[recipe].corpora
            for key, value in roots[make.__name__].items()
        },
        "SSLSE_VENV": os.environ.get("SSLSE_VENV", str(REPOSITORY / ".venv")),
        "HF_HUB_CACHE": str(work / "hub"),
        "HF_HUB_OFFLINE": "1",
    }


def rehearse(recipe: str, args: argparse.Namespace, roots: dict[str, dict[str, str]]) -> bool:
    """Run the stages of a recipe that are not done; return whether all ended well."""
    plan = RECIPES[recipe]
    training = (
        f"--trainer.max_steps {args.steps} --trainer.val_check_interval {args.steps}"
        f" --trainer.limit_val_batches {plan.valid_batches} --trainer.accumulate_grad_batches 1"
        f" --trainer.accelerator cpu --trainer.devices {plan.processes}"
        f" --data.batch_size {args.batch} --data.num_workers 1"
    )
    environment = environment_of(recipe, args.work, roots)
    folder = args.work / "egs" / recipe
    record = args.work / "rehearsal.jsonl"
    lines = record.read_text().splitlines() if record.is_file() else []
    done = {
        (line["recipe"], line["stage"]) for line in map(json.loads, lines) if not line["status"]
    }
    for stage in STAGES[: args.stop_stage + 1]:
        if (recipe, stage) in done or stage in plan.without:
            continue
        command = [str(folder / "run.sh"), "--stage", str(stage), "--stop_stage", str(stage)]
        command += [
            "--nj",
            "1",
            "--train_args",
            training,
            "--local_data_opts",
            plan.local,
            *plan.options,
        ]
        log = args.work / "logs" / f"{recipe.replace('/', '_')}_{stage}.log"
        log.parent.mkdir(exist_ok=True)
        before = disk_mb(folder)
        status, seconds, peak = measured(command, log, environment)
        line = {"recipe": recipe, "stage": stage, "status": status, "seconds": round(seconds, 1)}
        line |= {"peak_mb": round(peak), "disk_mb": round(disk_mb(folder) - before, 1)}
        with record.open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(f"{recipe} stage {stage}: {line}", flush=True)
        if status:
            print(f"see {log}", flush=True)
            return False
    return True


def table(record: Path) -> str:
    """Return the last line of every stage as Markdown."""
    rows = {}
    for line in map(json.loads, record.read_text().splitlines()):
        rows[line["recipe"], line["stage"]] = line
    text = "| recipe | stage | s | peak MB | disk MB |\n|---|--:|--:|--:|--:|\n"
    for (recipe, stage), line in rows.items():
        seconds = line["seconds"] if not line["status"] else "failed"
        text += f"| {recipe} | {stage} | {seconds} | {line['peak_mb']} | {line['disk_mb']} |\n"
    return text


def main() -> int:
    """Run what is asked for; the exit status says whether all recipes passed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipes", nargs="*", metavar="RECIPE", help="default: all")
    parser.add_argument("--work", type=Path, required=True, help="folder of all that is made")
    parser.add_argument("--steps", type=int, default=3, help="steps of a training (default: 3)")
    parser.add_argument("--batch", type=int, default=2, help="utterances in a batch (default: 2)")
    parser.add_argument("--stop-stage", type=int, default=STAGES[-1], help="last stage")
    parser.add_argument("--table", action="store_true", help="print what was measured and end")
    args = parser.parse_args()
    args.work = args.work.resolve()
    if args.table:
        print(table(args.work / "rehearsal.jsonl"))
        return 0
    unknown = set(args.recipes) - set(RECIPES)
    if unknown:
        parser.error(f"no recipe {sorted(unknown)[0]}; there are {', '.join(RECIPES)}")
    args.work.mkdir(parents=True, exist_ok=True)
    make_checkout(args.work)
    make_models(args.work / "hub")
    roots = make_corpora(args.work)
    recipes = args.recipes or list(RECIPES)
    return int(not all([rehearse(recipe, args, roots) for recipe in recipes]))


if __name__ == "__main__":
    sys.exit(main())
