"""Stands in for sslse/cli/main.py where a test is about the scripts: plans as the real one, and
writes at once what any other command would write. Notes the calls in ``$FAKE_CALLS``, and which
GPUs and how many threads each had in ``$FAKE_CALLS.gpus``.

``FAKE_FAIL``, ``FAKE_HANG``, ``FAKE_HANG_ONCE``: calls that contain this text fail, or wait for a
minute, or only the first of them does. ``FAKE_BEST_WEIGHT``: the observation-adding weight with
the fewest errors. ``FAKE_PACE``: what ``sslse doctor --pace`` says.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from sslse.errors import exit_status


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def main(argv: Sequence[str] | None = None) -> int:
    argv = list(sys.argv[1:] if argv is None else argv)
    command, *rest = argv
    line = shlex.join(argv)
    if command == "doctor":
        print(os.environ.get("FAKE_PACE", "1") if rest[0] == "--pace" else "fake sslse")
        return 0
    if command == "plan":
        from sslse.cli import plan

        parser = argparse.ArgumentParser()
        plan.add_arguments(parser)
        return exit_status("sslse plan", lambda: plan.run(parser.parse_args(rest)))
    with open(os.environ["FAKE_CALLS"], "a") as calls:
        calls.write(f"{line}\n")
    with open(os.environ["FAKE_CALLS"] + ".gpus", "a") as calls:
        seen = [os.environ.get(name, "-") for name in ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS")]
        calls.write(f"{' '.join(seen)} {line}\n")
    options = dict(zip(rest, rest[1:], strict=False))
    print(f"working on {command}", flush=True)
    once = os.environ.get("FAKE_HANG_ONCE", "\0")
    earlier = sum(once in call for call in Path(os.environ["FAKE_CALLS"]).read_text().splitlines())
    if os.environ.get("FAKE_HANG", "\0") in line or earlier == 1:
        time.sleep(60)
    if os.environ.get("FAKE_FAIL", "\0") in line:
        print("the disk is made of cheese", flush=True)
        return 3
    if command == "simulate":
        for file in ("wav.scp", "spk1.scp", "text"):
            write(Path(options["--out"]) / file, "utt1 a.wav\n")
    elif command in ("train", "train-asr"):
        for model in ("enhancer", "upstream", "downstream"):
            write(Path(options["--exp"]) / model / "config.json", "{}")
        write(Path(options["--exp"]) / ".done", "the command's own mark")
    elif command == "enhance":
        write(Path(options["-o"]) / "wav.scp", "utt1 b.wav\n")
    elif command == "decode":
        write(Path(options["--out"]) / "text", "utt1 hello\n")
    elif command == "verify":
        write(Path(options["--out"]) / "scores", "utt1 utt1 0.5\n")
    elif command == "classify":
        write(Path(options["--out"]) / "labels", "utt1 on\n")
    elif command == "diarize":
        write(Path(options["--out"]) / "rttm", "")
        write(Path(options["--out"]) / "settings.json", "{}")
    elif command == "score":
        write(Path(options["--out"]) / "summary.json", "{}")
    elif command == "select":
        folder = Path(options["--scores"])
        name = folder.name.replace("decode_", "oa_")
        best = float(os.environ.get("FAKE_BEST_WEIGHT", "0.2"))
        table = {p.name[2:]: {"mean": abs(float(p.name[2:]) - best)} for p in folder.glob("oa*")}
        weight = min((w for w in table if w != "0"), key=lambda w: table[w]["mean"])
        choice = {"weight": float(weight), "table": table}
        write(folder.with_name(f"{name}.json"), json.dumps(choice))
    elif command == "report":
        write(Path(options["--out"]) / "RESULTS.md", "| system | WER |\n")
        write(Path(options["--out"]) / "index.html", "<html></html>")
        write(Path(options["--text"]), "| system | WER |\n")
    elif command == "pack":
        write(Path(options["--out"]) / "README.md", "card")
    elif command not in ("validate", "fix-data"):
        return 2
    return 0
