"""`sslse enhance` and `sslse pack` as a user calls them."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from sslse.audio.files import resample
from sslse.cli.main import main
from sslse.data.datadir import write_datadir
from sslse.data.scp import Table
from sslse.enhancers.base import Enhancer
from sslse.enhancers.conv_tasnet import ConvTasNet


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("model") / "enhancer"
    ConvTasNet(12, 32, 16, 5, 7, blocks=3, repeats=1).save_pretrained(folder)
    return folder


@pytest.fixture
def work(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(path: Path, samples: int = 4000, rate: int = 16000, channels: int = 1) -> np.ndarray:
    """Write noise under a slow envelope; return it, (samples, channels)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    waveform = 0.1 * np.random.default_rng(samples).normal(size=(samples, channels))
    soundfile.write(path, waveform, rate, subtype="FLOAT" if path.suffix == ".wav" else None)
    return waveform.astype(np.float32)


def expected(model: Path, waveform: np.ndarray) -> np.ndarray:
    """One channel at 16 kHz through the model."""
    with torch.inference_mode():
        return Enhancer.from_pretrained(model)(torch.from_numpy(waveform)[None])[0].numpy()


def enhance(model: Path, *arguments: object) -> int:
    return main(["enhance", *map(str, arguments), "--model", str(model), "--subtype", "FLOAT"])


def test_a_file_becomes_what_the_model_says(work, model):
    noisy = make(work / "a.wav")[:, 0]
    assert enhance(model, "a.wav", "-o", "out") == 0
    enhanced, rate = soundfile.read("out/a.wav", dtype="float32")
    assert rate == 16000
    np.testing.assert_allclose(enhanced, expected(model, noisy), atol=1e-6)
    assert Path("out/wav.scp").read_text() == "a out/a.wav\n"


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 16000])
@pytest.mark.parametrize("samples", [1, 9001])
def test_rate_and_length_stay(work, model, rate, samples):
    noisy = make(work / "a.wav", samples, rate)[:, 0]
    assert enhance(model, "a.wav", "-o", "out") == 0
    enhanced, out_rate = soundfile.read("out/a.wav", dtype="float32")
    assert (len(enhanced), out_rate) == (samples, rate)
    if samples > 1:
        there = expected(model, resample(noisy, rate, 16000))
        back = resample(there, 16000, rate)[:samples]
        np.testing.assert_allclose(enhanced[100:-100], back[100:-100], atol=2e-3)


def test_each_channel_is_enhanced_alone(work, model):
    noisy = make(work / "a.wav", channels=3)
    assert enhance(model, "a.wav", "-o", "out") == 0
    enhanced, _ = soundfile.read("out/a.wav", dtype="float32")
    for channel in range(3):
        wanted = expected(model, np.ascontiguousarray(noisy[:, channel]))
        np.testing.assert_allclose(enhanced[:, channel], wanted, atol=1e-6)


def test_a_folder_keeps_names_and_sub_folders(work, model):
    for name in ("in/a.wav", "in/sub/b.flac", "in/sub/two words/c.wav"):
        make(work / name)
    Path("in/notes.txt").write_text("not audio")
    Path("in/.half.wav").write_bytes(b"RIFF")
    assert enhance(model, "in", "-o", "out") == 0
    assert Path("out/wav.scp").read_text().splitlines() == [
        "a out/a.wav",
        "sub-b out/sub/b.wav",
        "sub-two_words-c out/sub/two words/c.wav",
    ]
    assert all(
        Path(line.split(" ", 1)[1]).is_file()
        for line in open("out/wav.scp").read().split("\n")[:-1]
    )


def test_tables_and_data_directories_with_segments(work, model):
    noisy = make(work / "a.wav", 16000)[:, 0]
    Path("wav.scp").write_text("u2 a.wav\nu1 cat a.wav |\n")
    assert enhance(model, "wav.scp", "-o", "table") == 0
    assert Path("table/wav.scp").read_text() == "u1 table/wav/u1.wav\nu2 table/wav/u2.wav\n"
    # Samples, not bytes: a WAV file of floats holds the second it was written in.
    first, second = (soundfile.read(f"table/wav/u{number}.wav")[0] for number in (1, 2))
    np.testing.assert_array_equal(first, second)
    write_datadir("data", wav_scp={"r": "a.wav"}, segments={"r-1": ("r", 0.25, 0.5)})
    assert enhance(model, "--data", "data", "-o", "cut") == 0
    enhanced, _ = soundfile.read("cut/wav/r-1.wav", dtype="float32")
    np.testing.assert_allclose(enhanced, expected(model, noisy[4000:8000]), atol=1e-6)


def test_pipes_can_be_refused(work, model, capsys):
    make(work / "a.wav")
    Path("wav.scp").write_text("u1 cat a.wav |\n")
    assert enhance(model, "wav.scp", "-o", "out", "--no-pipes") == 1
    assert "u1" in capsys.readouterr().err


def test_bad_files_are_named_and_the_others_go_on(work, model, capsys):
    make(work / "in/good.wav")
    Path("in/empty.wav").touch()
    Path("in/text.wav").write_text("hello")
    soundfile.write("in/nan.wav", np.array([0.0, np.nan]), 16000, subtype="FLOAT")
    whole = Path("in/good.wav").read_bytes()
    Path("in/cut.wav").write_bytes(whole[:5000])
    assert enhance(model, "in", "nowhere.wav", "-o", "out") == 1
    sentences = capsys.readouterr().err
    for name in ("empty", "text", "nan", "cut", "nowhere"):
        assert sentences.count(f"error: {name}: ") == 1
    assert "Traceback" not in sentences
    assert Path("out/wav.scp").read_text() == "good out/good.wav\n"
    assert sorted(path.name for path in Path("out").glob("*.wav")) == ["good.wav"]


def test_the_same_command_again_does_only_what_is_missing(work, model):
    for name in "abc":
        make(work / f"in/{name}.wav")
    assert enhance(model, "in", "-o", "out") == 0
    table = Path("out/wav.scp").read_text()
    stamps = {name: Path(f"out/{name}.wav").stat().st_mtime_ns for name in "abc"}
    Path("out/b.wav").unlink()
    assert enhance(model, "in", "-o", "out") == 0
    assert Path("out/wav.scp").read_text() == table
    again = {name: Path(f"out/{name}.wav").stat().st_mtime_ns for name in "abc"}
    assert [name for name in "abc" if again[name] != stamps[name]] == ["b"]


def test_other_options_or_newer_inputs_do_everything_again(work, model):
    noisy = make(work / "a.wav")[:, 0]
    assert enhance(model, "a.wav", "-o", "out") == 0
    plain, _ = soundfile.read("out/a.wav", dtype="float32")
    assert enhance(model, "a.wav", "-o", "out", "--oa", 0.5) == 0
    added, _ = soundfile.read("out/a.wav", dtype="float32")
    np.testing.assert_allclose(added, plain + 0.5 * noisy, atol=1e-6)
    make(work / "a.wav", samples=3000)
    assert enhance(model, "a.wav", "-o", "out", "--oa", 0.5) == 0
    assert soundfile.info("out/a.wav").frames == 3000


def test_observation_adding_in_both_forms(work, model):
    noisy = make(work / "a.wav")[:, 0]
    plain = expected(model, noisy)
    for form, wanted in (("add", plain + 0.2 * noisy), ("interpolate", 0.8 * plain + 0.2 * noisy)):
        assert enhance(model, "a.wav", "-o", form, "--oa", 0.2, "--oa-form", form) == 0
        enhanced, _ = soundfile.read(f"{form}/a.wav", dtype="float32")
        np.testing.assert_allclose(enhanced, wanted, atol=1e-6)


def test_chunks_join_to_the_whole_for_a_model_of_finite_context(work):
    torch.manual_seed(0)
    net = ConvTasNet(12, 32, 16, 5, 7, blocks=3, repeats=1, norm="frame")
    net.save_pretrained("model")
    noisy = make(work / "a.wav", 20000)[:, 0]
    make(work / "b.wav", 20000, rate=8000)
    assert enhance(Path("model"), "a.wav", "b.wav", "-o", "whole") == 0
    assert enhance(Path("model"), "a.wav", "b.wav", "-o", "parts", "--chunk-seconds", 0.1) == 0
    for name in "ab":
        whole, _ = soundfile.read(f"whole/{name}.wav", dtype="float32")
        parts, _ = soundfile.read(f"parts/{name}.wav", dtype="float32")
        np.testing.assert_allclose(parts, whole, atol=1e-5)
    np.testing.assert_allclose(
        soundfile.read("whole/a.wav", dtype="float32")[0], expected(Path("model"), noisy), atol=1e-6
    )


def test_one_file_alone_gets_a_name_beside_it(work, model, capsys):
    noisy = make(work / "in/a.wav")[:, 0]
    make(work / "in/b.flac")
    make(work / "in/c.ogg", 16000)
    before = {path: path.read_bytes() for path in (work / "in").iterdir()}
    for name, out in (("a.wav", "a.wav"), ("b.flac", "b.flac"), ("c.ogg", "c.wav")):
        target = f"in/{Path(out).stem}_enhanced{Path(out).suffix}"
        assert main(["enhance", f"in/{name}", "--model", str(model)]) == 0
        assert capsys.readouterr().err == f"sslse enhance: {seconds(name)} s of audio -> {target}\n"
        assert soundfile.info(target).frames == (16000 if name == "c.ogg" else 4000)
    assert {path: path.read_bytes() for path in before} == before
    enhanced, _ = soundfile.read("in/a_enhanced.wav", dtype="float32")
    np.testing.assert_allclose(enhanced, expected(model, noisy), atol=1e-4)
    assert len(list((work / "in").iterdir())) == 6
    os.link("in/a.wav", "in/d_enhanced.wav")  # the input under the name of the output
    os.link("in/a.wav", "in/d.wav")
    assert main(["enhance", "in/d.wav", "--model", str(model)]) == 1
    assert "choose another place" in capsys.readouterr().err
    assert Path("in/a.wav").read_bytes() == before[work / "in/a.wav"]


def seconds(name: str) -> str:
    return "1.0" if name == "c.ogg" else "0.2"


def test_the_shipped_enhancer_is_the_default(work, model, monkeypatch, capsys):
    noisy = make(work / "a.wav")[:, 0]
    monkeypatch.setattr("sslse.known_models.shipped_folder", lambda: work / "shipped")
    commands = (["a.wav"], ["a.wav", "-o", "out"], ["a.wav", "-o", "clean.wav"], ["--stream"])
    for command in commands:
        assert main(["enhance", *command]) == 1
        sentence = capsys.readouterr().err
        assert "this copy of sslse has no default enhancer" in sentence
        assert len(sentence.splitlines()) == 1
    Enhancer.from_pretrained(model).save_pretrained("shipped/default")
    for command, out in zip(
        commands[:3], ("a_enhanced.wav", "out/a.wav", "clean.wav"), strict=True
    ):
        assert main(["enhance", *command, "--subtype", "FLOAT"]) == 0
        enhanced, _ = soundfile.read(out, dtype="float32")
        np.testing.assert_allclose(enhanced, expected(model, noisy), atol=1e-6)
    assert main(["enhance", "--stream"]) == 1  # it is found, and is not causal
    assert "is not causal" in capsys.readouterr().err


def test_what_a_model_of_a_lower_rate_does_not_hear_is_told_once(work, capsys):
    net = ConvTasNet(12, 32, 16, 5, 7, blocks=1, repeats=1, sample_rate=8000)
    net.save_pretrained("low")
    for name in "abc":
        make(work / f"in/{name}.wav", 16000, 8000 if name == "c" else 16000)
    assert enhance(Path("low"), "in", "-o", "out") == 0
    said = capsys.readouterr().err
    told = "2 of the recordings have a higher rate than the enhancer: nothing above 4000 Hz is left"
    assert said.count("warning") == 1 and told in said
    spectrum = np.abs(np.fft.rfft(soundfile.read("out/a.wav")[0]))  # 1 Hz a bin
    assert spectrum[4100:].max() < 1e-2 * spectrum[:3800].max()
    assert enhance(Path("low"), "in/a.wav", "-o", "a.wav") == 0
    assert "nothing above 4000 Hz" in capsys.readouterr().err


def test_two_processes_write_the_same_files(work, model):
    for name in ("in/a.wav", "in/b.wav"):
        make(work / name)
    Path("in/bad.wav").touch()
    assert enhance(model, "in", "-o", "one") == 1
    assert enhance(model, "in", "-o", "two", "--nj", 2) == 1
    for name in ("a.wav", "b.wav"):
        one, two = (soundfile.read(f"{folder}/{name}")[0] for folder in ("one", "two"))
        np.testing.assert_allclose(one, two, rtol=0, atol=1e-6)


def test_standard_input_and_output(work, model, repository):
    noisy = make(work / "a.wav")[:, 0]
    command = [sys.executable, "-m", "sslse", "enhance", "-", "-o", "-", "--model", str(model)]
    environment = {**os.environ, "PYTHONPATH": str(repository)}
    answer = subprocess.run(
        [*command, "--subtype", "FLOAT"],
        input=Path("a.wav").read_bytes(),
        capture_output=True,
        check=True,
        env=environment,
    )
    enhanced, rate = soundfile.read(io.BytesIO(answer.stdout), dtype="float32")
    assert rate == 16000
    np.testing.assert_allclose(enhanced, expected(model, noisy), atol=1e-6)
    empty = subprocess.run(command, input=b"", capture_output=True, env=environment)
    assert empty.returncode == 1
    assert empty.stderr == b"sslse enhance: error: standard input is empty (0 bytes)\n"


def test_clipping_is_told(work, model, capsys):
    loud = ConvTasNet(12, 32, 16, 5, 7, blocks=1, repeats=1)
    with torch.no_grad():
        loud.decoder.weight.mul_(100)
    loud.save_pretrained("loud")
    make(work / "a.wav")
    make(work / "b.wav")
    assert main(["enhance", "a.wav", "b.wav", "-o", "out", "--model", "loud"]) == 0
    (said,) = re.findall("warning: .*", capsys.readouterr().err)
    assert re.match(r"warning: samples beyond full scale were clipped: \d+ in a, b;", said)
    # A run that is continued tells it of what was there, too: the run before may have been killed.
    (work / "out/b.wav").unlink()
    assert main(["enhance", "a.wav", "b.wav", "-o", "out", "--model", "loud"]) == 0
    again = capsys.readouterr().err
    assert "1 recordings enhanced, 1 were there already" in again and said in again


def test_names_give_names_that_a_table_can_hold(work, model):
    names = ("take.1", "take.2", "lat\udce9.wav", "new\nline.wav", "tab\tle.wav")
    for name in names:
        make(work / "in.wav")
        (work / "many").mkdir(exist_ok=True)
        (work / "in.wav").rename(work / "many" / name)
    (work / "top").mkdir()
    (work / "top" / "down").symlink_to(work / "many")
    assert enhance(model, "top", "-o", "out") == 0
    written = Path("out/wav.scp").read_text().splitlines()
    ids = {line.split()[0].removeprefix("down-") for line in written}
    assert ids == {"take.1", "take.2", "lat%E9", "new%0Aline", "tab_le"}
    assert all(Path(line.split(maxsplit=1)[1]).is_file() for line in written)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["-o", "out"], "no input"),
        ([], "no input"),
        (["b"], "no output"),
        (["a.wav", "b/a.wav"], "no output"),
        (["a.wav", "-o", "out", "--nj", "0"], "--nj must be 1 or more"),
        (["a.wav", "-o", "out", "--oa", "-1"], "must be 0 or more"),
        (["a.wav", "-o", "out", "--oa", "2", "--oa-form", "interpolate"], "between 0 and 1"),
        (["a.wav", "-", "-o", "out"], "one input alone"),
        (["a.wav", "b/a.wav", "-o", "out"], "would both become"),
        (["b", "-o", "out", "--chunk-seconds", "0"], "longer than 0"),
        (["silent", "-o", "out"], "has no audio"),
        (["a.wav", "-o", "out", "--device", "abacus"], "device 'abacus' cannot be used"),
    ],
)
def test_wrong_use_is_one_sentence(work, model, capsys, arguments, part):
    make(work / "a.wav")
    make(work / "b/a.wav")
    Path("silent").mkdir()
    assert enhance(model, *arguments) == 1
    sentence = capsys.readouterr().err
    assert part in sentence
    assert sentence.startswith("sslse enhance: error: ")


def test_names_that_only_seem_to_clash_are_all_enhanced(work, model):
    names = ["a/b.wav", "a-b.wav", "my file.wav", "my_file.wav", "a\ufeffb.wav"]
    for name in names:
        make(work / "in" / name)
    assert enhance(model, "in", "in", "-o", "out") == 0
    assert all((Path("out") / name).is_file() for name in names)
    assert set(Table("out/wav.scp")) == {"a-b", "a-b-2", "my_file", "my_file-2", "ab"}


def test_a_damaged_model_is_one_sentence(work, model, capsys):
    make(work / "a.wav")
    net = Enhancer.from_pretrained(model)
    net.save_pretrained("broken")
    weights = Path("broken/model.safetensors")
    weights.write_bytes(weights.read_bytes()[:-10])
    for folder in ("broken", "absent"):
        assert enhance(Path(folder), "a.wav", "-o", "out") == 1
        assert len(capsys.readouterr().err.splitlines()) == 1


def summary(folder: Path, **columns: dict) -> None:
    folder.mkdir(parents=True)
    (folder / "summary.json").write_text(json.dumps(columns))


def test_pack_writes_a_model_that_enhances_alike(work, model, capsys):
    exp = Path("exp/seed0/ft_snr")
    Enhancer.from_pretrained(model).save_pretrained(exp / "enhancer")
    (exp / "config.yaml").write_text("seed: 0\n")
    (exp / "oa_valid.json").write_text('{"weight": 0.2, "table": {}}')
    counts = {"n_scored": 2, "n_failed": 0}
    for folder, sdr, wer in (
        (exp / "decode_test/oa0", 8.123, 0.25),
        (exp / "decode_test/oa0.2", 7.5, 0.2),
        (exp / "decode_valid/oa0", 99.0, 0.01),
        (exp.parent / "noisy/decode_test/oa0", 3.0, 0.4),
    ):
        columns = {"sdr": {"mean": sdr, **counts}, "wer_ssl": {"wer": wer, **counts}}
        summary(folder / "scores", **columns)
    assert main(["pack", "--exp", str(exp), "--out", "packed", "--license", "cc-by-4.0"]) == 0
    assert "it loads and is the same model" in capsys.readouterr().out
    noisy = torch.randn(1, 999)
    assert torch.equal(
        Enhancer.from_pretrained("packed")(noisy), Enhancer.from_pretrained(model)(noisy)
    )
    card = Path("packed/README.md").read_text()
    assert card.startswith("---\nlibrary_name: sslse\nlicense: cc-by-4.0\n")
    for part in (
        "# ft_snr",
        "--oa 0.2",
        "| test | noisy input | 3.00 | 40.0% |",
        "| test | enhanced | 8.12 | 25.0% |",
        "| test | enhanced, observation adding 0.2 | 7.50 | 20.0% |",
        "| num_filters | 12 |",
    ):
        assert part in card
    assert "99" not in card
    assert Path("packed/training.yaml").read_text() == "seed: 0\n"


def test_pack_refuses_what_is_no_model(work, model, capsys):
    Path("exp").mkdir()
    assert main(["pack", "--exp", "exp", "--out", "packed"]) == 1
    assert "holds no model" in capsys.readouterr().err
    assert main(["pack", "--exp", str(model), "--out", str(model)]) == 1
    assert "choose another place" in capsys.readouterr().err
    assert not Path("packed").exists()
