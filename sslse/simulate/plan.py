"""Plans: which noise, where in it, at which SNR, in which room; drawn before any audio is read."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from sslse.errors import DataError
from sslse.runtime.atomic import atomic_open
from sslse.simulate.channel import Channel
from sslse.simulate.colour import Colour

BABBLE = "babble"


@dataclass(frozen=True)
class NoiseChange:
    """How a noise differs from its recording.

    Attributes:
        speed: playback speed; above 1 it is shorter and higher.
        backwards: whether time is reversed.
        second: id of a noise that is added, or None.
        second_offset: its first sample.
        second_db: its level over the first, dB.
    """

    speed: float = 1.0
    backwards: bool = False
    second: str | None = None
    second_offset: int = 0
    second_db: float = 0.0


@dataclass(frozen=True)
class MixturePlan:
    """One mixture, before it is audio.

    Attributes:
        noise: id of the noise, or ``babble``.
        offset: first sample of the noise, at the rate of the mixture. A noise that ends before the
            speech starts again from its beginning.
        snr_db: dB.
        rir: id of the room impulse response, or None.
        babble: utterance and offset of each talker of a babble.
        utterance: id of the mixture; empty when mixed on the fly.
        change: how the noise differs from its recording, or None.
        speech: id of the clean utterance where the mixture has another, as one of several copies.
        channel: what the mixture goes through after the microphone, or None.
        colour: spectral tilts of speech and noise, or None.
    """

    noise: str
    offset: int
    snr_db: float
    rir: str | None = None
    babble: tuple[tuple[str, int], ...] = ()
    utterance: str = ""
    change: NoiseChange | None = None
    speech: str = ""
    channel: Channel | None = None
    colour: Colour | None = None

    @property
    def source(self) -> str:
        """Id of the clean utterance."""
        return self.speech or self.utterance

    def to_json(self) -> str:
        """Return one line of ``plan.jsonl``."""
        values = asdict(self)
        # Lines of sets without them stay what they were.
        for name in ("speech", "channel", "colour"):
            if not values[name]:
                del values[name]
        return json.dumps({"utterance": values.pop("utterance"), **values}, ensure_ascii=False)

    @classmethod
    def from_json(cls, line: str) -> MixturePlan:
        """Return the plan of one line.

        Example:
            >>> plan = MixturePlan("n1", 160, 5.0, babble=(("u2", 3),))
            >>> MixturePlan.from_json(plan.to_json()) == plan
            True
        """
        values = json.loads(line)
        values["babble"] = tuple((name, int(offset)) for name, offset in values["babble"])
        if values.get("change") is not None:
            values["change"] = NoiseChange(**values["change"])
        if values.get("channel") is not None:
            values["channel"] = Channel(**values["channel"])
        if values.get("colour") is not None:
            values["colour"] = Colour(**{key: tuple(own) for key, own in values["colour"].items()})
        return cls(**values)


def utterance_generator(seed: int, utterance: str) -> np.random.Generator:
    """Return the random generator of one utterance, which depends on no other utterance."""
    return np.random.default_rng([seed, *utterance.encode()])


def draw_offset(fraction: float, available: int, needed: int) -> int:
    """Return the first sample: anywhere in a short noise, else so that the noise does not end.

    Args:
        fraction: uniform random number in [0, 1).
        available: samples of the noise.
        needed: samples of the speech.

    Example:
        >>> draw_offset(0.5, 1000, 100), draw_offset(0.5, 50, 100)
        (450, 25)
    """
    choices = available - needed + 1 if available > needed else available
    return int(fraction * choices)


def draw_in_turn(names: Sequence[str], *seed: int) -> Iterator[str]:
    """Yield names without end, in a random order, none again before all have come.

    Args:
        names: what is drawn.
        seed: one number, or several.

    Example:
        >>> turns = draw_in_turn(["a", "b", "c"], 0)
        >>> [sorted(next(turns) for _ in range(3)) for _ in range(2)]
        [['a', 'b', 'c'], ['a', 'b', 'c']]
    """
    generator = np.random.default_rng([*seed, len(names)])
    while True:
        yield from (names[place] for place in generator.permutation(len(names)).tolist())


def write_plan(path: str | os.PathLike, plans: Iterable[MixturePlan]) -> None:
    """Write ``plan.jsonl``."""
    with atomic_open(path) as stream:
        for plan in plans:
            stream.write(plan.to_json() + "\n")


def read_plan(path: str | os.PathLike) -> dict[str, MixturePlan]:
    """Return utterance → plan of a ``plan.jsonl``.

    Raises:
        DataError: a line is no plan.
    """
    plans = {}
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), start=1):
        try:
            plan = MixturePlan.from_json(line)
        except (ValueError, TypeError, KeyError) as error:
            raise DataError(
                f"{path}, line {number} is no plan of a mixture ({error}); remove the file to draw "
                "a new one"
            ) from error
        plans[plan.utterance] = plan
    return plans
