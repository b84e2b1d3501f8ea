"""What the plans of SSL-MSE say: SSL models, losses, heads of every task, other enhancers."""

from __future__ import annotations

from sslse.report.paper import read_paper
from sslse.runtime.settings import read_settings

RECIPE = "mini/sslmse"


def commands(planner, recipe=RECIPE, **options):
    """Return the command of each folder that is made."""
    jobs = planner.jobs(recipe, **options)
    return {job.folder: " ".join(job.command) for job in jobs if job.keep != "always"}


def trained(planner, recipe=RECIPE, **options):
    """Return the command of each training of seed 0 or of several, by its folder in the
    experiment."""
    return {
        folder.removeprefix("exp/seed0/"): command
        for folder, command in commands(planner, recipe, **options).items()
        if command.startswith("sslse train")
    }


def test_given_models_are_not_trained(planner):
    default = trained(planner)
    assert {"upstream", "asr_logmel", "ds_ssl"} < set(default)
    assert not {"exp/seed1/upstream", "ds_ssl_other"} & set(default)
    other = trained(planner, backends="ssl ssl_other")
    assert {"exp/seed1/upstream", "ds_ssl_other"} < set(other)
    given = trained(planner, upstream_model="org/big", backends="ssl")
    assert set(given) == {"se_pretrain", "ft_snr", "ft_lmfb", "ft_ssl_mse", "ds_ssl"}
    for name in ("ft_ssl_mse", "ds_ssl"):
        assert "--model.upstream org/big" in given[name]


def test_ssl_models_by_name_and_weights(planner):
    """A variant or back-end of another SSL model takes it, given or trained; α is a setting."""
    jobs = trained(
        planner,
        seeds="0 1",
        variants="ft_ssl_mse_wavlm_large ft_ssl_mse_0.5",
        backends="ssl_clean ssl_wavlm_large",
    )
    names = "se_pretrain upstream upstream_clean ft_ssl_mse_wavlm_large ft_ssl_mse_0.5 ds_ssl_clean"
    names = [*names.split(), "ds_ssl_wavlm_large"]
    assert set(jobs) == {f"{seed}{name}" for seed in ("", "exp/seed1/") for name in names}
    assert "--data.noise_probability 0" in jobs["exp/seed1/upstream_clean"]
    assert "--model.upstream microsoft/wavlm-large" in jobs["ft_ssl_mse_wavlm_large"]
    assert "--model.upstream microsoft/wavlm-large" in jobs["ds_ssl_wavlm_large"]
    clean = jobs["exp/seed1/ds_ssl_clean"]
    assert "--model.upstream exp/seed1/upstream_clean/upstream" in clean
    own = jobs["ft_ssl_mse_0.5"]
    assert own.count("--config") == 2 and "--config conf/finetune.yaml" in own
    assert "--model.alpha 0.5" in own and "--model.upstream exp/seed0/upstream/upstream" in own
    assert "--init-param exp/seed0/se_pretrain/enhancer" in own


def test_the_fine_tunings_differ_in_their_loss_alone(planner):
    jobs = trained(planner, variants="ft_snr ft_lmfb ft_asr ft_ssl_mse", oa_weights="")
    ends = {"ft_snr": "", "ft_lmfb": ""}
    ends["ft_asr"] = " --model.asr exp/seed0/asr_logmel"
    ends["ft_ssl_mse"] = " --model.upstream exp/seed0/upstream/upstream"
    for name, end in ends.items():
        words = jobs[name].replace(f"seed0/{name} ", "seed0/X ").removesuffix(end).split()
        criterion = words.pop(words.index("conf/finetune.yaml") + 2)
        assert "conf/criterion/snr" in criterion
        ends[name] = words
    assert ends["ft_snr"] == ends["ft_lmfb"] == ends["ft_asr"] == ends["ft_ssl_mse"]


def test_the_losses_as_printed_have_nothing_of_ours(planner, repository):
    """No cap, factor, normalisation, clipping or fall of the learning rate; α as it is given."""
    recipe = "librispeech/sslmse"
    jobs = trained(planner, recipe, table="1_printed")
    for name in ("se_pretrain", "ft_snr", "ft_ssl_mse_wavlm_large"):
        words = jobs[f"{name}_printed"].split()
        files = [words[place + 1] for place, word in enumerate(words) if word == "--config"]
        settings = read_settings(*(repository / "egs" / recipe / file for file in files))
        options, trainer = settings["model"]["init_args"], settings["trainer"]
        criteria = options["criteria"]
        assert criteria["snr"] == {"criterion": "SNRLoss", "weight": 1.0, "max_snr_db": None}
        assert options["optimizer"]["schedule"] == "constant"
        assert trainer["gradient_clip_val"] is None
        if "ssl_mse" in criteria:
            assert criteria["ssl_mse"]["weight"] == 1 and criteria["ssl_mse"]["normalize"] == "none"
    assert "--model.alpha 0.1" in jobs["ft_ssl_mse_wavlm_large_printed_0.1"]
    start = "--init-param exp/seed0/se_pretrain_printed/enhancer"
    assert all(start in job for name, job in jobs.items() if name.startswith("ft_"))


def test_the_numbers_of_the_paper_stand_where_its_text_has_them(planner):
    """Sato et al. 2025, 5.2.1 to 5.2.4: c2 is WavLM Large, each change is of one back-end, and what
    did not help is expected not to."""
    method = planner.method("librispeech/sslmse")
    paper = read_paper(method)
    assert paper.rows == {
        ("clean", ""): (None, 3.9, None),
        ("noisy", ""): (None, 9.3, None),
        ("ft_snr", "oa"): (12.2, 10.3, 2.93),
        ("ft_ssl_mse_wavlm_large", ""): (11.3, 9.6, 3.42),
    }
    changes = {"wer_ssl": -22, "eer_asv": -14, "acc_ic": 3.8, "wer_whisper": -21}
    of_large = [change for change in paper.changes if change.first[0] == "ft_ssl_mse_wavlm_large"]
    assert {change.column: change.percent for change in of_large} == changes
    assert all("WavLM Large" in change.text for change in paper.changes)
    second = read_paper(method, "table", "2")
    for name in ("wav2vec2_base", "hubert_base"):
        pair = (f"ft_ssl_mse_{name}", ""), ("ft_snr", "")
        assert pair in second.not_better and pair not in second.better
    for name in ("ft_snr", "ft_ssl_mse_wavlm_large"):
        assert ((name, ""), ("noisy", ""), "wer_whisper") in paper.not_better


TASKS = "asv asv_noise ic ks sid sd_noise vad vad_webrtc"


def test_heads_of_other_tasks_are_trained_run_and_scored(planner):
    options = {"backends": f"ssl {TASKS}", "oa_weights": "0.3"}
    jobs = trained(planner, **options)
    heads = {name for name in jobs if name.startswith("ds_")}
    assert heads == {"ds_ssl", *(f"ds_{task}" for task in TASKS.split() if "vad" not in task)}
    assert "--config conf/train_asv.yaml" in jobs["ds_asv_noise"]
    robust = "--config ../../../conf/downstream/noise_robust.yaml"
    assert robust in jobs["ds_sd_noise"]
    assert "--data.noise data/noise_train --data.valid data/valid_noisy" in jobs["ds_sd_noise"]
    assert "--data.valid data/valid " in jobs["ds_ic"] and "noise" not in jobs["ds_ic"]
    made = commands(planner, **options)
    # One weight needs no choice, so nothing is enhanced for one.
    assert not any("decode_valid" in folder for folder in made)
    out = "exp/seed0/ft_snr/decode_test/oa0.3"
    model = "--model exp/seed0/ds_{}/downstream"
    data = f"--data {out}/wav.scp --out {out}"
    for name, call in {
        "asv": f"verify {model.format('asv')} --trials data/test_noisy/trials",
        "sid": f"classify {model.format('sid')}",
        "sd_noise": f"diarize {model.format('sd_noise')} "
        "--settings exp/seed0/ds_sd_noise/prepared/settings.json",
        "vad": "diarize --detector silero",
        "vad_webrtc": "diarize --detector webrtc",
    }.items():
        assert made[f"{out}/{name}"] == f"sslse {call} {data}/{name}"
    for words in (
        f"--hyp ssl={out}/hyp_ssl/text",
        f"--trials asv_noise={out}/asv_noise/scores",
        f"--labels ic={out}/ic/labels --label-file ic=utt2intent",
        f"--labels sid={out}/sid/labels --label-file sid=utt2spk",
        f"--rttm sd_noise={out}/sd_noise/rttm --vad vad={out}/vad/rttm",
    ):
        assert words in made[f"{out}/scores"]
    turns = made["exp/seed0/ds_sd_noise/prepared"]
    assert "--data data/valid_noisy" in turns and "--median 1,11" in turns


def test_the_paper_s_recipes_hold_together(planner):
    """SUPERB's heads hear the enhancers of LibriSpeech and train none; a head for each model."""
    for task in ("asr", "ic", "ks", "sd", "sid", "sv"):
        recipe = f"superb/{task}"
        for table in ("1", "2", "3"):
            jobs = commands(planner, recipe, table=table)
            heads = trained(planner, recipe, table=table)
            assert all(name.startswith("ds_") for name in heads)
            assert len(heads) == {"1": 1, "2": 4, "3": 2}[table]
            enhancer = "--model ../../librispeech/sslmse/exp/seed0/ft_snr/enhancer"
            assert any(enhancer in command for command in jobs.values())
            noise = [name for name in heads if "noise_robust.yaml" in heads[name]]
            assert len(noise) == (table == "3")
            upstreams = {command.split("--model.upstream ")[1] for command in heads.values()}
            assert len(upstreams) == {"1": 1, "2": 4, "3": 1}[table]
