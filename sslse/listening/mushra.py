"""MUSHRA by webMUSHRA: its configuration as published, and the answers that it writes.

webMUSHRA (https://github.com/audiolabs/webMUSHRA) shows the trials of a YAML file in its folder
``configs``, adds the hidden reference to each by itself (rated as ``reference``), and appends the
answers of each listener to ``results/<testId>/mushra.csv``.

Reference:
    Schoeffler et al. 2018, "webMUSHRA: A comprehensive framework for web-based listening tests",
    Journal of Open Research Software 6(1). ITU-R BS.1534-3 (2015).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sslse.errors import DataError
from sslse.listening.key import Key
from sslse.listening.ratings import Rating, Session
from sslse.listening.systems import REFERENCE
from sslse.runtime.atomic import atomic_open

SERVICE = "service/write.php"  # webMUSHRA's own, which writes the answers on its server
COLUMNS = ("session_test_id", "trial_id", "rating_stimulus", "rating_score")
LISTENER = "listener"  # the field of the last page that names a listener
HIDDEN = "reference"  # what webMUSHRA calls the hidden one
WELCOME = (
    "In each trial you hear a reference and several versions of it in random order; one of them is "
    "the reference itself. Rate the overall quality of each against the reference from 0 (bad) to "
    "100 (excellent); give 100 to what you take for the reference. Please use headphones. Trials "
    "that are called so are for training."
)


def write_mushra(key: Key, page: Path, *, title: str, post: str) -> None:
    """Write a configuration of each form into ``page/configs``.

    Args:
        key: the test.
        page: what is copied into webMUSHRA's folder.
        title: of the test.
        post: address that gets the answers (default: webMUSHRA's own service).
    """
    import yaml

    for number, trials in key.forms.items():
        tree = {
            "testname": title,
            "testId": key.test,
            "bufferSize": 2048,
            "stopOnErrors": True,
            "showButtonPreviousPage": False,
            "remoteService": post or SERVICE,
            "pages": _pages(key, trials),
        }
        text = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=100_000)
        with atomic_open(page / "configs" / f"{key.test}_form{number}.yaml") as stream:
            # Its parser knows neither folded lines nor a list that begins in a list's line.
            stream.write(text.replace("\n- - ", "\n-\n  - "))


def _pages(key: Key, trials: Sequence[str]) -> list[Any]:
    training = [trial for trial in trials if key.stimuli[key.trials[trial][0]].training]
    rated = [trial for trial in trials if trial not in training]
    first = key.trials[trials[0]]
    return [
        {"type": "generic", "id": "welcome", "name": "Welcome", "content": WELCOME},
        {
            "type": "volume",
            "id": "volume",
            "name": "Volume",
            "content": "Set a comfortable volume, and leave it so.",
            "stimulus": _file(key, _reference(key, first)),
            "defaultVolume": 0.5,
        },
        *(_trial(key, trial, f"Training {n}") for n, trial in enumerate(training, 1)),
        ["random", *(_trial(key, trial, "Rating") for trial in rated)],
        {
            "type": "finish",
            "name": "Thank you",
            "content": "Please type the name or number that you were given, then send.",
            "popupContent": "Your answers were sent.",
            "showResults": False,
            "writeResults": True,
            "questionnaire": [{"type": "text", "label": "Listener", "name": LISTENER}],
        },
    ]


def _trial(key: Key, trial: str, name: str) -> dict[str, Any]:
    reference = _reference(key, key.trials[trial])
    return {
        "type": "mushra",
        "id": trial,
        "name": name,
        "content": "Rate the quality of each version against the reference.",
        "showWaveform": False,
        "enableLooping": True,
        "reference": _file(key, reference),
        "createAnchor35": False,  # our own file, which is so at every sampling rate
        "createAnchor70": False,
        "randomize": True,
        "showConditionNames": False,
        "stimuli": {name: _file(key, name) for name in key.trials[trial] if name != reference},
    }


def _reference(key: Key, labels: Sequence[str]) -> str:
    return next(label for label in labels if key.stimuli[label].system == REFERENCE)


def _file(key: Key, label: str) -> str:
    return f"configs/resources/{key.test}/{label}.wav"


def read_mushra(key: Key, path: Path) -> list[Session]:
    """Read the answers of webMUSHRA, a session of each listener.

    Raises:
        DataError: they are broken, of another test, or not whole.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            lines = list(csv.reader(stream))
    except OSError as error:
        raise DataError(f"{path} cannot be read as answers ({error.strerror})") from error
    except (csv.Error, ValueError) as error:
        raise DataError(f"{path} is no CSV file of webMUSHRA ({error})") from error
    head = lines[0] if lines else []
    missing = [name for name in COLUMNS if name not in head]
    if missing:
        raise DataError(
            f"{path} is no mushra.csv of webMUSHRA: it has no column {missing[0]}; take "
            f"results/{key.test}/mushra.csv of its folder"
        )
    found: dict[tuple[str, str], dict[tuple[str, str], float]] = {}  # name, session
    for number, cells in enumerate(lines[1:], 2):
        where = f"{path} line {number}"
        if len(cells) != len(head):
            raise DataError(f"{where} has {len(cells)} cells, and the head has {len(head)}")
        row = dict(zip(head, cells, strict=True))
        if row["session_test_id"] != key.test:
            raise DataError(
                f"{where} is of the test {row['session_test_id']}, and this key of {key.test}"
            )
        uuid, name = row.get("session_uuid", ""), row.get(LISTENER, "").strip()
        if not uuid and not name:
            raise DataError(f"{where} names no listener: session_uuid and {LISTENER} are empty")
        rated = (row["trial_id"], row["rating_stimulus"])
        answers = found.setdefault((name or uuid, uuid), {})
        if rated in answers:
            raise DataError(f"{where} rates {rated[1]} of trial {rated[0]} a second time")
        answers[rated] = _score(row["rating_score"], where)
    if not found:
        raise DataError(f"{path} holds no answers")
    return [_session(key, path, name, answers) for (name, _), answers in found.items()]


def _score(text: str, where: str) -> float:
    try:
        score = float(text)
    except ValueError:
        score = -1.0
    if not 0 <= score <= 100:
        raise DataError(f"{where} has the score '{text}', and scores are numbers of 0 to 100")
    return score


def _session(key: Key, path: Path, name: str, answers: dict[tuple[str, str], float]) -> Session:
    expected = {
        form: {pair: label for trial in trials for pair, label in _rated(key, trial)}
        for form, trials in key.forms.items()
    }
    for form, pairs in expected.items():
        if set(pairs) == set(answers):
            values = {label: {"mushra": answers[pair]} for pair, label in pairs.items()}
            return Session(name, form, _ratings(key, values))
    known = set().union(*expected.values())
    foreign = sorted(set(answers) - known)
    if foreign:
        trial, stimulus = foreign[0]
        raise DataError(f"{path} rates {stimulus} of trial {trial}, which this test has not")
    raise DataError(
        f"{path}: the answers of {name} are those of no whole form ({len(answers)} ratings); leave "
        "that session out"
    )


def _rated(key: Key, trial: str) -> list[tuple[tuple[str, str], str]]:
    """Return ((trial, stimulus as webMUSHRA names it), stimulus) of what is rated."""
    reference = _reference(key, key.trials[trial])
    return [
        ((trial, HIDDEN if label == reference else label), label) for label in key.trials[trial]
    ]


def _ratings(key: Key, values: dict[str, dict[str, float]]) -> list[Rating]:
    return [
        Rating(key.stimuli[label].system, key.stimuli[label].utterance, scores)
        for label, scores in values.items()
        if not key.stimuli[label].training
    ]
