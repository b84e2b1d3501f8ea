"""Whisper checkpoints of a folder, without any network: a tiny random one stands in."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from sslse.errors import ConfigError
from sslse.metrics.normalization import whisper_normalizer
from sslse.recognizers.repetition import repeats, without_loops
from sslse.recognizers.whisper import WhisperRecognizer

WORDS = ["Hello", "World", "Colour"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, write_whisper) -> Path:
    """A Whisper folder with random weights and one token for each of a few words."""
    folder = tmp_path_factory.mktemp("whisper")
    sizes = {"width": 8, "inner": 8, "layers": 1, "heads": 2, "mels": 8}
    write_whisper(folder, WORDS, longest=6, max_length=6, max_target_positions=12, **sizes)
    return folder


@pytest.mark.slow
def test_words_do_not_depend_on_the_batch(checkpoint, rng, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    recognizer = WhisperRecognizer(checkpoint, normalize=False)
    waveforms = [0.1 * rng.standard_normal(n).astype(np.float32) for n in (16000, 40000)]
    together = recognizer.transcribe(waveforms, 16000)
    assert together == [recognizer.transcribe([w], 16000)[0] for w in waveforms]
    assert all(set(text.split()) <= {*WORDS, "!"} for text in together)


@pytest.mark.slow
def test_another_device_and_other_numbers(checkpoint, rng, gpu, monkeypatch):
    import torch

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    waveforms = [0.1 * rng.standard_normal(n).astype(np.float32) for n in (16000, 40000)]
    exact = {"normalize": False, "dtype": "float32"}
    expected = WhisperRecognizer(checkpoint, device="cpu", normalize=False)
    assert str(expected.model.dtype) == "torch.float32"
    there = WhisperRecognizer(checkpoint, device=gpu, **exact)
    # The search of transformers knows this stand-in for what it calls itself and makes no numbers;
    # so: what it is given, and that the network runs on it.
    given = []
    monkeypatch.setattr(there.model, "generate", lambda features, **_: given.append(features))
    monkeypatch.setattr(there.processor, "batch_decode", lambda *_, **__: [""] * 2)
    there.recognize(waveforms)
    assert {value.device.type for value in (*given, *there.model.parameters())} == {gpu}
    with torch.no_grad():
        states = there.model.model.encoder(given[0]).last_hidden_state.cpu()
        wanted = expected.model.model.encoder(given[0].cpu()).last_hidden_state
    torch.testing.assert_close(states, wanted, atol=1e-5, rtol=1e-4)
    assert str(WhisperRecognizer(checkpoint, device=gpu).model.dtype) == "torch.float16"
    short = WhisperRecognizer(checkpoint, device="cpu", normalize=False, dtype="bfloat16")
    assert str(short.model.dtype) == "torch.bfloat16"
    assert short.recognize(waveforms) == [short.recognize([one])[0] for one in waveforms]
    with pytest.raises(ConfigError, match="dtype 'float8': expected float32"):
        WhisperRecognizer(checkpoint, device="cpu", dtype="float8")


@pytest.mark.slow
def test_english_normaliser(checkpoint, monkeypatch):
    recognizer = WhisperRecognizer(checkpoint)
    monkeypatch.setattr(
        recognizer, "_batch", lambda waveforms, **_: [" Mr. Hello, twenty-one Colour!"]
    )
    assert recognizer.transcribe([np.zeros(800)], 16000) == ["mister hello 21 color"]


@pytest.mark.slow
def test_more_than_30_seconds(checkpoint):
    recognizer = WhisperRecognizer(checkpoint, normalize=False)
    (text,) = recognizer.transcribe([np.zeros(16000 * 31, np.float32)], 16000)
    assert set(text.split()) <= {*WORDS, "!"}


def test_a_folder_without_configuration_is_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match="has no config.json"):
        WhisperRecognizer(tmp_path)


@pytest.mark.slow
def test_what_is_no_checkpoint_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ConfigError, match="neither as a local folder nor by hub name"):
        WhisperRecognizer("nobody/no-such-whisper")
    (tmp_path / "config.json").write_text('{"model_type": "whisper"}')
    with pytest.raises(ConfigError, match="cannot be loaded as a Whisper checkpoint"):
        WhisperRecognizer(tmp_path)


LOOP = "ha " * 150


def decodings(recognizer, monkeypatch, texts):
    """Let the decodings of one waveform give these texts; return the temperatures."""
    asked, left = [], iter(texts)

    def batch(waveforms, temperature=0.0, **_):
        asked.append(temperature)
        return [next(left) for _ in waveforms]

    monkeypatch.setattr(recognizer, "_batch", batch)
    return asked


@pytest.mark.slow
def test_loops_are_decoded_again_until_they_are_none(checkpoint, monkeypatch):
    recognizer = WhisperRecognizer(checkpoint, normalize=False)
    asked = decodings(recognizer, monkeypatch, [LOOP, LOOP + "ha", "thank you. " * 90, " Hello"])
    assert recognizer.transcribe([np.zeros(32000)], 16000) == ["Hello"]
    assert asked == [0.0, 0.2, 0.4, 0.6]


@pytest.mark.slow
def test_what_repeats_itself_at_every_temperature_keeps_a_phrase_once(
    checkpoint, monkeypatch, capsys
):
    recognizer = WhisperRecognizer(checkpoint, normalize=False)
    asked = decodings(recognizer, monkeypatch, [f"we went home {LOOP}"] + [LOOP] * 5)
    assert recognizer.transcribe([np.zeros(32000)], 16000) == ["we went home ha"]
    assert len(asked) == 6
    said = capsys.readouterr().err
    assert "repeats itself at every temperature ('we went home ha" in said
    assert "153 words in 2.0 s); repeated phrases are kept once" in said


@pytest.mark.parametrize("seconds", [0.1, 1.0, 30.0])
def test_a_loop_leaves_no_more_words_than_can_be_said(seconds):
    for loop in (LOOP, "thank you. " * 200):
        left = without_loops(loop, seconds)
        assert not repeats(left) and len(left) <= 20 * seconds
    # What is no exact repetition is cut.
    left = without_loops(" ".join(f"and {number}" for number in range(300)), seconds)
    assert len(left) <= 20 * seconds
    assert without_loops("that that is is not", 9.0) == "that is not"
    assert without_loops("ten tents", 9.0) == "ten tents"  # words, not letters


@pytest.mark.slow
def test_words_that_are_said_twice_alike_were_said(checkpoint, monkeypatch):
    recognizer = WhisperRecognizer(checkpoint, normalize=False)
    digits = " ".join(["one"] * 20)
    decodings(recognizer, monkeypatch, [digits, digits])
    assert recognizer.transcribe([np.zeros(16000 * 10)], 16000) == [digits]


@pytest.mark.slow
def test_sampling_gives_the_same_words_each_time_and_changes_no_other(checkpoint, rng):
    import torch

    recognizer = WhisperRecognizer(checkpoint, normalize=False)
    waveform = 0.1 * rng.standard_normal(16000).astype(np.float32)
    (raw,) = recognizer._batch([waveform])
    assert set(raw.split()) <= {*WORDS, "!"}
    for seconds in (1, 31):
        found = set()
        for seed in range(3):
            torch.manual_seed(seed)
            state = torch.random.get_rng_state()
            again = recognizer._again(np.resize(waveform, 16000 * seconds), LOOP)
            assert torch.equal(torch.random.get_rng_state(), state)
            found.add(again)
        assert len(found) == 1


@pytest.mark.slow
def test_a_folder_without_spellings_keeps_them_and_says_so(
    checkpoint, tmp_path, monkeypatch, capfd
):
    shutil.copytree(checkpoint, tmp_path / "w")
    (tmp_path / "w/normalizer.json").unlink()
    recognizer = WhisperRecognizer(tmp_path / "w")
    assert "has no normalizer.json, so the normaliser leaves spellings" in capfd.readouterr().err
    monkeypatch.setattr(recognizer, "_batch", lambda waveforms, **_: [" Twenty-one Colour!"])
    assert recognizer.transcribe([np.zeros(800)], 16000) == ["21 colour"]
    normalize = whisper_normalizer(tmp_path / "w")
    assert "has no normalizer.json" in capfd.readouterr().err
    assert normalize("Twenty-one COLOUR!") == "21 colour"
    WhisperRecognizer(tmp_path / "w", normalize=False)
    assert "normalizer.json" not in capfd.readouterr().err


@pytest.mark.parametrize("text", ["{", "[1, 2]"])
def test_damaged_spellings_are_one_sentence(tmp_path, text):
    (tmp_path / "normalizer.json").write_text(text)
    with pytest.raises(ConfigError, match="normalizer.json, the spellings .* cannot be read"):
        whisper_normalizer(tmp_path)


@pytest.mark.parametrize("unit", ["ha ", "thank you. ", "I am going to go to the house. "])
def test_loops_are_noticed_in_a_part_of_a_long_text_too(unit):
    prose = (
        "the law requires that every person who keeps a dog shall buy a licence at the post office "
        "before the end of march and carry it along wherever both of them happen to go together "
    )
    assert not repeats(prose) and not repeats("yes yes yes") and not repeats("")
    assert repeats(unit * 40) and repeats(prose + unit * 40)
