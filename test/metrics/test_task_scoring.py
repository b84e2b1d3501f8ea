"""'sslse score' of classes, trials, turns and speech activity, and its sentences on bad files."""

import json

import numpy as np
import pytest

from sslse.audio.files import write_audio
from sslse.cli.main import main
from sslse.data.datadir import write_datadir, write_table
from sslse.data.rttm import Turn, write_rttm
from sslse.metrics.scores import read_column, read_summary
from sslse.report.format import format_number, heading

RATE = 16000


@pytest.fixture
def reference(tmp_path):
    """Three utterances of 2 s that are loud from 0.5 to 1.5 s; all truths."""
    path = tmp_path / "data"
    tone = 0.3 * np.sin(2 * np.pi * 300 * np.arange(RATE) / RATE)
    write_audio(tmp_path / "a.wav", np.pad(tone, RATE // 2).astype(np.float32), RATE)
    names = ["s1-a", "s1-b", "s2-a"]
    scp = dict.fromkeys(names, str(tmp_path / "a.wav"))
    write_datadir(
        path,
        wav_scp=scp,
        spk1_scp=scp,
        utt2spk={name: name[:2] for name in names},
        utt2intent={"s1-a": "on lamp none", "s1-b": "off lamp none", "s2-a": "on music kitchen"},
    )
    (path / "trials").write_text(
        "1 s1-a s1-b\n0 s1-a s2-a\ntarget s1-b s1-a\nnontarget s1-b s2-a\n"
    )
    write_rttm(path / "rttm", {name: [Turn(0.5, 1.5, "x")] for name in names})
    return path


def run(reference, *options):
    out = reference.parent / "scores"
    status = main(["score", "--reference", str(reference), "--out", str(out), *options])
    return status, out


def test_all_tasks_in_one_folder(reference, tmp_path, capsys):
    (tmp_path / "labels").write_text("s1-a on lamp none\ns1-b on lamp none\n")
    (tmp_path / "trials").write_text("s1-a s1-b 0.9\ns1-a s2-a 0.2\ns1-b s1-a 0.1\ns1-b s2-a 0.0\n")
    write_rttm(tmp_path / "sd", {"s1-a": [Turn(0.5, 1.5, "1")], "s1-b": [Turn(0.5, 1.0, "2")]})
    status, out = run(
        reference,
        *("--labels", f"ic={tmp_path}/labels", "--trials", f"asv={tmp_path}/trials"),
        *("--rttm", f"sd={tmp_path}/sd", "--vad", f"own={tmp_path}/sd"),
    )
    assert status == 1  # for the missing label
    summary = read_summary(out)
    assert summary["acc_ic"]["acc"] == 0.5 and summary["acc_ic"]["n_failed"] == 1
    assert summary["eer_asv"]["eer"] == 0.5 and summary["eer_asv"]["n_scored"] == 4
    assert summary["der_sd"]["der"] == pytest.approx(0.5)
    assert summary["fer_own"]["fer"] == pytest.approx(150 / 600)
    assert summary["der_own"]["der"] == pytest.approx(0.5)
    assert read_column(out, "eer_asv")["s1-a|s2-a"] == (0.2, 0.0)
    assert read_column(out, "der_sd") == {"s1-a": (0, 1), "s1-b": (0.5, 1), "s2-a": (1, 1)}
    assert "s2-a acc_ic the utterance is missing" in (out / "failed").read_text()
    printed = capsys.readouterr().out
    assert "eer_asv" in printed and "50.0%" in printed and "minDCF" in printed
    # The folder compares with itself, equal error rates included.
    assert main(["compare", str(out), str(out), "--num-resamples", "50"]) == 0
    assert "eer_asv          50.000   50.000    0.000" in capsys.readouterr().out


def test_activity_without_rttm_is_that_of_the_clean_speech(reference, tmp_path):
    (reference / "rttm").unlink()
    write_rttm(tmp_path / "vad", {n: [Turn(0.5, 1.5, "1")] for n in ("s1-a", "s1-b", "s2-a")})
    status, out = run(reference, "--vad", f"own={tmp_path}/vad")
    assert status == 0 and read_summary(out)["fer_own"]["fer"] == 0
    json.dumps(read_summary(out), allow_nan=False)


def test_names_and_units_of_the_columns():
    assert heading("eer_asv") == "EER asv" and heading("acc_ic") == "Acc ic"
    assert format_number("acc_ic", 0.981) == "98.1" and format_number("eer_asv", 0.05) == "5.0"


@pytest.mark.parametrize(
    "file, text, option, sentence",
    [
        ("trials", "1 s1-a nobody\n0 s1-a s2-a\n", "--trials", "nobody in line 1"),
        ("trials", "1 s1-a s1-b\n", "--trials", "all of them target"),
        ("trials", "yes s1-a s1-b\n", "--trials", "line 1 is no trial"),
        ("utt2intent", "s1-a on lamp none\n", "--labels", "no line for 2 of 3 utterances"),
        ("rttm", "SPEAKER s1-a 1 x 2 <NA> <NA> s <NA> <NA>\n", "--rttm", "line 1 is no turn"),
        ("rttm", "SPEAKER gone 1 1 2 <NA> <NA> s <NA> <NA>\n", "--rttm", "no utterances of"),
        ("rttm", "SPEAKER s1-a 1 -1 2 <NA> <NA> s <NA> <NA>\n", "--vad", "numbers from 0 on"),
    ],
)
def test_bad_files_are_one_sentence(reference, tmp_path, capsys, file, text, option, sentence):
    (reference / file).write_text(text)
    (tmp_path / "out").write_text("s1-a s1-b 0.5\n" if option == "--trials" else "")
    status, _ = run(reference, option, f"x={tmp_path}/out")
    error = capsys.readouterr().err
    assert status == 1 and sentence in error and error.count("\n") == 1


def test_output_without_numbers_is_named(reference, tmp_path, capsys):
    (tmp_path / "out").write_text("s1-a s1-b high\n")
    assert run(reference, "--trials", f"x={tmp_path}/out")[0] == 1
    assert "line 1 is no score" in capsys.readouterr().err
    (tmp_path / "out").write_text("s1-a s1-b 0.5\n")
    options = ("--trials", f"x={tmp_path}/out", "--vad", f"x={tmp_path}/out")
    assert run(reference, *options)[0] == 1
    assert "two back-ends are called 'x'" in capsys.readouterr().err


def test_each_back_end_has_its_own_classes(reference, tmp_path):
    (tmp_path / "ic").write_text("s1-a on lamp none\ns1-b off lamp none\ns2-a on music kitchen\n")
    (tmp_path / "sid").write_text("s1-a s1\ns1-b s2\ns2-a s2\n")
    status, out = run(
        reference,
        *("--labels", f"ic={tmp_path}/ic", "--labels", f"sid={tmp_path}/sid"),
        *("--label-file", "sid=utt2spk"),
    )
    assert status == 0
    summary = read_summary(out)
    assert summary["acc_ic"]["acc"] == 1 and summary["acc_ic"]["of"] == "utt2intent"
    assert summary["acc_sid"]["acc"] == pytest.approx(2 / 3)
    status, out = run(reference, "--labels", f"x={tmp_path}/sid", "--label-file", "utt2spk")
    assert status == 0 and read_summary(out)["acc_x"]["acc"] == pytest.approx(2 / 3)


def test_classes_of_no_back_end_are_refused(reference, tmp_path, capsys):
    (tmp_path / "ic").write_text("u x\n")
    options = ("--labels", f"ic={tmp_path}/ic", "--label-file", "ik=utt2spk")
    assert run(reference, *options)[0] == 1
    assert "no back-end is called 'ik'; known are ic" in capsys.readouterr().err


def test_words_are_compared_in_one_form(reference, tmp_path, capsys):
    """Whisper writes digits, one spelling and no capitals; the reference does so with it."""
    write_table(
        reference / "text", {"s1-a": "MISTER GREY, TWENTY ONE", "s1-b": "IT IS", "s2-a": "A"}
    )
    write_table(tmp_path / "hyp", {"s1-a": "Mr. Gray 21.", "s1-b": "it's", "s2-a": "a b"})
    (tmp_path / "normalizer.json").write_text('{"grey": "gray"}')
    options = ("--hyp", f"whisper={tmp_path}/hyp", "--hyp", f"raw={tmp_path}/hyp")
    status, out = run(reference, *options, "--normalize", f"whisper={tmp_path}")
    assert status == 0
    assert read_column(out, "wer_whisper") == {"s1-a": (0, 3), "s1-b": (0, 2), "s2-a": (1, 1)}
    assert read_column(out, "wer_raw")["s1-a"] == (4, 4)
    assert run(reference, *options, "--normalize", f"whispr={tmp_path}")[0] == 1
    assert run(reference, *options, "--normalize", f"raw={reference}")[0] == 1
    errors = capsys.readouterr().err.splitlines()
    assert "--normalize whispr: no --hyp is called so" in errors[0]
    assert (
        "holds neither normalizer.json nor config.json, so it is no Whisper checkpoint" in errors[1]
    )


def test_a_hub_name_without_network_is_one_sentence(reference, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    write_table(reference / "text", {"s1-a": "a"})
    write_table(tmp_path / "hyp", {"s1-a": "a"})
    options = ("--hyp", f"x={tmp_path}/hyp", "--normalize", "x=nobody/no-such-whisper")
    assert run(reference, *options)[0] == 1
    error = capsys.readouterr().err
    assert "'nobody/no-such-whisper' is neither a local folder" in error and error.count("\n") == 1
