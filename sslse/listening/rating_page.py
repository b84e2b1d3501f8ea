"""Pages on which listeners rate signal, background and overall quality, and the answers they save.

A page is one file beside a folder of audio; it works without a server.

Reference:
    ITU-T P.835 (2003), "Subjective test methodology for evaluating speech communication systems
    that include noise suppression algorithm": questions and categories. There a listener hears
    three samples, one for each scale; here one stimulus, as often as wanted, for all three.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sslse.errors import DataError
from sslse.listening.key import Key, read_json
from sslse.listening.ratings import Rating, Session
from sslse.runtime.atomic import atomic_open

FORMAT, VERSION = "sslse listening answers", 1
#: Scale -> (what it is about, what is asked, categories from 5 to 1).
SCALES = {
    "sig": (
        "Speech signal",
        "Attending ONLY to the SPEECH SIGNAL: the speech signal in this sample was",
        (
            "not distorted",
            "slightly distorted",
            "somewhat distorted",
            "fairly distorted",
            "very distorted",
        ),
    ),
    "bak": (
        "Background",
        "Attending ONLY to the BACKGROUND: the background in this sample was",
        (
            "not noticeable",
            "slightly noticeable",
            "noticeable but not intrusive",
            "somewhat intrusive",
            "very intrusive",
        ),
    ),
    "ovrl": (
        "Overall quality",
        "For purposes of everyday speech communication: the overall speech sample was",
        ("excellent", "good", "fair", "poor", "bad"),
    ),
}


def write_rating_pages(key: Key, page: Path, *, title: str, post: str) -> None:
    """Write ``form_<n>.html`` of each form and ``index.html`` with links to them.

    Args:
        key: the test.
        page: folder that has ``audio/``.
        title: of the pages.
        post: address that gets the answers; empty: they are saved to a file.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("sslse.listening"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for form, labels in key.forms.items():
        # Half of the listeners attend to the background first.
        order = ["sig", "bak", "ovrl"] if int(form) % 2 else ["bak", "sig", "ovrl"]
        test = {
            "format": FORMAT,
            "version": VERSION,
            "test": key.test,
            "form": form,
            "post": post,
            "scales": order,
            "stimuli": [[label, key.stimuli[label].training] for label in labels],
        }
        with atomic_open(page / f"form_{form}.html") as stream:
            stream.write(
                environment.get_template("rating.html").render(
                    title=title, test=test, scales={name: SCALES[name] for name in order}
                )
            )
    with atomic_open(page / "index.html") as stream:
        forms = [(form, f"form_{form}.html") for form in key.forms]
        stream.write(environment.get_template("forms.html").render(title=title, forms=forms))


def read_answers(key: Key, path: Path) -> Session:
    """Read the answers of one listener, training left out.

    Raises:
        DataError: they are broken, of another test, or not whole.
    """
    tree = read_json(path, "a file of answers")
    if not isinstance(tree, dict) or tree.get("format") != FORMAT or tree.get("version") != VERSION:
        raise DataError(
            f"{path} is no file of answers (version {VERSION}); it is what the page of a test saves"
        )
    if tree.get("test") != key.test:
        raise DataError(f"{path} is of the test {tree.get('test')}, and this key of {key.test}")
    form, listener, answers = tree.get("form"), tree.get("listener"), tree.get("answers")
    if form not in list(key.forms):  # whatever it is, a list too
        raise DataError(f"{path} is of the form {form}, which the test has not")
    if not isinstance(listener, str) or not listener.strip():
        raise DataError(f"{path} names no listener")
    if not isinstance(answers, list) or not all(isinstance(one, dict) for one in answers):
        raise DataError(f"{path} has no list of answers")
    labels = [one.get("stimulus") for one in answers]
    for label in labels:
        if label not in key.forms[form]:
            raise DataError(f"{path} rates {label}, which form {form} has not")
    missing = [label for label in key.forms[form] if label not in labels]
    if missing or len(set(labels)) < len(labels):
        fault = f"{len(missing)} stimuli are missing" if missing else "a stimulus is rated twice"
        raise DataError(f"{path} is not whole: {fault}; ask {listener} to finish the form")
    ratings = []
    for one in answers:
        stimulus = key.stimuli[one["stimulus"]]
        scores = {scale: _score(one.get(scale), scale, one["stimulus"], path) for scale in SCALES}
        if not stimulus.training:
            ratings.append(Rating(stimulus.system, stimulus.utterance, scores))
    return Session(listener.strip(), form, ratings)


def _score(value: Any, scale: str, label: str, path: Path) -> float:
    if type(value) is not int or not 1 <= value <= 5:
        raise DataError(
            f"{path} has {scale} = {value!r} of {label}, and scores are whole numbers of 1 to 5"
        )
    return float(value)
