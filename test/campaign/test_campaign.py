"""Whatever befalls data, audio, processes and disks, no promise of docs/reliability.md breaks.

``--campaign-seconds`` (or ``SSLSE_CAMPAIGN_SECONDS``) says how long all of it may take.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import break_recipe
import change_source
import full_disk
import mutate_audio
import mutate_data
import numpy as np
import pytest
import small_recipe
import soundfile
from counts import Counts
from hypothesis import given, settings
from hypothesis import strategies as st
from small_recipe import SmallRecipe, differences, results


@pytest.fixture
def seconds(pytestconfig) -> float:
    return pytestconfig.getoption("campaign_seconds")


@pytest.fixture
def judge(record_property, capsys):
    """Print the counts below the results, and fail with the findings."""

    def judge(*found: Counts) -> None:
        said = capsys.readouterr().out
        for counts in found:
            record_property("campaign", str(counts))
        assert not sum(counts.faults for counts in found), said

    return judge


@pytest.mark.slow
def test_damaged_directories(judge, seconds):
    judge(*mutate_data.run_campaign(10**6, seconds / 8))


@pytest.mark.slow
def test_damaged_audio(judge, seconds):
    judge(*mutate_audio.run_campaign(10**6, seconds / 16))


# One test: what it does needs one unbroken run of the recipe.
@pytest.mark.slow
def test_disturbed_commands(judge, seconds):
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:  # of half a gigabyte
        recipe = SmallRecipe(Path(folder))
        left = max(0.0, seconds * 0.8 - (time.monotonic() - begin))
        found = [
            *full_disk.run_campaign(recipe, 10**6, left * 0.3),
            *change_source.run_campaign(recipe, 10**6, left * 0.2),
            *break_recipe.run_campaign(recipe, 10**6, left * 0.5),
        ]
    judge(*found)


@given(number=st.integers(0, 2**32 - 1))
@settings(max_examples=10)
def test_any_damage_of_a_directory_breaks_no_promise(tmp_path, number):
    (counts,) = mutate_data.run_campaign(1, seed=1, first=number, out=tmp_path)
    assert counts.faults == 0


def test_a_good_directory_is_accepted_and_left_alone(tmp_path):
    for number in range(2):  # with segments and without
        folder = tmp_path / str(number) / "data"
        mutate_data.make_good(folder, np.random.default_rng([0, number]))
        before = mutate_data.contents(folder)
        assert list(mutate_data.examine_directory(folder)) == [("whole", "")]
        before["reco2dur"] = (folder / "reco2dur").read_bytes()
        assert mutate_data.contents(folder) == before


def test_the_same_number_gives_the_same_damage(tmp_path):
    one = mutate_data.mutated(tmp_path / "a" / "data", 3, 14)
    assert one == mutate_data.mutated(tmp_path / "b" / "data", 3, 14)
    relative = [
        {k: v.replace(str(tmp_path / x).encode(), b"") for k, v in found.items()}
        for x in "ab"
        for found in [mutate_data.contents(tmp_path / x / "data")]
    ]
    assert relative[0] == relative[1]


def test_a_reader_that_believes_headers_and_stops_early_is_found(monkeypatch, capsys):
    """libsndfile alone reads what is cut as a shorter file, and what has no length as empty."""

    def believe(source):
        if source.endswith("|") or ":" in source:
            return None, None, "left out here"
        try:
            waveform, rate = soundfile.read(source, always_2d=True)
        except (soundfile.LibsndfileError, MemoryError):
            return None, None, "refused"
        return waveform, (rate, *waveform.shape), ""

    monkeypatch.setattr(mutate_audio, "read", believe)
    (counts,) = mutate_audio.run_campaign(150)
    assert counts.numbers["silent losses"] > 5
    assert "cut at" in capsys.readouterr().out


def test_results_are_compared_by_content_and_records_are_none(tmp_path):
    for name, text in {"a/text": "a b", "a/.journal": "1", "a/log/x.log": "1"}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    before = results(tmp_path / "a")
    (tmp_path / "a/.journal").write_text("2")
    (tmp_path / "a/log/x.log").write_text("2")
    assert results(tmp_path / "a") == before
    (tmp_path / "a/text").write_text("a c")
    assert differences(results(tmp_path / "a"), before) == [str(tmp_path / "a/text")]


READ = 'while [ $# -gt 0 ]; do case $1 in --expdir) cd "$2" ;; esac; shift; done\n'
WRITE = "for i in 1 2 3 4 5 6 7 8 9; do echo $i; sleep 0.1; done"
SCRIPTS = {
    "careful": f"rm -f .a.tmp; {{ {WRITE}; }} > .a.tmp; mv .a.tmp a",
    "careless": f"[ -f a ] || {{ {WRITE}; }} > a",
    "forgetful": f"setsid sleep 60 & {{ {WRITE}; }} > .a.tmp; mv .a.tmp a",
    "destructive": f"echo x > ../data/wav.scp; {{ {WRITE}; }} > .a.tmp; mv .a.tmp a",
}


@pytest.mark.parametrize(
    "script, faults",
    [("careful", []), ("careless", ["differences"]), ("forgetful", ["hangs"] * 2)]
    + [("destructive", ["inputs changed"])],
)
def test_a_recipe_that_breaks_its_promises_is_found(script, faults, tmp_path, monkeypatch):
    path = tmp_path / "egs/mini/sslmse/run.sh"
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/bash\n{READ}{SCRIPTS[script]}\n")
    path.chmod(0o755)
    monkeypatch.setattr(small_recipe, "REPOSITORY", tmp_path)
    monkeypatch.setattr(small_recipe, "STAGES", [1])
    monkeypatch.setattr(small_recipe, "PATIENCE", 0.5)
    for name in ("data", "exp"):
        (tmp_path / "recipe/work" / name).mkdir(parents=True)
    (tmp_path / "recipe/work/data/wav.scp").write_text("a a.wav\n")
    recipe = SmallRecipe(tmp_path / "recipe")
    found = [*break_recipe.disturb(recipe, "kill", 1, 0.5, np.random.default_rng(0))]
    assert [kind for kind, _ in found] == faults
