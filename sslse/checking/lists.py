"""The part of validation that looks at ``rttm`` and ``trials``, once the audio is known."""

from __future__ import annotations

from collections.abc import Iterable

from sslse.checking.form import check_writer
from sslse.checking.listing import Item, Listing
from sslse.checking.survey import Survey
from sslse.data.rttm import too_late
from sslse.errors import EXAMPLES, examples


def check_lists(found: Survey) -> None:
    """Add the problems of ``rttm`` and ``trials`` to a survey."""
    utterances = set(found.utterances)
    for name, listing in found.listings.items():
        _check_lines(found, listing)
        noun = "recordings" if name == "rttm" else "utterances"
        unknown = {key for item in listing.items for key in item.names} - utterances
        if unknown:
            found.error(
                f"{len(unknown)} {noun} of {listing.path} are no utterances of wav.scp: "
                + examples(unknown)
            )
        late = [item for item in listing.items if is_late(found, item)]
        if late:
            (key,), turn = late[0].names, late[0].turn
            found.error(
                f"{listing.path} has {len(late)} turns that end after the audio ({key}: "
                f"{turn.end:g} s, the audio has {found.seconds(key):g} s); times of RTTM are in "
                "seconds"
            )
        if name == "trials" and not both_kinds(listing.items):
            found.error(
                f"{listing.path} has {len(listing.items)} trials, not of both kinds (target and "
                "nontarget), which an equal error rate needs"
            )


def _check_lines(found: Survey, listing: Listing) -> None:
    path = listing.path
    if listing.faulty:
        number, reason = next(iter(listing.faulty.items()))
        numbers = ", ".join(map(str, list(listing.faulty)[:EXAMPLES]))
        found.error(
            f"{path} has {len(listing.faulty)} lines that cannot be used (line {numbers}); "
            f"line {number} {reason}"
        )
    if listing.odd:
        found.error(
            f"{path} has {listing.odd} lines with odd spaces or marks of Unicode, or with ids in "
            "another Unicode form than the audio's; 'sslse fix-data' puts them right"
        )
    check_writer(found, listing)


def is_late(found: Survey, item: Item) -> bool:
    """Whether a turn ends after its recording."""
    if item.turn is None:
        return False
    (name,) = item.names
    return bool(too_late({name: [item.turn]}, found.seconds))


def both_kinds(trials: Iterable[Item]) -> bool:
    """Whether there are trials of one speaker and of two."""
    return {True, False} <= {trial.target for trial in trials}
