"""The CBPC recipes: tables of the paper, the commands of all systems, LibriSpeech as published."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from published_corpora import make_noise, write_chapter

from sslse.data.datadir import DataDir
from sslse.report.paper import read_paper
from sslse.runtime.settings import read_settings

RECIPES = ("mini/cbpc", "librispeech/cbpc")
JOINT = "straight aso grad encoder token token_cbpc cbpc".split()
TOKENIZERS = ("tokenizer_token", "tokenizer_token_cbpc", "tokenizer")
PARTS = ("dev-clean", "dev-other", "test-clean", "test-other")
TRAIN = ("train-clean-100", "train-clean-360", "train-other-500")


def trained(jobs) -> list[str]:
    """The systems that 'sslse train' trains, by the folder of the experiment."""
    return [job.folder.rsplit("/", 1)[1] for job in jobs if job.command[:2] == ("sslse", "train")]


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_system_has_its_commands(planner, recipe):
    jobs = planner.jobs(recipe)
    assert sorted(trained(jobs)) == sorted(
        ["se_pretrain", *TOKENIZERS, *(f"ft_{name}" for name in JOINT)]
    )
    recognisers = [job for job in jobs if "train-asr" in job.command]
    enhanced = "exp/seed0/mct_all/enhanced"
    assert [enhanced in job.command for job in recognisers] == [False, True]  # MCT-noisy, MCT-all
    judged = {job.folder: job.command for job in jobs if "transducer" in job.folder}
    names = ("noisy", "clean", "se_pretrain", "mct_all", *(f"ft_{name}" for name in JOINT))
    assert set(judged) == {f"exp/seed0/{name}/decode_test/oa0/hyp_transducer" for name in names}
    # Each is judged by its own recogniser, or by the one that was trained once for all.
    own = {"mct_all": "exp/seed0/mct_all/asr"}
    own |= {name: f"exp/seed0/{name}/asr" for name in ("ft_straight", "ft_aso", "ft_grad")}
    for folder, command in judged.items():
        name = folder.split("/")[2]
        assert command[command.index("--model") + 1] == own.get(name, "exp/seed0/asr")
        heard = "se_pretrain" if name == "mct_all" else name
        assert command[command.index("--data") + 1].startswith(f"exp/seed0/{heard}/decode_test")


@pytest.mark.parametrize("recipe", [*RECIPES, "an4/cbpc"])
@pytest.mark.parametrize("table", ["1", "2", "3", "4"])
def test_a_table_trains_the_systems_that_the_paper_printed(planner, recipe, table):
    jobs = planner.jobs(recipe, table=table)
    rows = read_paper(planner.method(recipe), "table", table).rows
    printed = {name for name, _ in rows} - {"noisy", "mct_all"}
    assert set(trained(jobs)) - set(TOKENIZERS) == printed | {"se_pretrain"}
    assert any("mct_all" in job.folder for job in jobs) == (("mct_all", "") in rows)


def options_of(jobs) -> dict[str, dict[str, str]]:
    """The options of each training, by the folder of the experiment; of --config the last."""
    commands = {job.folder.rsplit("/", 1)[1]: job.command for job in jobs if job.kind == "train"}
    return {
        name: dict(zip(command[2::2], command[3::2], strict=True))
        for name, command in commands.items()
        if command[:2] == ("sslse", "train")
    }


@pytest.mark.parametrize("recipe", [*RECIPES, "an4/cbpc"])
def test_a_baseline_does_not_hold_the_proposed_loss(planner, recipe, repository):
    """Its tokenizer, too, is trained without: θ = 1 for Joint-Token, δ = 1 without infoNCE."""
    given = options_of(planner.jobs(recipe, table="3"))
    losses = {}
    for name in ("token", "token_cbpc", "cbpc"):
        folder = Path(given[f"ft_{name}"]["--model.tokenizer"])  # …/tokenizer
        options = given[folder.parent.name]
        shared = repository / "conf/tokenizer/train.yaml"
        weights = dict(read_settings(shared)["model"]["init_args"]["contrastive"])
        for key in ("theta", "delta"):
            weights[key] = float(options.get(f"--model.contrastive.{key}", weights[key]))
        losses[name] = weights
        joint = read_settings(repository / f"conf/joint/{name}.yaml")["model"]["init_args"]
        assert joint["contrastive"]["theta"] == weights["theta"]  # θ and δ of (7) are those of (4)
        if weights["theta"] < 1:
            assert joint["contrastive"]["delta"] == weights["delta"]
    assert losses["token"]["theta"] == 1 and losses["token_cbpc"]["delta"] == 1
    assert (losses["cbpc"]["theta"], losses["cbpc"]["delta"]) == (0.7, 0.9)


@pytest.mark.parametrize("recipe", RECIPES)
def test_joint_trainings_begin_with_a_fresh_enhancer(planner, recipe, repository):
    jobs = options_of(planner.jobs(recipe))
    assert not any("--init-param" in jobs[f"ft_{name}"] for name in JOINT)
    settings = read_settings(repository / "egs" / recipe / "conf/finetune.yaml")
    standalone = read_settings(repository / "egs" / recipe / "conf/train_se.yaml")
    enhancers = [part["model"]["init_args"]["enhancer"] for part in (settings, standalone)]
    assert enhancers[0] == enhancers[1] and enhancers[0]["name"] == "dccrn"
    later = options_of(planner.jobs(recipe, table="pretrained"))
    pretrained = {name for name, options in later.items() if "--init-param" in options}
    names = ("straight", "aso", "grad", "token", "cbpc")
    assert pretrained == {f"ft_{name}_pretrained" for name in names}
    for name in pretrained:
        assert later[name]["--init-param"] == "exp/seed0/se_pretrain/enhancer"


def test_other_readings_of_the_paper_are_variants(planner):
    options = options_of(planner.jobs("librispeech/cbpc", table="readings"))
    assert options["ft_cbpc_sums"]["--model.reduction"] == "sum"
    assert options["ft_cbpc_overlap"]["--model.enhancer.hop_length"] == "144"
    # What changes a loss changes it for the tokenizer, too.
    for name, key, value in (
        ("unit", "--model.contrastive.normalize", "true"),
        ("without", "--model.contrastive.positive_in_denominator", "false"),
    ):
        assert options[f"ft_cbpc_{name}"][key] == options[f"tokenizer_{name}"][key] == value
        folder = f"exp/seed0/tokenizer_{name}/tokenizer"
        assert options[f"ft_cbpc_{name}"]["--model.tokenizer"] == folder
    shared = {options[f"ft_{name}_shared"]["--model.tokenizer"] for name in ("token", "token_cbpc")}
    assert shared == {options["ft_cbpc"]["--model.tokenizer"]} == {"exp/seed0/tokenizer/tokenizer"}


def test_the_searched_weights_are_those_of_the_enhancer_s_losses_too(planner):
    jobs = planner.jobs("librispeech/cbpc", variants="ft_cbpc_search")
    command = next(job.command for job in jobs if job.folder.endswith("ft_cbpc_search"))
    configs = [command[i + 1] for i, word in enumerate(command) if word == "--config"]
    assert configs[-1] == "exp/seed0/tokenizer_search/losses.yaml"


def test_the_tokenizer_has_the_plateau_schedule_of_the_paper(repository):
    settings = read_settings(repository / "conf/tokenizer/train.yaml")
    optimizer = settings["model"]["init_args"]["optimizer"]
    wanted = {"schedule": "plateau", "patience": 5, "plateau_factor": 0.5}
    assert wanted.items() <= optimizer.items()
    trainer = settings["trainer"]
    assert trainer["max_steps"] // trainer["val_check_interval"] > wanted["patience"]


def test_one_system_may_add_to_the_configuration_of_all(planner, repository):
    jobs = planner.jobs("librispeech/cbpc")
    own = "conf/finetune_aso.yaml"
    assert [job.folder for job in jobs if own in job.command] == ["exp/seed0/ft_aso"]
    shared = repository / "conf/joint/aso.yaml"
    before, after = (
        read_settings(*paths)["model"]["init_args"]["first_phase"]
        for paths in ([shared], [shared, repository / "egs/librispeech/cbpc" / own])
    )
    assert after["steps"] == 100_000 > before["steps"]
    assert {**after, "steps": before["steps"]} == before


@pytest.fixture
def roots(tmp_path) -> dict[str, str]:
    """LibriSpeech with two readers a part, and 60 noises of the DNS challenge."""
    for place, part in enumerate((*TRAIN, *PARTS)):
        for reader in (f"{place}0", f"{place}1"):
            write_chapter(tmp_path / "LibriSpeech" / part, f"{reader}-7", ["SOME WORDS"])
    return {"LIBRISPEECH": str(tmp_path / "LibriSpeech"), **make_noise(tmp_path)}


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
