"""The made corpora of bench/full_scale.py are in the layouts that the preparations read."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from sslse.corpora import dns_noise, librispeech
from sslse.data.datadir import DataDir


@pytest.fixture(scope="module")
def full_scale(repository):
    path = repository / "bench/full_scale.py"
    spec = importlib.util.spec_from_file_location("full_scale", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


def test_librispeech_is_prepared_with_all_its_readers(full_scale, tmp_path):
    scale = 0.0005
    root = full_scale.make_librispeech(tmp_path, scale)
    readers = set()
    for part, (utterances, _) in full_scale.LIBRISPEECH.items():
        librispeech.prepare(root, part, tmp_path / part)
        data = DataDir(tmp_path / part)
        assert len(data) == max(2, round(scale * utterances))
        assert set(data.utt2spk.values()).isdisjoint(readers)
        readers |= set(data.utt2spk.values())
        assert all(data.text[name] for name in data.utterances)
        assert data.sample_rate == 16000 and data.num_samples(data.utterances[0]) > 0


def test_noise_is_shared_out_to_three_sets(full_scale, tmp_path):
    root = full_scale.make_dns_noise(tmp_path, 0)
    dns_noise.prepare(root, tmp_path / "data")
    sizes = [len(DataDir(tmp_path / f"data/noise_{name}")) for name in ("train", "valid", "test")]
    assert sum(sizes) == 200 and sizes[0] > sizes[1] > 0 and sizes[2] > 0


def test_published_counts(full_scale):
    training = [full_scale.LIBRISPEECH[part][0] for part in full_scale.TRAINING]
    assert sum(training) == 281_241 and full_scale.NOISES == 65_000
