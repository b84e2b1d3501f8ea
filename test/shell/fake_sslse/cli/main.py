"""Writes the output files of each command, notes the call in ``$FAKE_CALLS``.

``FAKE_FAIL``, ``FAKE_HANG``: calls that contain this text fail, or wait for a minute.
"""

from __future__ import annotations

import json
import os
import shlex
import time
from pathlib import Path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def main(argv: list[str]) -> int:
    command, *rest = argv
    line = shlex.join(argv)
    if command == "doctor":
        print("fake sslse")
        return 0
    with open(os.environ["FAKE_CALLS"], "a") as calls:
        calls.write(f"{line}\n")
    options = dict(zip(rest, rest[1:], strict=False))
    print(f"working on {command}", flush=True)
    if os.environ.get("FAKE_HANG", "\0") in line:
        time.sleep(60)
    if os.environ.get("FAKE_FAIL", "\0") in line:
        print("the disk is made of cheese", flush=True)
        return 3
    if command == "simulate":
        for file in ("wav.scp", "spk1.scp", "text"):
            write(Path(options["--out"]) / file, "utt1 a.wav\n")
    elif command == "train":
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
        write(folder.with_name(f"{name}.json"), json.dumps({"weight": 0.2}))
    elif command == "report":
        write(Path(options["--out"]) / "RESULTS.md", "| system | WER |\n")
        write(Path(options["--out"]) / "index.html", "<html></html>")
        print("| system | WER |")
    elif command == "pack":
        write(Path(options["--out"]) / "README.md", "card")
    elif command not in ("validate", "fix-data"):
        return 2
    return 0
