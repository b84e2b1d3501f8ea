"""Jobs that run models are shared out among GPUs: here variables and files stand for them."""

from __future__ import annotations

from pathlib import Path

import pytest

FLOW = (
    "--variants",
    "ft_snr ft_lmfb",
    "--backends",
    "ssl logmel pocketsphinx vad",
    "--oa_weights",
    "",
)


@pytest.fixture(scope="module")
def gpus(repository):
    """The modules of utils."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(repository / "utils"))
        import gpus

        yield gpus


def job(gpus, command: str, kind: str = "gpu"):
    return gpus.Job("x", Path("out"), tuple(command.split()), kind)


def test_gpus_are_those_that_the_variable_names_or_the_driver_shows(gpus, tmp_path):
    assert gpus.visible_gpus({"CUDA_VISIBLE_DEVICES": "7, GPU-1f"}, tmp_path) == ["7", "GPU-1f"]
    for none in ("", "-1"):
        assert gpus.visible_gpus({"CUDA_VISIBLE_DEVICES": none}, tmp_path) == []
    for name in ("nvidia0", "nvidia3", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    assert gpus.visible_gpus({}, tmp_path) == ["0", "1"]
    assert gpus.visible_gpus({}, tmp_path / "none") == []


def test_jobs_of_the_cpu_get_none_and_those_that_name_theirs_see_all(gpus):
    free, own = job(gpus, "sslse decode"), job(gpus, "sslse decode --device cuda:1")
    cpu = job(gpus, "sslse train --device cpu", "train")
    assert gpus.gpus_for([free, cpu], ["4", "6"]) == ["4", "6"]
    assert gpus.gpus_for([cpu, job(gpus, "cp a b", "cpu")], ["4", "6"]) == []
    assert gpus.gpus_for([own, own], ["4", "6"]) == ["4,6"]
    assert gpus.gpus_for([free], []) == [] and gpus.gpus_for([own], []) == []


def seen(checkout) -> dict[str, tuple[str, str]]:
    """Return the folder of each call to the GPUs and the threads that it had."""
    lines = Path(checkout.environment["FAKE_CALLS"] + ".gpus").read_text().splitlines()
    found = {}
    for line in lines:
        numbers, threads, *words = line.split()
        options = dict(zip(words, words[1:], strict=False))
        folder = options.get("--exp") or options.get("--out") or options.get("-o")
        if words[0] != "pack":
            found[folder] = (numbers, threads)
    return found


@pytest.mark.parametrize(("per_gpu", "options"), [("1", ()), ("2", ("--device", "cuda"))])
def test_models_take_turns_on_the_gpus_and_the_cores_are_shared(checkout, per_gpu, options):
    variables = {"CUDA_VISIBLE_DEVICES": "5,8", "SSLSE_JOBS_PER_GPU": per_gpu}
    status, output = checkout.run("./run.sh", *FLOW, *options, "--nj", "6", **variables)
    assert status == 0, output
    calls = seen(checkout)
    exp = "exp/seed0/"
    enhanced = {calls[f"{exp}{row}/decode_test/oa0"][0] for row in ("se_pretrain", "ft_snr")}
    assert enhanced == {"5", "8"}
    assert {calls[f"{exp}{row}"][0] for row in ("ft_snr", "ft_lmfb")} == {"5", "8"}
    # The SSL model and the recogniser are trained beside the first enhancer.
    assert calls[f"{exp}se_pretrain"][0] in {"5", "8"}
    # What needs none sees what the launcher sees.
    for name in ("noisy/decode_test/oa0/vad", "noisy/decode_test/oa0/hyp_pocketsphinx"):
        assert calls[exp + name][0] == "5,8"
    cores = int(output.split(" cores,")[0].split()[-1])
    threads = int(calls[f"{exp}noisy/decode_test/oa0/hyp_ssl"][1])
    assert threads == max(1, cores // (2 * int(per_gpu)))
    # Where a result was computed is no part of it.
    checkout.forget_calls()
    status, output = checkout.run("./run.sh", *FLOW, "--device", "cpu", CUDA_VISIBLE_DEVICES="")
    assert status == 0, output
    assert {call.split()[0] for call in checkout.calls()} == {"report"}


def test_a_training_alone_has_all_gpus(checkout):
    stages = ("--stage", "3", "--stop_stage", "3")
    status, output = checkout.run("./run.sh", *FLOW, *stages, CUDA_VISIBLE_DEVICES="5,8")
    assert status == 0, output
    assert seen(checkout)["exp/seed0/se_pretrain"][0] == "5,8"


def test_the_device_reaches_every_command_that_runs_a_model(checkout):
    status, output = checkout.run("./run.sh", *FLOW, "--device", "cuda:1", "--dry_run", "true")
    assert status == 0, output
    lines = [line for line in output.splitlines() if line.startswith(("sslse ", "cp "))]
    for line in lines:
        command = line.split()[1]
        model = command in ("train", "train-asr", "enhance", "decode", "diarize")
        model = model and "pocketsphinx" not in line and "--detector" not in line
        assert line.endswith(" --device cuda:1") == model, line
    assert {line.split()[1] for line in lines if line.endswith("cuda:1")} == {
        *("train", "train-asr", "enhance", "decode")
    }


def test_a_device_that_nothing_has_is_one_sentence(checkout):
    status, output = checkout.run("./run.sh", "--device", "gpu")
    assert status == 2 and "--device: 'gpu' is none of auto, cpu, cuda" in output
    assert output.count("\n") == 1


def test_slurm_gives_a_gpu_to_jobs_that_run_a_model(checkout):
    options = {
        "SSLSE_BACKEND": "slurm",
        "SSLSE_SBATCH_CPU": "--partition=cores",
        "SSLSE_SBATCH_GPU": "--partition=few --gres=gpu:1",
        "SSLSE_SBATCH_TRAIN": "--partition=many --gres=gpu:4",
    }
    status, output = checkout.run("./run.sh", *FLOW, "--dry_run", "true", **options)
    assert status == 0, output
    partition, found = "", {}
    for line in output.splitlines():
        if line.startswith("# sbatch "):
            partition = line.split("--partition=")[1].split()[0]
        elif line.startswith(("sslse ", "cp ")):
            kind = line.split()[1] + (" cpu" if "--recognizer pocketsphinx" in line else "")
            found.setdefault(line.split()[0] if line.startswith("cp ") else kind, set()).add(
                partition
            )
    assert found["train"] == found["train-asr"] == {"many"}
    assert found["enhance"] == found["decode"] == {"few"}
    assert found["score"] == found["cp"] == found["decode cpu"] == found["diarize"] == {"cores"}
