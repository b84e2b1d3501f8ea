"""The part of validation that looks at the form of tables: encoding, lines, Unicode, order."""

from __future__ import annotations

from sslse.checking.draft import Draft
from sslse.checking.listing import Listing
from sslse.checking.survey import Survey
from sslse.data.table_lines import one_form
from sslse.errors import EXAMPLES, examples


def check_forms(found: Survey) -> dict[str, str]:
    """Give the ids of all tables the Unicode form of the audio's, and say where they differed.

    Returns:
        Composed form of an utterance's id to the id itself.
    """
    drafts = found.drafts
    recordings = _forms(drafts["wav.scp"])
    utterances = _forms(drafts["segments"]) if "segments" in drafts else recordings
    for name, draft in drafts.items():
        if name.startswith("spk2"):
            continue
        draft.match_forms(recordings if name.startswith("reco2") else recordings | utterances)
        if draft.other_forms:
            found.error(
                f"{draft.path} writes {len(draft.other_forms)} ids in another Unicode form (é as "
                "one character, or as e and an accent) than the audio's: "
                f"{examples(draft.other_forms)}; they look equal, and Kaldi takes them for "
                "different; 'sslse fix-data' writes them in one form",
            )
    return utterances


def _forms(draft: Draft) -> dict[str, str]:
    """Return composed form to id; the first of two that differ in their form only."""
    forms: dict[str, str] = {}
    for key in draft.entries:
        forms.setdefault(one_form(key), key)
    return forms


def check_format(found: Survey, draft: Draft) -> None:
    """Add what is wrong with the lines of one table."""
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
    for fault, numbers in draft.faulty.items():
        found.error(
            f"{path} has {len(numbers)} lines that {fault.many} (line "
            f"{', '.join(map(str, numbers[:EXAMPLES]))}); {fault.remedy}"
        )
    if draft.odd:
        found.error(
            f"{path} has {len(draft.odd)} lines with a no-break or other space of Unicode, or with "
            f"a byte-order mark, which programs read differently: {examples(draft.odd)}; 'sslse "
            "fix-data' writes plain spaces (_ in ids)"
        )
    check_writer(found, draft)
    if draft.unfinished and draft.entries:
        found.warn(
            f"{path} ends without a line break, so its writer may have been interrupted; compare "
            f"its {len(draft.entries)} lines with what you expect"
        )
    if draft.unsorted:
        number, before, key = draft.unsorted
        found.warn(
            f"{path} is not sorted in C locale (line {number}: {examples([key])} comes after "
            f"{examples([before])}); sslse reads it, but Kaldi and ESPnet walk through sorted "
            "files side by side and stop or skip utterances; 'sslse fix-data' or 'LC_ALL=C sort' "
            "puts it right"
        )


def check_writer(found: Survey, file: Draft | Listing) -> None:
    """Add that a file was written on Windows, or as UTF-16."""
    if file.utf_16:
        found.error(
            f"{file.path} is UTF-16; convert it with 'iconv -f utf-16 -t utf-8' or 'sslse fix-data'"
        )
    if file.foreign:
        found.warn(
            f"{file.path} was written on Windows (carriage returns or a byte order mark); sslse "
            "reads it, Kaldi does not; 'sslse fix-data' rewrites it"
        )
