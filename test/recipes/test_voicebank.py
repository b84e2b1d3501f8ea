"""egs/voicebank/sslmse on a tiny corpus in the published layout, through all stages; what the
preparation promises and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from sslse.checking.validate import validate
from sslse.corpora import voicebank
from sslse.data.datadir import DataDir
from sslse.errors import DataError
from sslse.report.paper import read_paper

RECIPE = "voicebank/sslmse"
RATE = 48000


@pytest.fixture
def root(tmp_path, published_corpora) -> Path:
    """Two sentences of each speaker."""
    return Path(published_corpora.make_voicebank(tmp_path, 1.2)["VOICEBANK"])


def test_pairs_at_16_khz(root, tmp_path):
    voicebank.prepare(root, tmp_path / "data", nj=2)
    sets = {
        name: DataDir(tmp_path / "data" / name) for name in ("train", "valid_noisy", "test_noisy")
    }
    voices = {name: set(data.utt2spk.values()) for name, data in sets.items()}
    assert voices == {
        "train": {"p227", "p228"},
        "valid_noisy": {"p226", "p287"},
        "test_noisy": {"p232", "p257"},
    }
    for data in sets.values():
        assert not [p for p in validate(data.path).problems if p.severity == "error"]
        assert data.sample_rate == 16000 and set(data.text.values()) == {
            "please call stella it's me"
        }
    test = sets["test_noisy"]
    assert test.utt2snr["p257_002"] == 5 and test.utt2condition["p257_001"] == "bus_2.5"
    noisy, clean = (test.load("p232_001", kind)[0] for kind in ("wav", "spk1"))
    # What is left is the noise: 0.02 in full band, a third of its power below 8 kHz.
    assert len(noisy) == len(clean) == int(1.2 * 16000)
    assert np.std(noisy - clean) == pytest.approx(0.02 / np.sqrt(3), rel=0.05)
    # Nothing is resampled twice, and what changed is.
    files = sorted((tmp_path / "data/audio").rglob("*.wav"))
    before = [path.stat().st_mtime_ns for path in files]
    source = root / "clean_testset_wav/p232_001.wav"
    sound, _ = soundfile.read(source)
    soundfile.write(source, sound / 2, RATE)
    voicebank.prepare(root.parent, tmp_path / "data")
    changed = [
        path for path, old in zip(files, before, strict=True) if path.stat().st_mtime_ns != old
    ]
    assert changed == [tmp_path / "data/audio/clean/p232_001.wav"]


def test_it_says_what_is_missing(root, tmp_path):
    with pytest.raises(DataError, match="speech, is missing; get it from https://doi.org"):
        voicebank.prepare(tmp_path / "none", tmp_path / "data")
    for speakers in (["p999"], ["p226", "p227", "p228", "p287"]):
        with pytest.raises(DataError, match="p999|nobody is left to train"):
            voicebank.prepare(root, tmp_path / "data", speakers)
    log = root / "logfiles/log_testset.txt"
    lines = log.read_text()
    log.write_text(lines.replace("p257_001 bus 2.5\n", ""))
    with pytest.raises(DataError, match="no noise and SNR of 1 utterances .* p257_001"):
        voicebank.prepare(root, tmp_path / "data")
    log.write_text(lines + "p257_003 bus\n")
    with pytest.raises(DataError, match="line 5 is 'p257_003 bus', expected 'UTTERANCE NOISE SNR'"):
        voicebank.prepare(root, tmp_path / "data")
    log.write_text(lines)
    (root / "testset_txt/p232_001.txt").unlink()
    with pytest.raises(DataError, match="a transcript, is missing"):
        voicebank.prepare(root, tmp_path / "data")
    (root / "noisy_testset_wav/p232_001.wav").unlink()
    with pytest.raises(DataError, match="1 utterances of testset that are not both"):
        voicebank.prepare(root, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_a_pair_of_two_lengths(root, tmp_path):
    path = root / "noisy_testset_wav/p232_001.wav"
    sound, _ = soundfile.read(path)
    soundfile.write(path, sound[:-300], RATE)
    with pytest.raises(DataError, match="p232_001 has 19100 noisy and 19200 clean samples"):
        voicebank.prepare(root, tmp_path / "data")


def test_the_table_has_the_published_noisy_row(planner):
    method = planner.method(RECIPE)
    for kind, number in (("", ""), ("table", "1")):
        paper = read_paper(method, kind, number)
        assert paper.columns == ("PESQ", "CSIG", "CBAK", "COVL", "STOI")
        rows = {key[0]: numbers for key, numbers in paper.rows.items()}
        assert rows == {"noisy": (1.97, 3.35, 2.44, 2.63, 0.92)}
    jobs = planner.jobs(RECIPE, table="1")
    trainings = [" ".join(job.command) for job in jobs if job.command[:2] == ("sslse", "train")]
    assert len(trainings) == 5 and not any("--data.noise" in command for command in trainings)
    assert not any(job.command[1] == "simulate" for job in jobs)
    assert all("--data.valid data/valid_noisy" in command for command in trainings)


@pytest.mark.slow
def test_all_stages(run_recipe, root, tmp_path, repository, tiny_hubert):
    from transformers import HubertConfig, HubertModel, Wav2Vec2FeatureExtractor

    HubertModel(HubertConfig(**tiny_hubert)).save_pretrained(tmp_path / "hubert")
    Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(tmp_path / "hubert")
    conf = repository / "egs" / RECIPE / "conf"
    small = {"num_filters": 16, "bottleneck_channels": 8, "hidden_channels": 8, "repeats": 1}
    options = []
    for name, option in (("train_se", "se_config"), ("finetune", "finetune_config")):
        settings = {
            "base": str(conf / f"{name}.yaml"),
            "data": {"init_args": {"crop_seconds": 0.5, "batch_size": 2, "num_workers": 0}},
            "trainer": {"max_steps": 2, "val_check_interval": 1, "accelerator": "cpu"},
        }
        if name == "train_se":
            settings["model"] = {"init_args": {"enhancer": small}}
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(settings))
        options += [f"--{option}", str(tmp_path / f"{name}.yaml")]
    options += ["--variants", "ft_snr ft_ssl_mse", "--upstream_model", str(tmp_path / "hubert")]
    done = run_recipe(RECIPE, "--nj", "1", *options, VOICEBANK=str(root))
    assert done.returncode == 0, done.stdout
    table = (tmp_path / "exp/report/table.txt").read_text()
    for words in ("PESQ", "CSIG", "CBAK", "COVL", "STOI", "noisy (no SE)", "SNR + SSL-MSE", "1.97"):
        assert words in table + (tmp_path / "exp/report/index.html").read_text()
    scores = {}
    for row in ("noisy", "clean", "ft_snr", "ft_ssl_mse"):
        folder = tmp_path / f"exp/seed0/{row}/decode_test/oa0/scores"
        scores[row] = json.loads((folder / "summary.json").read_text())
        assert scores[row]["pesq"]["n_scored"] == 4 and scores[row]["covl"]["n_failed"] == 0
    assert scores["clean"]["pesq"]["mean"] > 4.6 > scores["noisy"]["pesq"]["mean"]
