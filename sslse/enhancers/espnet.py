"""ESPnet's enhancement networks behind our interface, guarded against inputs that break them."""

from __future__ import annotations

import warnings
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sslse.enhancers.base import Enhancer
from sslse.errors import ConfigError, MissingPackageError
from sslse.transfer import send

# One output: the interface means that, and ESPnet 202511 would mask a second one of DCCRN twice.
FIXED = {
    "tcn": {"num_spk": 1, "predict_noise": False},
    "dccrn": {"num_spk": 1, "use_noise_mask": False},
    "tfgridnet": {"n_srcs": 1, "n_imics": 1},
}
ENCODER_DEFAULTS = {
    "tcn": {"channel": 512, "kernel_size": 32, "stride": 16},
    "dccrn": {"n_fft": 512, "win_length": 400, "hop_length": 256},
    "tfgridnet": {},
}


class ESPnetEnhancer(Enhancer):
    """An encoder, separator and decoder of espnet2.enh with one output.

    Args:
        separator: ``"tcn"`` (Conv-TasNet), ``"dccrn"`` or ``"tfgridnet"``.
        separator_conf: keyword arguments of ESPnet's separator, but for the number of outputs.
        encoder_conf: keyword arguments of ESPnet's encoder (``ConvEncoder`` for tcn,
            ``STFTEncoder`` for dccrn; TF-GridNet brings its own); the decoder gets the same.
        normalize_input: divide by the RMS level of the utterance, multiply the output by it.
        sample_rate: in Hz.

    Shape:
        (batch, time) -> (batch, time), any time >= 1

    Raises:
        ConfigError: an unknown separator or option.
        MissingPackageError: ESPnet is not installed.
    """

    def __init__(
        self,
        separator: str = "tcn",
        separator_conf: dict[str, Any] | None = None,
        encoder_conf: dict[str, Any] | None = None,
        normalize_input: bool = True,
        sample_rate: int = 16000,
    ) -> None:
        super().__init__(sample_rate, normalize_input)
        separator_conf, encoder_conf = dict(separator_conf or {}), dict(encoder_conf or {})
        self.config = {
            "separator": separator,
            "separator_conf": separator_conf,
            "encoder_conf": encoder_conf,
            "normalize_input": normalize_input,
            "sample_rate": sample_rate,
        }
        if separator not in FIXED:
            raise ConfigError(
                f"ESPnetEnhancer: separator is one of {', '.join(FIXED)}, not '{separator}'"
            )
        for key, value in FIXED[separator].items():
            if separator_conf.get(key, value) != value:
                raise ConfigError(
                    f"ESPnetEnhancer: {separator} needs {key}={value}, one enhanced output"
                )
        encoder_conf = {**ENCODER_DEFAULTS[separator], **encoder_conf}
        separator_conf = {**separator_conf, **FIXED[separator]}
        try:
            self.encoder, self.separator, self.decoder = _build(
                separator, encoder_conf, separator_conf
            )
        except ImportError as error:
            raise MissingPackageError(
                f"ESPnetEnhancer needs ESPnet ({error}); run 'pip install espnet==202511'"
            ) from error
        except Exception as error:  # typeguard and ESPnet raise many kinds for a wrong option
            raise ConfigError(f"ESPnet refuses these options of {separator}: {error}") from error
        self.hop_samples, self.shortest = _lengths(separator, encoder_conf, self.separator)

    def estimate(self, noisy: Tensor) -> Tensor:
        """Run the network on level-normalised waveforms, (B, T) -> (B, T)."""
        samples = noisy.shape[1]
        # A multiple of the hop: ESPnet's iSTFT of DCCRN fails on some other lengths.
        padded = max(samples, self.shortest)
        padded += -padded % self.hop_samples
        # stft and torch.complex know no bfloat16.
        with torch.autocast(noisy.device.type, enabled=False):
            waveform = F.pad(noisy.float(), (0, padded - samples))
            # TF-GridNet divides by the deviation of its input: silence gets an impulse meanwhile.
            silent = ~waveform.any(dim=1, keepdim=True)
            waveform = waveform + F.pad(silent.to(waveform), (0, padded - 1))
            lengths = torch.full((len(waveform),), padded)  # the decoder reads them
            on_device = send(lengths, noisy.device)
            features, feature_lengths = self.encoder(waveform, on_device)
            masked, _, _ = self.separator(features, feature_lengths)
            enhanced, _ = self.decoder(masked[0], lengths)
        return enhanced[:, :samples].masked_fill(silent, 0.0).to(noisy.dtype)


def _build(separator: str, encoder_conf: dict, separator_conf: dict) -> tuple:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of torch.cuda.amp, at ESPnet's import
        if separator == "tcn":
            from espnet2.enh.decoder.conv_decoder import ConvDecoder
            from espnet2.enh.encoder.conv_encoder import ConvEncoder
            from espnet2.enh.separator.tcn_separator import TCNSeparator

            encoder, decoder = ConvEncoder(**encoder_conf), ConvDecoder(**encoder_conf)
            return encoder, TCNSeparator(encoder.output_dim, **separator_conf), decoder
        if separator == "dccrn":
            from espnet2.enh.decoder.stft_decoder import STFTDecoder
            from espnet2.enh.encoder.stft_encoder import STFTEncoder
            from espnet2.enh.separator.dccrn_separator import DCCRNSeparator

            encoder, decoder = STFTEncoder(**encoder_conf), STFTDecoder(**encoder_conf)
            return encoder, DCCRNSeparator(encoder.output_dim, **separator_conf), decoder
        from espnet2.enh.decoder.null_decoder import NullDecoder
        from espnet2.enh.encoder.null_encoder import NullEncoder
        from espnet2.enh.separator.tfgridnet_separator import TFGridNet

        options = {"use_builtin_complex": True, **separator_conf}
        return NullEncoder(), TFGridNet(None, **options), NullDecoder()


def _lengths(separator: str, encoder_conf: dict, network: Any) -> tuple[int, int]:
    """Return the hop and the shortest input, in samples."""
    if separator == "tcn":
        return encoder_conf["stride"], encoder_conf["kernel_size"]
    if separator == "dccrn":
        return encoder_conf["hop_length"], encoder_conf["n_fft"]
    hop, window = network.enc.stft.hop_length, network.enc.stft.n_fft
    # The blocks unfold ``emb_ks`` frames at a time.
    return hop, max(window, network.blocks[0].emb_ks * hop)
