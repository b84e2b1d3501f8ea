"""The smallest run of mini/sslmse, stage by stage, and what it must give if it is disturbed."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import time
import uuid
from pathlib import Path

from sslse.runtime.pool import die_with_parent

REPOSITORY = Path(__file__).resolve().parents[2]
STAGES = range(1, 11)
OPTIONS = (
    *("--train_args", "--trainer.max_steps 2 --trainer.val_check_interval 1"),
    "--local_data_opts",
    "--num_train 24 --num_valid 4 --num_test 2 "
    "--num_noise_train 14 --num_noise_valid 8 --num_noise_test 19",
    *("--variants", "ft_ssl_mse", "--backends", "ssl", "--metrics", "sdr", "--max_utts", ""),
    *("--oa_weights", "", "--nj", "2"),
)
MARK = "SSLSE_CAMPAIGN_RUN"  # variable by which the processes of a run are known
# Records of a run, not results: they hold times, or the order in which items were finished.
RECORDS = (
    *(".lock", ".journal", ".enhance.jsonl", ".decode.jsonl", "utterances.jsonl"),
    *("metrics.csv", "last.ckpt"),
)
RECORD_FOLDERS = ("log", "tensorboard", ".backup")
PATIENCE = 20.0  # seconds that processes of a broken run may take to end
LONGEST = 900.0  # seconds of a stage on a busy machine


def results(*folders: Path) -> dict[str, str]:
    """Return a hash of every result in the folders, by its name."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and path.name not in RECORDS
        and path.suffix != ".ckpt"  # a zip that holds times; the weights leave as safetensors
        and ".tmp" not in path.suffixes  # of a killed process; never read (sslse/runtime/atomic.py)
        and not set(RECORD_FOLDERS) & set(path.relative_to(folder).parts)
    }


def differences(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """Name the results that are not the same."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


class Run:
    """A run of one stage in a process group of its own.

    Args:
        work: folder with ``data`` and ``exp``.
        stage: number.
    """

    def __init__(self, work: Path, stage: int) -> None:
        self.stage, self.mark = stage, uuid.uuid4().hex
        self.output = work.parent / f"{self.mark}.log"
        command = [REPOSITORY / "egs/mini/sslmse/run.sh", *OPTIONS]
        command += ["--datadir", work / "data", "--expdir", work / "exp"]
        command += ["--stage", stage, "--stop_stage", stage]
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            MARK: self.mark,
        }
        with open(self.output, "wb") as stream:
            self.process = subprocess.Popen(
                [*map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    def processes(self) -> list[int]:
        """Return the processes of this run that live, its leader among them."""
        wanted, found = f"{MARK}={self.mark}".encode(), []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and wanted in (entry / "environ").read_bytes():
                    found.append(int(entry.name))  # of a zombie this file is empty
            except OSError:
                continue  # of another user, or it has just ended
        return found

    def wait(self, seconds: float = LONGEST) -> int | None:
        """Return the exit status, or None and end it all after so many seconds."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def kill(self) -> None:
        """Kill the leader's process group at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def orphans(self) -> list[str]:
        """Return the commands of processes that outlive the run, and end them."""
        limit = time.monotonic() + PATIENCE
        while (left := self.processes()) and time.monotonic() < limit:
            time.sleep(0.1)
        commands = []
        for number in left:
            try:
                words = Path(f"/proc/{number}/cmdline").read_bytes().replace(b"\0", b" ")
                os.kill(number, signal.SIGKILL)
            except OSError:
                continue  # it has just ended
            commands.append(words.decode("utf-8", "replace")[:200])
        return commands

    def said(self) -> str:
        """Return what it printed."""
        return self.output.read_text(errors="replace")


class SmallRecipe:
    """An unbroken run, with a copy of the folder before every stage.

    Args:
        folder: to work in; a finished run in it is taken, one that was begun goes on.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.work = folder, folder / "work"
        self.seconds: dict[int, float] = {}
        self.after: dict[int, dict[str, str]] = {}
        for stage in STAGES:
            record = folder / f"before{stage}.seconds"
            if not record.is_file():
                self.work.mkdir(parents=True, exist_ok=True)
                shutil.rmtree(self._state(stage), ignore_errors=True)
                subprocess.run(["cp", "-a", self.work, self._state(stage)], check=True)
                begin = time.monotonic()
                run = Run(self.work, stage)
                if run.wait() != 0:
                    raise RuntimeError(f"the unbroken run failed in stage {stage}:\n{run.said()}")
                shutil.rmtree(self._state(stage + 1), ignore_errors=True)
                subprocess.run(["cp", "-a", self.work, self._state(stage + 1)], check=True)
                record.write_text(str(time.monotonic() - begin))
            self.seconds[stage] = float(record.read_text())
        for stage in STAGES:
            self.after[stage] = self.results_of(self._state(stage + 1))

    def _state(self, stage: int) -> Path:
        return self.folder / f"before{stage}"

    def restore(self, stage: int) -> None:
        """Bring the folder to what it was before a stage."""
        shutil.rmtree(self.work, ignore_errors=True)
        subprocess.run(["cp", "-a", self._state(stage), self.work], check=True)

    @staticmethod
    def results_of(work: Path) -> dict[str, str]:
        """Return the hashes of all results of a folder, by names within it."""
        found = results(work / "data", work / "exp")
        return {str(Path(name).relative_to(work)): digest for name, digest in found.items()}
