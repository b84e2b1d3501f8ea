"""Training of a diarizer, or of a detector of speech, on a frozen upstream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from sslse.data.activity import SPEECH
from sslse.data.datadir import DataDir
from sslse.data.rttm import Turn, merge_turns, read_turns
from sslse.downstream.diarizer import fit_frames, permutation_free_loss
from sslse.errors import DataError
from sslse.runtime.data_parallel import global_mean
from sslse.systems.base import DEFAULT_OPTIMIZER, OptimizerConfig
from sslse.systems.downstream import DownstreamSystem
from sslse.upstreams.base import frame_mask


class Diarization(DownstreamSystem):
    """Who speaks when, from the turns in ``rttm``; with one speaker, whether anybody speaks.

    Args:
        upstream: folder or hub name of the SSL model.
        num_speakers: outputs of the head. 1 trains a speech detector: turns of all speakers are
            one.
        head: keys of ``DiarizationHead`` (sizes).
        optimizer: optimiser and schedule.
        seed: seed of the weights.
        pad_to_30s: of Whisper's encoder, see ``DownstreamSystem``.

    Reference:
        Yang et al. 2021, arXiv 2105.01051 (SUPERB SD).
    """

    task = "diarizer"
    needs = ("rttm",)
    monitor = ("valid/der", "min")

    def __init__(
        self,
        upstream: str,
        num_speakers: int = 2,
        head: dict[str, Any] | None = None,
        optimizer: OptimizerConfig = DEFAULT_OPTIMIZER,
        seed: int = 0,
        pad_to_30s: bool = True,
    ) -> None:
        super().__init__(upstream, head, optimizer, seed, pad_to_30s)
        self.num_speakers = num_speakers

    def prepare(self, train: DataDir) -> None:
        """Build the head; the number of speakers is given."""
        self.build_head(num_speakers=self.num_speakers)

    def describer(self, data: DataDir) -> Callable[[str, int, int | None], dict[str, Any]]:
        """Items have ``activity (F, S)`` at the upstream's frame rate."""
        turns = read_turns(data.table("rttm"), data)
        if self.num_speakers == 1:
            turns = {name: merge_turns(own, SPEECH) for name, own in turns.items()}
        check_speakers(turns, data, self.num_speakers)
        upstream = self.model.upstream
        rate, stride, speakers = upstream.sample_rate, upstream.downsample_rate, self.num_speakers

        def describe(utterance: str, start: int, num_samples: int | None) -> dict[str, Any]:
            if num_samples is None:
                num_samples = data.num_samples(utterance) - start
            own = turns.get(utterance, ())
            activity = turn_frames(
                own, speakers, start / rate, num_samples // stride, stride / rate
            )
            return {"activity": activity}

        return describe

    def diarize(
        self, batch: dict[str, Any]
    ) -> tuple[torch.Tensor, int, torch.Tensor, torch.Tensor]:
        """Return the loss a frame, the number of frames, and the diarization error rate over
        frames at a threshold of one half with its denominator."""
        logits, lengths = self.run_head(*self.features(batch))
        # The upstream's frames decide the length; the labels are a frame longer or shorter.
        activity = fit_frames(batch["activity"], logits.shape[1])
        loss, outputs = permutation_free_loss(logits, activity, lengths)
        found = (logits > 0).gather(2, outputs.unsqueeze(1).expand(-1, logits.shape[1], -1))
        real, truth = frame_mask(lengths, logits.shape[1], logits.device), activity > 0
        speaking, claimed, correct = (x.sum(-1) * real for x in (truth, found, truth & found))
        errors = torch.maximum(speaking, claimed) - correct
        frames, speech = int(lengths.sum()), speaking.sum()
        der = global_mean(errors.sum().float(), speech)
        return global_mean(loss.sum(), lengths.sum()), frames, der, speech

    def training_losses(self, batch: dict[str, Any]) -> tuple[torch.Tensor, dict[str, float]]:
        """Binary cross-entropy a frame under the best order of the speakers."""
        loss, _, der, _ = self.diarize(batch)
        return loss, {"der": der}

    def validation_step(self, batch: dict[str, Any], batch_idx: int) -> None:
        """Loss, and diarization error rate over frames."""
        loss, frames, der, speech = self.diarize(batch)
        self.log_numbers("valid", {"loss": loss}, batch_size=frames)
        # Weighted by the speech, so that the logged mean is Σ errors / Σ speech.
        self.log_numbers("valid", {"der": der}, batch_size=max(1, int(speech)))


def check_speakers(turns: dict[str, list[Turn]], data: DataDir, num_speakers: int) -> None:
    """Refuse turns that do not fit the head.

    Raises:
        DataError: a recording has more speakers than the head.
    """
    for name, own in turns.items():
        speakers = {turn.speaker for turn in own}
        if len(speakers) > num_speakers:
            raise DataError(
                f"{data.path}/rttm has {len(speakers)} speakers in {name}, and the head has "
                f"{num_speakers}; raise num_speakers, or leave the recording out"
            )


def turn_frames(
    turns: Sequence[Turn], num_speakers: int, start: float, num_frames: int, frame_seconds: float
) -> torch.Tensor:
    """Return activity, float (F, S); bounds are rounded to whole frames.

    Args:
        turns: of one recording, of at most ``num_speakers`` speakers.
        num_speakers: S.
        start: where the first frame begins in the recording, s.
        num_frames: F.
        frame_seconds: from one frame to the next, s.

    Example:
        >>> turn_frames([Turn(0.5, 1.5, "a")], 1, 0.25, 4, 0.25).flatten().tolist()
        [0.0, 1.0, 1.0, 1.0]
    """
    activity = torch.zeros(max(1, num_frames), num_speakers)
    speakers = sorted({turn.speaker for turn in turns})
    for turn in turns:
        first, last = (round((time - start) / frame_seconds) for time in turn[:2])
        activity[max(0, first) : max(0, last), speakers.index(turn.speaker)] = 1
    return activity
