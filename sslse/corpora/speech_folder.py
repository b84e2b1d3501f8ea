"""Data directories from a folder of clean speech, without transcripts, and from one of noises.

Any kind, rate and number of channels is taken. Files at another rate, or of several channels, are
copied below ``DATA/audio``; long recordings are cut into parts of about ten seconds. Folders name
the speakers. Speakers (of fewer than three: recordings) are kept apart for validation and test; so
are noises. What cannot be taken is counted, and listed with
its reason in ``DATA/.left_out``.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from sslse.audio.sound_copy import copy_sound
from sslse.audio.sound_folder import sounds_below
from sslse.corpora.base import run_corpus, sounds
from sslse.corpora.plain_files import LEFT_OUT, as_id, fits_a_line, write_left_out
from sslse.corpora.speakers import ENOUGH, few_in_turn, speakers_of, split
from sslse.data.datadir import write_datadir
from sslse.data.facts import inspect
from sslse.data.level import SILENCE_DB
from sslse.data.segments import Segment
from sslse.errors import DataError, examples, one_sentence
from sslse.runtime.pool import run_parallel
from sslse.runtime.progress import follow

SETS = ("train", "valid", "test")
SHORTEST_SECONDS = 0.1
LONGEST_SECONDS, PART_SECONDS = 20.0, 10.0  # longer recordings are cut into parts


class Sound(NamedTuple):
    """One recording as it was taken."""

    path: str
    num_samples: int
    """At the rate of the data."""
    sample_rate: int
    """Hz, before a copy was made."""
    num_channels: int
    speaker: str = ""


def take(item: tuple[Path, Path], sample_rate: int, channel: str) -> Sound | str:
    """Return a recording, or a copy of it; or why it cannot be used.

    Args:
        item: the file, and where a copy goes if one is needed.
        sample_rate: Hz.
        channel: which one is taken, or ``mean``.
    """
    file, target = item
    try:
        fact = inspect(str(file), allow_pipes=False)
        if fact.info is None or fact.problem:
            return f"cannot be used: {fact.problem}"
        rate, length, channels = fact.info
        if length < SHORTEST_SECONDS * rate:
            return f"is shorter than {SHORTEST_SECONDS} s"
        if fact.silent or not sounds(file):
            return f"is silent (below {SILENCE_DB:g} dB re full scale)"
        if rate == sample_rate and channels == 1 and fits_a_line(str(file)):
            return Sound(str(file), length, rate, channels)
        # Of a file with fewer channels than the chosen one the last.
        chosen = channel if channel == "mean" else min(int(channel), channels - 1)
        length = copy_sound(file, target, sample_rate, chosen)
        return Sound(str(target), length, rate, channels)
    except Exception as error:  # whatever it is, the others go on
        return one_sentence(error)


def parts_of(name: str, seconds: float) -> dict[str, Segment]:
    """Return the utterances of a recording: itself, or parts of about ten seconds.

    Example:
        >>> [*parts_of("a", 12)], [*parts_of("a", 24.9)]
        (['a'], ['a-0001', 'a-0002'])
    """
    if seconds <= LONGEST_SECONDS:
        return {name: Segment(name, 0, -1)}
    count = round(seconds / PART_SECONDS)
    edges = [seconds * number / count for number in range(count)] + [-1.0]
    return {
        f"{name}-{number + 1:04d}": Segment(name, edges[number], edges[number + 1])
        for number in range(count)
    }


def read_folder(
    folder: Path, audio: Path, sample_rate: int, channel: str, nj: int, level: int = 0
) -> tuple[dict[str, Sound], dict[str, str]]:
    """Return id to recording of all that can be taken, and name to reason of the others.

    Raises:
        DataError: there is no folder, no sound in it, or none that can be used.
    """
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}")
    folder = folder.absolute()
    files = sounds_below(folder)
    if not files:
        raise DataError(f"{folder} has no sound in it: wav, flac, mp3 or another kind is needed")
    speakers, ids = speakers_of(folder, files, level), {}
    for file in files:
        places = [*file.relative_to(folder).parts[:-1], file.stem]
        speaker = speakers[file]  # its id begins with the speaker's
        places = places[places.index(speaker) :] if speaker in places else [speaker, *places]
        key = first = as_id("-".join(places))
        number = 1
        while key in ids:
            number += 1
            key = f"{first}-{number}"
        ids[key] = file
    items = [(file, audio.absolute() / f"{key}.wav") for key, file in ids.items()]
    work = partial(take, sample_rate=sample_rate, channel=channel)
    answers = run_parallel(work, items, nj, fork=True, ordered=True, chunk_size=4)
    shown = follow(answers, len(items), "read audio", "recordings")
    found, left_out = {}, {}
    for key, (item, answer) in zip(ids, shown, strict=True):
        if isinstance(answer, Sound):
            found[key] = answer._replace(speaker=as_id(speakers[item[0]]))
        else:
            name = os.fsencode(item[0].relative_to(folder)).decode("utf-8", "replace")
            left_out[name] = answer
    if not found:
        reasons = "; ".join(f"{name} {why}" for name, why in [*left_out.items()][:3])
        raise DataError(f"{folder} has no sound that can be used ({reasons})")
    return found, left_out


def describe(folder: Path, sounds: Mapping[str, Sound], sample_rate: int, channel: str) -> str:
    """Return the sentence that counts what was taken, resampled and mixed down."""
    hours = sum(sound.num_samples for sound in sounds.values()) / sample_rate / 3600
    rates = sorted({sound.sample_rate for sound in sounds.values()} - {sample_rate})
    resampled = sum(sound.sample_rate != sample_rate for sound in sounds.values())
    several = sum(sound.num_channels > 1 for sound in sounds.values())
    text = f"note: {folder}: {len(sounds)} recordings taken, {60 * hours:.1f} min"
    if resampled:
        named = ", ".join(map(str, rates))
        text += f"; {resampled} resampled to {sample_rate} Hz (from {named} Hz)"
    if several:
        kept = "the mean of their channels" if channel == "mean" else f"channel {channel}"
        text += f"; of {several} with several channels {kept}"
    return text


def write_sets(
    data: Path,
    prefix: str,
    sounds: Mapping[str, Sound],
    set_of: Mapping[str, str],
    sample_rate: int,
    most: Mapping[str, int],
    *,
    cut: bool,
) -> None:
    """Write the data directories of all sets, and say how large they are.

    Args:
        data: folder of the data directories.
        prefix: of their names.
        sounds: id to recording.
        set_of: id to set.
        sample_rate: Hz.
        most: set to the largest number of utterances, where there is a limit.
        cut: whether long recordings are cut into parts.
    """
    for set_name in SETS:
        own = {name: sound for name, sound in sounds.items() if set_of[name] == set_name}
        segments: dict[str, Segment] = {}
        for name, sound in own.items():
            seconds = sound.num_samples / sample_rate
            segments |= parts_of(name, seconds) if cut else {name: Segment(name, 0, -1)}
        kept = few_in_turn(sorted(segments), most.get(set_name, 0))
        dropped = len(segments) - len(kept)
        segments = {name: segments[name] for name in kept}
        recordings = dict.fromkeys(segment.recording for segment in segments.values())
        path = data / f"{prefix}{set_name}"
        tables = {"segments": segments} if set(segments) != set(recordings) else {}
        # What an earlier run may have left: a list of parts, the mark of computed noises.
        for name in [".done"] if tables else [".done", "segments"]:
            (path / name).unlink(missing_ok=True)
        write_datadir(
            path,
            wav_scp={name: own[name].path for name in recordings},
            utt2spk={
                name: own[segment.recording].speaker or segment.recording
                for name, segment in segments.items()
            },
            **tables,
        )
        speakers = len({own[name].speaker for name in recordings} - {""})
        text = f"{path}: {len(segments)} utterances" if cut else f"{path}: {len(segments)} noises"
        text += f" of {speakers} speaker{'s' * (speakers != 1)}" if cut else ""
        text += f" ({dropped} more of them are left out: enough for numbers)" if dropped else ""
        print(text, flush=True)


def refuse_nested(folder: Path, recipe: Path) -> None:
    """Refuse sounds that lie where the recipe writes, which would read its own copies.

    Raises:
        DataError: one folder lies in the other.
    """
    inner, outer = folder.resolve(), recipe.resolve()
    if inner.is_relative_to(outer) or outer.is_relative_to(inner):
        place = "in" if inner.is_relative_to(outer) else "above"
        raise DataError(
            f"{folder} lies {place} the folder of the recipe, {outer}, which fills with copies and "
            "results; move the recordings to a folder of their own"
        )


def prepare(args: argparse.Namespace) -> None:
    """Write the data directories of speech and noise."""
    for folder in filter(None, (args.speech, args.noise)):
        refuse_nested(folder, args.recipe or args.data)
    rate, channel = args.sample_rate, args.channel
    speech, left_out = read_folder(
        args.speech, args.data / "audio/speech", rate, channel, args.nj, args.speaker_folder
    )
    print(describe(args.speech, speech, rate, channel), flush=True)
    write_left_out(args.data / LEFT_OUT, args.speech, left_out, len(speech))
    seconds: dict[str, float] = {}
    for sound in speech.values():
        length = sound.num_samples / rate
        seconds[sound.speaker] = seconds.get(sound.speaker, 0.0) + length
    if len(seconds) >= ENOUGH:
        sets = split(seconds, "speakers", args.speech)
        set_of = {name: sets[sound.speaker] for name, sound in speech.items()}
        by = "split by speaker"
    else:
        lengths = {name: sound.num_samples / rate for name, sound in speech.items()}
        set_of = split(lengths, "recordings of speech", args.speech)
        by = f"split by recording, since {ENOUGH} speakers are needed to test with another voice"
    print(
        f"note: speakers by the names of folders: {len(seconds)} ({examples(seconds)}); {by}",
        flush=True,
    )
    most = {"valid": args.max_valid, "test": args.max_test}
    write_sets(args.data, "", speech, set_of, rate, most, cut=True)
    if args.noise is None:
        return
    noise, left_out = read_folder(args.noise, args.data / "audio/noise", rate, channel, args.nj)
    noise = {name: sound._replace(speaker="") for name, sound in noise.items()}
    print(describe(args.noise, noise, rate, channel), flush=True)
    write_left_out(args.data / f"{LEFT_OUT}_noise", args.noise, left_out, len(noise))
    lengths = {name: sound.num_samples / rate for name, sound in noise.items()}
    set_of = split(lengths, "noises", args.noise)
    write_sets(args.data, "noise_", noise, set_of, rate, {}, cut=False)


def _channel(word: str) -> str:
    if word != "mean" and not word.isdecimal():
        raise argparse.ArgumentTypeError(f"'{word}' is neither mean nor a channel, from 0")
    return word


def main(argv: Iterable[str] | None = None) -> None:
    """Prepare the sets."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--speech", type=Path, required=True, help="folder of clean speech")
    add("--noise", type=Path, help="folder of noises (default: none)")
    add("--data", type=Path, default=Path("data"), help="where data directories go")
    add("--recipe", type=Path, help="folder that may hold none of both (default: that of --data)")
    add("--sample-rate", type=int, default=16000, help="of the data, Hz (default: 16000)")
    add(
        "--channel",
        type=_channel,
        default="0",
        help="of several channels: the one that is taken, from 0, or mean (default: 0)",
    )
    add(
        "--speaker-folder",
        type=int,
        default=0,
        help="which folder below --speech names the speaker, from 1 (default: 0, the first of "
        "which there are three kinds)",
    )
    add("--max-valid", type=int, default=0, help="utterances to validate (default: 0, all)")
    add("--max-test", type=int, default=0, help="utterances to test (default: 0, all)")
    add("--nj", type=int, default=1, help="processes that read audio (default: 1)")
    run_corpus(prepare, parser.parse_args(None if argv is None else list(argv)))


if __name__ == "__main__":
    main()
