"""The part of validation that looks at audio: readable, one rate, one channel, equal pairs."""

from __future__ import annotations

import re
from collections import Counter

from sslse.checking.survey import Survey
from sslse.checking.tables import can_be
from sslse.data.facts import Facts
from sslse.data.segments import segment_samples
from sslse.data.table_values import sample_count
from sslse.errors import DataError


def check_audio(found: Survey, pairs: bool) -> None:
    """Add the problems of the audio to a survey whose ``facts`` are known."""
    for name in found.facts:
        _check_readable(found, name)
    _measure(found)
    _check_rates(found)
    _check_channels(found)
    if pairs:
        for name in found.facts:
            if name != "wav.scp":
                _check_pairs(found, name)
    _check_num_samples(found)


def _facts(found: Survey, name: str, utterance: str) -> Facts | None:
    return found.facts[name].get(found.source(utterance, name)[0])


def _check_readable(found: Survey, name: str) -> None:
    # Utterances with the same mistake make one sentence; names and numbers are what differs.
    groups: dict[str, dict[str, str]] = {}
    silent, shifted = [], []
    for utterance in found.utterances:
        fact = _facts(found, name, utterance)
        if fact is None:
            continue
        if fact.problem is not None:
            source = found.entries(name)[found.source(utterance, name)[0]]
            kind = re.sub(r"\d+", "#", fact.problem.replace(source, "FILE"))
            groups.setdefault(kind, {})[utterance] = fact.problem
        elif fact.silent:
            silent.append(utterance)
        elif fact.shifted:
            shifted.append(utterance)
    for group in groups.values():
        problem = next(iter(group.values()))
        what = f"have audio in {name} that cannot be used"
        found.error(f"{found.count(group, what)} ({problem})", group, drop=f"{what} ({problem})")
    if name.startswith("noise"):  # none in what was left clean; an offset of it is in wav.scp, too
        return
    if silent:
        found.warn(found.count(silent, f"are silent in {name} (every sample is zero)"), silent)
    if shifted:
        what = f"have a constant offset in {name} (a tenth or more of their power)"
        found.warn(f"{found.count(shifted, what)}; 'sox IN OUT highpass 20' takes it away", shifted)


def _measure(found: Survey) -> None:
    """Fill the exact lengths, and refuse segments outside of their recording or without samples."""
    outside, reason = [], ""
    for utterance in found.utterances:
        fact = _facts(found, "wav.scp", utterance)
        if fact is None or fact.info is None:
            continue
        segment = found.segments.get(utterance)
        if segment is None:
            found.num_samples[utterance] = fact.info.num_samples
            continue
        try:
            start, end = segment_samples(segment, fact.info, utterance)
        except DataError as error:
            outside.append(utterance)
            reason = reason or str(error)
            continue
        found.num_samples[utterance] = end - start
    if outside:
        what = "are no part of their recording"
        found.error(f"{found.count(outside, what)} ({reason})", outside, drop=what)


def _check_rates(found: Survey) -> None:
    rates = {
        utterance: fact.info.sample_rate
        for utterance in found.utterances
        if (fact := _facts(found, "wav.scp", utterance)) is not None and fact.info is not None
    }
    counts = Counter(rates.values()).most_common()
    if not counts:
        return
    found.sample_rate = counts[0][0]
    if len(counts) > 1:
        others = [utterance for utterance, rate in rates.items() if rate != found.sample_rate]
        table = ", ".join(f"{count} at {rate} Hz" for rate, count in counts)
        what = f"have another sampling rate than the {counts[0][1]} at {found.sample_rate} Hz"
        found.error(
            f"{found.count(others, what)} (in all: {table}); resample them to one rate",
            others,
            drop=what,
        )


def _check_channels(found: Survey) -> None:
    for name in found.facts:
        wide, missing = [], []
        for utterance in found.utterances:
            fact = _facts(found, name, utterance)
            if fact is None or fact.info is None:
                continue
            segment = found.source(utterance, name)[1]
            channel = None if segment is None else segment.channel
            if channel is None and fact.info.num_channels != 1:
                wide.append(utterance)
            elif channel is not None and channel >= fact.info.num_channels:
                missing.append(utterance)
        if missing:
            what = f"are segments of a channel that their recording in {name} does not have"
            found.error(found.count(missing, what), missing, drop=what)
        if wide:
            channels = _facts(found, name, wide[0]).info.num_channels
            what = f"have {channels} channels in {name} where one is needed"
            found.error(
                found.count(wide, what) + "; write one file per channel, or a pipe that picks one",
                wide,
                drop=what,
            )


def _check_pairs(found: Survey, name: str) -> None:
    lengths, rates = [], []
    for utterance in found.utterances:
        noisy, other = _facts(found, "wav.scp", utterance), _facts(found, name, utterance)
        if noisy is None or other is None or noisy.info is None or other.info is None:
            continue
        # A reference that is cut already is as long as the segment; else recordings are compared.
        if found.segments and found.source(utterance, name)[1] is None:
            expected = found.num_samples.get(utterance)
        else:
            expected = noisy.info.num_samples
        if noisy.info.sample_rate != other.info.sample_rate:
            rates.append((utterance, noisy.info.sample_rate, other.info.sample_rate))
        elif expected is not None and expected != other.info.num_samples:
            lengths.append((utterance, expected, other.info.num_samples))
    for unit, broken in (("samples", lengths), ("Hz", rates)):
        if not broken:
            continue
        ids = [utterance for utterance, _, _ in broken]
        utterance, ours, theirs = broken[0]
        noun = "length" if unit == "samples" else "sampling rate"
        what = f"have another {noun} in {name} than in wav.scp"
        found.error(
            f"{found.count(ids, what)} ({utterance}: {ours} {unit} in wav.scp, {theirs} in {name})",
            ids,
            drop=what,
        )


def _check_num_samples(found: Survey) -> None:
    wrong = []
    for utterance, value in found.entries("utt2num_samples").items():
        measured = found.num_samples.get(utterance)
        if measured is not None and can_be(sample_count, value) and int(value) != measured:
            wrong.append(utterance)
    if wrong:
        name = min(wrong)
        found.error(
            found.count(wrong, "have another length in utt2num_samples than in their audio")
            + f" ({name}: {found.entries('utt2num_samples')[name]} there, "
            f"{found.num_samples[name]} in the audio); 'sslse fix-data' measures again",
            wrong,
        )
