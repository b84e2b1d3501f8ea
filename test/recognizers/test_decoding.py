"""A set is recognised whole, once, whatever happens on the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from sslse.audio.files import read_audio, write_audio
from sslse.errors import ConfigError
from sslse.recognizers.decode_worker import DecodeTask
from sslse.recognizers.decoding import decode as decode_set


def words(tmp_path: Path) -> list[str]:
    return (tmp_path / "hyp" / "text").read_text().splitlines()


def calls(tmp_path: Path) -> list[int]:
    return sorted(map(int, (tmp_path / "calls").read_text().split()))


def test_text_is_sorted_and_an_empty_hypothesis_is_the_bare_id(tmp_path, fake, write_set):
    scp = write_set([300, 50, 200])
    scp.write_text("".join(reversed(scp.read_text().splitlines(keepends=True))))
    task = DecodeTask(fake, None, str(scp), {"calls": str(tmp_path / "calls")}, batch_seconds=1.0)
    assert decode_set(task, tmp_path / "hyp") == (3, 0)
    assert words(tmp_path) == ["u0 n 300", "u1", "u2 n 200"]
    assert sorted(p.name for p in (tmp_path / "hyp").iterdir()) == [".decode.jsonl", "text"]


def test_second_run_does_nothing_until_something_changes(tmp_path, fake, write_set, capsys):
    scp = write_set([300, 200])
    task = DecodeTask(fake, None, str(scp), {"calls": str(tmp_path / "calls")})
    decode_set(task, tmp_path / "hyp")
    decode_set(task, tmp_path / "hyp")
    assert calls(tmp_path) == [200, 300]
    assert "complete already" in capsys.readouterr().out
    audio = tmp_path / "audio"
    write_audio(audio / "u1.wav", read_audio(audio / "u0.wav")[0][:250], 16000)
    decode_set(task, tmp_path / "hyp")
    assert words(tmp_path) == ["u0 n 300", "u1 n 250"]
    assert "1 utterances are of other audio, options or weights: again" in capsys.readouterr().out
    assert calls(tmp_path) == [200, 250, 300]  # u0 has not changed


def test_data_directory_with_segments_at_another_rate(tmp_path, fake, write_set, capsys):
    write_set([8000], rate=8000)
    (tmp_path / "segments").write_text("a u0 0.0 0.25\nb u0 0.5 1.0\n")
    task = DecodeTask(fake, None, str(tmp_path), {"calls": str(tmp_path / "calls")})
    decode_set(task, tmp_path / "hyp")
    assert words(tmp_path) == ["a n 4000", "b n 8000"]
    assert capsys.readouterr().out.count("8000 Hz is resampled") == 1


def test_failures_are_named_and_the_others_go_on(tmp_path, decode, write_set):
    scp = write_set([300, 200, 400, 150, 500])
    (tmp_path / "audio" / "u1.wav").write_bytes(b"")
    (tmp_path / "audio" / "u4.wav").unlink()
    result = decode(scp, FAKE_REFUSE="150")
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert "3 of 5 utterances failed" in result.stdout
    assert words(tmp_path) == ["u0 n 300", "u2 n 400"]
    failed = dict(
        line.split(" ", 1) for line in (tmp_path / "hyp" / "failed").read_text().splitlines()
    )
    assert sorted(failed) == ["u1", "u3", "u4"]
    assert failed["u3"].startswith("too strange to be true (RuntimeError, in ")
    # Only what failed is tried again.
    result = decode(scp)
    assert words(tmp_path) == ["u0 n 300", "u2 n 400", "u3 n 150"]
    assert calls(tmp_path).count(300) == 1


def test_killed_it_goes_on_where_it_was(tmp_path, decode, write_set):
    lengths = [300, 200, 400, 150, 500, 250]
    scp = write_set(lengths)
    # 800 samples a batch: 500, then 400 and 300, then the others.
    assert decode(scp, FAKE_DIE_AFTER="3").returncode == -9
    assert not (tmp_path / "hyp" / "text").exists()
    # A line that was cut off does not count as finished.
    with open(tmp_path / "hyp" / ".decode.jsonl", "a") as stream:
        stream.write('{"id": "u5", "made_fr')
    result = decode(scp)
    assert result.returncode == 0 and "3 utterances are done already" in result.stdout
    assert words(tmp_path) == [f"u{i} n {length}" for i, length in enumerate(lengths)]
    assert calls(tmp_path) == sorted(lengths)


def test_two_processes_give_the_same_text(tmp_path, decode, write_set):
    lengths = list(range(200, 900, 100))
    scp = write_set(lengths)
    result = decode(scp, "--nj", "2")
    assert result.returncode == 0, result.stderr
    assert words(tmp_path) == [f"u{i} n {length}" for i, length in enumerate(lengths)]
    assert calls(tmp_path) == lengths


def test_a_process_that_dies_is_one_sentence_and_nothing_is_lost(tmp_path, decode, write_set):
    scp = write_set(range(200, 900, 100))
    result = decode(scp, "--nj", "2", FAKE_DIE_AFTER="3")
    assert result.returncode == 1 and "ended abruptly" in result.stderr
    assert "Traceback" not in result.stderr
    assert decode(scp, "--nj", "2").returncode == 0
    assert len(words(tmp_path)) == 7


def test_where_and_how_many_at_a_time_is_no_part_of_a_result(tmp_path, fake, write_set, capsys):
    scp = write_set([300, 200])
    options = {"calls": str(tmp_path / "calls")}
    tasks = [
        DecodeTask(fake, None, str(scp), options, device=device, batch_seconds=seconds)
        for device, seconds in (("cpu", 0.0), ("cuda:1", 60.0))
    ]
    assert tasks[0].made_from() == tasks[1].made_from()
    for task in tasks:  # the device is of no use to a recogniser without a network
        assert decode_set(task, tmp_path / "hyp") == (2, 0)
    assert "on cpu, batches of up to 0 s" in capsys.readouterr().out
    assert calls(tmp_path) == [200, 300]


def test_as_many_processes_as_there_are_cores(tmp_path, decode, write_set):
    lengths = list(range(200, 900, 100))
    result = decode(write_set(lengths), "--nj", "0", "--batch-seconds", "60", OMP_NUM_THREADS="2")
    assert result.returncode == 0, result.stderr
    assert words(tmp_path) == [f"u{i} n {length}" for i, length in enumerate(lengths)]


def test_several_processes_share_what_would_be_one_batch(tmp_path, fake, write_set):
    scp = write_set([1600] * 20)
    task = DecodeTask(fake, None, str(scp), batch_seconds=60.0)
    names = task.utterances()
    assert [len(batch) for batch in task.batches(names)] == [20]
    assert [len(batch) for batch in task.batches(names, 2)] == [2] * 10
    (tmp_path / "audio/u3.wav").unlink()  # of what cannot be read, whoever reads it speaks
    assert ["u3"] in task.batches(names)


def test_the_device_is_given_once(tmp_path, fake, write_set):
    scp = write_set([300])
    options = {"calls": str(tmp_path / "calls"), "device": "cpu"}
    with pytest.raises(ConfigError, match="the device is given by --device"):
        decode_set(DecodeTask(fake, None, str(scp), options), tmp_path / "hyp")
