"""The part of validation that looks at tables: format, ids that agree, values, speakers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sslse.data.draft import Draft
from sslse.data.rttm import read_rttm
from sslse.data.segments import Segment
from sslse.data.survey import EXAMPLES, Survey, examples
from sslse.data.trials import read_trials
from sslse.data.write import invert
from sslse.errors import DataError

# Tables by utterance that must cover the same ids as the audio, where they are there.
PER_UTTERANCE = (
    *("text", "utt2spk", "spk1.scp", "noise1.scp", "utt2snr", "utt2noise", "utt2condition"),
    *("utt2label", "utt2intent", "tv.scp"),
)
AUDIO_TABLES = ("wav.scp", "spk1.scp", "noise1.scp")
_NUMBERS = {"utt2snr": float, "utt2num_samples": int}
# Files that ``fix`` makes again, so that a mistake in them costs no utterance.
REBUILT = ("spk2utt", "utt2num_samples")


def check_tables(found: Survey) -> None:
    """Add the problems of the tables to a survey, and fill its utterances and segments."""
    for draft in found.drafts.values():
        _check_format(found, draft)
    _check_segments(found)
    if not found.utterances:
        found.error(
            f"{found.path} has no utterances; write wav.scp, or run stage 1 (prepare_data) again"
        )
    _check_ids(found)
    _check_values(found)
    _check_speakers(found)
    _check_tasks(found)


def _check_format(found: Survey, draft: Draft) -> None:
    path = draft.path
    if draft.lines:
        key, numbers = next(iter(sorted(draft.lines.items())))
        where = " and ".join(map(str, numbers))
        found.error(
            f"{path} has {len(draft.lines)} id{'s' * (len(draft.lines) > 1)} more than once "
            f"({key} in lines {where}): {examples(draft.lines)}",
            draft.lines,
        )
    if draft.conflicting:
        found.error(
            f"{path} has {len(draft.conflicting)} repeated ids with different values, so nobody "
            f"can tell which one is right: {examples(draft.conflicting)}",
            draft.conflicting,
            drop=f"are in {path.name} twice with different values",
        )
    if draft.undecodable:
        lines = ", ".join(map(str, draft.undecodable[:EXAMPLES]))
        found.error(
            f"{path} has {len(draft.undecodable)} lines that are not UTF-8 (line {lines}); convert "
            "the file with 'iconv -f latin1 -t utf-8'"
        )
    if draft.carriage_returns or draft.byte_order_mark:
        found.warn(
            f"{path} was written on Windows (carriage returns or a byte order mark); sslse reads "
            "it, Kaldi does not; 'sslse fix-data' rewrites it"
        )
    if draft.unfinished and draft.entries:
        found.warn(
            f"{path} ends without a line break, so its writer may have been interrupted; compare "
            f"its {len(draft.entries)} lines with what you expect"
        )
    if draft.unsorted:
        number, before, key = draft.unsorted
        found.warn(
            f"{path} is not sorted in C locale (line {number}: {key} comes after {before}); "
            "sslse reads it, but Kaldi and ESPnet walk through sorted files side by side and stop "
            "or skip utterances; 'sslse fix-data' or 'LC_ALL=C sort' puts it right"
        )


def _check_segments(found: Survey) -> None:
    recordings = found.entries("wav.scp")
    if "segments" not in found.drafts:
        found.utterances = list(recordings)
        return
    bad: dict[str, str] = {}
    for utterance, text in found.entries("segments").items():
        try:
            found.segments[utterance] = Segment.parse(text)
        except ValueError as error:
            bad[utterance] = str(error)
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
        if name not in PER_UTTERANCE and not name.startswith("utt2"):
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
    for name in (*AUDIO_TABLES, "text"):
        empty = [key for key, value in found.entries(name).items() if not value]
        if not empty:
            continue
        what = "an empty transcript in text" if name == "text" else f"no audio path in {name}"
        concerned = [u for u in found.utterances if found.source(u, name)[0] in set(empty)]
        found.error(found.count(concerned, f"have {what}"), concerned, drop=f"have {what}")
    for name, convert in _NUMBERS.items():
        bad = [key for key, value in found.entries(name).items() if not _converts(value, convert)]
        if bad:
            what = f"have no number in {name}"
            found.error(found.count(bad, what), bad, drop="" if name in REBUILT else what)


def _converts(value: str, convert: Callable[[str], object]) -> bool:
    try:
        convert(value)
    except ValueError:
        return False
    return True


def _check_speakers(found: Survey) -> None:
    utt2spk = found.entries("utt2spk")
    if "utt2spk" not in found.drafts:
        found.warn(
            f"{found.path} has no utt2spk, which Kaldi and ESPnet ask for; write the utterance's "
            "own id as its speaker where speakers are unknown"
        )
        return
    nobody = [utterance for utterance, speaker in utt2spk.items() if not speaker]
    if nobody:
        what = "have no speaker in utt2spk"
        found.error(found.count(nobody, what), nobody, drop=what)
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


def _check_tasks(found: Survey) -> None:
    """Check what back-ends are trained on and scored with: intents, trials, turns."""
    sizes: dict[int, str] = {}
    for utterance, value in found.entries("utt2intent").items():
        sizes.setdefault(len(value.split()), utterance)
    if len(sizes) > 1 or 0 in sizes:
        few = ", ".join(f"{size} in {utterance}" for size, utterance in sorted(sizes.items()))
        found.error(
            f"{found.path}/utt2intent has lines of different numbers of values ({few}); every line "
            "is 'UTTERANCE ACTION OBJECT LOCATION', with '_' for a blank within a value"
        )
    utterances = set(found.utterances)
    try:
        if (found.path / "trials").is_file():
            read_trials(found.path / "trials", utterances)
        if (found.path / "rttm").is_file():
            unknown = [name for name in read_rttm(found.path / "rttm") if name not in utterances]
            if unknown:
                found.error(
                    f"{len(unknown)} recordings of {found.path}/rttm are no utterances of wav.scp: "
                    + examples(unknown)
                )
    except DataError as error:
        found.error(str(error))
