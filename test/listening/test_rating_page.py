"""A browser: the rating page is filled by keyboard alone, and its file is read back."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from sslse.listening.make import make_test
from sslse.listening.rating_page import read_answers
from sslse.listening.results import read_results


@pytest.fixture
def make(make_set, tmp_path):
    data, runs = make_set(tmp_path, num_utterances=5)

    def make_one(name, **options):
        return make_test(runs[:2], data, tmp_path / name, count=3, training=1, **options)

    return make_one


def rate(test, form, node_modules, folder, status=""):
    """Return what ``rate.mjs`` sees."""
    script = Path(__file__).with_name("rate.mjs")
    page = (test.folder / f"page/form_{form}.html").as_uri()
    command = ["node", script, page, shutil.which("chromium"), node_modules, folder, status]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["errors"] == seen["faults"] == seen["wide"] == [] and not seen["early"], seen
    return seen


@pytest.mark.slow
@pytest.mark.parametrize("form", ["1", "2"])
def test_keys_alone_fill_the_page(make, node_modules, tmp_path, form):
    test = make("test")
    seen = rate(test, form, node_modules, tmp_path)
    assert seen["file"] == f"answers_{test.key.test}_form{form}_Listener_7.json"
    assert "saved to a file" in seen["said"]
    path = tmp_path / seen["file"]
    session = read_answers(test.key, path)
    assert session.listener == "Listener 7" and session.form == form
    first, second = ("sig", "bak") if form == "1" else ("bak", "sig")
    given = json.loads(path.read_text())["answers"]
    # A digit leads to the next scale, an arrow down from 5 chooses 4; the last differs.
    assert [(one[first], one[second]) for one in given] == [(3, 4)] * 4
    assert [one["ovrl"] for one in given] == [1, 2, 3, 4]
    assert all(one["plays"] >= 1 and one["seconds"] > 0 for one in given)
    assert len(session.ratings) == 3  # without the training
    assert read_results(test.folder, [path]).scores


@pytest.mark.slow
def test_answers_are_sent_or_saved(make, node_modules, tmp_path):
    test = make("test", post="https://example.org/answers")
    seen = rate(test, "1", node_modules, tmp_path, "200")
    assert seen["file"] is None and "were sent" in seen["said"]
    assert seen["post_again"] is None and seen["said_again"] == seen["said"]
    assert seen["other"] == "Recording 1 of 4"
    path = tmp_path / "sent.json"
    path.write_text(seen["post"])
    assert len(read_answers(test.key, path).ratings) == 3
    seen = rate(test, "1", node_modules, tmp_path, "503")
    assert "could not be sent (status 503)" in seen["said"]
    assert (tmp_path / seen["file"]).read_text() == seen["post"]
    assert "sent" not in json.loads(seen["post"])
