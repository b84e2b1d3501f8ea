"""A trained model as a folder to give away: model card, description, weights; checked."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import torch

from sslse.enhancers.base import Enhancer
from sslse.enhancers.card import enhancer_card
from sslse.enhancers.export import STREAM_NAME, WHOLE_NAME, export_onnx
from sslse.errors import ConfigError, DataError
from sslse.known_models import HUB_FILES, HUB_NAME, TOKEN
from sslse.model_files import CONFIG_NAME, WEIGHTS_NAME
from sslse.model_folder import SavedModel
from sslse.registry import Registry
from sslse.runtime.atomic import atomic_open
from sslse.upstreams.packed import find_ssl_model, pack_ssl_model

CARD_NAME = "README.md"
TRAINING_NAME = "training.yaml"

# What can be packed. A training that leaves several models is packed as the first of them.
PACKABLE = Registry(
    "kind of model",
    {
        "enhancer": "sslse.enhancers.base:Enhancer",
        "multi_task": "sslse.downstream.multi_task:MultiTaskModel",
        "ctc_wav2vec2": "sslse.wav2vec2.ctc_wav2vec2:CTCWav2Vec2",
        "tokenizer": "sslse.tokens.tokenizer:Tokenizer",
    },
)


def pack(
    exp: str | os.PathLike,
    out: str | os.PathLike,
    name: str | None = None,
    license_name: str | None = None,
    onnx: bool = False,
) -> str:
    """Write a packed model and check that it loads to the same one.

    Args:
        exp: folder of a training (with ``enhancer/``, ``downstream/`` … in it), or of a model.
        out: folder to write; the card comes last.
        name: title of the card; default: the name of ``exp``.
        license_name: for the card; default: none is stated.
        onnx: also export it, see ``export_onnx``; for causal enhancers.

    Returns:
        A line or two that say what was written.

    Raises:
        DataError: there is no model in ``exp``, or the packed or exported one differs.
        ConfigError: it cannot be exported.
    """
    exp, out = Path(exp), Path(out)
    name = name or exp.resolve().name
    kind, source = find_model(exp)
    if out.resolve() == source.resolve():
        raise DataError(f"{out} is the model itself; pack it into another folder")
    if kind is None:
        if onnx:
            raise _only_enhancers("an SSL model")
        return pack_ssl_model(source, exp, out, name, license_name)
    model = kind.from_pretrained(source).standalone()
    exported = _export(model, out) if onnx else ""
    if not onnx:  # those of another model would stay
        for file in (WHOLE_NAME, STREAM_NAME):
            (out / file).unlink(missing_ok=True)
    model.save_pretrained(out)
    if (exp / "config.yaml").is_file():
        with atomic_open(out / TRAINING_NAME) as stream:
            stream.write((exp / "config.yaml").read_text(encoding="utf-8"))
    _check(kind, model, out)
    with atomic_open(out / CARD_NAME) as stream:
        stream.write(_card(kind, model, exp, name, license_name, onnx))
    size = sum(path.stat().st_size for path in out.rglob("*.safetensors")) / 1e6
    return f"packed {source} into {out} ({size:.1f} MB); it loads and is the same model{exported}"


def _export(model: SavedModel, out: Path) -> str:
    if not isinstance(model, Enhancer):
        raise _only_enhancers(model.noun)
    difference = export_onnx(model, out)
    return (
        f"\nexported {WHOLE_NAME} and {STREAM_NAME}; largest difference to PyTorch: "
        f"{difference:.1e} of the largest sample"
    )


def _only_enhancers(noun: str) -> ConfigError:
    return ConfigError(f"--onnx is for enhancers, and this is {noun}; leave it out")


def check_push(name: str) -> None:
    """Refuse what cannot be pushed to, before any work is done.

    Raises:
        ConfigError: the name is none of the hub, or there is no token in the environment.
    """
    match = HUB_NAME.fullmatch(name)
    if match is None or match[2]:
        raise ConfigError(f"--push {name}: the name of a model on the hub is user/name")
    if not os.environ.get(TOKEN):
        raise ConfigError(
            f"--push {name}: set the environment variable {TOKEN} to a token that may write there"
        )


def push(folder: str | os.PathLike, name: str) -> str:
    """Upload a packed model to the Hugging Face hub as one commit; the repository is made if new.

    Args:
        folder: that ``pack`` wrote.
        name: ``user/name``.

    Returns:
        One sentence that says where it is.

    Raises:
        ConfigError: see ``check_push``.
        DataError: the hub cannot be reached, or refuses.
    """
    check_push(name)
    import huggingface_hub

    hub = huggingface_hub.HfApi(token=os.environ[TOKEN])
    try:
        hub.create_repo(name, exist_ok=True)
        commit = hub.upload_folder(
            repo_id=name,
            folder_path=folder,
            commit_message="Upload by sslse pack",
            allow_patterns=[*HUB_FILES, TRAINING_NAME, "*.onnx"],
        )
    except Exception as error:  # the hub's client raises many kinds
        reason = " ".join(str(error).split())[:200] or repr(error)
        raise DataError(
            f"{name} could not be pushed ({reason}); check {TOKEN} and the network, then run the "
            "same command again"
        ) from error
    return f"pushed to {commit.repo_url}"


def find_model(exp: Path) -> tuple[type[SavedModel] | None, Path]:
    """Return the kind and the folder of the model of a training; None: an SSL model.

    Raises:
        DataError: there is none.
    """
    for name in PACKABLE if exp.is_dir() else ():
        kind = PACKABLE.find(name)
        with contextlib.suppress(DataError):  # it holds none of this kind
            folder = kind.find_folder(exp)
            if kind.holds(folder):
                return kind, folder
    if source := find_ssl_model(exp):
        return None, source
    raise DataError(
        f"{exp} holds no model: neither {CONFIG_NAME} and {WEIGHTS_NAME} nor a folder with them, "
        "such as enhancer/ or downstream/"
    )


def _check(kind: type[SavedModel], model: SavedModel, out: Path) -> None:
    again = kind.from_pretrained(out)
    ours, theirs = model.state_dict(), again.state_dict()
    same = ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in ours)
    if not same or type(again) is not type(model) or again.config != model.config:
        raise DataError(f"the model packed in {out} differs from the trained one; pack it again")


def _card(
    kind: type[SavedModel],
    model: SavedModel,
    exp: Path,
    name: str,
    license_name: str | None,
    onnx: bool,
) -> str:
    count = sum(parameter.numel() for parameter in model.parameters()) / 1e6
    options = "\n".join(f"| {key} | {_short(value)} |" for key, value in model.config.items())
    own, tags = "", "- speech"
    if isinstance(model, Enhancer):
        own, tags = enhancer_card(model, exp), "- speech-enhancement\n- audio-to-audio"
    exported = (
        "\n`enhancer.onnx` (a recording) and `stream.onnx` (a hop and the state, at first zeros) "
        "run without PyTorch;\ntheir metadata say the rate, the hop and by how many samples "
        "the stream is late.\n"
    )
    training = f"\nTrained with the configuration in `{TRAINING_NAME}`.\n"
    return f"""---
library_name: sslse
{f"license: {license_name}{chr(10)}" if license_name else ""}tags:
{tags}
---

# {name}

{kind.noun.capitalize()} ({type(model).__name__}, {count:.2f} million parameters).
{own}
## Load

```python
from {kind.__module__} import {kind.__name__}

model = {kind.__name__}.from_pretrained("<this folder>")
```

## Network

| option | value |
|---|---|
{options}
{training if (exp / "config.yaml").is_file() else ""}
## Files

`{CONFIG_NAME}` (class and options), `{WEIGHTS_NAME}` (weights, no pickle), `{CARD_NAME}`.
{exported if onnx else ""}"""


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 200 else f"{text[:200]} … (see {CONFIG_NAME})"
