"""The CBPC recipes: tables of the paper, the commands of all systems, LibriSpeech as published."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import yaml

from sslse.data.audio import write_audio
from sslse.data.datadir import DataDir
from sslse.report.papers.cbpc import TABLES

RECIPES = ("mini/cbpc", "fsdd/cbpc", "librispeech/cbpc")
JOINT = "straight aso grad encoder token token_cbpc cbpc".split()
PARTS = ("dev-clean", "dev-other", "test-clean", "test-other")
TRAIN = ("train-clean-100", "train-clean-360", "train-other-500")


def trained(output: str) -> list[str]:
    """The systems that 'sslse train' trains, by the folder of the experiment."""
    words = [line.split() for line in output.splitlines() if "sslse train" in line]
    return [own[own.index("--exp") + 1].rsplit("/", 1)[1] for own in words]


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_system_has_its_commands(run_recipe, repository, recipe):
    done = run_recipe(recipe, "--dry_run", "true", "--nj", "1")
    assert done.returncode == 0, done.stdout
    assert trained(done.stdout) == ["se_pretrain", "tokenizer", *(f"ft_{name}" for name in JOINT)]
    recognisers = [line for line in done.stdout.splitlines() if "train_espnet" in line]
    assert ["enhanced" in line for line in recognisers] == [False, True]  # MCT-noisy, MCT-all
    for name in ("noisy", "clean", "se_pretrain", "mct_all", *(f"ft_{name}" for name in JOINT)):
        assert f"/{name}/decode_test/oa0/hyp_transducer" in done.stdout, name
    for line in done.stdout.splitlines():
        words = line.split()
        for option, value in zip(words, words[1:], strict=False):
            if option in ("--config", "--tokenizer_config", "--asr_config"):
                assert (repository / "egs" / recipe / value).is_file(), value


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("table", ["1", "2", "3", "4"])
def test_a_table_trains_the_systems_that_the_paper_printed(run_recipe, recipe, table):
    done = run_recipe(recipe, "--dry_run", "true", "--nj", "1", "--table", table)
    assert done.returncode == 0, done.stdout
    printed = {name for name, _ in TABLES[table].rows} - {"noisy", "mct_all"}
    assert set(trained(done.stdout)) - {"tokenizer"} == printed | {"se_pretrain"}
    assert ("mct_all" in done.stdout) == (("mct_all", False) in TABLES[table].rows)


def test_one_system_may_add_to_the_configuration_of_all(run_recipe, repository):
    done = run_recipe("librispeech/cbpc", "--dry_run", "true", "--nj", "1")
    own = "conf/finetune_aso.yaml"
    assert [own in line for line in done.stdout.splitlines() if "sslse train" in line].count(
        True
    ) == 1
    [first] = [
        yaml.safe_load(path.read_text())["model"]["init_args"]["first_phase"]
        for path in [repository / "egs/librispeech/cbpc" / own]
    ]
    shared = yaml.safe_load((repository / "conf/joint/aso.yaml").read_text())
    steps = shared["model"]["init_args"]["first_phase"]["steps"]
    assert first["steps"] > steps
    assert {**first, "steps": steps} == shared["model"]["init_args"]["first_phase"]
    assert first["steps"] == 100_000


@pytest.fixture
def roots(tmp_path) -> dict[str, str]:
    """LibriSpeech with two readers a part, and 60 noises of the DNS challenge."""
    generator = np.random.default_rng(0)
    for place, part in enumerate((*TRAIN, *PARTS)):
        for reader in (f"{place}0", f"{place}1"):
            folder = tmp_path / "LibriSpeech" / part / reader / "7"
            sound = generator.normal(0, 0.1, 8000).astype(np.float32)
            write_audio(folder / f"{reader}-7-0000.flac", sound, 16000)
            (folder / f"{reader}-7.trans.txt").write_text(f"{reader}-7-0000 SOME WORDS\n")
    for number in range(60):
        sound = generator.normal(0, 0.1, 16000).astype(np.float32)
        write_audio(tmp_path / "dns/datasets/noise" / f"hum{number}x_0.wav", sound, 16000)
    return {"LIBRISPEECH": str(tmp_path / "LibriSpeech"), "DNS_NOISE": str(tmp_path / "dns")}


def test_librispeech_from_the_corpora_to_noisy_sets(run_recipe, roots, tmp_path):
    done = run_recipe("librispeech/cbpc", "--nj", "1", "--stop_stage", "2", **roots)
    assert done.returncode == 0, done.stdout
    sizes = {name: len(DataDir(tmp_path / "data" / name)) for name in ("train", "valid", "test")}
    assert sizes == {"train": 6, "valid": 4, "test": 8}
    noisy = DataDir(tmp_path / "data/test_noisy")
    assert Counter(noisy.utt2condition.values()) == {p.replace("-", "_"): 2 for p in PARTS}
    assert all(-5 <= snr <= 5 for snr in noisy.utt2snr.values())
    assert noisy.text["30-7-0000"] == "SOME WORDS"
    noises = [set(DataDir(tmp_path / f"data/noise_{name}").utterances) for name in sizes]
    assert sum(map(len, noises)) == 60 == len(set.union(*noises))


@pytest.mark.parametrize("missing", ["LIBRISPEECH", "DNS_NOISE"])
def test_a_missing_corpus_is_one_sentence(run_recipe, roots, missing):
    options = ["--nj", "1", "--stop_stage", "1"]
    done = run_recipe("librispeech/cbpc", *options, **{**roots, missing: "/nowhere"})
    assert done.returncode != 0 and f"set {missing} in db.sh" in done.stdout
