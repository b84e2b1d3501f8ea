"""Symptoms that users of such toolkits reported, from the shared cases; each file is one of them.

libsndfile#1086, #277, python-soundfile#361, kaldi#1567: half a recording was read, or nothing, or a
truncated file as a whole one.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from sslse.audio.files import audio_info, read_audio
from sslse.cli.main import main
from sslse.data.facts import inspect
from sslse.errors import AudioError

REPOSITORY = Path(__file__).parents[2]
CASES = (
    Path(os.environ.get("SSLSE_TEST_CORPORA", REPOSITORY.parent / "shared/corpora")).parent
    / "cases"
)
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason=f"there is no {CASES}")


@pytest.mark.parametrize(
    "name, num_samples",
    [
        ("01_flac_unknown_length/a.flac", 12_000),
        ("02_mp3_without_xing/vbr_noxing.mp3", 13_248),
        ("02_mp3_without_xing/mp3_pipe.mp3", 13_248),
        ("02_mp3_without_xing/ffmp3.wav", 13_248),
        ("04_wav_data_size_zero/data0.wav", 12_000),
        ("04_wav_data_size_zero/rf64pipe.wav", 12_000),
    ],
)
def test_all_that_is_there_is_read(name, num_samples):
    for source in (f"{CASES}/{name}", f"cat {CASES}/{name} |"):
        assert audio_info(source) == (16000, num_samples, 1)
        assert len(read_audio(source)[0]) == num_samples
        assert inspect(source).problem is None


@pytest.mark.parametrize("name", ["au.au", "nist.sph", "rf64.wav", "sox_ulaw.sph", "w64.w64"])
def test_what_is_cut_is_refused(name):
    for read in (audio_info, read_audio):
        with pytest.raises(AudioError, match="truncated: its header promises 12000 samples but"):
            read(CASES / f"03_truncated_rf64_w64_sph_au/cut_{name}")


def test_names_that_a_table_cannot_hold_do_not_end_the_batch(tmp_path, monkeypatch, capsys):
    from sslse.enhancers import build_enhancer

    monkeypatch.chdir(tmp_path)
    model = build_enhancer(
        *("conv_tasnet",),
        **dict(num_filters=8, kernel_size=64, stride=32, bottleneck_channels=4, hidden_channels=4),
        **dict(conv_kernel_size=3, blocks=1, repeats=1),
    )
    model.save_pretrained("model")
    Path("in").mkdir()
    for name in ("a.wav", "lat\udce9.wav", "new\nline.wav", "z.wav"):
        shutil.copy(CASES / "28_file_name_not_utf8/a.wav", Path("in") / name)
    assert main(["enhance", "in", "-o", "out", "--model", "model"]) == 0
    lines = Path("out/wav.scp").read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["a", "lat%E9", "new%0Aline", "z"]
    assert all(Path(line.split(maxsplit=1)[1]).is_file() for line in lines)
