"""eSpeak NG through ctypes: text to float32 samples, with the library and voices of the
``espeakng-loader`` package.

Three traps of the library shape this file. A voice name that it does not know is only a non-zero
return code. Some voices (whisper, f2, f3, f5 …) use a random source that cannot be seeded. And the
samples of a sentence depend on what was spoken before it, even after the library was terminated and
started again; so every sentence is spoken by a fresh fork of a process that has never spoken, and
depends on its text and voice alone.
"""

from __future__ import annotations

import ctypes
import os

import numpy as np

from sslse.errors import MissingPackageError, SslseError

ACCENTS = {
    "gb": "gmw/en",
    "us": "gmw/en-US",
    "sc": "gmw/en-GB-scotland",
    "rp": "gmw/en-GB-x-rp",
    "ln": "gmw/en-GB-x-gbclan",
    "wm": "gmw/en-GB-x-gbcwmd",
    "cb": "gmw/en-029",
    "ny": "gmw/en-US-nyc",
}

_SYNCHRONOUS = 2
_UTF8 = 1
_RATE, _PITCH, _RANGE = 1, 3, 4
_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


_NO_VOICE = 3  # exit status of a fork


class Espeak:
    """The synthesiser; needs ``os.fork``.

    Raises:
        MissingPackageError: ``espeakng-loader`` is not installed.
    """

    def __init__(self) -> None:
        try:
            import espeakng_loader
        except ImportError as error:
            raise MissingPackageError(
                "the package espeakng-loader is not installed; run tools/install.sh"
            ) from error
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data_path = espeakng_loader.get_data_path().encode()
        self.sample_rate = self._library.espeak_Initialize(_SYNCHRONOUS, 0, data_path, 0)
        if self.sample_rate <= 0:
            raise SslseError(
                f"eSpeak NG does not start with the data in {data_path.decode()}; reinstall "
                "espeakng-loader"
            )
        # The first choice of a voice lists hundreds of files; done here, no fork has to do it.
        self._library.espeak_SetVoiceByName(ACCENTS["gb"].encode())
        self._chunks: list[bytes] = []
        # Kept as an attribute: ctypes would free the callback while the library still calls it.
        self._callback = _CALLBACK(self._receive)
        self._library.espeak_SetSynthCallback(self._callback)

    def _receive(self, samples: ctypes._Pointer, count: int, _events: int | None) -> int:
        if samples and count > 0:
            self._chunks.append(ctypes.string_at(samples, 2 * count))
        return 0

    def speak(
        self, text: str, voice: str, rate: int = 160, pitch: int = 50, pitch_range: int = 50
    ) -> np.ndarray:
        """Return the spoken text, float32 in [-1, 1) at ``sample_rate``.

        Args:
            text: what to say.
            voice: accent and variant, such as ``"gmw/en-US+m3"``.
            rate: words per minute, 80 to 450.
            pitch: 0 to 100.
            pitch_range: 0 (monotone) to 100.

        Raises:
            SslseError: the voice does not exist, or nothing was spoken.
        """
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            status = 1
            try:
                status = self._speak_into(writer, text, voice, (rate, pitch, pitch_range))
            finally:
                os._exit(status)
        os.close(writer)
        with os.fdopen(reader, "rb") as stream:
            encoded = stream.read()
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status == _NO_VOICE:
            raise SslseError(f"eSpeak NG has no voice {voice!r}; choose another accent or variant")
        if status != 0 or not encoded:
            raise SslseError(
                f"eSpeak NG said nothing for {text!r} with the voice {voice!r} (status {status})"
            )
        return np.frombuffer(encoded, dtype=np.int16).astype(np.float32) / 32768.0

    def _speak_into(self, writer: int, text: str, voice: str, values: tuple[int, ...]) -> int:
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            return _NO_VOICE
        for parameter, value in zip((_RATE, _PITCH, _RANGE), values, strict=True):
            self._library.espeak_SetParameter(parameter, int(value), 0)
        encoded = text.encode()
        self._library.espeak_Synth(encoded, len(encoded) + 1, 0, 1, 0, _UTF8, None, None)
        self._library.espeak_Synchronize()
        with os.fdopen(writer, "wb") as stream:
            stream.write(b"".join(self._chunks))
        return 0
