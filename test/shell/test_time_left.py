"""What is said of the time left, on machines of any speed, by a clock that the test turns."""

from __future__ import annotations

import heapq
import random
from pathlib import Path
from types import SimpleNamespace

import pytest

# Jobs of the stages of a small recipe: kind, minutes of one core.
STAGES = [
    [("cpu", 0.7)],
    [("cpu", 0.05)] * 2,
    [("train", 3.0), ("train", 4.0), ("train", 3.0)],
    [("train", 1.2), ("train", 1.2), ("train", 2.0), ("train", 1.3)],
    [("cpu", 0.03)] * 80,
    [("cpu", 0.2)] * 10,
]
SLOTS = 2


@pytest.fixture(scope="module")
def utils(repository):
    """The modules of utils."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(repository / "utils"))
        import job
        import pace
        import progress

        yield SimpleNamespace(job=job, pace=pace, progress=progress)


def plan(utils, root: Path):
    """Return the jobs of each stage."""
    return [
        [
            utils.job.Job(f"{stage} {n}", root / f"{stage}/{n}", ("x",), kind, minutes=minutes)
            for n, (kind, minutes) in enumerate(own)
        ]
        for stage, own in enumerate(STAGES)
    ]


def wall_seconds(durations: list[float]) -> float:
    """Return how long jobs take on two slots of a core, each begun as soon as one is free; a last
    one that fills a round alone has the core of the other slot, once that is free."""
    free = [0.0] * SLOTS
    for seconds in durations:
        heapq.heappush(free, heapq.heappop(free) + seconds)
    other, last = free if free[0] < free[1] else free[::-1]
    return (other + last) / 2 if len(durations) % SLOTS else last


@pytest.mark.parametrize("slowness", [0.4, 1.0, 3.5])
@pytest.mark.parametrize("seed", range(5))
def test_the_time_left_is_right_within_a_quarter(utils, tmp_path, monkeypatch, slowness, seed):
    """Jobs take up to 15 % more or less than this machine's speed says, and what is no training
    another 20 % more; the measurement before all is 10 % off."""
    draw = random.Random(seed)
    stages = plan(utils, tmp_path)
    factor = {"train": slowness, "cpu": 1.2 * slowness}
    seconds = {
        job: 60 * job.minutes * factor[job.kind] * draw.uniform(0.85, 1.15)
        for own in stages
        for job in own
    }
    answer = SimpleNamespace(returncode=0, stdout=f"{slowness * draw.choice([0.9, 1.1])}\n")
    monkeypatch.setattr(utils.pace.subprocess, "run", lambda *_, **__: answer)
    pace = utils.pace.Pace(tmp_path / "pace", SLOTS)
    assert pace.value() == 1
    pace.measure()
    for number, own in enumerate(stages):
        left = sum(wall_seconds([seconds[job] for job in rest]) for rest in stages[number:]) / 60
        said = pace.minutes_left([job for rest in stages[number:] for job in rest])
        if number >= 2:
            assert said == pytest.approx(left, rel=0.25)
        pace.note(sum(job.minutes for job in own), wall_seconds([seconds[job] for job in own]))
        for job in own:
            job.begin()
            job.finish()
    assert pace.minutes_left([job for own in stages for job in own]) == 0


@pytest.mark.parametrize("slowness", [0.5, 4.0])
def test_running_trainings_say_what_is_left_of_a_stage(
    utils, tmp_path, monkeypatch, capsys, slowness
):
    """The first look is after half a minute: by what the trainings print, whatever was expected."""
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(utils.progress.time, "monotonic", lambda: clock.now)
    jobs = plan(utils, tmp_path)[2]
    need = {job: 60 * job.minutes * slowness for job in jobs}
    progress = utils.progress.Progress(jobs, tmp_path, SLOTS, 30, pace=1.0)
    tasks = [SimpleNamespace(left=[job]) for job in jobs[:SLOTS]]
    progress.tick(tasks)
    clock.now += 31
    for job in jobs[:SLOTS]:
        line = f"step 9/90 train/loss 1 | 0.1 s/step, data 3 % | {need[job] - 31:.0f}s left\n"
        job.log(tmp_path).write_text(f"# 2026\n{line}")
    progress.tick(tasks)
    said = capsys.readouterr().out
    minutes, rest = said.split("about ")[1].split(" min left")[0].split(":")
    real = wall_seconds(list(need.values())) - 31
    assert 60 * int(minutes) + int(rest) == pytest.approx(real, rel=0.25)


def test_without_expectations_the_finished_jobs_count(utils, tmp_path, monkeypatch, capsys):
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(utils.progress.time, "monotonic", lambda: clock.now)
    jobs = [utils.job.Job(f"j{n}", tmp_path / str(n), ("x",)) for n in range(4)]
    progress = utils.progress.Progress(jobs, tmp_path, 1, 30)
    progress.tick([SimpleNamespace(left=jobs[:])])
    clock.now = 40
    progress.tick([SimpleNamespace(left=jobs[:])])
    assert "left" not in capsys.readouterr().out
    progress.done([jobs[0]])
    clock.now = 80
    progress.tick([SimpleNamespace(left=jobs[1:])])
    assert "1 of 4 jobs done, 1:20 min, about 2:00 min left" in capsys.readouterr().out


def test_a_long_line_keeps_its_beginning(utils, tmp_path):
    log = tmp_path / "x.log"
    log.write_text(f"wrote /home/me/{'very/' * 40}long\n")
    line = utils.progress.last_line(log)
    assert line.startswith("wrote /home/me/very/") and line.endswith("…") and len(line) == 110
