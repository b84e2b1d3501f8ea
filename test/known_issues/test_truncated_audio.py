"""libsndfile reads a truncated wav as a shorter one: half a recording was used, unnoticed."""

from __future__ import annotations

import pytest
import soundfile

from sslse.audio.files import audio_info, read_audio, write_audio
from sslse.errors import AudioError


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_truncated_wav_is_an_error_for_header_and_part(tmp_path, rng, subtype):
    path = tmp_path / "a.wav"
    write_audio(path, rng.uniform(-0.3, 0.3, 1000), 16000, subtype=subtype)
    path.write_bytes(path.read_bytes()[:-100])
    assert soundfile.info(path).frames < 1000
    for read in (audio_info, lambda name: read_audio(name, start=0, num_samples=10)):
        with pytest.raises(AudioError, match="promises 1000 samples"):
            read(path)


@pytest.mark.parametrize("suffix", ["ogg", "aiff", "mp3", "flac"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9, 0.99])
def test_other_formats_do_not_shrink_either(tmp_path, rng, suffix, part):
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, rng.uniform(-0.3, 0.3, 40_000), 16000)
    whole = path.read_bytes()
    assert len(read_audio(path)[0]) == 40_000
    path.write_bytes(whole[: round(part * len(whole))])
    with pytest.raises(AudioError):
        read_audio(path)
