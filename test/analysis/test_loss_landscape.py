import pytest
import torch
import yaml
from torch import nn

from sslse.analysis.loss_landscape import (
    CTCLandscape,
    Landscape,
    direction,
    explore,
    grid,
    weights,
)
from sslse.analysis.table import read_rows
from sslse.cli.main import main
from sslse.data.datadir import DataDir
from sslse.errors import ConfigError
from sslse.systems.robust_ctc import RobustCTC

SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "conv_dim": [8, 8],
    "conv_kernel": [20, 16],
    "conv_stride": [10, 8],
    "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
    "num_codevectors_per_group": 4,
}


@pytest.fixture
def landscape():
    """J = ‖θ‖² of a tiny network, whose landscape is known everywhere."""
    torch.manual_seed(0)
    nets = [nn.Linear(3, 2).double() for _ in range(3)]
    start, first, second = ({n: t.clone() for n, t in weights(net).items()} for net in nets)

    def loss(model):
        return float(sum(p.detach().square().sum() for p in model.parameters()))

    directions = [direction(start, first), direction(start, second)]
    return Landscape(nets[0], loss, start, directions), start, first, second, loss, nets


def test_ends_are_the_networks_themselves(landscape):
    surface, _, _, _, loss, nets = landscape
    values = [loss(net) for net in nets]
    points = ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))
    assert [surface.loss_at(point) for point in points] == pytest.approx(values)
    # The way there does not matter: no rounding is carried along.
    assert surface.loss_at((0.0, 0.0)) == values[0]


def test_quadratic_loss_has_a_quadratic_line(landscape):
    surface, start, first, *_ = landscape
    for m in (-2.0, 0.5, 3.0):
        expected = sum((t + m * (first[n] - t)).square().sum() for n, t in start.items())
        assert surface.loss_at((m, 0.0)) == pytest.approx(float(expected))


def test_filter_form_gives_each_row_its_norm():
    torch.manual_seed(0)
    start, end = ({"w": torch.randn(4, 3, 2), "b": torch.randn(4)} for _ in range(2))
    scaled = direction(start, end, "filter")
    torch.testing.assert_close(
        scaled["w"].flatten(1).norm(dim=1), start["w"].flatten(1).norm(dim=1)
    )
    assert torch.equal(scaled["b"], end["b"] - start["b"])
    plain = direction(start, end)["w"].flatten(1)
    cosine = nn.functional.cosine_similarity(plain, scaled["w"].flatten(1))
    torch.testing.assert_close(cosine, torch.ones(4))


def test_interrupted_exploration_goes_on_to_the_same_file(landscape, tmp_path):
    surface, *_ = landscape
    points = grid(-2, 2, 5, 2)
    assert len(points) == 25 and (0.0, 2.0) in points

    def compute(missing, stop=None):
        for count, point in enumerate(missing):
            if count == stop:
                raise KeyboardInterrupt
            yield point, surface.loss_at(point)

    whole = explore(points, compute, tmp_path / "whole.csv", {"a": 1})
    with pytest.raises(KeyboardInterrupt):
        explore(points, lambda missing: compute(missing, 7), tmp_path / "cut.csv", {"a": 1})
    assert len(read_rows(tmp_path / "cut.csv")) == 7
    computed = []
    rows = explore(
        points,
        lambda missing: computed.extend(missing) or compute(missing),
        tmp_path / "cut.csv",
        {"a": 1},
    )
    assert rows == whole and len(computed) == 18
    assert (tmp_path / "cut.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    with pytest.raises(ConfigError, match="other settings"):
        explore(points, compute, tmp_path / "cut.csv", {"a": 2})


def test_other_networks_and_grids_are_refused():
    with pytest.raises(ConfigError, match="same network"):
        direction({"w": torch.ones(2)}, {"w": torch.ones(3)})
    with pytest.raises(ConfigError, match="2 points or more"):
        grid(0, 1, 1, 1)


@pytest.fixture
def finetunings(sets, tmp_path):
    """Folders of two fine-tunings that began with the same weights, as ``sslse train`` leaves them;
    the networks: first weights, and the two last ones."""
    networks = {}
    for name in ("start", "one", "other"):
        options = {"wav2vec2": SIZES, "channel_mask_length": 4, "seed": 3}
        system = RobustCTC(**options)
        system.prepare(DataDir(sets["noisy"]))
        networks[name] = system.model.eval()
        if name == "start":
            continue
        torch.manual_seed(len(name))
        with torch.no_grad():
            for parameter in system.model.parameters():
                parameter += 0.02 * torch.randn_like(parameter)
        (tmp_path / name).mkdir()
        system.export(tmp_path / name)
        config = {
            "model": {"class_path": "sslse.systems.robust_ctc.RobustCTC", "init_args": options},
            "data": {"init_args": {"train": str(sets["noisy"])}},
        }
        (tmp_path / name / "config.yaml").write_text(yaml.safe_dump(config))
    return tmp_path, networks


def ctc(model, data):
    """Mean CTC loss over tokens, each utterance on its own."""
    losses = []
    for name in data.utterances:
        tokens = torch.tensor([model.tokens.encode(data.text[name])])
        scores, frames = model.log_probs(torch.from_numpy(data.load(name)[0])[None])
        losses.append(
            nn.functional.ctc_loss(
                scores.transpose(0, 1), tokens, frames, torch.tensor([tokens.shape[1]])
            )
        )
    return float(sum(losses) / len(losses))


def test_ends_of_a_fine_tuning_are_its_first_and_last_weights(finetunings, sets):
    root, networks = finetunings
    surface = CTCLandscape(root / "one", root / "other", str(sets["noisy"]), 0, "plain").landscape
    data = DataDir(sets["noisy"])
    for name, point in (("start", (0.0, 0.0)), ("one", (1.0, 0.0)), ("other", (0.0, 1.0))):
        assert surface.loss_at(point) == pytest.approx(ctc(networks[name], data), rel=1e-4), name


def test_command_writes_line_and_plane(finetunings, sets, tmp_path):
    root, _ = finetunings
    for out, options, count in (("line", (), 3), ("plane", ("--other", str(root / "other")), 9)):
        arguments = ["--exp", str(root / "one"), "--data", str(sets["noisy"]), "--points", "3"]
        arguments += ["--utterances", "1", "--out", str(tmp_path / "out" / out), *options]
        assert main(["analyze", "landscape", *arguments]) == 0
        rows = read_rows(tmp_path / "out" / f"{out}.csv")
        assert len(rows) == count
