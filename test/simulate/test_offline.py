"""Simulated sets: the same bytes however they were made, and nothing lost."""

from __future__ import annotations

import dataclasses
import errno
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sslse.audio.files import read_audio
from sslse.cli.main import main
from sslse.data.datadir import DataDir, write_datadir
from sslse.data.level import active_power, mean_power
from sslse.data.rttm import Turn, read_rttm, write_rttm
from sslse.data.trials import Trial, pair_utterances, read_trials, write_trials
from sslse.errors import AudioError, ConfigError, DataError
from sslse.simulate.config import SimulateConfig
from sslse.simulate.offline import simulate
from sslse.simulate.plan import read_plan, write_plan

from .conftest import RATE, speech_like

CONFIG = SimulateConfig(sample_rate=RATE)


def content(out: Path) -> dict[str, bytes]:
    """All files that a user sees, with paths below ``out`` made equal."""
    return {
        str(path.relative_to(out)): path.read_bytes().replace(str(out).encode(), b"OUT")
        for path in out.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


def test_pairs_have_the_planned_snr_and_add_up(speech, noise, tmp_path):
    out = tmp_path / "noisy"
    summary = simulate(speech, noise, out, CONFIG)
    data, clean = DataDir(out), DataDir(speech)
    assert summary.num_utterances == summary.num_mixed == len(data) == len(clean) == 12
    for name in data.utterances:
        wav, spk1, noise1 = (data.load(name, kind)[0] for kind in ("wav", "spk1", "noise1"))
        assert np.array_equal(wav, spk1 + noise1)
        assert len(wav) == data.utt2num_samples[name] == clean.num_samples(name)
        ratio = active_power(spk1, RATE) / mean_power(noise1)
        assert 10 * np.log10(ratio) == pytest.approx(data.utt2snr[name], abs=0.01)
        np.testing.assert_allclose(spk1, clean.load(name)[0], atol=1 / 32768)
        assert data.text[name] == "some words" and data.utt2spk[name] == name[:2]
    assert set(data.utt2noise.values()) == {"long", "short", "third"}


def test_any_number_of_processes_gives_the_same_bytes(speech, noise, tmp_path):
    config = dataclasses.replace(CONFIG, babble_probability=0.3)
    for nj in (1, 2, 3):
        simulate(speech, noise, tmp_path / f"nj{nj}", config, nj=nj)
    reference = content(tmp_path / "nj1")
    assert len(reference) > 36
    assert content(tmp_path / "nj2") == reference and content(tmp_path / "nj3") == reference


def test_an_utterance_does_not_depend_on_the_others(speech, noise, tmp_path):
    part = tmp_path / "part"
    data = DataDir(speech)
    write_datadir(part, wav_scp={name: data.wav_scp[name] for name in list(data.utterances)[5:7]})
    simulate(speech, noise, tmp_path / "all", CONFIG)
    simulate(part, noise, tmp_path / "some", CONFIG)
    everything = content(tmp_path / "all")
    for name, written in content(tmp_path / "some").items():
        if name.endswith(".wav"):
            assert everything[name] == written


def test_the_seed_decides(speech, noise, tmp_path):
    for seed in (1, 2):
        simulate(speech, noise, tmp_path / f"seed{seed}", CONFIG, seed=seed)
    one, two = (dict(DataDir(tmp_path / f"seed{seed}").utt2snr) for seed in (1, 2))
    assert all(one[name] != two[name] for name in one)


def test_a_plan_first_and_audio_later_is_the_same(speech, noise, tmp_path):
    simulate(speech, noise, tmp_path / "direct", CONFIG)
    simulate(speech, noise, tmp_path / "later", CONFIG, plan_only=True)
    assert [path.name for path in (tmp_path / "later").glob("[!.]*")] == ["plan.jsonl"]
    simulate(speech, noise, tmp_path / "later", CONFIG)
    assert content(tmp_path / "later") == content(tmp_path / "direct")


def test_an_edited_plan_is_followed(speech, noise, tmp_path):
    out = tmp_path / "out"
    simulate(speech, noise, out, CONFIG)
    before = content(out)
    plans = read_plan(out / "plan.jsonl")
    name = sorted(plans)[3]
    plans[name] = dataclasses.replace(plans[name], noise="short", offset=5, snr_db=-3.0)
    write_plan(out / "plan.jsonl", plans.values())
    simulate(speech, noise, out, CONFIG)
    assert DataDir(out).utt2snr[name] == -3.0 and DataDir(out).utt2noise[name] == "short"
    changed = {key for key, value in content(out).items() if before[key] != value}
    assert {key for key in changed if key.startswith("audio/noise")} == {f"audio/noise/{name}.wav"}


def test_a_broken_or_short_plan_is_a_sentence(speech, noise, tmp_path):
    out = tmp_path / "out"
    simulate(speech, noise, out, CONFIG, plan_only=True)
    lines = (out / "plan.jsonl").read_text().splitlines()
    (out / "plan.jsonl").write_text("\n".join(lines[:-1]))
    with pytest.raises(DataError, match="no line for 1 utterances"):
        simulate(speech, noise, out, CONFIG)
    (out / "plan.jsonl").write_text("\n".join([*lines[:2], "{}"]))
    with pytest.raises(DataError, match="plan.jsonl, line 3 is no plan"):
        simulate(speech, noise, out, CONFIG)


def test_a_finished_set_is_left_alone_and_other_settings_renew_it(speech, noise, tmp_path):
    out = tmp_path / "out"
    simulate(speech, noise, out, CONFIG)
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*.wav")}
    assert simulate(speech, noise, out, CONFIG, nj=2).num_mixed == 0
    assert simulate(speech, noise, out, dataclasses.replace(CONFIG, cache_mb=7)).num_mixed == 0
    assert times == {path: path.stat().st_mtime_ns for path in out.rglob("*.wav")}
    loud = dataclasses.replace(CONFIG, snr_low=30, snr_high=30)
    assert simulate(speech, noise, out, loud).num_mixed == 12
    assert set(DataDir(out).utt2snr.values()) == {30.0}


def test_a_deleted_file_is_made_again(speech, noise, tmp_path):
    out = tmp_path / "out"
    simulate(speech, noise, out, CONFIG)
    before = content(out)
    next((out / "audio" / "noisy").iterdir()).unlink()
    assert simulate(speech, noise, out, CONFIG).num_mixed == 1
    assert content(out) == before


@pytest.mark.parametrize("nj", [1, 2])
def test_a_killed_run_continues_to_the_same_bytes(make_data, noise, tmp_path, nj):
    rng = np.random.default_rng(3)
    names = [f"u{index:03d}" for index in range(120)]
    speech = make_data("many", {name: speech_like(rng, 30000) for name in names})
    simulate(speech, noise, tmp_path / "unbroken", CONFIG)
    out = tmp_path / "killed"
    command = [sys.executable, "-m", "sslse", "simulate", "--speech", speech, "--noise", noise]
    command += ["--out", out, "--nj", nj, "--set", f"sample_rate={RATE}"]
    kills = 0
    for _ in range(2):
        started = len(list(out.rglob("*.wav")))
        process = subprocess.Popen(
            list(map(str, command)), stdout=subprocess.DEVNULL, start_new_session=True
        )
        while process.poll() is None and len(list(out.rglob("*.wav"))) < started + 90:
            time.sleep(0.002)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            kills += 1
        process.wait()
    assert kills
    assert not (out / ".done").exists()
    # A kill in the middle of a write leaves a torn line.
    with open(out / ".journal", "a") as journal:
        journal.write('{"utterance": "u1')
    subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL)
    for leftover in out.rglob(".*.tmp"):
        leftover.unlink()
    assert content(out) == content(tmp_path / "unbroken")


def test_bad_speech_names_the_utterance_and_loses_nothing(speech, noise, tmp_path):
    out = tmp_path / "out"
    victim = speech / "audio" / "s3-u11.wav"
    good = victim.read_bytes()
    waveform, _ = read_audio(victim)
    waveform[7] = np.nan
    soundfile.write(victim, waveform, RATE, "FLOAT")
    for nj in (1, 2):
        with pytest.raises(
            DataError, match="1 of 12 utterances failed.*utterance s3-u11: .*not finite"
        ):
            simulate(speech, noise, out, CONFIG, nj=nj)
    assert not (out / ".done").exists() and not (out / "wav.scp").exists()
    victim.write_bytes(good)
    assert simulate(speech, noise, out, CONFIG).num_mixed == 1
    assert not (out / ".failed").exists()
    assert len(DataDir(out)) == 12


def test_truncated_speech_is_found_before_anything_is_mixed(speech, noise, tmp_path):
    victim = speech / "audio" / "s3-u11.wav"
    victim.write_bytes(victim.read_bytes()[:100])
    with pytest.raises(AudioError, match="s3-u11.wav is truncated"):
        simulate(speech, noise, tmp_path / "out", CONFIG)
    assert not (tmp_path / "out").exists()


def test_a_full_disk_is_a_sentence(speech, noise, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("sslse.simulate.pcm._write_all", full)
    with pytest.raises(DataError, match="cannot write .*: No space left on device; free some"):
        simulate(speech, noise, tmp_path / "out", CONFIG)
    assert not list((tmp_path / "out").rglob("*.wav")) + list((tmp_path / "out").rglob("*.tmp"))
    monkeypatch.undo()
    assert simulate(speech, noise, tmp_path / "out", CONFIG).num_mixed == 12


def test_speech_of_another_rate_is_refused_or_resampled(make_data, noise, tmp_path, rng):
    speech = make_data("speech16", {"u1": speech_like(rng, 16001)}, rate=2 * RATE)
    with pytest.raises(DataError, match="sampled at 16000 Hz but sample_rate is 8000 Hz"):
        simulate(speech, noise, tmp_path / "out", CONFIG)
    config = dataclasses.replace(CONFIG, resample_speech=True)
    simulate(speech, noise, tmp_path / "out", config)
    assert read_audio(DataDir(tmp_path / "out").wav_scp["u1"])[1] == RATE


def test_clipping_is_counted_and_recorded(speech, noise, tmp_path):
    config = dataclasses.replace(CONFIG, peak=0.3)
    summary = simulate(speech, noise, tmp_path / "out", config)
    lines = (tmp_path / "out" / "mixtures.jsonl").read_text().splitlines()
    notes = [json.loads(line) for line in lines]
    assert 0 < summary.num_clipped == sum(note["clipped"] for note in notes)
    assert all((note["scale"] < 1) == note["clipped"] for note in notes)
    for path in (tmp_path / "out" / "audio").rglob("*.wav"):
        assert np.abs(read_audio(path)[0]).max() <= 0.3 + 1 / 32768


def test_ids_with_slashes(make_data, noise, tmp_path, rng):
    speech = make_data("slash", {"a": speech_like(rng, 4000)})
    wav = DataDir(speech).wav_scp["a"]
    write_datadir(speech, wav_scp={"spk/a": wav, "spk%2Fa": wav})
    simulate(speech, noise, tmp_path / "out", CONFIG)
    data = DataDir(tmp_path / "out")
    assert len(set(data.wav_scp.values())) == 2
    assert all(Path(path).is_file() for path in data.wav_scp.values())


def test_segments_are_respected(make_data, noise, tmp_path, rng):
    speech = make_data("long", {"rec": speech_like(rng, 3 * RATE)})
    write_datadir(speech, segments={"u1": "rec 0.5 1.25", "u2": "rec 1.5 2.75"})
    simulate(speech, noise, tmp_path / "out", CONFIG)
    assert dict(DataDir(tmp_path / "out").utt2num_samples) == {"u1": 6000, "u2": 10000}


def test_the_command(speech, noise, tmp_path, capsys):
    config = tmp_path / "simulate.yaml"
    config.write_text(f"sample_rate: {RATE}\nsnr_low: 5\nsnr_high: 6\n")
    command = ["simulate", "--speech", str(speech), "--noise", str(noise)]
    command += ["--out", str(tmp_path / "out"), "--config", str(config), "--nj", "1"]
    assert main(command) == 0
    assert "12 utterances" in capsys.readouterr().out
    assert all(5 <= snr <= 6 for snr in DataDir(tmp_path / "out").utt2snr.values())
    assert main([*command, "--set", "snr_lo=3"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert error.startswith("sslse simulate: error: simulate: unknown key 'snr_lo'")


def test_conditions_name_their_utterances_and_clean_is_one_of_them(speech, noise, tmp_path):
    """Infinite SNR leaves the speech as it is; sets of two conditions have no id in common."""
    clean = dataclasses.replace(CONFIG, snr_low=math.inf, snr_high=math.inf)
    simulate(speech, noise, tmp_path / "clean", clean, condition="clean")
    simulate(speech, noise, tmp_path / "loud", CONFIG, condition="0_dB")
    quiet, loud = DataDir(tmp_path / "clean"), DataDir(tmp_path / "loud")
    assert set(quiet.utt2condition.values()) == {"clean"}
    assert set(quiet.utt2snr.values()) == {math.inf}
    assert not set(quiet.utterances) & set(loud.utterances)
    for name in quiet.utterances:
        assert name.endswith("-clean")
        wav, spk1, noise1 = (quiet.load(name, kind)[0] for kind in ("wav", "spk1", "noise1"))
        assert np.array_equal(wav, spk1) and not noise1.any()
        assert np.array_equal(spk1, loud.load(name.replace("clean", "0_dB"), "spk1")[0])
    # another name for the same audio mixes nothing again
    assert simulate(speech, noise, tmp_path / "loud", CONFIG, condition="c").num_mixed == 0
    assert set(DataDir(tmp_path / "loud").utt2condition.values()) == {"c"}


@pytest.mark.parametrize("low, high", [(0.0, math.inf), (-math.inf, 0.0), (-math.inf, -math.inf)])
def test_half_infinite_ranges_are_refused(low, high):
    with pytest.raises(ConfigError, match="no SNR is uniform from"):
        SimulateConfig(snr_low=low, snr_high=high)


def test_every_utterance_gets_another_noise(speech, make_data, rng, tmp_path, capsys):
    noises = {f"n{k:02d}": 0.1 * rng.standard_normal(900).astype(np.float32) for k in range(12)}
    many = make_data("many", noises)
    config = dataclasses.replace(CONFIG, distinct_noises=True)
    simulate(speech, many, tmp_path / "a", config, plan_only=True)
    plans = read_plan(tmp_path / "a" / "plan.jsonl")
    assert sorted(plan.noise for plan in plans.values()) == sorted(noises)
    assert capsys.readouterr().err == ""
    # Nothing else of the plan changes, and a seed gives another order.
    simulate(speech, many, tmp_path / "b", CONFIG, plan_only=True)
    usual = read_plan(tmp_path / "b" / "plan.jsonl")
    assert [plan.snr_db for plan in usual.values()] == [plan.snr_db for plan in plans.values()]
    assert len({plan.noise for plan in usual.values()}) < 12
    simulate(speech, many, tmp_path / "c", config, plan_only=True, seed=1)
    other = read_plan(tmp_path / "c" / "plan.jsonl")
    assert [p.noise for p in other.values()] != [p.noise for p in plans.values()]


def test_noises_that_are_too_few_take_turns(speech, noise, tmp_path, capsys):
    config = dataclasses.replace(CONFIG, distinct_noises=True)
    simulate(speech, noise, tmp_path / "a", config)
    assert "has 3 noises for 12 utterances" in capsys.readouterr().err
    used = list(DataDir(tmp_path / "a").utt2noise.values())
    assert all(sorted(used[k : k + 3]) == ["long", "short", "third"] for k in range(0, 12, 3))


def test_silent_noises_are_drawn_again_alike_by_any_number_of_processes(
    speech, make_data, rng, tmp_path, capsys
):
    sounds = {f"quiet{number}": np.zeros(9000, np.float32) for number in range(3)}
    sounds |= {f"loud{n}": 0.1 * rng.standard_normal(9000).astype(np.float32) for n in range(2)}
    noise = make_data("noises", sounds)
    outs = [tmp_path / f"out{number}" for number in range(3)]
    first = simulate(speech, noise, outs[0], CONFIG)
    planned = [
        plan.noise.startswith("quiet") for plan in read_plan(outs[0] / "plan.jsonl").values()
    ]
    assert first.num_redrawn == sum(planned) > 2 and not first.num_silent
    assert set(DataDir(outs[0]).utt2noise.values()) == {"loud0", "loud1"}
    simulate(speech, noise, outs[1], CONFIG, nj=3)
    simulate(speech, noise, outs[2], CONFIG, plan_only=True)
    simulate(speech, noise, outs[2], CONFIG, nj=2)
    assert content(outs[0]) == content(outs[1]) == content(outs[2])
    assert simulate(speech, noise, outs[0], CONFIG).num_mixed == 0
    # What stands for a silent noise depends on all of them: another one and it is drawn anew.
    make_data("noises", {**sounds, "loud1": sounds["loud0"][::-1].copy()})
    assert simulate(speech, noise, outs[0], CONFIG).num_mixed >= sum(planned)
    simulate(speech, noise, tmp_path / "fresh", CONFIG)
    assert content(outs[0]) == content(tmp_path / "fresh")
    options = ["--speech", str(speech), "--noise", str(noise), "--out", str(outs[1])]
    assert main(["simulate", *options, "--set", f"sample_rate={RATE}"]) == 0
    assert "have another noise or another place in it" in capsys.readouterr().out


def test_an_utterance_is_mixed_several_times(speech, make_data, rng, tmp_path):
    noises = {f"n{k}": 0.1 * rng.standard_normal(9000).astype(np.float32) for k in range(5)}
    noise, config = make_data("many", noises), dataclasses.replace(CONFIG, copies=4)
    clean = DataDir(speech)
    names = sorted(clean.utterances)
    write_trials(speech / "trials", [Trial(True, *names[:2]), Trial(False, names[0], names[-1])])
    write_rttm(speech / "rttm", {name: [Turn(0.0, 0.1, "who")] for name in names})
    out = tmp_path / "noisy"
    assert simulate(speech, noise, out, config).num_utterances == 4 * len(clean)
    data, plans = DataDir(out), read_plan(out / "plan.jsonl")
    for name in names:
        copies = [f"{name}-{number}" for number in range(1, 5)]
        assert len({data.utt2noise[copy] for copy in copies}) == 4  # no noise twice
        assert len({data.utt2snr[copy] for copy in copies}) == 4
        for copy in copies:
            assert data.utt2source[copy] == plans[copy].source == name
            assert data.text[copy] == clean.text[name]
            assert data.utt2spk[copy] == clean.utt2spk[name]
            scale = json.loads(mixture_lines(out)[copy])["scale"]
            spoken = data.load(copy, "spk1")[0]
            np.testing.assert_allclose(spoken, scale * clean.load(name)[0], atol=1 / 32768)
    trials = read_trials(out / "trials")
    assert [(t.target, t.enroll, t.test) for t in trials] == [
        (target, f"{names[0]}-{copy}", f"{names[other]}-{copy}")
        for copy in range(1, 5)
        for target, other in ((True, 1), (False, -1))
    ]
    assert set(read_rttm(out / "rttm")) == set(data.utterances)
    assert main(["validate", str(out)]) == 0
    # Two mixtures of one utterance are no trial.
    paired = pair_utterances(data.utt2spk, utt2source=data.utt2source)
    assert len(paired) == 16 * len(names) * (len(names) - 1) // 2
    # The same bytes however they were made.
    simulate(speech, noise, tmp_path / "b", config, nj=3)
    simulate(speech, noise, tmp_path / "c", config, plan_only=True)
    simulate(speech, noise, tmp_path / "c", config, nj=2)
    assert content(out) == content(tmp_path / "b") == content(tmp_path / "c")
    assert simulate(speech, noise, out, config).num_mixed == 0
    # Conditions end the names, and one utterance has one source in all of them.
    simulate(speech, noise, tmp_path / "d", config, condition="0_dB")
    named = DataDir(tmp_path / "d")
    assert set(named.utterances) == {f"{name}-0_dB" for name in data.utterances}
    assert named.utt2source[f"{names[0]}-3-0_dB"] == names[0]
    # Without copies all is as it was, and nothing tells of sources.
    simulate(speech, noise, out, CONFIG)
    assert not (out / "utt2source").exists() and set(DataDir(out).utterances) == set(names)


def test_copies_of_sets_with_distinct_noises(speech, noise, tmp_path, capsys):
    config = dataclasses.replace(CONFIG, copies=2, distinct_noises=True)
    simulate(speech, noise, tmp_path / "a", config, plan_only=True)
    assert "has 3 noises for 24 mixtures" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="copies must be 1 or more"):
        SimulateConfig(copies=0)


def mixture_lines(out):
    lines = (out / "mixtures.jsonl").read_text().splitlines()
    return {json.loads(line)["utterance"]: line for line in lines}
