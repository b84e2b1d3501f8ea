"""A set is recognised whole, once, whatever happens on the way."""

from __future__ import annotations

from pathlib import Path

from sslse.recognizers.decode_worker import DecodeTask
from sslse.recognizers.decoding import decode as decode_set


def words(tmp_path: Path) -> list[str]:
    return (tmp_path / "hyp" / "text").read_text().splitlines()


def calls(tmp_path: Path) -> list[int]:
    return sorted(map(int, (tmp_path / "calls").read_text().split()))


def test_text_is_sorted_and_an_empty_hypothesis_is_the_bare_id(tmp_path, fake, write_set):
    scp = write_set([300, 50, 200])
    scp.write_text("".join(reversed(scp.read_text().splitlines(keepends=True))))
    task = DecodeTask(fake, None, str(scp), {"calls": str(tmp_path / "calls")}, batch_size=2)
    assert decode_set(task, tmp_path / "hyp") == (3, 0)
    assert words(tmp_path) == ["u0 n 300", "u1", "u2 n 200"]
    assert sorted(p.name for p in (tmp_path / "hyp").iterdir()) == ["decode.json", "text"]


def test_second_run_does_nothing_until_something_changes(tmp_path, fake, write_set, capsys):
    scp = write_set([300, 200])
    task = DecodeTask(fake, None, str(scp), {"calls": str(tmp_path / "calls")})
    decode_set(task, tmp_path / "hyp")
    decode_set(task, tmp_path / "hyp")
    assert calls(tmp_path) == [200, 300]
    assert "complete already" in capsys.readouterr().out
    scp = write_set([300, 250])  # the audio of u1 is another now
    decode_set(task, tmp_path / "hyp")
    assert words(tmp_path) == ["u0 n 300", "u1 n 250"]
    assert "starting anew" in capsys.readouterr().out


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
    assert failed["u3"] == "too strange to be true"
    # Only what failed is tried again.
    result = decode(scp)
    assert words(tmp_path) == ["u0 n 300", "u2 n 400", "u3 n 150"]
    assert calls(tmp_path).count(300) == 1


def test_killed_it_goes_on_where_it_was(tmp_path, decode, write_set):
    lengths = [300, 200, 400, 150, 500, 250]
    scp = write_set(lengths)
    assert decode(scp, FAKE_DIE_AFTER="4").returncode == -9
    assert not (tmp_path / "hyp" / "text").exists()
    # A line that was cut off does not count as finished.
    with open(tmp_path / "hyp" / ".text.partial", "a") as stream:
        stream.write("u5 n 2")
    result = decode(scp)
    assert result.returncode == 0 and "4 utterances are done already" in result.stdout
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
