"""The acoustic tokenizer: vectors on disk, K-means, linear layer, search."""

import json
import sys
import types
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import MiniBatchKMeans

from sslse.articulation.voice_activity import speech_frames
from sslse.audio.files import write_audio
from sslse.cli.main import main
from sslse.data.datadir import write_datadir
from sslse.errors import ConfigError, DataError
from sslse.metrics.clusters import agreement, usage
from sslse.tokens import encoder_vectors, kmeans
from sslse.tokens.encoder_vectors import extract, load_encoder
from sslse.tokens.kmeans import StreamingKMeans, cluster, describe
from sslse.tokens.tokenizer import Tokenizer
from sslse.tokens.vectors import VectorStore, plan_shards

RATE, HOP, WIDTH = 16000, 640, 6


class Encoder(torch.nn.Module):
    """Fixed projections of the samples of each hop: what a frozen encoder looks like."""

    sample_rate, downsample_rate, output_size = RATE, HOP, WIDTH

    def __init__(self, width=WIDTH):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.register_buffer("weight", torch.randn(HOP, width, generator=generator))
        self.output_size = width

    def encode(self, waveform, lengths):
        frames = waveform.shape[1] // HOP
        vectors = waveform[:, : frames * HOP].reshape(len(waveform), frames, HOP) @ self.weight
        return vectors, torch.full((len(waveform),), frames)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """17 utterances of 1 to 2 s, the first quarter of each silent, and one label a vector."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    wav_scp, labels = {}, {}
    for number in range(17):
        frames = int(rng.integers(25, 50))
        kinds = rng.integers(4, size=frames)
        levels = np.where(np.arange(frames) < frames // 4, 1e-4, 0.1 + 0.05 * kinds)
        tone = np.sin(np.arange(frames * HOP) * np.repeat(0.1 * (1 + kinds), HOP))
        path = root / "wav" / f"u{number:02d}.wav"
        write_audio(path, (np.repeat(levels, HOP) * tone).astype(np.float32), RATE)
        wav_scp[path.stem] = str(path)
        labels[path.stem] = " ".join(map(str, kinds))
    write_datadir(root / "clean", wav_scp=wav_scp)
    (root / "labels").write_text("".join(f"{name} {value}\n" for name, value in labels.items()))
    return root


@pytest.fixture(scope="module")
def store(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("vectors") / "train"
    extract(str(data / "clean"), Encoder(), "test", str(out), shard_utterances=5, dtype="float32")
    return VectorStore(out)


def speech_vectors(store, shard):
    vectors, speech = store.shard(shard)
    return vectors[speech]


def test_speech_is_what_is_within_40_db_of_the_loudest_frame():
    levels_db = np.array([0.0, -39.9, -40.1, -80.0, -20.0])
    waveform = np.repeat(10 ** (levels_db / 20), HOP) * np.tile([1.0, -1.0], 5 * HOP // 2)
    assert speech_frames(waveform, 5, HOP).tolist() == [True, True, False, False, True]
    assert speech_frames(0.01 * waveform, 5, HOP).tolist() == [True, True, False, False, True]
    assert speech_frames(waveform, 5, HOP, cutoff_db=30).tolist() == [
        True,
        False,
        False,
        False,
        True,
    ]
    # An encoder may give a vector more or fewer than the samples fill.
    assert speech_frames(waveform, 6, HOP).tolist() == [True, True, False, False, True, False]
    assert speech_frames(waveform, 2, HOP).tolist() == [True, True]


def test_a_store_holds_what_the_encoder_gives(data, store):
    from sslse.data.datadir import DataDir

    clean = DataDir(data / "clean")
    assert sorted(store.utterances) == sorted(clean.utterances)
    assert [index for index in range(store.num_shards)] == [0, 1, 2, 3]
    for index in (0, 7, 16):
        waveform, _ = clean.load(store.utterances[index])
        vectors, _ = Encoder().encode(torch.from_numpy(waveform)[None], None)
        torch.testing.assert_close(store[index]["vectors"], vectors[0])
        silent = len(vectors[0]) // 4
        assert store[index]["speech"].tolist() == [
            frame >= silent for frame in range(len(vectors[0]))
        ]
    assert store.num_speech == sum(int(store[i]["speech"].sum()) for i in range(len(store)))


def test_extraction_goes_on_where_it_was_and_shares_its_work(data, store, tmp_path, monkeypatch):
    arguments = (str(data / "clean"), Encoder(), "test", str(tmp_path / "v"), 5, "float32")
    real = encoder_vectors.write_shard

    def dying(path, number, *rest):
        if number == 2:
            raise KeyboardInterrupt
        real(path, number, *rest)

    monkeypatch.setattr(encoder_vectors, "write_shard", dying)
    with pytest.raises(KeyboardInterrupt):
        extract(*arguments)
    monkeypatch.setattr(encoder_vectors, "write_shard", real)
    with pytest.raises(DataError, match="lacks 2 of 4 shards"):
        VectorStore(tmp_path / "v")
    assert [extract(*arguments, job=(job, 2)) for job in (1, 2)] == [1, 1]
    again = VectorStore(tmp_path / "v")
    assert again.utterances == store.utterances
    for index in range(len(store)):
        assert torch.equal(again[index]["vectors"], store[index]["vectors"])
    with pytest.raises(ConfigError, match="holds vectors with encoder = 'test'"):
        extract(str(data / "clean"), Encoder(), "other", str(tmp_path / "v"), 5, "float32")


@settings(max_examples=30)
@given(count=st.integers(1, 40), size=st.integers(1, 12))
def test_shards_hold_every_utterance_once(count, size):
    utterances = [f"u{number}" for number in range(count)]
    shards = plan_shards(utterances, size)
    assert sorted(sum(shards, [])) == sorted(utterances)
    assert all(len(shard) == size for shard in shards[:-1])


def test_half_precision_refuses_what_it_cannot_hold(data, tmp_path):
    encoder = Encoder()
    encoder.weight *= 1e6
    with pytest.raises(DataError, match="beyond float16.*store them as float32"):
        extract(str(data / "clean"), encoder, "test", str(tmp_path / "v"))


def test_a_silent_utterance_is_named(tmp_path):
    write_audio(tmp_path / "a.wav", np.zeros(RATE, np.float32), RATE)
    write_datadir(tmp_path / "clean", wav_scp={"a": str(tmp_path / "a.wav")})
    with pytest.raises(DataError, match=r"no vectors: a \(every sample is zero\)"):
        extract(str(tmp_path / "clean"), Encoder(), "test", str(tmp_path / "v"))


def random_of_step(seed, step):
    number = kmeans.draw_generator(seed, kmeans.Stream.KMEANS_STEP, step).integers(2**32)
    return np.random.RandomState(int(number))


def test_centres_are_those_of_scikit_learn(store, tmp_path):
    """One shard a step, one step an epoch and shard: what partial_fit does with these batches."""
    ours = cluster(store, tmp_path, 7, epochs=2, batch_size=10**6, seed=3)
    first = kmeans.initial_sample(store, 10**6, 3)
    assert len(first) == store.num_speech
    theirs = MiniBatchKMeans(7, batch_size=10**6, random_state=random_of_step(3, 0))
    theirs.partial_fit(first)
    for position, shard in enumerate(kmeans.shard_order(store, 2, 3)):
        vectors = speech_vectors(store, shard)
        shuffle = kmeans.draw_generator(3, kmeans.Stream.SHARD_SHUFFLE, position)
        theirs.partial_fit(vectors[shuffle.permutation(len(vectors))])
    np.testing.assert_allclose(ours.centres.numpy(), theirs.cluster_centers_, rtol=1e-5)
    everything = np.concatenate([speech_vectors(store, shard) for shard in range(4)])
    labels = ours.labels(torch.from_numpy(everything))
    np.testing.assert_array_equal(labels.numpy(), theirs.predict(everything))


@pytest.mark.parametrize("most", [2, 30])
def test_small_clusters_move_as_in_scikit_learn(rng, most):
    """A crowd and a few strangers, each of whom k-means++ gives a centre."""
    strangers = 1000 * rng.standard_normal((most, 4))
    vectors = np.concatenate([rng.standard_normal((400, 4)), strangers]).astype(np.float32)
    rng.shuffle(vectors)
    ours = StreamingKMeans(most + 2, 1000, seed=5)
    ours.step(vectors)
    theirs = MiniBatchKMeans(most + 2, batch_size=1000, random_state=random_of_step(5, 0))
    theirs.partial_fit(vectors)
    np.testing.assert_allclose(ours.centres.numpy(), theirs.cluster_centers_, rtol=1e-5)
    still = MiniBatchKMeans(
        most + 2, batch_size=1000, reassignment_ratio=0, random_state=random_of_step(5, 0)
    )
    moved = (still.partial_fit(vectors).cluster_centers_ != theirs.cluster_centers_).any(1)
    assert moved.sum() >= most


def test_killed_and_continued_clustering_equals_unbroken(store, tmp_path, monkeypatch):
    options = {"num_clusters": 5, "epochs": 3, "batch_size": 32, "seed": 1}
    unbroken = cluster(store, tmp_path / "unbroken", **options)
    real, calls = StreamingKMeans.step, []

    def dying(self, vectors):
        calls.append(len(vectors))
        if len(calls) == 24:  # in the middle of a shard
            raise KeyboardInterrupt
        real(self, vectors)

    monkeypatch.setattr(StreamingKMeans, "step", dying)
    with pytest.raises(KeyboardInterrupt):
        cluster(store, tmp_path / "killed", **options)
    monkeypatch.setattr(StreamingKMeans, "step", real)
    continued = cluster(store, tmp_path / "killed", **options)
    for name, value in unbroken.state_dict().items():
        assert torch.equal(value, continued.state_dict()[name]), name
    with pytest.raises(ConfigError, match="begun with clusters = 5"):
        cluster(store, tmp_path / "killed", **{**options, "num_clusters": 6})


@settings(max_examples=20)
@given(size=st.integers(1, 200), shard=st.integers(0, 3))
def test_batches_hold_every_speech_vector_once(store, size, shard):
    found = list(kmeans.batches(store, shard, size, np.random.default_rng(0)))
    assert max(map(len, found)) <= size and max(map(len, found)) - min(map(len, found)) <= 1
    wanted = speech_vectors(store, shard)
    np.testing.assert_array_equal(np.sort(np.concatenate(found), 0), np.sort(wanted, 0))


def test_more_clusters_than_vectors_are_refused(store, tmp_path):
    with pytest.raises(DataError, match="9999 clusters need as many vectors"):
        cluster(store, tmp_path, 9999)


def test_statistics_of_clusters(store, data, tmp_path):
    tokenizer = cluster(store, tmp_path, 12, 3, 64, 0, str(data / "labels"))
    statistics = tokenizer.statistics
    assert statistics["vectors"] == store.num_speech
    assert 1 <= statistics["perplexity"] <= statistics["used"] <= 12
    names = dict(line.split(" ", 1) for line in (data / "labels").read_text().splitlines())
    pairs = Counter()
    for index, utterance in enumerate(store.utterances):
        item = store[index]
        clusters = tokenizer.labels(item["vectors"]).tolist()
        triples = zip(clusters, names[utterance].split(), item["speech"].tolist(), strict=True)
        pairs.update((number, name) for number, name, speech in triples if speech)
    most = [max(pairs[number, name] for name in "0123") for number in range(12)]
    assert statistics["purity"] == pytest.approx(sum(most) / store.num_speech)
    assert statistics["purity"] > 0.5  # of four labels, which decide pitch and level of a frame
    one = Tokenizer(torch.zeros(1, WIDTH))
    assert describe(one, store)["perplexity"] == 1
    first = store.utterances[0]
    (tmp_path / "short").write_text(f"{first} 0 1\n")
    with pytest.raises(DataError, match=f"has 2 labels of utterance {first}"):
        describe(one, store, str(tmp_path / "short"))


def test_usage_and_agreement_at_their_limits():
    assert usage(np.full(8, 3))["perplexity"] == pytest.approx(8)
    independent = agreement(np.outer([1, 2, 3], [4, 4]))
    assert independent["pnmi"] == pytest.approx(0) and independent["purity"] == 0.5


def test_linear_layer_at_the_centres_tells_the_nearest_cluster():
    generator = torch.Generator().manual_seed(0)
    tokenizer = Tokenizer(torch.randn(9, 4, generator=generator))
    vectors = torch.randn(2, 50, 4, generator=generator)
    nearest = torch.cdist(vectors.double(), tokenizer.centres.double()).argmin(-1)
    assert torch.equal(tokenizer.labels(vectors), nearest)
    tokenizer.start_at_centres()
    assert torch.equal(tokenizer(vectors).argmax(-1), nearest)


def test_saved_and_loaded_is_the_same(tmp_path):
    tokenizer = Tokenizer(torch.randn(9, 4), 8000, 320, {"used": 9})
    tokenizer.save_pretrained(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "model.safetensors"]
    loaded = Tokenizer.from_pretrained(tmp_path)
    vectors = torch.randn(1, 3, 4)
    assert torch.equal(loaded(vectors), tokenizer(vectors))
    assert (loaded.sample_rate, loaded.downsample_rate) == (8000, 320)
    assert loaded.statistics == {"used": 9}
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(DataError, match="an acoustic tokenizer cannot be built from"):
        Tokenizer.from_pretrained(tmp_path)


def test_another_encoder_is_refused():
    tokenizer = Tokenizer(torch.randn(9, WIDTH))
    tokenizer.check_encoder(Encoder())
    with pytest.raises(ConfigError, match="gives size 7"):
        tokenizer.check_encoder(Encoder(7))
    encoder = Encoder()
    encoder.downsample_rate = 320
    with pytest.raises(ConfigError, match="320 samples"):
        tokenizer.check_encoder(encoder)
    for call in (tokenizer, tokenizer.labels):
        with pytest.raises(ConfigError, match="vectors of size 6"):
            call(torch.zeros(1, 2, 7))


def test_gradient_reaches_the_vectors_and_not_the_clusters():
    tokenizer = Tokenizer(torch.randn(9, 4)).requires_grad_(False)
    vectors = torch.randn(1, 3, 4, requires_grad=True)
    tokenizer(vectors).sum().backward()
    assert vectors.grad.any()
    assert not tokenizer.labels(vectors).requires_grad


def test_commands_make_a_tokenizer(data, tmp_path, monkeypatch, capsys):
    module = types.ModuleType("my_encoder")
    module.build = Encoder
    monkeypatch.setitem(sys.modules, "my_encoder", module)
    vectors, clusters = str(tmp_path / "vectors"), str(tmp_path / "clusters")
    source = ["--data", str(data / "clean"), "--encoder", "my_encoder:build"]
    assert main(["extract", *source, "--out", vectors]) == 0
    assert "1 shards written" in capsys.readouterr().out
    assert main(["cluster", "--vectors", vectors, "--out", clusters, "--clusters", "4"]) == 0
    assert json.loads(capsys.readouterr().out)["used"] == 4
    assert Tokenizer.from_pretrained(clusters).num_clusters == 4
    assert main(["extract", *source, "--out", vectors, "--job", "3/2"]) == 1
    assert main(["cluster", "--vectors", vectors, "--out", clusters, "--clusters", "0"]) == 1
    assert capsys.readouterr().err.count("error:") == 2


def test_an_unknown_encoder_is_told():
    with pytest.raises(ConfigError, match="cannot be imported"):
        load_encoder("no_such_module:build")
