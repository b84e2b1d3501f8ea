"""What the data modules give to a training."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sslse.audio.files import read_audio, write_audio
from sslse.data.datadir import write_datadir
from sslse.data.draws import Draw
from sslse.errors import ConfigError, DataError
from sslse.systems.mixture_data import MixtureData
from sslse.systems.transcribed_data import TranscribedData

SECONDS = (0.5, 0.8, 0.6, 3.0)


@pytest.fixture
def sets(tmp_path: Path) -> dict[str, str]:
    """Clean speech u0 … u3 of SECONDS with transcripts, a noise, and a noisy set."""
    rng = np.random.default_rng(0)
    wav, text = {}, {}
    for number, seconds in enumerate(SECONDS):
        path = tmp_path / f"u{number}.wav"
        write_audio(path, 0.1 * rng.standard_normal(round(16000 * seconds)).astype("f4"), 16000)
        wav[f"u{number}"], text[f"u{number}"] = str(path), f"word {number}"
    write_datadir(tmp_path / "speech", wav_scp=wav, text=text)
    write_datadir(tmp_path / "noise", wav_scp={"n": wav["u3"]})
    write_datadir(tmp_path / "noisy", wav_scp=wav, spk1_scp=wav, text=text)
    return {name: str(tmp_path / name) for name in ("speech", "noise", "noisy")}


def trainer(uses_lengths: bool = False) -> SimpleNamespace:
    return SimpleNamespace(
        max_steps=6,
        accumulate_grad_batches=1,
        global_step=0,
        global_rank=0,
        world_size=1,
        lightning_module=SimpleNamespace(uses_lengths=uses_lengths),
    )


def batches(sets: dict[str, str], uses_lengths: bool = False, **options) -> list[dict]:
    data = MixtureData(sets["speech"], sets["noise"], sets["noisy"], batch_size=2, **options)
    data.trainer = trainer(uses_lengths)
    data.setup("fit")
    return data, list(data.train_dataloader())


def test_whole_utterances_bring_their_words_and_lengths(sets, capsys):
    data, found = batches(sets, crop_seconds=None, max_seconds=1.0)
    assert "1 of 4 utterances are longer than 1.0 s" in capsys.readouterr().out
    seen = set()
    for batch in found:
        for row, words in enumerate(batch["text"]):
            number = int(words.split()[1])
            length = int(batch["clean_lengths"][row])
            clean, _ = data.train_set.speech.load(f"u{number}")
            assert length == batch["noisy_lengths"][row] == len(clean)
            noise = (batch["noisy"] - batch["clean"])[row]
            assert noise[:length].any() and not noise[length:].any()
            ours, theirs = batch["clean"][row, :length], torch.from_numpy(clean)
            gain = ours.dot(theirs) / theirs.dot(theirs)  # the mixer may set the level
            torch.testing.assert_close(ours, gain * theirs)
            seen.add(number)
    assert seen == {0, 1, 2}
    _, again = batches(sets, crop_seconds=None, max_seconds=1.0)
    assert all(torch.equal(a["noisy"], b["noisy"]) for a, b in zip(found, again, strict=True))
    (valid, *_) = data.val_dataloader()
    assert valid["text"] == ["word 0"]
    with pytest.raises(DataError, match="no utterance of at most 0.1 s"):
        batches(sets, crop_seconds=None, max_seconds=0.1)


def test_crops_have_one_length_and_no_words(sets):
    _, found = batches(sets, crop_seconds=0.4)
    assert all(
        batch["noisy"].shape == (2, 6400) and set(batch) == {"noisy", "clean"} for batch in found
    )


def test_short_utterances_bring_their_lengths_to_a_system_that_uses_them(sets):
    """Batches are of similar length, and all is speech and noise up to the length."""
    data, found = batches(sets, uses_lengths=True, crop_seconds=0.7)
    seen = set()
    for batch in found:
        lengths = batch["noisy_lengths"]
        assert torch.equal(lengths, batch["clean_lengths"]) and "text" not in batch
        assert batch["noisy"].shape == (2, int(lengths.max()))
        for row, length in enumerate(lengths.tolist()):
            ends = batch["clean"][row, [0, length - 1]]
            assert ends.all() and not batch["noisy"][row, length:].any()
        seen |= set(lengths.tolist())
    assert seen == {8000, 9600, 11200}  # 0.5 s, 0.6 s and crops of 0.7 s
    assert sorted(data.train_set.num_samples()) == [8000, 9600, 11200, 11200]


def test_a_set_with_gaps_in_its_text_counts_as_one_without(sets):
    path = Path(sets["speech"]) / "text"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))
    _, found = batches(sets, crop_seconds=None)
    assert not any("text" in batch for batch in found)


@pytest.mark.parametrize(
    "workers, cores, devices, tasks, expected",
    [
        (3, 2, 1, 1, 3),
        ("auto", 1, 1, 1, 0),
        ("auto", 4, 1, 1, 3),
        ("auto", 64, 1, 1, 8),
        ("auto", 16, 4, 1, 3),
        ("auto", 2, 4, 1, 0),
        ("auto", 6, 4, 4, 5),  # of Slurm's tasks each has its own cores
    ],
)
def test_loader_processes_go_by_the_cores(monkeypatch, workers, cores, devices, tasks, expected):
    monkeypatch.setattr("sslse.systems.stepwise_data.available_cores", lambda: cores)
    monkeypatch.setenv("SLURM_NTASKS", str(tasks))
    data = MixtureData("train", num_workers=workers)
    data.trainer = SimpleNamespace(num_devices=devices)
    assert data.loader_processes() == expected


def test_pairs_are_cut_alike_and_get_no_noise(sets, tmp_path):
    """The crop of the clean reference is that of the noisy recording, also of a short one."""
    scp = dict(line.split() for line in (Path(sets["noisy"]) / "wav.scp").read_text().splitlines())
    clean = {}
    for name, path in scp.items():
        waveform, rate = read_audio(path)
        clean[name] = str(tmp_path / f"clean_{name}.wav")
        write_audio(clean[name], -0.5 * waveform, rate, subtype="FLOAT")
    write_datadir(tmp_path / "pairs", wav_scp=scp, spk1_scp=clean)
    data = MixtureData(str(tmp_path / "pairs"), paired=True, crop_seconds=0.7, batch_size=2)
    data.trainer = trainer()
    data.setup("fit")
    for batch in data.train_dataloader():
        assert batch["noisy"].shape == (2, 11200) and batch["noisy"].any()
        torch.testing.assert_close(batch["clean"], -0.5 * batch["noisy"])
    with pytest.raises(DataError, match="has no spk1.scp"):
        unpaired = MixtureData(sets["speech"], paired=True)
        unpaired.trainer = trainer()
        unpaired.setup("fit")
    with pytest.raises(ConfigError, match="leave data.noise out"):
        MixtureData(sets["noisy"], sets["noise"], paired=True)


def test_a_few_hours_of_labels_are_all_that_a_training_sees(sets):
    seen = {}
    system = SimpleNamespace(
        needs=("text",),
        preparation=None,
        prepare=lambda train: seen.update(train=list(train.utterances)),
        describer=lambda data: lambda name, start, count: {"text": data.text[name]},
        cache=lambda utterances, split: utterances,
    )

    def setup(hours, seed=0):
        data = TranscribedData(sets["speech"], hours=hours, seed=seed)
        data.trainer = SimpleNamespace(lightning_module=system)
        data.setup("fit")
        assert list(data.train_set.utterances) == seen["train"]
        return sum(SECONDS[int(name[1])] for name in seen["train"])

    assert setup(None) == pytest.approx(4.9)
    assert all(0 < setup(3.2 / 3600, seed) <= 3.2 + 1e-3 for seed in range(4))
    assert setup(2 / 3600, 1) == setup(2 / 3600, 1)
    with pytest.raises(DataError, match="h are less than an utterance of"):
        setup(0.1 / 3600)


def test_crops_at_another_speed_are_as_long_and_higher(sets, tmp_path):
    """A tone of 400 Hz plays at 400 × speed; short utterances are filled as ever."""
    time = np.arange(48000) / 16000
    tone = (0.5 * np.sin(2 * np.pi * 400 * time)).astype("f4")
    wav = {name: str(tmp_path / f"{name}.wav") for name in ("long", "short")}
    for name, length in (("long", 48000), ("short", 8000)):
        write_audio(wav[name], tone[:length], 16000)
    write_datadir(tmp_path / "tones", wav_scp=wav)
    data = MixtureData(str(tmp_path / "tones"), batch_size=2, crop_seconds=1.0, speeds=(0.8, 1.25))
    data.trainer = trainer()
    data.setup("fit")
    found = [row for batch in data.train_dataloader() for row in batch["clean"]]
    assert all(row.shape == (16000,) for row in found)
    pitches = {int(torch.fft.rfft(row).abs().argmax()) for row in found}  # 1 Hz a bin
    assert len(pitches) > 6 and 318 < min(pitches) < 380 and 420 < max(pitches) < 502
    filled = [row for row in found if (row == 0).sum() > 4000]
    assert len(filled) == len(found) // 2


def test_transcribed_speech_is_heard_at_other_speeds_and_never_kept(sets):
    """Whole utterances get longer or shorter: features of one draw are not those of the next."""
    system = SimpleNamespace(
        needs=("text",),
        preparation=None,
        prepare=lambda train: None,
        describer=lambda data: lambda name, start, count: {"text": data.text[name]},
        cache=lambda utterances, split: pytest.fail("kept, though no draw is like another"),
    )
    data = TranscribedData(sets["speech"], speeds=(0.8, 1.25))
    data.trainer = SimpleNamespace(lightning_module=system)
    data.setup("fit")
    lengths = data.train_set.num_samples()
    draws = [Draw(number % len(lengths), number) for number in range(60)]
    ratios = [lengths[draw.index] / len(data.train_set[draw]["waveform"]) for draw in draws]
    assert 0.79 < min(ratios) < 0.87 and 1.15 < max(ratios) < 1.26
    with pytest.raises(ConfigError, match="in order and from 0.5 to 2"):
        TranscribedData(sets["speech"], speeds=(1.2, 0.8))


def test_one_speed_changes_no_draw(sets):
    found = [batches(sets, crop_seconds=1.0, **more)[1] for more in ({}, {"speeds": (1.0, 1.0)})]
    for one, other in zip(*found, strict=True):
        assert torch.equal(one["noisy"], other["noisy"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"speeds": (1.1, 0.9)}, "in order and from 0.5 to 2"),
        ({"speeds": (0.9, 1.1), "crop_seconds": None}, "data.crop_seconds null"),
        ({"speeds": (0.9, 1.1), "paired": True}, "with data.paired"),
    ],
)
def test_speeds_that_would_have_no_effect_are_refused(options, words):
    with pytest.raises(ConfigError, match=words):
        MixtureData("speech", **options)
