"""What is kept was made from the very sources, options and weights of this call, else it is made
again, and nothing else is (EveryVoice#44)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from sslse.audio.files import write_audio
from sslse.cli.main import main
from sslse.data.datadir import write_datadir
from sslse.enhancers.conv_tasnet import ConvTasNet
from sslse.simulate.config import SimulateConfig
from sslse.simulate.offline import simulate

BESIDE = Path(__file__).resolve().parents[3] / "shared" / "cases"
CASES = Path(os.environ.get("SSLSE_TEST_CASES", BESIDE))


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("model") / "enhancer"
    ConvTasNet(12, 32, 16, 5, 7, blocks=2, repeats=1).save_pretrained(folder)
    return folder


@pytest.fixture
def work(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for number, folder in enumerate(("x", "y")):
        for name in ("u", "v"):
            write_audio(tmp_path / folder / f"{name}.wav", noise(number + ord(name)), 16000)
    return tmp_path


def noise(seed: int, samples: int = 3200) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).normal(size=samples)).astype(np.float32)


def enhance(model: Path, *words: str) -> None:
    assert main(["enhance", *words, "--model", str(model)]) == 0


def counts(capsys) -> tuple[int, int]:
    """Return how many were enhanced, and how many of these again."""
    lines = capsys.readouterr().err.splitlines()
    (total,) = (line for line in lines if "were there" in line)
    again = [line.split()[2] for line in lines if "made again" in line]
    return int(total.split()[2]), int(again[0]) if again else 0


def test_another_file_under_the_same_name(work, model, capsys):
    enhance(model, "x", "-o", "out")
    first = Path("out/u.wav").read_bytes()
    assert counts(capsys) == (2, 0)
    enhance(model, "x", "-o", "out")
    assert counts(capsys) == (0, 0)
    enhance(model, "y/u.wav", "-o", "out")
    assert counts(capsys) == (1, 1)
    assert Path("out/u.wav").read_bytes() != first
    enhance(model, "x", "-o", "out")
    assert counts(capsys) == (1, 1)  # v is that of x still
    assert Path("out/u.wav").read_bytes() == first


@pytest.mark.parametrize(
    "change",
    [
        lambda: Path("d/wav.scp").write_text("u x/u.wav\nv y/v.wav\n"),
        lambda: write_audio(Path("x/v.wav"), noise(9), 16000),
        lambda: os.utime("x/v.wav", (1, 1)),  # an older file, put back from a backup
        lambda: Path("d/wav.scp").write_text("u x/u.wav\nv cat x/v.wav |\n"),
        lambda: Path("out/wav/v.wav").write_bytes(b""),
        lambda: Path("out/wav/v.wav").unlink(),
    ],
)
def test_only_what_has_changed_is_made_again(work, model, capsys, change):
    Path("d").mkdir()
    Path("d/wav.scp").write_text("u x/u.wav\nv x/v.wav\n")
    enhance(model, "d", "-o", "out")
    kept = os.stat("out/wav/u.wav").st_mtime_ns
    change()
    capsys.readouterr()
    enhance(model, "d", "-o", "out")
    assert counts(capsys) == (1, 1)
    assert os.stat("out/wav/u.wav").st_mtime_ns == kept
    assert soundfile.info("out/wav/v.wav").frames == 3200


def test_changed_segments_and_pipes(work, model, capsys):
    Path("d").mkdir()
    Path("d/wav.scp").write_text("r cat x/u.wav |\n")
    Path("d/segments").write_text("a r 0 0.1\nb r 0 0.2\n")
    enhance(model, "d", "-o", "out")
    Path("d/segments").write_text("a r 0.05 0.1\nb r 0 0.2\n")
    capsys.readouterr()
    enhance(model, "d", "-o", "out")
    assert counts(capsys) == (1, 1)
    Path("d/wav.scp").write_text("r cat x/v.wav |\n")
    enhance(model, "d", "-o", "out")
    assert counts(capsys) == (2, 2)
    write_audio(Path("x/v.wav"), noise(5), 16000)  # the file that the pipe reads
    enhance(model, "d", "-o", "out")
    assert counts(capsys) == (2, 2)


def test_a_second_run_reads_no_audio(work, model, capsys, monkeypatch):
    enhance(model, "x", "-o", "out")
    write_datadir(
        "s", wav_scp={"a": "x/u.wav", "b": "x/v.wav"}, utt2num_samples={"a": 3200, "b": 3200}
    )
    config = SimulateConfig(sample_rate=16000)
    simulate("s", "s", "noisy", config)

    def never(*args: object, **options: object) -> None:
        raise AssertionError("audio was read")

    for place in ("sslse.data.datadir.read_audio", "sslse.enhancers.batch.enhance_recording"):
        monkeypatch.setattr(place, never)
    capsys.readouterr()
    enhance(model, "x", "-o", "out")
    assert counts(capsys) == (0, 0)
    assert simulate("s", "s", "noisy", config).num_mixed == 0


def test_one_file_is_written_where_its_name_says(work, model, capsys):
    enhance(model, "x/u.wav", "-o", "out")
    for name in ("e.wav", "sub/e.FLAC"):
        enhance(model, "x/u.wav", "-o", name)
        wanted, found = (soundfile.read(path)[0] for path in ("out/u.wav", name))
        assert Path(name).is_file() and np.abs(wanted - found).max() < 1e-4
    assert soundfile.info("sub/e.FLAC").format == "FLAC"
    Path("folder.wav").mkdir()
    enhance(model, "x/u.wav", "-o", "folder.wav")
    assert Path("folder.wav/u.wav").is_file()
    for words, sentence in (
        (("x/u.wav", "-o", "x/u.wav"), "x/u.wav is read"),
        (("x", "-o", "f.wav"), "for one recording"),
        (("x/u.wav", "x/v.wav", "-o", "f.wav"), "for one recording"),
        (("x/u.wav", "-o", "f.mp3"), "ends in .wav or .flac"),
        (("x/u.wav", "-o", "f.flac", "--subtype", "FLOAT"), "no FLOAT"),
    ):
        assert main(["enhance", *words, "--model", str(model)]) == 1
        assert sentence in capsys.readouterr().err
    assert not Path("f.wav").exists()


@pytest.fixture
def sets(work) -> Path:
    names = {"a": "x/u.wav", "b": "x/v.wav"}
    write_datadir("s", wav_scp=names, text={name: "one" for name in names})
    write_datadir("n", wav_scp={"n1": "y/u.wav", "n2": "y/v.wav"})
    return work


def mixed(**options: object) -> tuple[int, int]:
    summary = simulate("s", "n", "out", SimulateConfig(sample_rate=16000), seed=1, **options)
    return summary.num_mixed, summary.num_again


def test_a_simulated_set_follows_its_sources(sets, capsys):
    assert mixed() == (2, 0)
    plan = [line for line in Path("out/plan.jsonl").read_text().splitlines()]
    before = Path("out/audio/noisy/a.wav").read_bytes()
    write_datadir("s", text={"a": "one", "b": "two"})
    assert mixed() == (0, 0)
    assert Path("out/text").read_text() == "a one\nb two\n"
    Path("out/audio/clean/b.wav").write_bytes(b"")
    assert mixed() == (1, 1)
    write_audio(Path("x/u.wav"), noise(7), 16000)
    assert mixed() == (1, 1)
    assert Path("out/audio/noisy/a.wav").read_bytes() != before
    for number in (1, 2):
        write_audio(Path(f"y/{'uv'[number - 1]}.wav"), noise(20 + number), 16000)
        using = sum(f'"noise": "n{number}"' in line for line in plan)
        assert mixed() == (using, using)
    with open("out/.journal", "a") as stream:
        stream.write("garbage{\n")
    assert mixed() == (2, 0) and ".journal is damaged" in capsys.readouterr().err


def test_an_edited_plan_is_not_lost_when_a_new_one_is_drawn(sets, capsys):
    mixed(plan_only=True)
    plan = Path("out/plan.jsonl")
    edited = [{**json.loads(line), "snr_db": 1.5} for line in plan.read_text().splitlines()]
    plan.write_text("".join(f"{json.dumps(line)}\n" for line in edited))
    mine = plan.read_text()
    assert mixed() == (2, 0) and plan.read_text() == mine  # it is used as it is
    write_audio(Path("y/u.wav"), noise(31, 4000), 16000)
    mixed()
    assert plan.read_text() != mine and Path("out/plan.old.jsonl").read_text() == mine
    assert "which was edited" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("name", ["05", "06", "07", "20"])
def test_cases_that_destroyed_or_kept(name, tmp_path, repository):
    if not CASES.is_dir():
        pytest.skip(f"no cases at {CASES}")
    shutil.copytree(CASES, tmp_path / "cases")
    (script,) = (tmp_path / "cases").glob(f"{name}_*/cmd.sh")
    environment = {**os.environ, "SSLSE": str(repository), "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        ["bash", str(script)], env=environment, capture_output=True, text=True, check=False
    )
    output = done.stdout + done.stderr
    assert "Traceback" not in output
    if name in ("05", "07"):
        assert output.count("error:") == output.count(" error: ") >= 2
        assert "exit 0" not in output
    if name == "05":
        assert len({line.split()[0] for line in output.splitlines() if line.endswith(".wav")}) == 1
    if name == "06":
        assert "1 were there" not in output
        assert output.count("made again") >= 3
    if name == "20":
        assert output.count("1 of them again") == 2 and "journal is damaged" not in done.stdout
