"""``sslse decode`` as a user sees it."""

from __future__ import annotations

from pathlib import Path

from sslse.cli.main import main


def test_unknown_recognizer_names_the_nearest(tmp_path, capsys):
    (tmp_path / "wav.scp").write_text("a a.wav\n")
    arguments = ["decode", "--data", str(tmp_path / "wav.scp"), "--out", str(tmp_path / "hyp")]
    assert main([*arguments, "--recognizer", "wisper"]) == 1
    assert "did you mean 'whisper'?" in capsys.readouterr().err


def test_missing_model_and_bad_options_are_one_sentence(tmp_path, capsys):
    (tmp_path / "wav.scp").write_text("a a.wav\n")
    arguments = ["decode", "--data", str(tmp_path / "wav.scp"), "--out", str(tmp_path / "hyp")]
    for options, sentence in [
        (["--recognizer", "espnet"], "needs the folder of its model"),
        (["--recognizer", "espnet", "--option", "beam=3"], "did you mean 'beam_size'?"),
        (["--recognizer", "espnet", "--option", "beam"], "expected KEY=VALUE"),
        (["--recognizer", "espnet", "--model", str(tmp_path / "no")], "is no folder"),
    ]:
        assert main([*arguments, *options]) == 1
        error = capsys.readouterr().err
        assert error.startswith("sslse decode: error: ") and sentence in error
        assert len(error.splitlines()) == 1


def test_missing_data_is_one_sentence(tmp_path: Path, capsys):
    arguments = ["decode", "--recognizer", "pocketsphinx", "--out", str(tmp_path / "hyp")]
    assert main([*arguments, "--data", str(tmp_path / "none.scp")]) == 1
    assert "cannot read" in capsys.readouterr().err
