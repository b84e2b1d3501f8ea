"""Our own head behind the common interface."""

from __future__ import annotations

import numpy as np
import pytest

from sslse.errors import ConfigError, DataError
from sslse.recognizers import build_recognizer


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match="no folder "):
        build_recognizer("ctc", tmp_path / "none")
    with pytest.raises(DataError, match="holds no config.json"):
        build_recognizer("ctc", tmp_path)


def test_rate_and_words_are_the_models(fake):
    recognizer = build_recognizer("fake_ctc:FakeCTC", "any")
    assert recognizer.sample_rate == recognizer.model.sample_rate
    waveforms = [np.random.default_rng(n).normal(size=n) for n in (3200, 800)]
    together = recognizer.transcribe(waveforms, 16000)
    assert together == [recognizer.transcribe([one], 16000)[0] for one in waveforms]


@pytest.fixture
def recognizer_class(fake):
    from sslse.recognizers.base import RECOGNIZERS

    return RECOGNIZERS.find("fake_ctc:FakeCTC")


@pytest.fixture
def waveforms():
    rng = np.random.default_rng(0)
    return [0.1 * rng.standard_normal(n).astype(np.float32) for n in (3200, 6400, 500)]


def test_search_options(recognizer_class, waveforms, tmp_path):
    greedy = recognizer_class("any").recognize(waveforms)
    search = recognizer_class("any", beam=50, nbest=5)
    found = search.recognize_nbest(waveforms)
    assert [one[0].text for one in found] == search.recognize(waveforms)
    # One frame allows three texts.
    assert [len({h.text for h in one}) for one in found] == [len(one) for one in found] == [5, 5, 3]
    # Alone and padded in a batch are the same, and the best text is at least as probable as greedy.
    for waveform, one, text in zip(waveforms, found, greedy, strict=True):
        assert search.recognize_nbest([waveform])[0][0].score == pytest.approx(one[0].score)
        assert all(h.ctc <= one[0].ctc for h in one if h.text == text)
    lexicon = tmp_path / "words"
    lexicon.write_text("a\nbab\n")
    words = " ".join(recognizer_class("any", beam=50, lexicon=str(lexicon)).recognize(waveforms))
    assert set(words.split()) <= {"a", "bab"}
    arpa = tmp_path / "lm.arpa"
    arpa.write_text(
        "\\data\\\nngram 1=4\n\n\\1-grams:\n-9 <unk>\n-99 <s>\n-0.3 </s>\n-0.3 aa\n\n\\end\\\n"
    )
    options = {"lm": str(arpa), "unknown_score": -500.0, "beam": 500}
    assert set(" ".join(recognizer_class("any", **options).recognize(waveforms)).split()) <= {"aa"}


def test_wrong_search_options(recognizer_class, tmp_path):
    for options, sentence in [
        ({"nbest": 0}, "nbest 0"),
        ({"nbest": 3}, "needs a beam search"),
        ({"beam": 5, "lm": str(tmp_path / "none")}, "there is no language model"),
        ({"lexicon": str(tmp_path / "none")}, "expected 'lm' or a file of words"),
        ({"lexicon": "lm"}, "needs a language model"),
        ({"beam": 5, "lm_weight": -1.0}, "lm_weight"),
    ]:
        with pytest.raises(ConfigError, match=sentence):
            recognizer_class("any", **options)
    with pytest.raises(ConfigError, match="give a beam above 1"):
        recognizer_class("any").recognize_nbest([np.zeros(800, np.float32)])


def test_nbest_survives_an_interruption(fake, write_set, tmp_path):
    import json

    from sslse.recognizers.decode_worker import DecodeTask
    from sslse.recognizers.decoding import decode

    scp, out = write_set([3200, 6400, 4000]), tmp_path / "hyp"
    task = DecodeTask(
        "fake_ctc:FakeCTC", "any", str(scp), {"beam": 20, "nbest": 4}, batch_seconds=1.0
    )
    assert decode(task, out).num_failed == 0
    whole = [(out / name).read_text() for name in ("text", "nbest")]
    for line, words in zip(whole[1].splitlines(), whole[0].splitlines(), strict=True):
        utterance, _, hypotheses = line.partition(" ")
        best, *rest = json.loads(hypotheses)
        assert words == f"{utterance} {best['text']}".rstrip() and len(rest) == 3
        assert best["score"] >= rest[0]["score"]
    # Killed while the second utterance was written.
    for name in ("text", "nbest"):
        (out / name).unlink()
    header, first, second, _ = (out / ".decode.jsonl").read_text().splitlines(keepends=True)
    (out / ".decode.jsonl").write_text(header + first + second[:40])
    assert decode(task, out).num_failed == 0
    assert [(out / name).read_text() for name in ("text", "nbest")] == whole
