"""What back-ends are trained on: labels, trials, turns; drawn classes; simulated sets keep them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sslse.audio.files import write_audio
from sslse.checking.validate import validate
from sslse.cli.main import main
from sslse.data.datadir import DataDir, write_datadir
from sslse.data.draws import Draw
from sslse.data.labels import Labels
from sslse.data.rttm import Turn, merge_turns, read_rttm, write_rttm
from sslse.data.sampler import StatelessBatchSampler
from sslse.data.trials import pair_utterances, read_trials
from sslse.data.utterance_dataset import UtteranceDataset
from sslse.errors import DataError


@pytest.fixture
def labelled(pairs):
    """``pairs`` with intents, trials and turns."""
    names = list(DataDir(pairs).utterances)
    lines = [f"{name} on {'lamp' if n % 2 else 'music'} none" for n, name in enumerate(names)]
    (pairs / "utt2intent").write_text("\n".join(lines) + "\n")
    (pairs / "trials").write_text(f"1 {names[0]} {names[1]}\n0 {names[0]} {names[5]}\n")
    write_rttm(pairs / "rttm", {names[0]: [Turn(0, 0.02, "a")]})
    return pairs


def test_good_labels_trials_and_turns_have_no_problems(labelled):
    assert validate(labelled).problems == []


@pytest.mark.parametrize(
    "name, text, sentence",
    [
        ("utt2intent", "spk0-0 off\n", "different numbers of values (1 in spk0-0, 3 in spk0-1)"),
        ("trials", "1 spk0-0 spk9-9\n0 spk0-0 spk1-0\n", "1 utterances of {data}/trials are no"),
        ("trials", "1 spk0-0 spk0-1\n", "has 1 trials, not of both kinds"),
        ("rttm", "SPEAKER spk0-0 1 zero 1 <NA> <NA> a <NA> <NA>\n", "line 1 is no turn"),
        ("rttm", "SPEAKER gone 1 0 1 <NA> <NA> a <NA> <NA>\n", "1 recordings of"),
    ],
)
def test_each_mistake_is_one_error(labelled, name, text, sentence):
    path = labelled / name
    path.write_text(
        path.read_text().replace("spk0-0 on music none\n", text, 1)
        if name == "utt2intent"
        else text
    )
    (problem,) = validate(labelled, audio=False).problems
    assert problem.severity == "error" and sentence.format(data=labelled) in problem.message
    assert "\n" not in problem.message


def test_a_simulated_set_keeps_what_is_true_of_the_clean_one(labelled, tmp_path, rng):
    from sslse.simulate.config import SimulateConfig
    from sslse.simulate.offline import simulate

    write_audio(tmp_path / "n.wav", rng.uniform(-0.3, 0.3, 2000), 16000)
    write_datadir(tmp_path / "noise", wav_scp={"n": str(tmp_path / "n.wav")}, utt2spk={"n": "n"})
    simulate(labelled, tmp_path / "noise", tmp_path / "noisy", SimulateConfig())
    for name in ("utt2intent", "trials", "rttm", "utt2spk", "text"):
        assert (tmp_path / "noisy" / name).read_text() == (labelled / name).read_text()
    assert validate(tmp_path / "noisy").problems == []
    simulate(labelled, tmp_path / "noise", tmp_path / "loud", SimulateConfig(), condition="0dB")
    assert validate(tmp_path / "loud").problems == []
    assert (tmp_path / "loud" / "trials").read_text().startswith("1 spk0-0-0dB spk0-1-0dB\n")


turns = st.lists(
    st.builds(
        lambda start, length, who: Turn(start / 100, (start + length) / 100, who),
        st.integers(0, 500),
        st.integers(1, 300),
        st.sampled_from("abc"),
    ),
    max_size=8,
)


@given(turns)
def test_merged_turns_survive_an_rttm_file(tmp_path_factory, own):
    merged = merge_turns(own)
    path = tmp_path_factory.mktemp("rttm") / "rttm"
    write_rttm(path, {"rec": merged})
    again = read_rttm(path).get("rec", [])
    assert len(again) == len(merged)
    for first, second in zip(again, merged, strict=True):
        assert first[:2] == pytest.approx(second[:2], abs=1e-6) and first[2] == second[2]
    assert merge_turns(merged) == merged
    # No time is lost or counted twice, speaker by speaker, on a grid of 10 ms.
    for who in "abc":
        grids = []
        for part in (own, merged):
            grid = np.zeros(900, bool)
            for turn in part:
                if turn.speaker == who:
                    grid[round(turn.start * 100) : round(turn.end * 100)] = True
            grids.append(grid)
        np.testing.assert_array_equal(*grids)


def test_labels_of_other_shapes_are_refused(labelled):
    with pytest.raises(DataError, match="labels of 1 and 2 slots"):
        Labels.collect([("a",), ("a", "b")])
    with pytest.raises(DataError, match="labels of no slots"):
        Labels.collect([])
    data = DataDir(labelled)
    assert Labels.from_data(data, "utt2intent").sizes == [1, 2, 1]
    with pytest.raises(DataError, match="has 3 values for spk0-0 where the training set has 1"):
        Labels([["on"]]).check(data, "utt2intent")
    with pytest.raises(DataError, match="'lamp' of slot 2, utterance spk0-1"):
        Labels([["on"], ["music"], ["none"]]).check(data, "utt2intent")


def test_weights_draw_rare_classes_as_often_and_stay_a_function_of_the_step():
    weights = [1.0] * 90 + [9.0] * 10
    options = {"num_items": 100, "batch_size": 10, "num_batches": 300, "weights": weights}
    batches = list(StatelessBatchSampler(**options, seed=3))
    rare = np.mean([draw.index >= 90 for batch in batches for draw in batch])
    assert 0.45 < rare < 0.55
    assert list(StatelessBatchSampler(**options, seed=3, start=123)) == batches[123:]


def test_items_are_whole_or_crops_that_say_where_they_are(pairs):
    data = DataDir(pairs)
    told = []

    def describe(utterance, start, num_samples):
        told.append((start, num_samples))
        return {"name": utterance}

    items = UtteranceDataset(data, describe, crop_seconds=0.03, seed=1)
    whole = items[2]["waveform"]
    assert len(whole) == data.num_samples("spk0-2") and told[-1] == (0, None)
    crop = items[Draw(2, 77)]["waveform"].numpy()
    start, count = told[-1]
    assert count == len(crop) == 480
    np.testing.assert_array_equal(crop, whole.numpy()[start : start + count])
    np.testing.assert_array_equal(items[Draw(2, 77)]["waveform"], crop)
    assert items.num_samples() == [480] * 10
    assert len(UtteranceDataset(data, describe, min_seconds=805 / 16000).utterances) == 5


def test_trials_pair_what_has_one_condition():
    voices = {f"{v}{n}{c}": v for v in "abc" for n in range(4) for c in "xy"}
    conditions = {name: name[-1] for name in voices}
    trials = pair_utterances(voices, conditions)
    # 3 speakers with 6 pairs of 4 utterances each; 66 pairs of all 12; twice.
    assert sum(trial.target for trial in trials) == 2 * 18 and len(trials) == 2 * 66
    assert all(conditions[trial.enroll] == conditions[trial.test] for trial in trials)
    assert all(trial.target == (voices[trial.enroll] == voices[trial.test]) for trial in trials)
    few = pair_utterances(voices, conditions, most=10, seed=1)
    assert len(few) == 2 * 20 and set(few) <= set(trials)
    assert few == pair_utterances(voices, conditions, most=10, seed=1)
    assert few != pair_utterances(voices, conditions, most=10, seed=2)
    with pytest.raises(DataError, match="two utterances of one speaker in the condition y, and"):
        pair_utterances({"a0x": "a", "a1x": "a", "b0x": "b", "a0y": "a", "b0y": "b"}, conditions)
    with pytest.raises(DataError, match="needs two speakers, and there are none"):
        pair_utterances({"a0": "a", "a1": "a"})


def test_the_command_draws_trials_in_each_condition(pairs, tmp_path, capsys):
    """Of 2 speakers with 5 utterances: 20 pairs of one speaker, 25 of two."""
    out = tmp_path / "trials"
    assert main(["make-trials", str(pairs), str(out), "100"]) == 0
    trials = read_trials(out, DataDir(pairs).utterances)
    assert [sum(trial.target is kind for trial in trials) for kind in (True, False)] == [20, 25]
    assert main(["make-trials", str(pairs), str(out), "7"]) == 0
    few = read_trials(out)
    assert len(few) == 14 and set(few) < set(trials)
    conditions = {name: "ab"[int(name[-1]) % 2] for name in DataDir(pairs).utterances}
    (pairs / "utt2condition").write_text("".join(f"{k} {v}\n" for k, v in conditions.items()))
    assert main(["make-trials", str(pairs), str(out), "100"]) == 0
    within = read_trials(out)
    assert set(within) == {t for t in trials if conditions[t.enroll] == conditions[t.test]}
    assert main(["make-trials", str(pairs), str(out), "0"]) == 1
    assert "expected 1 or more" in capsys.readouterr().err
    assert read_trials(out) == within  # as it was
