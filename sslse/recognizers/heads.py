"""Trained heads behind the interface of recognisers: each says a line about an utterance.

The line is a class, an embedding or frame probabilities, in the text form of the corresponding
Kaldi table, so that decoding in several processes, resuming and failures are those of
``sslse decode``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from sslse.data.labels import Labels
from sslse.downstream.pack import load_downstream, pad_waveforms
from sslse.errors import ConfigError
from sslse.recognizers.base import Recognizer
from sslse.recognizers.posteriors import format_posteriors


def format_vectors(vectors: torch.Tensor) -> list[str]:
    """Return each row of (B, E) as a Kaldi text vector, to the precision of float32.

    Example:
        >>> format_vectors(torch.tensor([[1.0, -0.5]]))
        ['[ 1 -0.5 ]']
    """
    rows = vectors.cpu().numpy()
    return [f"[ {' '.join(f'{value:.9g}' for value in row)} ]" for row in rows]


class HeadRecognizer(Recognizer):
    """A head on the upstream that its folder names.

    Args:
        model: the ``downstream`` folder that ``sslse train`` exported.
        device: where to compute.
    """

    kind: str

    def __init__(self, model: str | Path, device: str = "cpu") -> None:
        if not Path(model).is_dir():
            raise ConfigError(f"{model} is no folder; give the 'downstream' folder of a training")
        self.upstream, self.head, self.facts = load_downstream(model, self.kind)
        self.sample_rate = self.upstream.sample_rate
        self.device = torch.device(device)
        self.upstream.to(self.device)
        self.head.to(self.device)

    @torch.no_grad()
    def recognize(self, waveforms: Sequence[np.ndarray]) -> list[str]:
        """See :meth:`sslse.recognizers.base.Recognizer.recognize`."""
        padded, lengths = pad_waveforms(waveforms)
        output = self.upstream(padded.to(self.device), lengths.to(self.device))
        return self.say(output.hidden_states, output.lengths)

    @abstractmethod
    def say(self, hidden_states: Sequence[torch.Tensor], lengths: torch.Tensor) -> list[str]:
        """Return one line for each utterance."""


class ClassifierRecognizer(HeadRecognizer):
    """Says the class of each slot."""

    kind = "classifier"

    def say(self, hidden_states: Sequence[torch.Tensor], lengths: torch.Tensor) -> list[str]:
        """Return the values of the slots with blanks between."""
        numbers = self.head.classify(self.head(hidden_states, lengths))
        labels = Labels(self.facts["labels"])
        return [" ".join(labels.decode(row)) for row in numbers.tolist()]


class EmbeddingRecognizer(HeadRecognizer):
    """Says the speaker embedding, as a Kaldi text vector."""

    kind = "x_vector"

    def say(self, hidden_states: Sequence[torch.Tensor], lengths: torch.Tensor) -> list[str]:
        """Return ``[ x x … ]`` of each."""
        return format_vectors(self.head.embed(hidden_states, lengths))


class MultiTaskEmbedding(Recognizer):
    """Says the embedding of the speaker head of a multi-task model, as ``EmbeddingRecognizer``.

    Args:
        model: the ``model`` folder that ``sslse train`` exported.
        device: where to compute.

    Raises:
        ConfigError: it has no speaker head.
    """

    def __init__(self, model: str | Path, device: str = "cpu") -> None:
        from sslse.downstream.multi_task import MultiTaskModel
        from sslse.downstream.speaker import SpeakerHead

        self.model = MultiTaskModel.from_pretrained(model).to(device)
        kinds = {name: isinstance(head, SpeakerHead) for name, head in self.model.heads.items()}
        self.name = next((name for name, verifies in kinds.items() if verifies), "")
        if not self.name:
            raise ConfigError(f"{model} has no speaker head (it has {', '.join(kinds) or 'none'})")
        self.sample_rate = self.model.sample_rate
        self.device = torch.device(device)

    @torch.no_grad()
    def recognize(self, waveforms: Sequence[np.ndarray]) -> list[str]:
        """See :meth:`sslse.recognizers.base.Recognizer.recognize`."""
        padded, lengths = pad_waveforms(waveforms)
        output = self.model(padded.to(self.device), lengths.to(self.device))
        return format_vectors(output.outputs[self.name])


class DiarizerRecognizer(HeadRecognizer):
    """Says how likely each speaker talks in each frame."""

    kind = "diarizer"

    def say(self, hidden_states: Sequence[torch.Tensor], lengths: torch.Tensor) -> list[str]:
        """Return the lines of :func:`sslse.recognizers.posteriors.format_posteriors`."""
        posteriors = self.head(hidden_states, lengths).sigmoid().cpu().numpy()
        seconds = self.upstream.downsample_rate / self.sample_rate
        return [
            format_posteriors(rows[:length], seconds)
            for rows, length in zip(posteriors, lengths.tolist(), strict=True)
        ]
