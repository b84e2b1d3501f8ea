"""The stages with a fake sslse: what runs, is skipped, is refused, and is said on failure."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest


def stages(folder: Path) -> list[Path]:
    template = folder / "egs/TEMPLATE"
    return sorted([*template.glob("stages/*.sh"), *template.glob("sslmse/[0-9]*.sh")])


def test_all_stages_and_again(checkout):
    status, output = checkout.run("./run.sh")
    assert status == 0, output
    for file in stages(checkout.root):
        assert f"Stage {int(file.name[:2])} {file.stem[3:]}: " in output
    assert "| system | WER |" in output
    assert output.rstrip().endswith("egs/mini/sslmse/exp/report/index.html")
    calls = checkout.calls()
    # one seed: the second SSL model is that of seed 1
    assert any(
        "ds_ssl_other --seed 0" in c and "--model.upstream exp/seed1/upstream" in c for c in calls
    )
    assert any(
        "ft_ssl_mse" in c and "--init-param exp/seed0/se_pretrain/enhancer" in c for c in calls
    )
    # all weights on the validation set, on the test set 0 and the chosen one
    exp = checkout.recipe / "exp/seed0/ft_ssl_mse"
    assert sorted(p.name for p in exp.glob("decode_valid/oa*")) == [
        "oa0",
        "oa0.1",
        "oa0.2",
        "oa0.4",
    ]
    assert sorted(p.name for p in exp.glob("decode_test/oa*")) == ["oa0", "oa0.2"]
    for system in ("noisy", "clean"):
        assert (checkout.recipe / f"exp/seed0/{system}/decode_test/oa0/hyp_logmel/text").exists()
    for job in ("data", "data/test_noisy", "exp/seed0/asr_logmel", "exp/seed0/ft_snr/packed"):
        assert (checkout.recipe / job / ".done").exists()
        assert not (checkout.recipe / job / ".running").exists()

    checkout.forget_calls()
    status, output = checkout.run("./run.sh", "--nj", "7")
    assert status == 0, output
    assert "nothing left to do" in output
    assert {call.split()[0] for call in checkout.calls()} == {"select", "report"}


def test_seeds_take_the_next_upstream(checkout):
    status, output = checkout.run("./run.sh", "--seeds", "3 5", "--stop_stage", "6")
    assert status == 0, output
    upstreams = {
        call.split("--exp exp/")[1].split("/")[0]: call.split("--model.upstream ")[1].split("/")[1]
        for call in checkout.calls()
        if "ds_ssl_other" in call
    }
    assert upstreams == {"seed3": "seed5", "seed5": "seed3"}


def test_given_models_are_not_trained(checkout):
    status, output = checkout.run(
        *("./run.sh", "--upstream_model", "org/big", "--recognizers", "ssl", "--stop_stage", "6")
    )
    assert status == 0, output
    trained = {
        call.split("--exp exp/seed0/")[1].split()[0] for call in checkout.calls() if "--exp" in call
    }
    assert trained == {"se_pretrain", "ft_snr", "ft_lmfb", "ft_ssl_mse", "ds_ssl"}


def test_named_upstreams_and_weights(checkout):
    """ssl_mse_X and ssl_X use the SSL model X: one that is given, or one that is trained as X."""
    (checkout.recipe / "conf/train_upstream_clean.yaml").touch()
    (checkout.recipe / "conf/table_9").write_text(
        "# a comment\n--finetune_systems ssl_mse_big snr@0.5\n"
        "--recognizers ssl_clean ssl_big\n--seeds 4\n"
    )
    status, output = checkout.run(
        *("./run.sh", "--table", "9", "--upstream_models", "big=org/big", "--seeds", "0 1"),
        *("--stop_stage", "6"),
    )
    assert status == 0, output
    calls = checkout.calls()
    trained = {call.split("--exp exp/")[1].split()[0] for call in calls if "--exp exp" in call}
    names = (
        "se_pretrain",
        "upstream_clean",
        "ft_ssl_mse_big",
        "ft_snr@0.5",
        "ds_ssl_clean",
        "ds_ssl_big",
    )
    assert trained == {f"seed{seed}/{name}" for seed in (0, 1) for name in names}
    options = {
        call.split("--exp exp/")[1].split()[0]: call for call in calls if "--exp exp" in call
    }
    assert "--config conf/train_upstream_clean.yaml" in options["seed1/upstream_clean"]
    assert "conf/finetune_ssl_mse.yaml" in options["seed0/ft_ssl_mse_big"]
    assert "--model.upstream org/big" in options["seed0/ft_ssl_mse_big"]
    assert "--model.upstream exp/seed1/upstream_clean/upstream" in options["seed1/ds_ssl_clean"]
    assert "--model.alpha 0.5" in options["seed0/ft_snr@0.5"]


TASKS = ("asv", "asv_big@noise", "ic", "ks", "sid", "sd@noise", "vad", "vad_webrtc")
FLOW = ("--recognizers", "ssl", "--oa_weights", "0.3", "--upstream_models", "big=org/big")


def test_a_table_overrides_the_recipe_and_the_command_line_both(checkout):
    conf = checkout.recipe / "conf"
    (conf / "options").write_text("--finetune_systems snr\n--recognizers ssl\n--seeds 7\n")
    (conf / "table_9").write_text("--recognizers\n--seeds 8\n")
    command = (
        "./run.sh",
        "--table",
        "9",
        "--oa_weights",
        "0.1",
        "--seeds",
        "9",
        "--dry_run",
        "true",
    )
    status, output = checkout.run(*command)
    assert status == 0, output
    assert "exp/seed9/ft_snr" in output and "ft_lmfb" not in output and "ds_ssl" not in output
    assert "seed7" not in output and "seed8" not in output


def test_a_limit_holds_for_the_metrics_that_are_computed(checkout):
    options = ("--metrics", "sdr pesq", "--max_utts", "dnsmos=40 pesq=3")
    status, output = checkout.run("./run.sh", *options)
    assert status == 0, output
    scores = [c for c in checkout.calls() if c.startswith("score ") and "--metrics" in c]
    assert scores
    for call in scores:
        assert "--metrics sdr,pesq --max-utts pesq=3" in call and "dnsmos" not in call


def trainings(calls: list[str]) -> dict[str, str]:
    """Return the call of each training of seed 0, by its folder."""
    calls = [call for call in calls if call.startswith("train ")]
    return {call.split("--exp exp/seed0/")[1].split()[0]: call for call in calls}


def test_heads_of_other_tasks_are_trained_run_and_scored(checkout):
    for task in ("asv", "ic", "ks", "sid", "sd"):
        (checkout.recipe / f"conf/train_{task}.yaml").touch()
    status, output = checkout.run("./run.sh", "--tasks", " ".join(TASKS), *FLOW)
    assert status == 0, output
    calls = checkout.calls()
    trained = trainings(calls)
    heads = {name for name in trained if name.startswith("ds_")}
    assert heads == {"ds_ssl", *(f"ds_{task}" for task in TASKS if "vad" not in task)}
    assert "--config conf/train_asv.yaml" in trained["ds_asv_big@noise"]
    assert "--model.upstream org/big" in trained["ds_asv_big@noise"]
    robust = "--config ../../../conf/downstream/noise_robust.yaml --data.noise data/noise_train"
    assert f"{robust} --data.valid data/valid_noisy" in trained["ds_sd@noise"]
    assert "--data.valid data/valid " in trained["ds_ic"] and "noise" not in trained["ds_ic"]
    # One weight needs no choice, so nothing is enhanced for one.
    assert not any(call.startswith("select") or "decode_valid" in call for call in calls)
    out = "exp/seed0/ft_snr/decode_test/oa0.3"
    model = "--model exp/seed0/ds_{}/downstream"
    data = f"--data {out}/wav.scp --out {out}"
    for call in (
        f"verify {model.format('asv')} --trials data/test_noisy/trials {data}/asv",
        f"classify {model.format('sid')} {data}/sid",
        f"diarize {model.format('sd@noise')} --settings exp/seed0/ds_sd@noise/turns/settings.json "
        f"{data}/sd@noise",
        f"diarize --detector silero {data}/vad",
        f"diarize --detector webrtc {data}/vad_webrtc",
    ):
        assert call in calls
    (score,) = (c for c in calls if c.startswith("score") and f"--out {out}/scores" in c)
    for words in (
        f"--hyp ssl={out}/hyp_ssl/text",
        f"--trials asv_big@noise={out}/asv_big@noise/scores",
        f"--labels ic={out}/ic/labels --label-file ic=utt2intent",
        f"--labels sid={out}/sid/labels --label-file sid=utt2spk",
        f"--rttm sd@noise={out}/sd@noise/rttm --vad vad={out}/vad/rttm",
    ):
        assert words in score
    (turns,) = (c for c in calls if "--out exp/seed0/ds_sd@noise/turns" in c)
    assert "--data data/valid_noisy" in turns and "--median 1,11" in turns


def test_other_back_ends_bring_the_scores_up_to_date(checkout):
    """Tables ask the same folders for other columns: no reason to refuse or to start over."""
    (checkout.recipe / "conf/train_ic.yaml").touch()
    assert checkout.run("./run.sh", *FLOW)[0] == 0
    scores = checkout.recipe / "exp/seed0/noisy/decode_test/oa0/scores"
    (scores / "utterances.jsonl").touch()
    checkout.forget_calls()
    status, output = checkout.run("./run.sh", *FLOW, "--tasks", "ic", "--oa_weights", "")
    assert status == 0, output
    assert (scores / "utterances.jsonl").exists()
    assert "ic=utt2intent" in (scores / ".done").read_text()
    kinds = {call.split()[0] for call in checkout.calls()}
    assert kinds == {"train", "classify", "score", "report"}
    assert any(c.startswith("report") and "--without-oa" in c for c in checkout.calls())
    assert not any("oa0.3" in call for call in checkout.calls())
    status, output = checkout.run(
        *("./run.sh", *FLOW, "--tasks", "ic", "--metrics", "sdr"), FAKE_FAIL="score"
    )
    assert status == 1 and not (scores / ".done").exists()


def test_a_task_has_sets_of_its_own(checkout):
    script = checkout.recipe / "local/data.sh"
    script.write_text(script.read_text().replace("train valid", "some noise_some train valid"))
    (checkout.recipe / "local/task_data.sh").write_text("#!/bin/sh\ntouch data/asked\n")
    (checkout.recipe / "local/task_data.sh").chmod(0o755)
    (checkout.recipe / "conf/train_asv.yaml").touch()
    sets = ("--task_sets", "asv=valid:some", "--tasks", "asv", "--oa_weights", "")
    status, output = checkout.run("./run.sh", *sets, "--recognizers", "ssl")
    assert status == 0, output
    assert (checkout.recipe / "data/asked").exists()
    calls, out = checkout.calls(), "exp/seed0/noisy/decode_some/oa0"
    assert any(c.startswith("simulate --speech data/some --noise data/noise_some") for c in calls)
    assert any("--trials data/some_noisy/trials" in call for call in calls)
    assert not any(
        "hyp_ssl" in call and "decode_some" in call and "decode" == call.split()[0]
        for call in calls
    )
    (score,) = (c for c in calls if "--out exp/seed0/noisy/decode_test/oa0/scores" in c)
    assert f"--trials asv={out}/asv/scores --truth asv=data/some_noisy" in score


def test_enhancers_of_another_experiment(checkout):
    (checkout.recipe / "conf/train_ic.yaml").touch()
    status, output = checkout.run(
        *("./run.sh", "--se_exp", "../se/exp", "--skip_stages", "3 5 10", "--recognizers", ""),
        *("--tasks", "ic", "--upstream_model", "org/big", "--finetune_systems", "snr asr"),
        *("--oa_weights", "0.2"),
    )
    assert status == 0, output
    calls = checkout.calls()
    assert set(trainings(calls)) == {"ds_ic"}
    models = {c.split("--model ")[1].split()[0] for c in calls if c.startswith("enhance")}
    names = ("se_pretrain", "ft_snr", "ft_asr")
    assert models == {f"../se/exp/seed0/{name}/enhancer" for name in names}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--tasks", "asr"), "--tasks: no 'asr'; did you mean asv?"),
        (("--tasks", "vad_big"), "--tasks: no 'vad_big' (possible: asv ic"),
        (("--task_sets", "asv=valid"), "--task_sets: 'asv=valid' is not TASK=VALID:TEST"),
        (("--max_utts", "dnsmos"), "--max_utts: 'dnsmos' is no METRIC=NUMBER, such as dnsmos=40"),
        (("--recognizers", ""), "to choose one of several, --recognizers must not be empty"),
    ],
)
def test_a_wrong_choice_is_one_sentence(checkout, options, message):
    status, output = checkout.run("./run.sh", *options)
    assert status == 2
    assert message in output and output.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--sedes 1", "unknown option --sedes; did you mean --seeds?"),
        ("seeds 1", "conf/table_x, line 1: 'seeds' does not begin with --"),
        (None, "there is no file of options conf/table_x"),
    ],
)
def test_a_wrong_file_of_options_is_one_sentence(checkout, line, message):
    if line:
        (checkout.recipe / "conf/table_x").write_text(line + "\n")
    status, output = checkout.run("./run.sh", "--table", "x")
    assert status == 2
    assert message in output and output.count("\n") == 1


def test_failing_job_shows_its_own_log_and_stops_its_siblings(checkout):
    begin = time.monotonic()
    status, output = checkout.run(
        *("./run.sh", "--stop_stage", "4", "--nj", "3"),
        FAKE_FAIL="exp/seed1/upstream",
        FAKE_HANG="exp/seed0/upstream",
    )
    assert status == 1
    assert time.monotonic() - begin < 30
    assert "error: job 'upstream seed 1' failed with exit status 3" in output
    assert "| the disk is made of cheese" in output
    assert (
        "command: sslse train --config conf/train_upstream.yaml --exp exp/seed1/upstream" in output
    )
    assert "You can resume with: ./run.sh --stop_stage 4 --nj 3" in output
    assert checkout.processes() == []
    assert "Stage 5" not in output

    status, output = checkout.run("./run.sh", "--stop_stage", "4", "--nj", "3")
    assert status == 0, output


def test_failing_short_job_shows_its_own_log(checkout):
    status, output = checkout.run("./run.sh", FAKE_FAIL="noisy/decode_test/oa0/hyp_ssl_other")
    assert status == 1
    assert "error: job 'ssl_other on noisy seed 0 test oa0' failed with exit status 3" in output
    assert "| the disk is made of cheese" in output


def test_changed_options_are_refused_and_forced(checkout):
    assert checkout.run("./run.sh", "--stop_stage", "3")[0] == 0
    other = ("./run.sh", "--stop_stage", "3", "--train_args", "--trainer.max_steps 9")
    status, output = checkout.run(*other)
    assert status == 1
    assert "exp/seed0/se_pretrain was made with other options" in output
    assert "+ --trainer.max_steps" in output and "+ 9" in output
    assert "--force true or remove exp/seed0/se_pretrain" in output

    mark = checkout.recipe / "exp/seed0/se_pretrain/mark"
    mark.touch()
    status, output = checkout.run(*other, "--force", "true")
    assert status == 0, output
    assert not mark.exists()


def test_changed_configuration_is_noticed_with_all_that_follows(checkout):
    assert checkout.run("./run.sh", "--stop_stage", "5")[0] == 0
    config = checkout.recipe / "conf/train_se.yaml"
    config.write_text(config.read_text() + "\n# more\n")
    status, output = checkout.run("./run.sh", "--stop_stage", "5")
    assert status == 1
    assert "input conf/train_se.yaml sha256" in output
    checkout.forget_calls()
    assert checkout.run("./run.sh", "--stop_stage", "5", "--force", "true")[0] == 0
    redone = {
        call.split("--exp exp/")[1].split()[0] for call in checkout.calls() if "--exp" in call
    }
    assert redone == {f"seed0/{s}" for s in ("se_pretrain", "ft_snr", "ft_lmfb", "ft_ssl_mse")}


@pytest.mark.parametrize("victim", ["run_jobs.py", "sslmse.sh", "exp/seed0/se_pretrain"])
def test_kill_nine_then_the_same_command(checkout, victim):
    """The launcher, the script or the job dies; nothing stays behind; the same command goes on."""
    process = checkout.start("./run.sh", "--stop_stage", "3", FAKE_HANG="seed0/se_pretrain")
    checkout.wait_for(lambda: any("se_pretrain" in call for call in checkout.calls()))
    os.kill(checkout.process_named(victim), signal.SIGKILL)
    process.communicate(timeout=30)
    assert process.returncode != 0
    checkout.wait_for(lambda: checkout.processes() == [])
    assert (checkout.recipe / "exp/seed0/se_pretrain/.running").exists()
    status, output = checkout.run("./run.sh", "--stop_stage", "3")
    assert status == 0, output
    assert (checkout.recipe / "exp/seed0/se_pretrain/.done").exists()


def test_interrupt_stops_everything(checkout):
    process = checkout.start("./run.sh", "--stop_stage", "3", FAKE_HANG="se_pretrain")
    checkout.wait_for(lambda: any("se_pretrain" in call for call in checkout.calls()))
    os.kill(checkout.process_named("run_jobs.py"), signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "You can resume with" in output
    assert checkout.processes() == []


def test_two_runs_at_once_are_refused(checkout):
    first = checkout.start("./run.sh", "--stop_stage", "3", FAKE_HANG="se_pretrain")
    checkout.wait_for(lambda: any("se_pretrain" in call for call in checkout.calls()))
    status, output = checkout.run("./run.sh", "--stop_stage", "3")
    assert status == 1
    assert "another run is at work" in output
    first.terminate()
    first.communicate(timeout=30)
    checkout.wait_for(lambda: checkout.processes() == [])


def test_dry_run_runs_nothing(checkout):
    status, output = checkout.run("./run.sh", "--dry_run", "true")
    assert status == 0, output
    assert "sslse train --config conf/train_se.yaml --exp exp/seed0/se_pretrain" in output
    assert checkout.calls() == []
    assert not (checkout.recipe / "exp").exists()


def test_data_script_that_makes_nothing(checkout):
    (checkout.recipe / "local/data.sh").write_text("#!/bin/sh\n")
    status, output = checkout.run("./run.sh")
    assert status == 1
    assert "local/data.sh made no data/train/wav.scp" in output


def test_skip_stages_and_impossible_range(checkout):
    status, output = checkout.run("./run.sh", "--stop_stage", "3", "--skip_stages", "2 3")
    assert status == 0, output
    assert "Stage 1" in output and "Stage 2" not in output and "Stage 3" not in output
    status, output = checkout.run("./run.sh", "--stage", "9", "--stop_stage", "3")
    assert status == 1
    assert "no stage between --stage 9 and --stop_stage 3" in output


def test_time_left_from_the_expected_minutes(checkout):
    (checkout.recipe / "conf/minutes").write_text(
        "prepare_data 1\nsimulate_noise 2\npretrain_se 4\n"
    )
    status, output = checkout.run("./run.sh", "--stop_stage", "3")
    assert status == 0, output
    assert "(1 of 3; about 7 min left)" in output


def test_slurm_backend_with_a_stand_in(checkout, tmp_path):
    """The array script runs as Slurm would run it; a failing task stops the stage with its log."""
    sbatch = tmp_path / "bin/sbatch"
    sbatch.parent.mkdir()
    sbatch.write_text(
        """#!/usr/bin/env bash
echo 42
for word in "$@"; do
    case ${word} in --array=1-*) last=${word#--array=1-} && last=${last%\\%*} ;; esac
done
echo "$*" >> "$FAKE_SBATCH"
worst=0
for ((task = 1; task <= last; task++)); do
    SLURM_ARRAY_TASK_ID=${task} SLURM_CPUS_PER_TASK=2 bash "${@: -1}" || worst=$?
done
exit "${worst}"
"""
    )
    sbatch.chmod(0o755)
    (tmp_path / "bin/scancel").symlink_to("/bin/true")
    variables = {
        "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
        "SSLSE_BACKEND": "slurm",
        "FAKE_SBATCH": str(tmp_path / "sbatch.calls"),
    }
    status, output = checkout.run("./run.sh", "--nj", "2", **variables)
    assert status == 0, output
    assert "Slurm job 42: 3 tasks, 2 at a time" in output
    submitted = (tmp_path / "sbatch.calls").read_text()
    assert "--array=1-3%2" in submitted and "--gres=gpu:1" in submitted
    status, output = checkout.run(
        *("./run.sh", "--stop_stage", "3", "--seeds", "8"), FAKE_FAIL="seed8", **variables
    )
    assert status == 1
    assert "job 'se_pretrain seed 8' failed with exit status 3" in output
    assert "| the disk is made of cheese" in output
