"""The choice of device, with GPUs that only torch's answers know of."""

from __future__ import annotations

import pytest
import torch

from sslse.errors import ConfigError
from sslse.runtime.device import (
    choose_device,
    choose_dtype,
    describe_device,
    lower_precision,
    to_device,
)


@pytest.fixture
def gpus(monkeypatch):
    """Call with a number of GPUs that torch says it finds."""

    def pretend(count: int) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"pretended {device}")

    return pretend


@pytest.mark.parametrize(("count", "chosen"), [(0, "cpu"), (1, "cuda:0"), (8, "cuda:0")])
def test_auto_is_the_first_gpu_or_the_cpu(gpus, count, chosen):
    gpus(count)
    assert choose_device("auto") == choose_device() == chosen
    assert choose_device("cpu") == "cpu"


def test_a_number_is_that_of_torch(gpus):
    gpus(3)
    assert [choose_device(f"cuda{number}") for number in ("", ":0", ":2")] == [
        *("cuda:0", "cuda:0", "cuda:2")
    ]
    assert describe_device("cuda:2") == "cuda:2 (pretended cuda:2)"
    assert describe_device("cpu") == "cpu"


@pytest.mark.parametrize(
    ("count", "name", "sentence"),
    [
        (0, "cuda", "torch finds no GPU here; say --device cpu, or auto"),
        (1, "cuda:1", "torch finds cuda:0 alone here"),
        (4, "cuda:4", "torch finds cuda:0 to cuda:3 here"),
        (4, "cuda:x", "expected auto, cpu, cuda, or cuda:1 for the second GPU"),
        (0, "abacus", "abacus"),
    ],
)
def test_what_is_not_there_is_one_sentence(gpus, count, name, sentence):
    gpus(count)
    with pytest.raises(ConfigError) as caught:
        to_device(torch.zeros(1), name)
    assert str(caught.value).startswith(f"the device '{name}' cannot be used: ")
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


def test_lower_precision_is_of_products_alone():
    a, b = torch.randn(3, 4), torch.randn(4, 5)
    with lower_precision("cpu", "bfloat16"):
        assert (a @ b).dtype == torch.bfloat16
        assert (a + a).dtype == torch.float32
    with lower_precision("cpu", "float32"):
        assert torch.equal(a @ b, torch.mm(a, b)) and (a @ b).dtype == torch.float32


@pytest.mark.parametrize("units", [{"avx512_bf16": True}, {"amx_fp16": True}, {}])
def test_a_type_that_the_cpu_has_no_units_for_is_float32(monkeypatch, capsys, units):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: units)
    for dtype, unit in (("bfloat16", "avx512_bf16"), ("float16", "amx_fp16")):
        assert choose_dtype(dtype, "cuda:0") == dtype
        assert choose_dtype(dtype, "cpu") == (dtype if unit in units else "float32")
        said = f"no units for {dtype}: computed in float32" in capsys.readouterr().out
        assert said == (unit not in units)
    assert choose_dtype("float32", "cpu") == "float32"
    with pytest.raises(ConfigError, match="dtype 'float8': expected float32, bfloat16 or float16"):
        choose_dtype("float8", "cpu")


def test_a_training_goes_where_it_is_asked_to(gpus):
    from sslse.systems.training import MAY_CHANGE, placement

    gpus(2)
    gpu = "--trainer.accelerator=gpu"
    assert placement("auto") == []
    assert placement("cuda") == [gpu]  # on as many as the configuration says
    assert placement("cuda:1") == [gpu, "--trainer.devices=[1]"]
    assert placement("cpu") == ["--trainer.accelerator=cpu", "--trainer.devices=1"]
    assert {"trainer.accelerator", "trainer.devices"} <= set(MAY_CHANGE)
    with pytest.raises(ConfigError, match="'cuda:2' cannot be used"):
        placement("cuda:2")


@pytest.mark.parametrize(
    ("device", "seen", "expected"),
    [
        ("auto", "", ([], 1)),
        ("cpu", "", ([], 0)),
        ("cuda:1", "", (["env", "CUDA_VISIBLE_DEVICES=1"], 1)),
        ("cuda:1", "4,6", (["env", "CUDA_VISIBLE_DEVICES=6"], 1)),
    ],
)
def test_a_trainer_of_espnet_sees_the_gpu_that_it_is_to_take(
    gpus, monkeypatch, device, seen, expected
):
    from sslse.espnet.train_asr import place_trainer

    gpus(2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", seen)
    (*before, interpreter), count = place_trainer(device)
    assert (before, count) == expected and "python" in interpreter
    assert place_trainer(device, 3)[1] == 3
