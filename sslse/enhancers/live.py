"""Audio enhanced while it comes in: any rate, any number of channels, constant memory."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import soxr
import torch

from sslse.audio.stream import PipeFormat, encode, read_pipe, read_wav_header, wav_header
from sslse.enhancers.base import Enhancer
from sslse.enhancers.observation_adding import add_observation
from sslse.errors import AudioError, ConfigError

NAME = "standard input"


@dataclass(frozen=True)
class LiveOptions:
    """How a pipe is enhanced."""

    block_ms: float | None = None
    """Length of a block; default: one hop of the enhancer."""
    raw_rate: int | None = None
    """Hz of 16-bit mono samples without a header; None: wav in, wav out."""
    observation_weight: float = 0.0
    observation_form: str = "add"
    subtype: str = "PCM_16"
    """Of the written wav."""


@dataclass
class LiveReport:
    """How it went."""

    latency_seconds: float
    """Algorithmic latency of the enhancer."""
    block_seconds: float
    resampling_seconds: float = 0.0
    """Delay of the resampler, there and back."""
    seconds: float = 0.0
    """Of audio."""
    busy_seconds: float = 0.0
    """Spent computing."""
    slowest_seconds: float = 0.0
    """Spent on one block."""
    blocks: int = 0
    late: int = 0
    """Blocks that took longer than they last."""
    interrupted: bool = False

    def add(self, seconds: float, elapsed: float) -> None:
        """Count a block of some seconds that took so long to compute."""
        self.seconds += seconds
        self.busy_seconds += elapsed
        self.slowest_seconds = max(self.slowest_seconds, elapsed)
        self.blocks += 1
        self.late += elapsed > self.block_seconds

    def __str__(self) -> str:
        total = 1000 * (self.latency_seconds + self.resampling_seconds)
        parts = f"enhancer {1000 * self.latency_seconds:.1f}"
        parts += f", resampling {1000 * self.resampling_seconds:.1f}"
        factor = self.busy_seconds / max(self.seconds, 1e-9)
        if factor >= 1:
            verdict = "cannot keep up with real time"
        elif self.late:
            verdict = f"keeps up on average, {self.late} of {self.blocks} blocks were late"
        else:
            verdict = "keeps up with real time"
        return (
            f"algorithmic latency {total:.1f} ms ({parts}); real-time factor {factor:.3f}; slowest "
            f"block {1000 * self.slowest_seconds:.1f} ms of {1000 * self.block_seconds:.1f} ms: "
            f"{verdict}"
        )


class LiveEnhancer:
    """One stream of the enhancer per channel, between two resamplers where the rates differ.

    All that comes out is as long as all that went in.

    Args:
        enhancer: causal, in evaluation mode.
        sample_rate: of what goes in and comes out, Hz.
        num_channels: each is enhanced by itself.
        observation_weight: of the noisy input in the output, see ``add_observation``.
        observation_form: as there.

    Raises:
        ConfigError: the enhancer is not causal.
    """

    def __init__(
        self,
        enhancer: Enhancer,
        sample_rate: int,
        num_channels: int = 1,
        observation_weight: float = 0.0,
        observation_form: str = "add",
    ) -> None:
        self.streams = [enhancer.stream() for _ in range(num_channels)]
        self.weight, self.form = observation_weight, observation_form
        self.noisy = np.zeros((0, num_channels), np.float32)  # what has not come out enhanced
        self.rates = sample_rate, enhancer.sample_rate
        self.there = self.back = None
        if sample_rate != enhancer.sample_rate:
            self.there, self.back = (
                soxr.ResampleStream(*rates, num_channels, dtype="float32", quality="HQ")
                for rates in (self.rates, self.rates[::-1])
            )
        self.owed = 0
        self.resampling_seconds = 0.0

    def push(self, block: np.ndarray) -> np.ndarray:
        """Enhance the next samples, (samples, channels) -> (ready, channels), float32."""
        self.owed += len(block)
        if self.there is not None:
            block = self.there.resample_chunk(np.ascontiguousarray(block))
        ready = self._observed(block, self._pushed(block))
        if self.back is not None:
            ready = self.back.resample_chunk(ready)
            delay = self.there.delay() / self.rates[1] + self.back.delay() / self.rates[0]
            self.resampling_seconds = max(self.resampling_seconds, delay)
        # There and back, the resamplers may make a sample more than went in.
        ready = ready[: self.owed]
        self.owed -= len(ready)
        return ready

    def finish(self) -> np.ndarray:
        """Return the samples that are still owed."""
        rest = self.noisy[:0]
        if self.there is not None:
            last = self.there.resample_chunk(rest, last=True)
            rest = self._observed(last, self._pushed(last))
        end = [stream.finish() for stream in self.streams]
        rest = np.concatenate([rest, self._observed(self.noisy[:0], _columns(end))])
        if self.back is not None:
            rest = self.back.resample_chunk(rest, last=True)
        rest = rest[: self.owed]
        return np.pad(rest, ((0, self.owed - len(rest)), (0, 0)))

    def _pushed(self, block: np.ndarray) -> np.ndarray:
        columns = torch.from_numpy(block).t().contiguous()
        return _columns([s.push(column) for s, column in zip(self.streams, columns, strict=True)])

    def _observed(self, noisy: np.ndarray, enhanced: np.ndarray) -> np.ndarray:
        """Add the noisy samples that belong to the enhanced ones."""
        if not np.isfinite(enhanced).all():
            raise AudioError(f"the enhancer gave samples that are not finite for {NAME}")
        if not self.weight:
            return enhanced
        self.noisy = np.concatenate([self.noisy, noisy])
        own, self.noisy = self.noisy[: len(enhanced)], self.noisy[len(enhanced) :]
        return add_observation(enhanced, own, self.weight, self.form)


def _columns(channels: list[torch.Tensor]) -> np.ndarray:
    return torch.stack(channels, dim=1).float().cpu().numpy()  # (samples, channels)


def enhance_live(
    enhancer: Enhancer, source: BinaryIO, target: BinaryIO, options: LiveOptions, report: LiveReport
) -> None:
    """Enhance a pipe block by block, each written as soon as it is known.

    Args:
        enhancer: causal, in evaluation mode.
        source: wav or raw samples; it ends, or Ctrl-C ends it.
        target: gets audio of the same rate, length and container.
        options: see there.
        report: filled in as it goes, so that it holds also when the target closes early.

    Raises:
        AudioError: the source is no audio, is truncated or not finite.
        BrokenPipeError: nobody reads the target any more.
    """
    audio = _input_format(source, options)
    rate = audio.sample_rate
    out = audio._replace(subtype="PCM_16" if options.raw_rate else options.subtype)
    settings = (rate, audio.num_channels, options.observation_weight, options.observation_form)
    _warm_up(enhancer, LiveEnhancer(enhancer, *settings))
    live = LiveEnhancer(enhancer, *settings)
    block = max(1, round(report.block_seconds * rate))
    report.block_seconds = block / rate
    interrupt = _UntilInterrupted(report)
    first = True
    with interrupt:
        for samples in interrupt.each(read_pipe(source, audio, block, NAME)):
            started = time.perf_counter()
            enhanced = encode(live.push(samples), out)
            report.add(len(samples) / rate, time.perf_counter() - started)
            report.resampling_seconds = live.resampling_seconds
            if first and not options.raw_rate:
                target.write(wav_header(out))
            first = False
            target.write(enhanced)
            target.flush()
        target.write(encode(live.finish(), out))
        target.flush()
    if interrupt.error is not None:
        raise interrupt.error


def new_report(enhancer: Enhancer, options: LiveOptions) -> LiveReport:
    """Return an empty report, which also settles the length of a block.

    Raises:
        ConfigError: the enhancer is not causal, or a length or rate is not positive.
    """
    stream = enhancer.stream()
    if options.block_ms is not None and not 0 < options.block_ms <= 60_000:
        raise ConfigError(f"--block-ms must be above 0 and at most 60000, not {options.block_ms:g}")
    if options.raw_rate is not None and options.raw_rate < 1:
        raise ConfigError(f"--raw needs a rate in Hz, not {options.raw_rate}")
    hop = enhancer.hop_samples / enhancer.sample_rate
    block = hop if options.block_ms is None else options.block_ms / 1000
    return LiveReport(stream.latency_samples / enhancer.sample_rate, block)


def _input_format(source: BinaryIO, options: LiveOptions) -> PipeFormat:
    if options.raw_rate is None:
        return read_wav_header(source, NAME)
    return PipeFormat(options.raw_rate, 1, "PCM_16")


def _warm_up(enhancer: Enhancer, live: LiveEnhancer) -> None:
    """Make the first computations, which are slow, before there is a sample that waits."""
    samples = 2 * (live.streams[0].latency_samples + enhancer.hop_samples)
    samples = round(samples * live.rates[0] / live.rates[1])
    for _ in range(3):
        live.push(np.zeros((samples, len(live.streams)), np.float32))


class _UntilInterrupted:
    """Ctrl-C ends the source, not the program in the middle of a block; a second one does."""

    def __init__(self, report: LiveReport) -> None:
        self.report = report
        self.waiting = False
        self.error: AudioError | None = None

    def __enter__(self) -> None:
        self.previous = signal.signal(signal.SIGINT, self._handle)

    def __exit__(self, *error: object) -> None:
        signal.signal(signal.SIGINT, self.previous)

    def _handle(self, *_: object) -> None:
        if self.waiting or self.report.interrupted:
            raise KeyboardInterrupt
        self.report.interrupted = True

    def each(self, blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield the blocks until they or the user's patience end; an error waits in ``error``."""
        while not self.report.interrupted:
            try:
                self.waiting = True
                block = next(blocks, None)
                self.waiting = False
            except KeyboardInterrupt:
                self.waiting, self.report.interrupted = False, True
                return
            except AudioError as error:
                self.waiting, self.error = False, error
                return
            if block is None:
                return
            yield block
