"""The stages with a fake sslse: what runs, is skipped, is refused, and is said on failure."""

from __future__ import annotations

import os
import re
import shlex
import signal
import time
from pathlib import Path

import pytest

# "run.sh: line 3: ..." and what bash 5.2 says of itself when a function ends the shell
BASH_SPEAKS = re.compile(r": line \d+: |pop_var_context|^bash: ", re.MULTILINE)


def stages(folder: Path) -> list[Path]:
    template = folder / "egs/TEMPLATE"
    return sorted([*template.glob("stages/*.sh"), *template.glob("sslmse/[0-9]*.sh")])


def test_all_stages_and_again(checkout):
    every = ("--backends", "ssl ssl_other logmel")
    status, output = checkout.run("./run.sh", *every)
    assert status == 0, output
    for file in stages(checkout.root):
        assert f"Stage {int(file.name[:2])} {file.stem[3:]}: " in output
    assert "| system | WER |" in output
    assert "egs/mini/sslmse/exp/report/index.html" in output
    assert "\n  exp/seed0/ft_snr/packed\n" in output
    use = "../../../bin/sslse enhance noisy.wav -o enhanced --model exp/seed0/ft_ssl_mse/packed"
    assert output.rstrip().endswith(f"Next: {use}")
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
        "oa0.2",
        "oa0.4",
        "oa0.8",
    ]
    chooses = exp / "decode_valid/oa0.4"  # one recogniser
    assert (chooses / "hyp_logmel").exists() and not (chooses / "hyp_ssl").exists()
    assert sorted(p.name for p in exp.glob("decode_test/oa*")) == ["oa0", "oa0.2"]
    for system in ("noisy", "clean"):
        assert (checkout.recipe / f"exp/seed0/{system}/decode_test/oa0/hyp_logmel/text").exists()
    for job in ("data", "data/test_noisy", "exp/seed0/asr_logmel", "exp/seed0/ft_snr/packed"):
        assert (checkout.recipe / job / ".done").exists()
        assert not (checkout.recipe / job / ".running").exists()

    checkout.forget_calls()
    status, output = checkout.run("./run.sh", "--nj", "7", *every)
    assert status == 0, output
    assert "nothing left to do" in output
    assert {call.split()[0] for call in checkout.calls()} == {"select", "report"}


FLOW = ("--oa_weights", "0.3", "--variants", "ft_snr")


def own_settings(checkout, text: str) -> None:
    """Write the recipe's conf/method.yaml."""
    (checkout.recipe / "conf/method.yaml").write_text(text)


def test_a_table_overrides_the_recipe_and_the_command_line_both(checkout):
    own_settings(
        checkout,
        "options: {variants: [ft_snr], backends: [ssl], seeds: 7}\n"
        "tables: {'9': {caption: x, backends: [logmel], options: {seeds: 8, oa_weights: ''}}}\n",
    )
    status, output = checkout.run("./run.sh", "--table", "9", "--dry_run", "true", "--seeds", "9")
    assert status == 0, output
    assert "exp/seed9/ft_snr" in output and "ft_lmfb" not in output
    assert "hyp_logmel" in output and "ds_ssl" not in output
    assert "seed7" not in output and "seed8" not in output and "oa0.1" not in output
    status, output = checkout.run("./run.sh", "--table", "9", "--dry_run", "true")
    assert status == 0 and "exp/seed8/ft_snr" in output and "seed7" not in output


def test_other_back_ends_bring_the_scores_up_to_date(checkout):
    """Tables ask the same folders for other columns: no reason to refuse or to start over."""
    assert checkout.run("./run.sh", *FLOW, "--backends", "ssl")[0] == 0
    scores = checkout.recipe / "exp/seed0/noisy/decode_test/oa0/scores"
    (scores / "utterances.jsonl").touch()
    checkout.forget_calls()
    more = ("./run.sh", "--variants", "ft_snr", "--backends", "ssl ic", "--oa_weights", "")
    status, output = checkout.run(*more)
    assert status == 0, output
    assert (scores / "utterances.jsonl").exists()
    assert "ic=utt2intent" in (scores / ".done").read_text()
    kinds = {call.split()[0] for call in checkout.calls()}
    assert kinds == {"train", "classify", "score", "report"}
    assert any(c.startswith("report") and "--without-oa" in c for c in checkout.calls())
    assert not any("oa0.3" in call for call in checkout.calls())
    status, output = checkout.run(*more, "--metrics", "sdr", FAKE_FAIL="score")
    assert status == 1 and not (scores / ".done").exists()


def test_a_task_may_need_more_tables(checkout):
    (checkout.recipe / "local/task_data.sh").write_text("#!/bin/sh\ntouch data/asked\n")
    (checkout.recipe / "local/task_data.sh").chmod(0o755)
    options = ("--backends", "ssl asv", "--variants", "", "--oa_weights", "")
    status, output = checkout.run("./run.sh", *options)
    assert status == 0, output
    assert (checkout.recipe / "data/asked").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--variants", "ft_snr ft_lmbf"), "--variants: no 'ft_lmbf'; did you mean 'ft_lmfb'?"),
        (("--backends", "asr"), "--backends: no 'asr'; did you mean 'asv'?"),
        (("--table", "9"), "--table: no '9'; known are 1, 2, 3"),
        (("--recognisers", "ssl"), "unknown option --recognisers"),
        (("--seeds", "zero"), "--seeds: 'zero' is no list of whole numbers"),
        (("--nj", "two"), "--nj must be a whole number, not 'two'"),
        (("ssl",), "'ssl' is no option"),
    ],
)
def test_a_wrong_choice_is_one_sentence(checkout, options, message):
    for more in ((), ("--dry_run", "true")):
        status, output = checkout.run("./run.sh", *options, *more)
        assert status == 2
        assert message in output and output.count("\n") == 1
    assert not (checkout.recipe / "exp").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("options: {sedes: 1}", "no option 'sedes'; did you mean 'seeds'?"),
        ("variants: {ft_snr: {lable: x}}", "'ft_snr' has no key 'lable'; did you mean 'label'?"),
        ("options: [", "the configuration conf/method.yaml is no YAML"),
    ],
)
def test_wrong_settings_of_a_recipe_are_one_sentence(checkout, text, message):
    own_settings(checkout, text)
    status, output = checkout.run("./run.sh")
    assert status == 2
    assert message in output and "conf/method.yaml" in output and output.count("\n") == 1


@pytest.mark.parametrize("value", ["it's", 'a "b"', "$(touch x) `touch x`", "a\nb", "\\ ; & | *"])
def test_any_text_reaches_the_command_as_it_is(checkout, value):
    status, output = checkout.run("./run.sh", "--title", value, "--dry_run", "true")
    assert status == 0, output
    report = output[output.index("\nsslse report ") :]
    words = shlex.split(report[: report.index(" --command")])
    assert words[words.index("--title") + 1] == value
    assert not (checkout.recipe / "x").exists()


def test_failing_job_shows_its_own_log_and_stops_its_siblings(checkout):
    begin = time.monotonic()
    status, output = checkout.run(
        *("./run.sh", "--stop_stage", "4", "--nj", "4", "--backends", "ssl ssl_other logmel"),
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
    assert "You can resume with: ./run.sh --stop_stage 4 --nj 4" in output
    assert checkout.processes() == []
    assert "Stage 4" not in output  # its jobs ran beside those of stage 3
    assert not BASH_SPEAKS.search(output), output

    status, output = checkout.run("./run.sh", "--stop_stage", "4", "--nj", "3")
    assert status == 0, output


def test_failing_short_job_shows_its_own_log(checkout):
    status, output = checkout.run("./run.sh", FAKE_FAIL="noisy/decode_test/oa0/hyp_ssl")
    assert status == 1
    assert "error: job 'hyp_ssl on noisy seed 0 test oa0' failed with exit status 3" in output
    assert "| the disk is made of cheese" in output


def test_changed_options_are_refused_and_forced(checkout):
    assert checkout.run("./run.sh", "--stop_stage", "3")[0] == 0
    other = ("./run.sh", "--stop_stage", "3", "--train_args", "--trainer.max_steps 9")
    status, output = checkout.run(*other)
    assert status == 2  # the same call would be refused again
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
    config.write_text(config.read_text() + "\n# a comment is no change\n")
    assert checkout.run("./run.sh", "--stop_stage", "5")[0] == 0
    config.write_text(config.read_text() + "more: 1\n")
    status, output = checkout.run("./run.sh", "--stop_stage", "5")
    assert status == 2  # the same call would be refused again
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
    assert not BASH_SPEAKS.search(output), output


def test_control_c_of_the_terminal_stops_everything(checkout):
    """It reaches every process at once."""
    process = checkout.start("./run.sh", "--stop_stage", "3", FAKE_HANG="se_pretrain")
    checkout.wait_for(lambda: any("se_pretrain" in call for call in checkout.calls()))
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert process.returncode not in (0, 1), output
    assert checkout.processes() == []
    assert not BASH_SPEAKS.search(output), output


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


def test_time_left_by_the_pace_of_this_machine(checkout):
    """Of the core minutes that jobs are expected to take; what is done takes none."""
    own_settings(checkout, "minutes: {prepare_data: 8, simulate_noise: 4, se_pretrain: 16}")
    command = ("taskset", "-c", "0", "./run.sh", "--stop_stage", "3", "--nj", "1")
    status, output = checkout.run(*command, FAKE_PACE="1.5")
    assert status == 0, output
    assert "(1 of 4; about 48 min left)" in output  # two sets are simulated
    # They took no time, so there is less and less left.
    left = [int(minutes) for minutes in re.findall(r"about (\d+) min left", output)]
    assert left == sorted(left, reverse=True) and left[-1] <= 16 * 1.5 / 2
    status, output = checkout.run(*command)
    assert status == 0 and "min left" not in output


def test_weights_beyond_the_edge_are_tried_until_the_best_is_within(checkout):
    """0.8 of 0.2, 0.4 and 0.8 is the best: 1 is tried, where weights end; a later run of two seeds
    tries it for both."""
    options = ("--variants", "ft_snr", "--backends", "logmel")
    status, output = checkout.run("./run.sh", *options, FAKE_BEST_WEIGHT="0.85")
    assert status == 0, output
    assert {p.name for p in checkout.recipe.glob("exp/seed0/ft_snr/decode_valid/oa*")} == {
        *("oa0", "oa0.2", "oa0.4", "oa0.8", "oa1")
    }
    assert (checkout.recipe / "exp/seed0/ft_snr/decode_test/oa0.8").exists()
    assert not any("valid/oa1.6" in call for call in checkout.calls())
    two = (*options, "--seeds", "1 0")
    status, output = checkout.run("./run.sh", *two, FAKE_BEST_WEIGHT="0.85")
    assert status == 0, output
    assert (checkout.recipe / "exp/seed1/ft_snr/decode_valid/oa1/scores").exists()


def test_trainings_that_need_nothing_of_each_other_are_side_by_side(checkout):
    """Enhancer, SSL model and recogniser at once, the last with the cores that are free."""
    status, output = checkout.run(
        *("taskset", "-c", "0-1", "./run.sh", "--stop_stage", "4", "--nj", "2")
    )
    assert status == 0, output
    gpus = Path(checkout.environment["FAKE_CALLS"] + ".gpus").read_text().splitlines()
    threads = {
        line.split("--exp exp/seed0/")[1].split()[0]: line.split()[1]
        for line in gpus
        if "--exp" in line
    }
    assert threads == {"se_pretrain": "1", "upstream": "1", "asr_logmel": "2"}
    assert "2 of 2 jobs had finished earlier, nothing left to do" in output
    first = output[output.index("Stage 3") : output.index("Stage 4")]
    assert "upstream seed 0: done" in first and "3 of 3" in first


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
