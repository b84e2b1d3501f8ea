"""PocketSphinx on six real read utterances, and with small grammars."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from sslse.errors import ConfigError
from sslse.recognizers.pocketsphinx import PocketSphinxRecognizer

pytest.importorskip("pocketsphinx")


def read(corpora, utterance):
    speaker, chapter, _ = utterance.split("-")
    (path,) = (corpora / "LibriSpeech").glob(f"*/{speaker}/{chapter}/{utterance}.flac")
    return soundfile.read(path, dtype="float32")[0]


@pytest.mark.slow
def test_a_real_sentence_and_its_independence_of_what_came_before(shared_corpora):
    recognizer = PocketSphinxRecognizer()
    sentence = read(shared_corpora, "1089-134691-0000")
    other = read(shared_corpora, "1089-134686-0001")
    before = recognizer.transcribe([sentence], 16000)
    recognizer.transcribe([other], 16000)
    assert recognizer.transcribe([sentence], 16000) == before == ["he could wait no longer"]


def test_words_and_grammar(shared_corpora, tmp_path):
    sentence = read(shared_corpora, "1089-134691-0000")
    loop = PocketSphinxRecognizer(words="he,could,wait no longer")
    assert loop.transcribe([sentence], 16000) == ["he could wait no longer"]
    grammar = tmp_path / "grammar.jsgf"
    grammar.write_text(
        "#JSGF V1.0;\ngrammar g;\npublic <s> = he could (wait | weight) no (longer | more);\n"
    )
    strict = PocketSphinxRecognizer(grammar=grammar)
    assert strict.transcribe([sentence], 16000) == ["he could wait no longer"]
    assert strict.transcribe([np.zeros(1, np.float32)], 16000) == [""]


def test_bad_options_are_one_sentence(tmp_path):
    with pytest.raises(ConfigError, match="1 of 2 words are not in the dictionary: xqzzy"):
        PocketSphinxRecognizer(words="yes xqzzy")
    with pytest.raises(ConfigError, match="choose one of"):
        PocketSphinxRecognizer(words="yes", grammar="a.jsgf")
    with pytest.raises(ConfigError, match="does not exist"):
        PocketSphinxRecognizer(grammar=tmp_path / "a.jsgf")
    with pytest.raises(ConfigError, match="does not exist"):
        PocketSphinxRecognizer(tmp_path / "model")
    (tmp_path / "bad.jsgf").write_text("no grammar")
    with pytest.raises(ConfigError, match="cannot use the grammar"):
        PocketSphinxRecognizer(grammar=tmp_path / "bad.jsgf")
