"""The CTC branch of an ESPnet ASR model as a recogniser, with a word language model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sslse.downstream.tokens import Tokens
from sslse.errors import ConfigError
from sslse.espnet.model_folder import find_model, read_config, sample_rate_of
from sslse.recognizers.ctc import CTCOutput, CTCRecognizer
from sslse.recognizers.espnet import build_speech2text, encode, refusing

if TYPE_CHECKING:
    from torch import Tensor


class CTCESPnetRecognizer(CTCRecognizer):
    """An ESPnet ASR folder (see ``ESPnetRecognizer``) whose tokens are characters or words.

    The options are those of :class:`~sslse.recognizers.ctc.CTCRecognizer`. Utterances go through
    the encoder one by one, because some let padding reach into real frames.

    Raises:
        ConfigError: also where tokens are pieces of words, or the model has no CTC branch.
    """

    def load(self, folder: str | Path) -> CTCOutput:
        """See ``CTCRecognizer``."""
        import torch
        from torch.nn.utils.rnn import pad_sequence

        config_path, weights = find_model(Path(folder))
        config = read_config(config_path)
        if config.get("token_type") not in ("char", "word"):
            raise ConfigError(
                f"{config_path} has token_type '{config.get('token_type')}': words are searched in "
                "characters ('char') or words ('word'); recogniser 'espnet' takes every type"
            )
        model = build_speech2text(config, weights, device=self.device).asr_model
        if model.ctc is None:
            raise ConfigError(f"{config_path} has no CTC branch; recogniser 'espnet' takes it")

        def log_probs(waveform: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
            outputs = []
            for samples, length in zip(waveform, lengths.tolist(), strict=True):
                with refusing(length):
                    speech = samples[None, :length]
                    encoded = encode(model, speech, torch.tensor([length], device=speech.device))
                outputs.append(model.ctc.log_softmax(encoded)[0])  # (F, V)
                outputs[-1][:, model.eos] = -torch.inf  # which CTC does not learn
            frames = torch.tensor([len(output) for output in outputs])
            return pad_sequence(outputs, batch_first=True), frames

        tokens = Tokens(model.token_list, config["token_type"])
        return CTCOutput(sample_rate_of(config), tokens, log_probs)
