from __future__ import annotations

import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sslse.audio.files import audio_info, read_audio
from sslse.audio.pipes import TOOLS, is_pipe, parse_pipe, run_pipe
from sslse.errors import AudioError


def test_pipe_gives_the_samples_of_its_file(wav, waveform):
    assert audio_info(f"cat {wav} |") == (16000, 1600, 1)
    np.testing.assert_array_equal(read_audio(f"cat {wav} | cat |")[0], waveform)
    part = read_audio(f"cat {wav} |", start=7, num_samples=9)[0]
    np.testing.assert_array_equal(part, waveform[7:16])


def test_output_larger_than_any_buffer_arrives_whole(tmp_path):
    data = np.random.default_rng(0).bytes(3_000_000)
    (tmp_path / "big").write_bytes(data)
    assert run_pipe(f"cat {tmp_path}/big | cat | cat |") == data


def test_quotes_and_spaces_need_no_shell(tmp_path, wav, waveform):
    wav.rename(tmp_path / "my file; rm.wav")
    np.testing.assert_array_equal(read_audio(f"cat '{tmp_path}/my file; rm.wav' |")[0], waveform)


@pytest.mark.parametrize(
    "command, expected",
    [
        ("rm -rf x |", "not one of the known audio tools"),
        ("sh -c 'touch x' |", "not one of the known audio tools"),
        ("cat a; touch x |", "has ';'"),
        ("cat a && touch x |", "has '&&'"),
        ("cat a > x |", "has '>'"),
        ("cat < a |", "cat FILE"),
        ("cat $(touch x) |", "has '"),
        ("cat `touch x` |", "a shell would expand"),
        ("cat $HOME/a |", "a shell would expand"),
        ("./sox a |", "relative path"),
        ("cat 'a |", "a quote is not closed"),
        ("cat a | | cat |", "empty stage"),
        ("|", "empty stage"),
        ("sox '|touch x' -t wav - |", "hides a command"),
        ("wav-reverberate --rir='touch x |' a - |", "not one of the known audio tools"),
        ("wav-reverberate --rir='cat x; touch y |' a - |", "hides a command"),
    ],
)
def test_what_needs_a_shell_is_refused_and_not_run(tmp_path, monkeypatch, command, expected):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AudioError, match="the pipe") as caught:
        read_audio(command)
    assert expected in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@given(st.text(min_size=1, max_size=40))
def test_whatever_is_accepted_starts_with_a_known_tool(text):
    try:
        stages = parse_pipe(f"{text} |")
    except AudioError:
        return
    assert all(stage[0].rsplit("/")[-1] in TOOLS for stage in stages)


def test_kaldi_commands_with_inner_pipes_are_understood():
    stages = parse_pipe(
        "sph2pipe -f wav -p -c 1 /c/a.wv1 2>/dev/null | "
        "wav-reverberate --impulse-response='sox r.wav -r 16000 -t wav - |' - - |"
    )
    assert [stage[0] for stage in stages] == ["sph2pipe", "wav-reverberate"]
    assert stages[0][-1] == "/c/a.wv1"


def test_pipes_can_be_switched_off(wav):
    assert is_pipe(f"cat {wav} | ")
    with pytest.raises(AudioError, match="pipes are switched off"):
        read_audio(f"cat {wav} |", allow_pipes=False)


def test_missing_tool_is_named_with_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        AudioError, match="needs 'flac', which is not installed; .*apt install flac"
    ):
        read_audio("flac -dcs a.flac |")


def test_failure_in_any_stage_quotes_the_tool(wav, make_tool):
    make_tool("sph2pipe", "echo 'unsupported shorten version 3' >&2; exit 3")
    with pytest.raises(AudioError, match="'sph2pipe' ended with status 3 and said: unsupported"):
        read_audio("sph2pipe -f wav x.wv1 |")
    with pytest.raises(AudioError, match="'sph2pipe' ended with status 3"):
        read_audio("sph2pipe -f wav x.wv1 | cat |")
    make_tool("sox", "kill -9 $$")
    with pytest.raises(AudioError, match="'sox' ended with signal 9 and no message"):
        read_audio(f"cat {wav} | sox - |")


def test_whole_audio_followed_by_a_failure_is_a_failure(wav, make_tool):
    make_tool("sox", f"cat {wav}; echo 'disk error' >&2; exit 2")
    with pytest.raises(AudioError, match="status 2 and said: disk error"):
        read_audio("sox a.wav -t wav - |")


def test_loud_tool_does_not_block(wav, waveform, make_tool):
    make_tool("sox", f"yes warning | head -c 300000 >&2; cat {wav}")
    np.testing.assert_array_equal(read_audio("sox loud.wav -t wav - |")[0], waveform)


def test_reader_that_stops_early_is_fine(tmp_path, wav, waveform, make_tool):
    (tmp_path / "big").write_bytes(bytes(5_000_000))
    make_tool("sox", f"head -c 10 >/dev/null; cat {wav}")
    np.testing.assert_array_equal(read_audio(f"cat {tmp_path}/big | sox - |")[0], waveform)


def test_no_output_and_no_audio_are_two_sentences(tmp_path):
    (tmp_path / "nothing").write_bytes(b"")
    (tmp_path / "words").write_bytes(b"some words")
    with pytest.raises(AudioError, match="wrote no audio"):
        read_audio(f"cat {tmp_path}/nothing |")
    with pytest.raises(AudioError, match="is no audio that can be read"):
        read_audio(f"cat {tmp_path}/words |")


@pytest.mark.parametrize(
    "tool, command",
    [
        ("sox", "sox {} -t wav - trim 0 800s |"),
        ("sox", "cat {} | sox -t wav - -t wav - |"),
        ("flac", "sox {} -t flac - | flac -dcs - |"),
        ("ffmpeg", "ffmpeg -loglevel error -i {} -f wav - |"),
        ("gunzip", "gzip -c {} | gunzip -c |"),
    ],
)
def test_real_tools(wav, waveform, tool, command):
    for name in {tool, command.split()[0]}:
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed")
    samples = read_audio(command.format(wav))[0]
    np.testing.assert_array_equal(samples, waveform[: len(samples)])
    assert len(samples) in (800, 1600)
