"""Transcripts in the case of a token list, and those that it does not know."""

from __future__ import annotations

import numpy as np
import pytest

from sslse.audio.files import write_audio
from sslse.data.datadir import DataDir, write_datadir
from sslse.data.spelling import Spelling, case_of, same_case
from sslse.downstream.tokens import Tokens
from sslse.errors import ConfigError, DataError
from sslse.metrics.scoring import score
from sslse.search.beam_options import BeamOptions
from sslse.search.ngram_estimation import count_words, estimate_ngrams, write_arpa
from sslse.search.ngram_lm import NGramLM
from sslse.search.train_lm import fit_sentences
from sslse.systems.transcripts import transcript_describer

SMALL, CAPITALS = ["go up", "up it goes", "it is up to us"], ["GO UP", "UP IT GOES"]
FOREIGN = ["иди вверх", "он идёт вверх", "это зависит от нас"]


def test_case_is_that_of_the_letters_alone():
    assert case_of(["<blank>", "<unk>", "▁THE", "'S", "[MASK]"])("It's") == "IT'S"
    assert case_of(["<UNK>", "a", "b"])("It's") == "it's"
    assert case_of(["a", "B"])("It's") == case_of(["1", "2", "<unk>"])("It's") == "It's"
    assert same_case(SMALL, CAPITALS)("UP") == "up" and same_case(CAPITALS, SMALL)("up") == "UP"
    assert same_case(SMALL, ["Go up"])("Go up") == "Go up"


def test_few_unknown_tokens_are_none_of_its_business():
    spelling = Spelling(["<unk>", "a"], "it")
    spelling.count(3, 3, "a name")  # a short utterance of unknown words alone
    spelling.count(10, 27, "a rare one")
    with pytest.raises(DataError, match="43 of 60 tokens of the transcripts are <unk> to it"):
        spelling.count(30, 30, "x")


@pytest.fixture
def write(tmp_path):
    def write(name, texts):
        audio = tmp_path / "a.wav"
        write_audio(audio, 0.1 * np.ones(800, np.float32), 16000)
        names = [f"u{number}" for number in range(len(texts))]
        write_datadir(
            tmp_path / name,
            wav_scp=dict.fromkeys(names, str(audio)),
            text=dict(zip(names, texts, strict=True)),
        )
        return DataDir(tmp_path / name)

    return write


@pytest.mark.parametrize("unit", ["char", "word"])
def test_heads_follow_the_tokens_and_refuse_what_these_do_not_know(write, unit):
    tokens = Tokens.from_transcripts(SMALL, unit)
    item = transcript_describer(write("capitals", CAPITALS), tokens)("u1", 0, None)
    assert item["text"] == "up it goes" == tokens.decode(item["tokens"].tolist())
    with pytest.raises(DataError, match="are <unk> to the recogniser, which reads .*foreign"):
        transcript_describer(write("foreign", 4 * FOREIGN), tokens)


def test_a_language_model_follows_its_words_and_serves_tokens_of_the_other_case(tmp_path):
    words = count_words(CAPITALS, 100, 1)
    assert fit_sentences(SMALL[:2], words) == CAPITALS
    with pytest.raises(DataError, match="to the language model"):
        fit_sentences(5 * FOREIGN, words)
    write_arpa(tmp_path / "lm.arpa", *estimate_ngrams(CAPITALS, words, 1))
    lm = NGramLM.from_arpa(tmp_path / "lm.arpa")
    for unit in ("char", "word"):
        options = BeamOptions(Tokens.from_transcripts(SMALL, unit), lm)
        ids = set(options.lm_id[options.is_word].tolist())
        assert ids == set(lm.word_ids(["GO", "UP", "IT", "GOES"]).tolist())
    with pytest.raises(ConfigError, match="spell none of the 4 words"):
        BeamOptions(Tokens.from_transcripts(FOREIGN, "char"), lm)


def test_hypotheses_in_capitals_have_not_missed_every_word(write, tmp_path):
    data = write("test", SMALL)
    (tmp_path / "hyp").write_text("u0 GO UP\nu1 UP IT WENT\nu2 IT IS UP TO US\n")
    summary = score(data.path, tmp_path / "out", hypotheses={"x": tmp_path / "hyp"})
    assert summary["wer_x"]["errors"] == 1 and summary["wer_x"]["words"] == 10
