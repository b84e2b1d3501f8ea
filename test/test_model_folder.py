"""Every kind of model folder: written and read in one way, and every way in which one is wrong."""

from __future__ import annotations

import json
import os
import shutil
import stat
from pathlib import Path

import huggingface_hub
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from sslse.downstream.multi_task import MultiTaskModel
from sslse.downstream.tokens import Tokens
from sslse.enhancers.base import Enhancer
from sslse.enhancers.conv_tasnet import ConvTasNet
from sslse.enhancers.demucs import Demucs
from sslse.errors import ConfigError, DataError, SslseError
from sslse.pack import pack
from sslse.systems.upstream_pretraining import UpstreamPretraining
from sslse.tokens.tokenizer import Tokenizer
from sslse.upstreams import load_upstream
from sslse.upstreams.units import MFCCUnits
from sslse.wav2vec2.ctc_wav2vec2 import CTCWav2Vec2
from sslse.wav2vec2.robust_wav2vec2 import RobustWav2Vec2

SIZES = {"num_filters": 8, "kernel_size": 32, "stride": 16, "blocks": 2, "repeats": 1}


def wav2vec2():
    sizes = {
        **{"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2},
        **{"intermediate_size": 16, "conv_dim": [8, 8], "conv_kernel": [20, 16]},
        **{"conv_stride": [16, 20], "num_conv_pos_embeddings": 4, "proj_codevector_dim": 8},
        **{"num_conv_pos_embedding_groups": 2, "codevector_dim": 8},
        **{"num_codevectors_per_group": 4},
    }
    return RobustWav2Vec2.build(sizes, "both", {"name": "concat"}, ConvTasNet(**SIZES))


def multi_task(upstream):
    return MultiTaskModel(
        load_upstream(upstream),
        {"tv": {"head": "tract_variables", "hidden_sizes": [4], "linear_sizes": []}},
        {"hidden_size": 4, "num_layers": 1},
        ConvTasNet(**SIZES),
    )


def head(upstream):
    config = {"head": "ctc", "tokens": ["<blank>", "a"], "projection_size": 4, "hidden_size": 3}
    return MultiTaskModel(
        load_upstream(upstream).freeze(),
        {"ctc": config},
        normalize_level=False,
        source=str(upstream),
    )


KINDS = {
    "downstream": (MultiTaskModel, head),
    "enhancer": (Enhancer, lambda upstream: ConvTasNet(**SIZES)),
    "model": (MultiTaskModel, multi_task),
    "recognizer": (
        CTCWav2Vec2,
        lambda upstream: CTCWav2Vec2(wav2vec2(), Tokens.from_transcripts(["a b"], "char")),
    ),
    "tokenizer": (Tokenizer, lambda upstream: Tokenizer(torch.randn(5, 4), 8000, 320, {"n": 1})),
    "units": (MFCCUnits, lambda upstream: MFCCUnits(4, f_max=4000.0)),
}


@pytest.fixture(params=KINDS)
def name(request):
    return request.param


@pytest.fixture
def kind(name):
    return KINDS[name][0]


@pytest.fixture
def model(name, upstream_folder):
    torch.manual_seed(0)
    return KINDS[name][1](upstream_folder).eval()


@pytest.fixture
def saved(model, name, tmp_path):
    """The model's folder within that of an experiment."""
    model.save_pretrained(tmp_path / "exp" / name)
    return tmp_path / "exp" / name


def edit(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def same(first, second):
    first, second = first.state_dict(), second.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def test_loaded_is_saved(kind, model, saved):
    loaded = kind.from_pretrained(saved, device="cpu")
    assert type(loaded) is type(model) and not loaded.training
    assert same(loaded, model) and loaded.config == model.config
    described = json.loads((saved / "config.json").read_text())
    assert described["format_version"] == 1 and described["class"] == type(model).__name__


def modes(folder):
    return {
        str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode)
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_files_have_the_mode_of_umask_and_nothing_is_beside_them(model, tmp_path, umask):
    before = os.umask(umask)
    try:
        model.save_pretrained(tmp_path / "model")
    finally:
        os.umask(before)
    found = modes(tmp_path / "model")
    assert {"config.json", "model.safetensors"} <= found.keys()
    assert set(found.values()) == {0o666 & ~umask}
    assert not [path for path in (tmp_path / "model").rglob(".*")]


def test_an_exported_ssl_model_has_the_mode_of_umask(tiny_hubert, tmp_path):
    before = os.umask(0o027)
    try:
        folder = UpstreamPretraining(tiny_hubert, num_units=4).eval().export(tmp_path)[0]
    finally:
        os.umask(before)
    found = modes(folder)
    assert {"model.safetensors", "preprocessor_config.json", "units/config.json"} <= found.keys()
    assert set(found.values()) == {0o640}


def test_the_folder_of_the_experiment_will_do(kind, model, saved):
    (saved.parent / "config.yaml").write_text("")
    assert same(kind.from_pretrained(saved.parent), model)
    assert kind.find_folder(saved.parent) == saved


def test_a_folder_that_holds_one_of_another_name_is_refused(kind, saved):
    saved.rename(saved.parent / "something")
    with pytest.raises(DataError, match="exp holds no model itself but one .*exp/something"):
        kind.from_pretrained(saved.parent)


def test_a_name_on_the_hub(kind, model, saved, monkeypatch):
    asked = []
    monkeypatch.setattr(
        huggingface_hub, "snapshot_download", lambda name, **_: asked.append(name) or str(saved)
    )
    assert same(kind.from_pretrained("somebody/something"), model)
    assert asked == ["somebody/something"]


def test_a_name_on_the_hub_without_network(kind, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(DataError, match="no folder nobody/nothing, and neither") as caught:
        kind.from_pretrained("nobody/nothing", device="cpu")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("wrong", ["", "a/b/c", "/nowhere", "../x/y", "no such"])
def test_what_is_neither_folder_nor_name(kind, wrong, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError):
        kind.from_pretrained(wrong)


def damage_config(folder, content):
    (folder / "config.json").write_text(content)


def no_pickle(folder):
    torch.save({"x": torch.zeros(1)}, folder / "model.safetensors")


def cut(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-20])


def change(folder, how):
    tensors = load_file(folder / "model.safetensors")
    first = min(tensors)
    if how == "absent":
        del tensors[first]
    elif how == "other shape":
        tensors[first] = torch.zeros(3, 3, 3, 3, 3)
    else:
        tensors["more"] = torch.zeros(1)
    save_file(tensors, folder / "model.safetensors")


@pytest.mark.parametrize(
    "damage, sentence",
    [
        (lambda f: (f / "config.json").unlink(), "holds no config.json"),
        (lambda f: damage_config(f, "{"), "config.json is not JSON"),
        (lambda f: damage_config(f, "[]"), "config.json does not describe"),
        (lambda f: damage_config(f, "{}"), "cannot be built from .*config.json"),
        (lambda f: edit(f, config={"surprise": 1}), "cannot be built from .*config.json"),
        (lambda f: edit(f, config=3), "cannot be built from .*config.json"),
        (lambda f: edit(f, **{"class": "Nobody"}), "cannot be built from .*config.json.*Nobody"),
        (lambda f: edit(f, **{"class": 5}), "cannot be built from .*does not name its class"),
        (lambda f: edit(f, format_version=2), "has the format version 2, .* update sslse"),
        (lambda f: edit(f, format_version="x"), "has the format version x"),
        (lambda f: (f / "model.safetensors").unlink(), "model.safetensors is missing"),
        (lambda f: (f / "model.safetensors").write_bytes(b""), "model.safetensors is damaged"),
        (cut, "model.safetensors is damaged"),
        (no_pickle, "model.safetensors is damaged"),
        (
            lambda f: change(f, "absent"),
            "does not fit config.json beside it: .* absent in the file",
        ),
        (lambda f: change(f, "other shape"), r"does not fit .*\(3, 3, 3, 3, 3\) in the file"),
        (lambda f: change(f, "extra"), "'more' is .* in the file and absent in the model"),
    ],
)
def test_a_wrong_folder_is_one_sentence(kind, saved, damage, sentence):
    damage(saved)
    with pytest.raises(DataError, match=sentence) as caught:
        kind.from_pretrained(saved)
    assert "\n" not in str(caught.value) and str(saved.parent) in str(caught.value)


def test_a_model_of_another_kind_is_named(kind, saved, tmp_path):
    other = Tokenizer if kind is not Tokenizer else MFCCUnits
    with pytest.raises(DataError, match="cannot be built from"):
        other.from_pretrained(saved)


def test_a_device_that_is_not_there(kind, saved):
    with pytest.raises(ConfigError, match="the device 'cuda:99' cannot be used"):
        kind.from_pretrained(saved, device="cuda:99")
    with pytest.raises(ConfigError, match="the device 'toaster' cannot be used"):
        kind.from_pretrained(saved, device="toaster")


OWN = """
from pathlib import Path
from sslse.enhancers.conv_tasnet import ConvTasNet
Path(__file__).with_name("imported").touch()
class Net(ConvTasNet):
    def estimate(self, noisy):
        return noisy
"""


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    """A module of the user's own, which leaves a trace when it is imported."""
    (tmp_path / "own_net.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "own_net", raising=False)
    return tmp_path / "imported"


def test_no_folder_can_name_code_to_import(kind, saved, own_module):
    edit(saved, **{"class": "own_net:Net"})
    with pytest.raises(DataError, match="own_net:Net"):
        kind.from_pretrained(saved)
    with pytest.raises(DataError, match="own_net:Net"):
        kind.from_pretrained(saved.parent)
    assert not own_module.exists()


@pytest.mark.parametrize("place", ["front", "heads"])
def test_no_part_of_a_folder_can_name_code_to_import(place, upstream_folder, own_module, tmp_path):
    model = multi_task(upstream_folder)
    model.save_pretrained(tmp_path / "exp/model")
    model.enhancer().save_pretrained(tmp_path / "exp/enhancer")
    hostile = {"front": {"name": "own_net:Net"}, "heads": {"x": {"head": "own_net:Net"}}}[place]
    for folder, cls in (("model", MultiTaskModel), ("enhancer", Enhancer)):
        path = tmp_path / "exp" / folder / "config.json"
        if place not in json.loads(path.read_text())["config"]:
            continue
        edit(path.parent, config={**json.loads(path.read_text())["config"], place: hostile})
        with pytest.raises(DataError, match="may not name the class 'own_net:Net'"):
            cls.from_pretrained(path.parent)
    assert not own_module.exists()


def test_the_place_of_an_upstream_can_name_no_code_to_import(upstream_folder, own_module, tmp_path):
    head(upstream_folder).save_pretrained(tmp_path / "downstream")
    edit(tmp_path / "downstream", upstream="own_net:Net:x")
    with pytest.raises(DataError, match="may not name the class 'own_net:Net'"):
        MultiTaskModel.from_pretrained(tmp_path)
    assert not own_module.exists()


def test_own_classes_by_configuration_and_registered(own_module, tmp_path, monkeypatch):
    from sslse.enhancers import build_enhancer

    net = build_enhancer("own_net:Net", **SIZES)
    assert own_module.exists()
    net.save_pretrained(tmp_path / "enhancer")
    with pytest.raises(DataError, match="there is no enhancer 'Net'"):
        Enhancer.from_pretrained(tmp_path)
    assert same(type(net).from_pretrained(tmp_path), net)  # who has the class may load it
    monkeypatch.setenv("SSLSE_CLASSES", "own_net:Net")
    assert type(Enhancer.from_pretrained(tmp_path)) is type(net)
    with pytest.raises(ConfigError, match="has no option 'filters'; did you mean 'num_filters'"):
        build_enhancer("own_net:Net", filters=3)


def test_own_upstreams_and_criteria_by_configuration(tmp_path, monkeypatch):
    from sslse.criteria import build_criterion

    (tmp_path / "own_parts.py").write_text(
        "import torch\n"
        "class Layers(torch.nn.Identity):\n"
        "    def __init__(self, folder, max_layer=3):\n"
        "        super().__init__()\n"
        "        self.folder, self.max_layer = folder, max_layer\n"
        "class Loss(torch.nn.L1Loss): pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    upstream = load_upstream("own_parts:Layers:some/folder", max_layer=2)
    assert (upstream.folder, upstream.max_layer) == ("some/folder", 2)
    with pytest.raises(ConfigError, match="has no option 'normalize_input'"):
        load_upstream("own_parts:Layers:x", normalize_input=True)
    with pytest.raises(ConfigError, match="cannot be imported"):
        load_upstream("own_parts:Nothing")
    assert type(build_criterion("own_parts:Loss", reduction="none")).__name__ == "Loss"


def test_enhancers_of_two_classes_tell_each_other_apart(tmp_path):
    ConvTasNet(**SIZES).save_pretrained(tmp_path)
    with pytest.raises(DataError, match="it holds a ConvTasNet"):
        Demucs.from_pretrained(tmp_path)


def test_an_ssl_model_in_the_folder_of_its_training(upstream_folder, tmp_path):
    model = transformers.WavLMModel.from_pretrained(upstream_folder)
    for folder in ("upstream", "second/upstream"):
        model.save_pretrained(tmp_path / folder)
        (tmp_path / folder / "preprocessor_config.json").write_text("{}")
    assert load_upstream(tmp_path).num_layers == load_upstream(upstream_folder).num_layers
    robust = wav2vec2()
    robust.save_pretrained(tmp_path / "pt/robust_wav2vec2")
    assert same(load_upstream(tmp_path / "pt"), robust)
    assert same(Enhancer.from_pretrained(tmp_path / "pt/robust_wav2vec2"), robust.enhancer)
    robust.save_pretrained(tmp_path / "second/robust_wav2vec2")
    with pytest.raises(DataError, match="holds several models .upstream, robust_wav2vec2"):
        load_upstream(tmp_path / "second")
    (tmp_path / "pt/robust_wav2vec2/fusion.safetensors").write_bytes(b"x")
    with pytest.raises(DataError, match="fusion.safetensors is damaged"):
        RobustWav2Vec2.from_pretrained(tmp_path / "pt")


def test_branches_on_the_hub(tmp_path, monkeypatch):
    """transformers does not know them; an ordinary model there is its own business."""
    robust = wav2vec2()
    robust.save_pretrained(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        transformers.utils, "cached_file", lambda name, file, **_: str(tmp_path / file)
    )
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda name, **_: str(tmp_path))
    assert same(load_upstream("somebody/ew2_sew2"), robust)
    assert same(RobustWav2Vec2.from_pretrained("somebody/ew2_sew2", device="cpu"), robust)


def test_folders_of_the_time_before_still_load(upstream_folder, tmp_path):
    """They had no version, and but for enhancers their keys stood beside each other."""
    torch.manual_seed(0)
    for name, (cls, make) in KINDS.items():
        if name in ("units", "downstream"):  # no folder, and a folder with a test of its own
            continue
        model = make(upstream_folder).eval()
        model.save_pretrained(tmp_path / name)
        path = tmp_path / name / "config.json"
        described = json.loads(path.read_text())
        del described["format_version"]
        if name != "enhancer":
            described.update(described.pop("config"))
            if name != "model":
                del described["class"]
        path.write_text(json.dumps(described))
        assert same(cls.from_pretrained(tmp_path / name), model)
        assert same(cls.from_pretrained(tmp_path / name), model)


def test_an_interrupted_writer_leaves_the_old_folder(model, saved, monkeypatch):
    before = {path: path.read_bytes() for path in saved.rglob("*") if path.is_file()}

    def fails(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(SslseError, match="disk full"):
        model.save_pretrained(saved)
    assert {path: path.read_bytes() for path in saved.rglob("*") if path.is_file()} == before
    assert all(isinstance(path, Path) for path in before)


@pytest.mark.parametrize("name", [name for name in KINDS if name not in ("units", "downstream")])
def test_every_kind_can_be_packed(name, upstream_folder, tmp_path):
    cls, make = KINDS[name]
    model = make(upstream_folder).eval()
    model.save_pretrained(tmp_path / "exp" / name)
    sentence = pack(tmp_path / "exp", tmp_path / "out", license_name="cc0-1.0")
    assert f"packed {tmp_path / 'exp' / name}" in sentence
    assert same(cls.from_pretrained(tmp_path / "out"), model)
    card = (tmp_path / "out/README.md").read_text()
    assert f"model = {cls.__name__}.from_pretrained" in card and "license: cc0-1.0" in card
    assert pack(tmp_path / "exp" / name, tmp_path / "again")
    assert same(cls.from_pretrained(tmp_path / "again"), model)


def test_a_packed_head_brings_its_upstream(upstream_folder, tmp_path):
    shutil.copytree(upstream_folder, tmp_path / "upstream")
    source = str(tmp_path / "upstream")
    model = head(source).eval()
    model.save_pretrained(tmp_path / "exp/downstream")
    pack(tmp_path / "exp", tmp_path / "out")
    shutil.rmtree(tmp_path / "upstream")
    waveform = torch.randn(2, 8000)
    packed = MultiTaskModel.from_pretrained(tmp_path / "out")
    # The weights are the same; those of the position convolution lie in another order in memory.
    assert same(packed, model)
    found, wanted = (one(waveform).outputs["ctc"][0] for one in (packed, model))
    torch.testing.assert_close(found, wanted, atol=1e-6, rtol=1e-5)
    with pytest.raises(DataError, match="cannot be built from .*no local folder"):
        MultiTaskModel.from_pretrained(tmp_path / "exp")


@pytest.mark.parametrize("place", ["../../../secret", "absolute"])
def test_a_downloaded_model_names_no_place_outside(upstream_folder, tmp_path, place):
    """An experiment's head lies beside its SSL model; what comes from a hub must bring its own."""
    snapshot = tmp_path / "models--a--b/snapshots/0123"
    shutil.copytree(upstream_folder, tmp_path / "models--a--b/secret")
    head(upstream_folder).save_pretrained(snapshot / "downstream")
    place = str(tmp_path / "models--a--b/secret") if place == "absolute" else place
    edit(snapshot / "downstream", upstream=place)
    with pytest.raises(DataError, match="outside of what was downloaded"):
        MultiTaskModel.from_pretrained(snapshot)
    shutil.copytree(upstream_folder, snapshot / "upstream")
    edit(snapshot / "downstream", upstream="../upstream")
    assert MultiTaskModel.from_pretrained(snapshot).source == str(snapshot / "upstream")
