"""The part of validation that looks at tables: ids that agree, values, speakers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from sslse.checking.form import check_format, check_forms
from sslse.checking.listing import read_listing
from sslse.checking.survey import Survey
from sslse.data.segments import Segment
from sslse.data.table_lines import one_form
from sslse.data.table_values import decibels, one_word, sample_count
from sslse.data.write import invert
from sslse.errors import examples

# Tables by utterance that must cover the same ids as the audio, where they are there.
PER_UTTERANCE = (
    *("utt2spk", "spk1.scp", "noise1.scp", "utt2snr", "utt2noise", "utt2condition"),
    *("utt2source", "utt2label", "utt2intent", "tv.scp"),
)
AUDIO_TABLES = ("wav.scp", "spk1.scp", "noise1.scp")
LISTS = ("rttm", "trials")
# What a value must be.
_VALUES: dict[str, tuple[Callable[[str], object], str]] = {
    "utt2snr": (decibels, "number"),
    "utt2num_samples": (sample_count, "number"),
    "utt2spk": (one_word, "speaker of one word"),
}
# Files that ``fix`` makes again, so that a mistake in them costs no utterance.
REBUILT = ("spk2utt", "utt2num_samples")
_SLOTS = ("utt2intent", "utt2label")


def check_tables(found: Survey) -> None:
    """Add the problems of the tables to a survey, and fill its utterances and segments."""
    known = check_forms(found)
    for draft in found.drafts.values():
        check_format(found, draft)
    _check_segments(found)
    if not found.utterances:
        found.error(
            f"{found.path} has no utterances; write wav.scp, or run stage 1 (prepare_data) again"
        )
    _check_ids(found)
    _check_values(found)
    _check_slots(found)
    _check_speakers(found)
    for name in LISTS:
        if (found.path / name).is_file():
            found.listings[name] = read_listing(found.path / name, known)


def _check_segments(found: Survey) -> None:
    recordings = found.entries("wav.scp")
    if "segments" not in found.drafts:
        found.utterances = list(recordings)
        return
    forms = {one_form(key): key for key in recordings}
    bad: dict[str, str] = {}
    for utterance, text in found.entries("segments").items():
        try:
            segment = Segment.parse(text)
        except ValueError as error:
            bad[utterance] = str(error)
            continue
        recording = forms.get(one_form(segment.recording), segment.recording)
        found.segments[utterance] = segment._replace(recording=recording)
    found.utterances = list(found.entries("segments"))
    if bad:
        reason = next(iter(bad.values()))
        found.error(
            found.count(bad, f"have a wrong line in segments ({reason})"),
            bad,
            drop="have a wrong line in segments",
        )
    lost = [name for name, part in found.segments.items() if part.recording not in recordings]
    if lost:
        found.error(
            found.count(lost, "are segments of recordings that are not in wav.scp"),
            lost,
            drop="are segments of recordings that are not in wav.scp",
        )


def _check_ids(found: Survey) -> None:
    main = "segments" if "segments" in found.drafts else "wav.scp"
    utterances, recordings = set(found.utterances), set(found.entries("wav.scp"))
    for name in found.drafts:
        if name not in ("text", *PER_UTTERANCE) and not name.startswith("utt2"):
            continue
        have = found.entries(name)
        is_audio = name in AUDIO_TABLES
        without = [
            utterance
            for utterance in found.utterances
            if (found.source(utterance, name)[0] if is_audio else utterance) not in have
        ]
        what = f"are in {main} but not in {name}"
        if without and name in PER_UTTERANCE:
            found.error(found.count(without, what), without, drop=what)
        elif without:
            found.warn(found.count(without, what), without)
        extra = set(have) - utterances - (recordings if is_audio else set())
        if extra:
            found.error(
                f"{len(extra)} of {len(have)} ids of {found.path / name} are not in {main}: "
                + examples(extra),
                extra,
            )


def _check_values(found: Survey) -> None:
    for name in AUDIO_TABLES:
        empty = {key for key, value in found.entries(name).items() if not value}
        if not empty:
            continue
        what = f"have no audio path in {name}"
        concerned = [u for u in found.utterances if found.source(u, name)[0] in empty]
        found.error(found.count(concerned, what), concerned, drop=what)
    silent = [key for key, value in found.entries("text").items() if not value]
    if silent:
        found.warn(found.count(silent, "have an empty transcript in text"), silent)
    for name, (convert, noun) in _VALUES.items():
        bad = [key for key, value in found.entries(name).items() if not can_be(convert, value)]
        if bad:
            what = f"have no {noun} in {name}"
            found.error(found.count(bad, what), bad, drop="" if name in REBUILT else what)


def can_be(convert: Callable[[str], object], value: str) -> bool:
    """Whether a reader takes a value."""
    try:
        convert(value)
    except ValueError:
        return False
    return True


def _check_slots(found: Survey) -> None:
    """Refuse labels whose number of values is not that of most."""
    for name in _SLOTS:
        sizes = {key: len(value.split()) for key, value in found.entries(name).items()}
        counts = Counter(size for size in sizes.values() if size)
        usual = max(counts, key=lambda size: (counts[size], size), default=1)
        wrong = [key for key, size in sizes.items() if size != usual]
        if not wrong:
            continue
        first: dict[int, str] = {}
        for key, size in sizes.items():
            first.setdefault(size, key)
        what = f"have another number of values in {name} than the others"
        found.error(
            f"{found.path}/{name} has lines of different numbers of values ("
            + ", ".join(f"{size} in {key}" for size, key in sorted(first.items()))
            + "); write '_' for a blank within a value",
            wrong,
            drop=what,
        )


def _check_speakers(found: Survey) -> None:
    utt2spk = found.entries("utt2spk")
    if "utt2spk" not in found.drafts:
        found.warn(
            f"{found.path} has no utt2spk, which Kaldi and ESPnet ask for; write the utterance's "
            "own id as its speaker where speakers are unknown"
        )
        return
    speakers = [utt2spk[utterance] for utterance in sorted(utt2spk)]
    if speakers != sorted(speakers):
        found.warn(
            f"the utterances of {found.path} and their speakers sort differently, which Kaldi "
            "refuses: begin each utterance id with its speaker's id"
        )
    if "spk2utt" not in found.drafts:
        return
    listed = {name: value.split() for name, value in found.entries("spk2utt").items()}
    wrong = _speaker_differences(invert(utt2spk), listed)
    if wrong:
        found.error(
            f"{found.path}/spk2utt and utt2spk differ for {len(wrong)} speakers: "
            f"{examples(wrong)}; 'sslse fix-data' makes spk2utt again"
        )


def _speaker_differences(
    expected: Mapping[str, list[str]], listed: Mapping[str, list[str]]
) -> list[str]:
    speakers = set(expected) | set(listed)
    return sorted(s for s in speakers if sorted(listed.get(s, [])) != expected.get(s, []))
