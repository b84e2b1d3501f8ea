"""The files that ESPnet reads."""

from __future__ import annotations

import pytest
import sentencepiece
import soundfile

from sslse.errors import ConfigError, DataError
from sslse.espnet.data import EspnetSet, fit_text, prepare_set, prepare_tokens


def test_plain_audio_stays_where_it_is_and_other_audio_is_written(tmp_path, write_set):
    write_set([3200, 1600, 800])
    scp = (tmp_path / "wav.scp").read_text().splitlines()
    scp[1] = f"u1 cat {tmp_path}/audio/u1.wav |"
    (tmp_path / "wav.scp").write_text("\n".join(scp) + "\n")
    (tmp_path / "text").write_text("u0 yes  no\nu1 no\nu2\n")
    files = prepare_set(tmp_path, tmp_path / "exp", "train", 16000)
    paths = dict(line.split(" ", 1) for line in files.wav_scp.read_text().splitlines())
    assert list(paths) == ["u0", "u1"]  # u2 has no words
    assert paths["u0"] == str(tmp_path / "audio" / "u0.wav")
    assert soundfile.info(paths["u1"]).frames == 1600
    assert files.shape.read_text() == "u0 3200\nu1 1600\n"
    assert files.text.read_text() == "u0 yes  no\nu1 no\n"


def test_segments_are_cut(tmp_path, write_set):
    write_set([16000])
    (tmp_path / "segments").write_text("a u0 0.0 0.25\nb u0 0.5 1.0\n")
    (tmp_path / "text").write_text("a one\nb two\n")
    files = prepare_set(tmp_path, tmp_path / "exp", "train", 16000)
    lengths = [soundfile.info(line.split()[1]).frames for line in open(files.wav_scp)]
    assert lengths == [4000, 8000]
    assert files.shape.read_text() == "a 4000\nb 8000\n"


def test_several_conditions_are_told_apart(tmp_path, write_set):
    write_set([3200, 1600])
    folders = [tmp_path / "clean", tmp_path / "noisy"]
    for folder, words in zip(folders, ("u0 yes\nu1 no\n", "u0 yes\nu1\n"), strict=True):
        folder.mkdir()
        (folder / "wav.scp").write_text((tmp_path / "wav.scp").read_text())
        (folder / "text").write_text(words)
    files = prepare_set(folders, tmp_path / "exp", "train", 16000)
    assert files.text.read_text() == "clean-u0 yes\nclean-u1 no\nnoisy-u0 yes\n"
    assert files.shape.read_text() == "clean-u0 3200\nclean-u1 1600\nnoisy-u0 3200\n"
    with pytest.raises(ConfigError, match="do not have different names"):
        prepare_set([folders[0], tmp_path / "noisy" / ".." / "clean"], tmp_path, "train", 16000)


def test_another_rate_and_no_words_are_refused(tmp_path, write_set):
    write_set([800], rate=8000)
    (tmp_path / "text").write_text("u0\n")
    with pytest.raises(DataError, match="no utterance with words"):
        prepare_set(tmp_path, tmp_path / "exp", "train", 8000)
    (tmp_path / "text").write_text("u0 yes\n")
    with pytest.raises(DataError, match="at 8000 Hz but the configuration wants 16000 Hz"):
        prepare_set(tmp_path, tmp_path / "exp", "train", 16000)


def test_tokens(tmp_path):
    text = tmp_path / "text"
    text.write_text("a go up\nb up it goes\n" + "c go on and on and up\n" * 20)
    files = EspnetSet(tmp_path, text, tmp_path, tmp_path / "text_shape")

    def tokens(token_type, vocab_size=0):
        options = prepare_tokens(files, tmp_path, token_type, vocab_size)
        return options, options["token_list"].read_text().splitlines()

    def shapes(token_type, options):
        fit_text(files, options, token_type)
        return files.text_shape.read_text().splitlines()

    options, words = tokens("word")
    assert words == "<blank> <unk> and go goes it on up <sos/eos>".split()
    assert shapes("word", options)[:3] == ["a 2,9", "b 3,9", "c 6,9"]
    options, letters = tokens("char")
    assert shapes("char", options)[:2] == ["a 5,15", "b 10,15"]
    assert letters == "<blank> <unk> <space> a d e g i n o p s t u <sos/eos>".split()
    options, pieces = tokens("bpe", 20)
    assert options["bpemodel"].exists() and pieces[:2] == ["<blank>", "<unk>"]
    assert len(set(pieces)) == len(pieces) and any(piece.startswith("▁") for piece in pieces)
    model = sentencepiece.SentencePieceProcessor(model_file=str(options["bpemodel"]))
    assert shapes("bpe", options)[1] == f"b {len(model.encode('up it goes'))},{len(pieces)}"
    with pytest.raises(ConfigError, match="expected word, char or bpe"):
        tokens("phn")
