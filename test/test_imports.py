"""Imports point one way: this file is the order of the rooms, and what they may need."""

from __future__ import annotations

import ast
import graphlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

#: The rooms, lowest first: a room imports those of earlier lines and none of its own line.
FILES_AND_NUMBERS = (
    ("errors", "lazy", "names"),
    ("registry",),
    ("runtime",),
    ("downloads", "audio"),
    ("data",),
    ("articulation", "checking", "simulate"),
    ("metrics",),
)
MODELS = (
    ("known_models", "model_files", "transfer"),
    ("model_folder",),
    ("upstreams", "espnet"),
    ("enhancers", "criteria"),
    ("downstream",),
    ("search", "tokens", "wav2vec2"),
    ("pack", "recognizers"),
    ("catalogue", "systems"),
)
TOOLS = (
    ("analysis", "corpora", "listening", "recipe"),
    ("report",),
    ("cli",),
    ("__main__",),
)
ORDER = (*FILES_AND_NUMBERS, *MODELS, *TOOLS)
#: Tools that need files and numbers alone, and no model, also by no detour.
NO_MODELS = ("corpora", "listening", "recipe", "report")
#: Rooms of networks and losses that work in any program that has torch, and what else they import.
TORCH_ALONE = ("criteria", "enhancers")
TORCH = {"torch", "numpy", "safetensors"}
AUDIO_FILES = {"enhancers/files.py", "enhancers/live.py"}  # they read, write and resample audio
AUDIO = {"soundfile", "soxr"}


def imported(path: Path, modules: set[str], top_level: bool = False) -> set[str]:
    """Return what a file imports, also within functions and for types: modules of sslse where the
    name is one of ``modules``, else names as they are written."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in tree.body if top_level else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: write the whole name of what you import"
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                found.add(name if name in modules else node.module)
    return found


def room(module: str) -> str:
    return (module.split(".") + [""])[1]


@pytest.fixture(scope="module")
def files(repository) -> dict[str, Path]:
    """Module of sslse to its file."""
    found = {}
    for path in sorted((repository / "sslse").rglob("*.py")):
        name = ".".join(path.relative_to(repository).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = path
    return found


@pytest.fixture(scope="module")
def imports(files) -> dict[str, set[str]]:
    """Module of sslse to the modules of sslse that it imports."""
    return {name: imported(path, set(files)) & set(files) for name, path in files.items()}


def test_every_room_has_a_place(files):
    places = [name for line in ORDER for name in line]
    assert len(places) == len(set(places))
    unplaced = {room(name) for name in files} - {"", *places}
    assert not unplaced, f"give the room {', '.join(unplaced)} a place in ORDER of {__file__}"


def test_rooms_import_lower_rooms_alone(imports):
    place = {name: number for number, line in enumerate(ORDER) for name in line}
    wrong = []
    for module, targets in imports.items():
        for target in sorted(targets):
            above, below = room(module), room(target)
            if above and below and above != below and place[below] >= place[above]:
                wrong.append(f"{module} imports {target}, but {above} is not above {below}")
    assert not wrong, (
        "\n".join(wrong)
        + f"\nmove what is needed to the lower room, or name it by a string; see {__file__}"
    )


def test_some_rooms_reach_no_model(imports):
    models = {name for line in MODELS for name in line}

    def reached(module: str, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
        yield (*path, module)
        for target in sorted(imports[module] - {module, *path}):
            yield from reached(target, (*path, module))

    for module in imports:
        for path in reached(module) if room(module) in NO_MODELS else ():
            assert room(path[-1]) not in models, (
                f"{' imports '.join(path)}: {room(module)} must do without models"
            )


def test_no_circle_of_imports(imports):
    # warprnnt runs as __main__ and imports itself once more under its own name.
    others = {module: targets - {module} for module, targets in imports.items()}
    try:
        graphlib.TopologicalSorter(others).prepare()
    except graphlib.CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        pytest.fail(f"a circle of imports: {circle}; put what both need in a file of its own")


def test_networks_and_losses_need_torch_alone(repository, files):
    wrong = []
    for name, path in files.items():
        if room(name) not in TORCH_ALONE:
            continue
        where = path.relative_to(repository / "sslse").as_posix()
        allowed = TORCH | (AUDIO if where in AUDIO_FILES else set()) | {"sslse"}
        packages = {module.split(".")[0] for module in imported(path, set(files), top_level=True)}
        for package in sorted(packages - allowed - set(sys.stdlib_module_names)):
            wrong.append(f"{path} imports {package}; import it in the class that needs it")
    assert not wrong, "\n".join(wrong)


def test_a_loss_trains_a_network_without_other_packages(repository):
    code = """
import sys
import torch
from sslse.criteria import build_criterion
from sslse.enhancers import build_enhancer

sizes = dict(num_filters=8, kernel_size=4, stride=2, blocks=2, repeats=1)
network = build_enhancer("conv_tasnet", **sizes)
build_criterion("SNRLoss")(network(torch.randn(2, 100)), torch.randn(2, 100)).mean().backward()
others = ("espnet", "espnet2", "transformers", "lightning", "soundfile", "scipy", "librosa")
print([name for name in others if name in sys.modules])
"""
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=repository, timeout=300
    )
    assert ran.stdout.strip() == "[]", ran.stdout + ran.stderr


def test_the_rooms_stand_in_their_order(repository):
    """The table of docs/architecture.md lists the rooms as imports go."""
    page = (repository / "docs/architecture.md").read_text()
    rows = re.findall(r"^\| (`[^|]*) \|", page.split("## Rooms")[1].split("Outside")[0], re.M)
    place = {room: row for row, text in enumerate(rows) for room in re.findall(r"`(\w+)`", text)}
    rooms = [room for line in ORDER for room in line if room != "__main__"]
    assert [place[room] for room in rooms] == sorted(place[room] for room in rooms)
    assert set(place) == set(rooms)
