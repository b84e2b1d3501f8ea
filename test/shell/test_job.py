"""The launcher's jobs: their order, and what the record of one holds."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

FORMS = ("{}", "{}/model/config.json", "--data={}", "asv={}/scores")


@pytest.fixture(scope="module")
def job_module(repository):
    """The module of utils."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(repository / "utils"))
        import job

        yield job


@given(reads=st.lists(st.lists(st.tuples(st.integers(0, 20), st.sampled_from(FORMS)), max_size=3)))
def test_a_job_comes_after_those_whose_folders_it_names(job_module, reads):
    """Each reads some of the earlier ones, in any form; those that read none are the first."""
    jobs, needed = [], {}
    for number, own in enumerate(reads):
        own = [(other % number, form) for other, form in own if number]
        needed[number] = {other for other, _ in own}
        words = [form.format(f"exp/{other}") for other, form in own]
        command = ("sslse", "--out", f"exp/{number}", *words)
        jobs.append(job_module.Job(f"job {number}", Path(f"exp/{number}"), command))
    groups = job_module.in_order(jobs)
    level = {int(j.folder.name): place for place, group in enumerate(groups) for j in group}
    assert sorted(level) == list(range(len(reads))) and all(groups)
    for number, others in needed.items():
        assert level[number] == 1 + max((level[other] for other in others), default=-1)
    assert [j for group in groups for j in group] == sorted(
        jobs, key=lambda j: (level[int(j.folder.name)], int(j.folder.name))
    )


@given(name=st.text(), words=st.lists(st.text()), keep=st.sampled_from(["", "keep", "always"]))
def test_a_plan_s_line_is_the_job_again(job_module, name, words, keep):
    from sslse.recipe.jobs import Job

    planned = Job(name, "exp/a b", tuple(words), kind="train", keep=keep)
    (read,) = job_module.read_jobs(planned.line())
    assert (read.name, str(read.folder), read.command) == (name, "exp/a b", tuple(words))
    assert (read.kind, read.keep) == ("train", keep)
    assert job_module.read_jobs(job_module.write_jobs([read])) == [read]


def test_a_changed_base_is_noticed(job_module, tmp_path, monkeypatch):
    """The file that is named stays as it was; what it builds on does not."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf").mkdir()
    (tmp_path / "shared").mkdir()
    (tmp_path / "conf/own.yaml").write_text("base: ../shared/middle.yaml\n")
    (tmp_path / "shared/middle.yaml").write_text("base: [deeper.yaml, none.yaml]\n")
    (tmp_path / "shared/deeper.yaml").write_text("rate: 1\n")
    own = job_module.Job("se", tmp_path / "se", ("train", "--config", "conf/own.yaml"))
    own.begin()
    own.finish()
    assert own.is_done()
    (tmp_path / "shared/deeper.yaml").write_text("rate: 2\n")
    with pytest.raises(job_module.ChangedOptionsError) as error:
        own.is_done()
    changed = [line for line in str(error.value).splitlines() if "sha256" in line]
    assert len(changed) == 2 and all("input shared/deeper.yaml sha256" in line for line in changed)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("# a note\nseed: 1\n\nmodel: {lr: 0.1}  # rate\n", True),
        ("seed: 1\nmodel:\n  lr: 0.1\n", True),
        ("seed: 1\nmodel: {lr: 0.2}\n", False),
        ("seed: 1\nmodel: {lr: '0.1'}\n", False),
        ("seed: 1\nmodel: {lr: 0.1\n", False),
    ],
)
def test_a_configuration_is_compared_as_it_is_read(job_module, tmp_path, text, same):
    """A comment or another layout makes no other experiment; another value or type does."""
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text("seed: 1\nmodel: {lr: 0.1}\n")
    second.write_text(text)
    assert (job_module.digest(first) == job_module.digest(second)) is same


def test_the_launcher_hashes_what_is_read(job_module, repository):
    """It may not import sslse, so it finds the files by itself; they are the same."""
    from sslse.runtime.settings import settings_files

    for path in sorted(repository.glob("egs/*/*/conf/*.yaml")):
        assert set(job_module.composed(path)) == set(settings_files(path))


def test_bases_that_lead_nowhere_end(job_module, tmp_path):
    """The launcher hashes what there is; what is wrong is said by the command."""
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text("base: b.yaml\n")
    second.write_text("base: [a.yaml, b.yaml, 3]\n")
    assert job_module.composed(first) == [first, second]
    for text in ("base: 3", "- 1", "a: [", "", "base: null"):
        first.write_text(text)
        assert job_module.composed(first) == [first]


def make(job_module, folder, command, **options):
    """Return a job that is done."""
    job = job_module.Job("x", folder, command, **options)
    job.begin()
    job.finish()
    assert job.is_done()
    return job


@pytest.mark.parametrize("name", ["wav.scp", "text", "segments", "mixtures.jsonl"])
@pytest.mark.parametrize("argument", ["data/train", "--data.train=data/train"])
def test_a_changed_data_directory_is_noticed(job_module, tmp_path, monkeypatch, name, argument):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data/train").mkdir(parents=True)
    table = tmp_path / "data/train" / name
    for file in ("wav.scp", name):
        (tmp_path / "data/train" / file).write_text("u one\n")
    job = make(job_module, tmp_path / "exp", ("train", argument))
    table.touch()  # the same content at another time
    (tmp_path / "data/train/utt2num_samples").write_text("u 1\n")  # measured by a later stage
    assert job.is_done()
    table.write_text("u two\n")
    with pytest.raises(job_module.ChangedOptionsError, match=f"data/train/{name}") as error:
        job.is_done()
    assert error.value.inputs_alone and "To keep it, remove" in str(error.value)


def test_a_changed_corpus_is_noticed(job_module, tmp_path):
    corpus = tmp_path / "corpus/speaker"
    corpus.mkdir(parents=True)
    (corpus / "a.wav").write_bytes(b"one")
    reads = (f"CORPUS={tmp_path}/corpus", "OTHER=")
    job = make(job_module, tmp_path / "data", ("prepare",), keep="keep", reads=reads)
    assert job_module.read_jobs(job_module.write_jobs([job])) == [job]
    (corpus / "a.wav").write_bytes(b"other")
    with pytest.raises(job_module.ChangedOptionsError, match="CORPUS"):
        job.is_done()


def test_what_is_done_again_and_what_is_refused(job_module, tmp_path, monkeypatch, capsys):
    """Short commands bring their folder up to date; a training is never thrown away unasked."""
    import run_jobs

    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    table = tmp_path / "data/wav.scp"
    table.write_text("u one\n")
    short = make(job_module, tmp_path / "short", ("score", "data"))
    training = make(job_module, tmp_path / "training", ("train", "data"), kind="train")
    stage_one = make(job_module, tmp_path / "made", ("prepare",), keep="keep")
    jobs = [short, training, stage_one]
    assert run_jobs.select(jobs, False) == []
    table.write_text("u two\n")
    (short.folder / "utterances.jsonl").touch()
    assert run_jobs.select([short, stage_one], False) == [short]
    assert "brought up to date" in capsys.readouterr().out
    assert (short.folder / "utterances.jsonl").exists() and not short.done.exists()
    with pytest.raises(job_module.ChangedOptionsError):
        run_jobs.select([training], False)
    assert training.done.exists()
    # Said aloud, stage 1 is done again whatever is known of the corpus.
    assert run_jobs.select([stage_one], True) == [stage_one]
    assert stage_one.folder.exists() and not stage_one.done.exists()
    assert run_jobs.select([training], True) == [training]


def test_labels_that_come_later_leave_trainings_alone(job_module, tmp_path, monkeypatch):
    """A back-end that needs labels of its own is added; what was trained without them stays."""
    monkeypatch.chdir(tmp_path)
    for folder in ("data/train", "data/train_noisy"):
        Path(folder).mkdir(parents=True)
        Path(folder, "wav.scp").write_text("a a.wav\n")

    simulate = ["sslse", "simulate", "--speech", "data/train"]
    mixed = make(job_module, Path("data/train_noisy"), simulate)
    reads = ["sslse", "train", "--data.train", "data/train", "--data.valid", "data/train_noisy"]
    enhancer = make(job_module, Path("exp/se"), reads, kind="train")
    for name in job_module.LABELS:
        Path("data/train", name).write_text("a on\n")
        with pytest.raises(job_module.ChangedOptionsError):
            mixed.is_done()
        mixed.begin()
        mixed.finish()  # stage 2 gives the noisy sets what the clean ones have
        Path("data/train_noisy", name).write_text("a on\n")
        assert enhancer.is_done()
    head = make(job_module, Path("exp/ds_ic"), reads, kind="train")
    Path("data/train/utt2intent").write_text("a off\n")
    assert enhancer.is_done()
    with pytest.raises(job_module.ChangedOptionsError):
        head.is_done()  # it has read them
    Path("data/train/utt2intent").write_text("a on\n")
    Path("data/train_noisy/wav.scp").write_text("a b.wav\n")
    with pytest.raises(job_module.ChangedOptionsError):
        enhancer.is_done()
