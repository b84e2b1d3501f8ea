"""Names of models: the shipped default, folders, and a stand-in for the Hugging Face hub."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from sslse import known_models as names
from sslse.catalogue import known_models
from sslse.cli.main import main
from sslse.enhancers.base import Enhancer
from sslse.enhancers.conv_tasnet import ConvTasNet
from sslse.errors import ConfigError, DataError
from sslse.known_models import known_model
from sslse.pack import pack, push
from sslse.tokens.tokenizer import Tokenizer
from sslse.upstreams import load_upstream

SPEC = importlib.util.spec_from_file_location(
    "hub_server", Path(__file__).with_name("hub_server.py")
)
hub_server = sys.modules["hub_server"] = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(hub_server)

SIZES = {"num_filters": 8, "kernel_size": 32, "stride": 16, "blocks": 2, "repeats": 1}


@pytest.fixture
def shipped(tmp_path, monkeypatch) -> Path:
    """An empty folder in place of that of the shipped models."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    monkeypatch.setattr(names, "shipped_folder", lambda: folder)
    monkeypatch.setattr("sslse.catalogue.shipped_folder", lambda: folder)
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """An empty folder to work in, with a cache of the hub of its own that asks no network."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return folder


@pytest.fixture
def net() -> ConvTasNet:
    torch.manual_seed(0)
    return ConvTasNet(**SIZES).eval()


@pytest.fixture
def hub(here, monkeypatch):
    """A running stand-in, which huggingface_hub takes for the hub."""
    with hub_server.HubServer() as server:
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.url)
        monkeypatch.setattr(
            "huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE",
            server.url + "/{repo_id}/resolve/{revision}/{filename}",
        )
        monkeypatch.setattr("huggingface_hub.hf_api.api.endpoint", server.url)
        monkeypatch.setenv("HF_TOKEN", hub_server.TOKEN)
        yield server


def same(first, second) -> bool:
    first, second = first.state_dict(), second.state_dict()
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


def files_of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")}


# The shipped models


def test_no_name_is_the_shipped_enhancer(shipped, here, net):
    net.save_pretrained(shipped / "default")
    ConvTasNet(**{**SIZES, "num_filters": 9}).save_pretrained(here / "default")
    assert same(Enhancer.from_pretrained(), net) and same(Enhancer.from_pretrained("default"), net)
    assert Enhancer.from_pretrained("./default").config["num_filters"] == 9
    assert (
        known_model(None, "enhancer") == known_model("default", "enhancer") == shipped / "default"
    )


def test_an_upstream_named_default_is_the_shipped_one(shipped, upstream_folder, here):
    shutil.copytree(upstream_folder, shipped / "default_ssl")
    assert same(load_upstream("default"), load_upstream(upstream_folder))


def test_without_shipped_models_the_sentence_says_so(shipped, here, capsys):
    for call, kind in ((Enhancer.from_pretrained, "enhancer"), (load_upstream, "SSL model")):
        with pytest.raises(DataError, match=f"has no default {kind} .*; give a folder or a name"):
            call("default")
    with pytest.raises(DataError, match="no default .*tokenizer; give its folder"):
        Tokenizer.from_pretrained()
    assert main(["models"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 2 and all("has no default" in line for line in said)


def test_what_is_shipped_is_packed_and_found(repository):
    """The wheel has the folder, where it is there."""
    text = (repository / "pyproject.toml").read_text()
    assert '"sslse" = ["models/*/*.json"' in text
    for kind, name in names.SHIPPED.items():
        folder = names.shipped_folder() / name
        if folder.is_dir():
            assert known_model(None, kind) == folder
            assert {"config.json", "model.safetensors", "README.md"} <= files_of(folder).keys()


# The list


def test_models_lists_what_can_be_named(shipped, here, net, upstream_folder, tmp_path, capsys):
    net.save_pretrained(shipped / "default")
    net.save_pretrained(here / "packed/a")
    net.save_pretrained(here / "exp/seed0/ft_snr/enhancer")
    Tokenizer(torch.randn(5, 4), 8000, 320, {"n": 1}).save_pretrained(here / "tokenizer")
    shutil.copytree(upstream_folder, here / "exp/seed0/upstream")
    (here / "other").mkdir()
    (here / "other/config.json").write_text('{"class": "Nobody"}')
    (here / "broken").mkdir()
    (here / "broken/config.json").write_text("{")
    cached = tmp_path / "cache/models--user--name"
    net.save_pretrained(cached / "snapshots/0123")
    (cached / "refs").mkdir()
    (cached / "refs/main").write_text("0123")
    found = {model.name: (model.kind, model.origin) for model in known_models(Path("."))}
    assert found == {
        "default": ("enhancer", "shipped"),
        "exp/seed0/ft_snr/enhancer": ("enhancer", "folder"),
        "exp/seed0/upstream": ("SSL model", "folder"),
        "packed/a": ("enhancer", "folder"),
        "tokenizer": ("acoustic tokenizer", "folder"),
        "user/name": ("enhancer", "hub cache"),
    }
    for name, (kind, _) in found.items():
        assert known_model(name, kind).is_dir()
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["name", "kind", "network", "rate", "from"]
    assert "16000 Hz" in lines[1] and len(lines) == 2 + len(found)
    assert main(["models", "--folder", "nowhere"]) == 1


# The hub


def test_what_is_pushed_is_found_by_its_name(hub, net, capsys):
    net.save_pretrained("exp/enhancer")
    arguments = ["pack", "--exp", "exp", "--out", "packed", "--push", "user/first"]
    assert main(arguments) == 0
    assert f"pushed to {hub.url}/user/first" in capsys.readouterr().out
    stored = list(hub.models["user/first"].commits.values())[-1]
    assert stored == files_of(Path("packed"))
    assert same(Enhancer.from_pretrained("user/first"), net)
    assert main(arguments) == 0  # again: the same model, no complaint
    assert same(Enhancer.from_pretrained("user/first"), net)


def test_a_revision_and_the_cache_without_network(hub, net, monkeypatch):
    other = ConvTasNet(**{**SIZES, "num_filters": 9})
    net.save_pretrained("one")
    other.save_pretrained("two")
    repository = hub.models["user/two"] = hub_server.Repository()
    first = repository.commit(files_of(Path("one")))
    repository.tags["v1"] = first
    repository.commit(files_of(Path("two")))
    for name, filters in (("user/two", 9), ("user/two@v1", 8), (f"user/two@{first}", 8)):
        assert Enhancer.from_pretrained(name).config["num_filters"] == filters
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    asked = len(hub.asked)
    assert same(Enhancer.from_pretrained("user/two@v1"), net)
    assert same(Enhancer.from_pretrained("user/two"), other)
    assert len(hub.asked) == asked
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    hub.__exit__()  # the network breaks
    assert same(Enhancer.from_pretrained("user/two"), other)


def test_no_pickle_and_no_code_is_fetched(hub, net):
    net.save_pretrained("one")
    harmful = {"pytorch_model.bin": b"x", "model.pt": b"x", "run.py": b"x", "a/b.pkl": b"x"}
    hub.models["user/x"] = hub_server.Repository()
    hub.models["user/x"].commit({**files_of(Path("one")), **harmful})
    folder = known_model("user/x", "enhancer")
    assert files_of(folder).keys() == {"config.json", "model.safetensors"}
    assert not [line for line in hub.asked if any(name in line for name in harmful)]


def test_the_token_comes_from_the_environment_alone(hub, net, monkeypatch, tmp_path):
    net.save_pretrained("one")
    hub.models["user/private"] = hub_server.Repository(private=True)
    hub.models["user/private"].commit(files_of(Path("one")))
    (tmp_path / "token").write_text(hub_server.TOKEN)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(DataError, match="the hub has none, or none for you: .*HF_TOKEN"):
        Enhancer.from_pretrained("user/private")
    with pytest.raises(ConfigError, match="set the environment variable HF_TOKEN"):
        push("one", "user/private")
    monkeypatch.setenv("HF_TOKEN", hub_server.TOKEN)
    assert same(Enhancer.from_pretrained("user/private"), net)


def test_what_the_hub_does_not_give_is_one_sentence(hub, net, monkeypatch):
    hub.models["user/x"] = hub_server.Repository()
    hub.models["user/x"].commit({"pytorch_model.bin": b"x"})
    for name, words in (
        ("user/nothing", "the hub has none"),
        ("user/x@v9", "the hub has no such revision"),
        ("user/x", "holds no config.json"),
    ):
        with pytest.raises(DataError, match=words) as caught:
            Enhancer.from_pretrained(name)
        assert "\n" not in str(caught.value)
    monkeypatch.setenv("HF_TOKEN", "wrong")
    net.save_pretrained("one")
    with pytest.raises(DataError, match="could not be pushed") as caught:
        push("one", "user/y")
    assert "\n" not in str(caught.value) and "user/y" not in hub.models


@pytest.mark.parametrize("name", ["name", "user/name@v1", "a/b/c", "../x"])
def test_a_wrong_name_is_refused_before_anything_is_packed(here, net, name, monkeypatch, capsys):
    monkeypatch.setenv("HF_TOKEN", hub_server.TOKEN)
    net.save_pretrained("exp/enhancer")
    assert main(["pack", "--exp", "exp", "--out", "packed", "--push", name]) == 1
    assert "name of a model on the hub is user/name" in capsys.readouterr().err
    assert not Path("packed").exists()


@pytest.mark.slow
def test_the_endpoint_of_the_environment_is_asked(hub, net, repository):
    """As a user sets it, in a process of its own: nothing of huggingface_hub is replaced."""
    net.save_pretrained("one")
    hub.models["user/x"] = hub_server.Repository()
    hub.models["user/x"].commit(files_of(Path("one")))
    code = "from sslse import Enhancer; print(Enhancer.from_pretrained('user/x').config)"
    own = {"HF_ENDPOINT": hub.url, "HF_HOME": str(Path("home").resolve())}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(repository), **own},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(net.config)


# Names of nothing, and of too much


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nobody/nothing", "the hub cannot be reached, and the cache has none"),
        ("nowhere", "no folder nowhere: give a folder that holds the enhancer, or a name on"),
        ("many", "many holds several models .a, b.; give the folder of one, such as many/a"),
        ("single", "holds no model itself but one .a.; give .* such as single/a"),
    ],
)
def test_a_wrong_model_is_one_sentence(here, net, name, words, capsys):
    for folder in ("many/a", "many/b", "single/a"):
        net.save_pretrained(folder)
    Path("a.wav").touch()
    with pytest.raises(DataError, match=words):
        Enhancer.from_pretrained(name)
    assert main(["enhance", "a.wav", "-o", "out", "--model", name]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1 and not Path("out").exists()


def test_a_packed_model_can_be_packed_again(here, net):
    net.save_pretrained("exp/enhancer")
    pack("exp", "one")
    pack("one", "two")
    assert same(Enhancer.from_pretrained("two"), net)
