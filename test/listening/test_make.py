"""What listeners get says nothing of the systems; the key says all of it."""

from __future__ import annotations

import json
import os
import re
from collections import Counter

import numpy as np
import pytest
import yaml

from sslse.audio.files import read_audio, write_audio
from sslse.cli.main import main
from sslse.data.datadir import write_table
from sslse.data.level import active_power, mean_power
from sslse.errors import ConfigError, DataError
from sslse.listening.key import read_key
from sslse.listening.levels import low_anchor
from sslse.listening.make import make_test
from sslse.listening.rating_page import SCALES


@pytest.fixture(scope="module")
def speech(make_set, tmp_path_factory):
    return make_set(tmp_path_factory.mktemp("set"))


@pytest.fixture(scope="module")
def rating(speech, tmp_path_factory):
    data, runs = speech
    out = tmp_path_factory.mktemp("p835") / "test"
    return make_test(runs, data, out, count=6, training=2, title="Tones & <more>", seed=3)


@pytest.fixture(scope="module")
def mushra(speech, tmp_path_factory):
    data, runs = speech
    out = tmp_path_factory.mktemp("mushra") / "test"
    return make_test(runs, data, out, kind="mushra", count=6, training=1, forms=2)


@pytest.mark.parametrize("kind", ["rating", "mushra"])
def test_the_page_names_no_system_and_no_utterance(kind, request):
    test = request.getfixturevalue(kind)
    page = test.folder / "page"
    secrets = [*test.key.systems, *(one.utterance for one in test.key.stimuli.values()), "exp/seed"]
    secrets = [name for name in secrets if name != "clean"]  # a word of the language
    files = [path for path in page.rglob("*") if path.is_file()]
    for path in files:
        assert not any(secret in path.name for secret in secrets)
        if path.suffix != ".wav":
            text = path.read_text()
            assert not any(secret in text for secret in secrets)
            assert "key.json" not in text
    sounds = [path for path in files if path.suffix == ".wav"]
    assert {path.stem for path in sounds} == set(test.key.stimuli)
    assert len({path.stat().st_mtime for path in sounds}) == 1
    assert not list(page.rglob("key.json"))


@pytest.mark.parametrize("kind", ["rating", "mushra"])
def test_names_are_not_in_the_order_of_systems(kind, request):
    """Sorted by name, neither the systems nor the utterances stand in blocks."""
    stimuli = request.getfixturevalue(kind).key.stimuli
    for field in ("system", "utterance"):
        values = [getattr(one, field) for _, one in sorted(stimuli.items())]
        changes = sum(a != b for a, b in zip(values, values[1:], strict=False))
        assert changes > len(set(values)) - 1


def test_forms_are_balanced_and_begin_with_training(rating):
    key = rating.key
    heard = Counter()
    for labels in key.forms.values():
        kinds = [key.stimuli[label].training for label in labels]
        assert kinds == [True] * 2 + [False] * 6
        rated = [key.stimuli[label] for label in labels[2:]]
        assert len({one.utterance for one in rated}) == 6
        heard.update((one.utterance, one.system) for one in rated)
    assert set(heard.values()) == {1} and len(heard) == 6 * 4
    trained = {one.utterance for one in key.stimuli.values() if one.training}
    assert not trained & {u for u, _ in heard}


def test_the_same_seed_gives_the_same_test(speech, rating, tmp_path):
    data, runs = speech
    again = make_test(
        runs, data, tmp_path / "test", count=6, training=2, title="Tones & <more>", seed=3
    )
    other = make_test(runs, data, tmp_path / "other", count=6, training=2, seed=4)
    assert again.key == rating.key
    assert again.key.test != other.key.test


@pytest.mark.parametrize("alignment", ["active", "rms", "reference"])
def test_levels_are_aligned(speech, tmp_path, alignment):
    data, runs = speech
    test = make_test(runs, data, tmp_path / "test", count=4, training=1, alignment=alignment)
    levels = {}
    for label, one in test.key.stimuli.items():
        signal, rate = read_audio(test.folder / f"page/audio/{label}.wav")
        assert np.abs(signal).max() <= 0.995
        power = mean_power(signal) if alignment == "rms" else active_power(signal, rate)
        levels.setdefault(one.system, []).append(10 * np.log10(power))
    if alignment == "reference":
        assert levels["clean"] == pytest.approx([test.target_db] * len(levels["clean"]), abs=0.05)
        assert min(levels["noisy"]) > max(levels["clean"])
    else:
        every = [level for own in levels.values() for level in own]
        assert every == pytest.approx([test.target_db] * len(every), abs=0.05)


def test_the_anchor_is_a_low_pass_of_the_standard():
    """Flat to 3.5 kHz, 25 dB down at 4 kHz, 50 dB at 4.5 kHz, and in time."""
    for rate in (16000, 48000):
        impulse = np.zeros(8192)
        impulse[4096] = 1.0
        answer = low_anchor(impulse, rate)
        assert len(answer) == 8192 and answer.argmax() == 4096
        level = 20 * np.log10(np.maximum(np.abs(np.fft.rfft(answer)), 1e-9))
        hertz = np.fft.rfftfreq(8192, 1 / rate)
        assert np.abs(level[hertz <= 3500]).max() < 0.1
        assert level[hertz >= 4000].max() < -25 and level[hertz >= 4500].max() < -50
    with pytest.raises(DataError, match="more than 8 kHz"):
        low_anchor(np.zeros(100), 8000)


def test_pages_are_whole_and_load_nothing_from_elsewhere(rating, html_page):
    for path in (rating.folder / "page").glob("*.html"):
        text = path.read_text()
        page = html_page(text)
        assert all(re.fullmatch(r"data:,|form_\d+\.html", link) for link in page.links())
        assert "http" not in text and "url(" not in text
        assert "Tones &amp; &lt;more&gt;" in text
        ids = [a["id"] for _, a in page.found if "id" in a]
        assert len(ids) == len(set(ids))
        if path.name.startswith("form"):
            radios = [a for tag, a in page.found if tag == "input" and a["type"] == "radio"]
            for scale in SCALES:
                own = [a["value"] for a in radios if a["name"] == scale]
                assert own == ["5", "4", "3", "2", "1"]


def test_webmushra_gets_its_configuration(mushra):
    key, page = mushra.key, mushra.folder / "page"
    rated = []
    for form in key.forms:
        text = (page / f"configs/{key.test}_form{form}.yaml").read_text()
        # webMUSHRA's own parser reads a key or a list a line, and no list that begins in another's.
        assert all(re.match(r" *(- )?\w+:( |$)|-$|  - random$", line) for line in text.splitlines())
        tree = yaml.safe_load(text)
        assert tree["testId"] == key.test and tree["remoteService"] == "service/write.php"
        pages = tree["pages"]
        assert [one["type"] for one in pages[:3]] == ["generic", "volume", "mushra"]
        assert pages[-1]["type"] == "finish" and pages[-1]["writeResults"]
        (shuffled,) = [one for one in pages if isinstance(one, list)]
        assert shuffled[0] == "random"
        for one in [pages[2], *shuffled[1:]]:
            assert one["type"] == "mushra" and one["randomize"] and not one["showConditionNames"]
            files = [one["reference"], *one["stimuli"].values()]
            signals = [read_audio(page / file)[0] for file in files]
            assert len({len(signal) for signal in signals}) == 1
            known = [key.stimuli[file.split("/")[-1][:-4]] for file in files]
            assert [known[0].system, len({x.utterance for x in known})] == ["clean", 1]
            assert {x.system for x in known} == {*key.systems} >= {"anchor", "noisy"}
        rated += [one["id"] for one in shuffled[1:]]
    assert len(rated) == len(set(rated)) == 6


def test_an_address_stands_in_both_kinds(speech, tmp_path):
    data, runs = speech
    post = "https://example.org/answers"
    first = make_test(runs, data, tmp_path / "a", count=4, training=0, post=post)
    assert post in (first.folder / "page/form_1.html").read_text()
    make_test(runs, data, tmp_path / "b", kind="mushra", count=2, training=0, post=post)
    (config,) = (tmp_path / "b/page/configs").glob("*.yaml")
    assert yaml.safe_load(config.read_text())["remoteService"] == post


def test_the_key_is_read_back(rating, tmp_path):
    assert read_key(rating.folder) == rating.key == read_key(rating.folder / "key.json")
    path = tmp_path / "key.json"
    for text, why in [("[]", "no key"), ("{", "no JSON"), ('{"format": 1}', "no key")]:
        path.write_text(text)
        with pytest.raises(DataError, match=why):
            read_key(path)
    tree = json.loads((rating.folder / "key.json").read_text())
    del tree["forms"]
    path.write_text(json.dumps(tree))
    with pytest.raises(DataError, match="no key of a listening test"):
        read_key(path)


def test_the_number_of_utterances_fits_the_systems(make_set, tmp_path):
    data, runs = make_set(tmp_path, num_utterances=16, seconds=0.1)
    runs.append(f"again={runs[0]}")
    for kind, count in {"p835": 15, "mushra": 12}.items():
        test = make_test(runs, data, tmp_path / kind, kind=kind, training=1)
        stimuli = test.key.stimuli.values()
        assert len({one.utterance for one in stimuli if not one.training}) == count


def test_listed_utterances_are_rated(speech, tmp_path, capsys):
    data, runs = speech
    ids = tmp_path / "ids"
    ids.write_text("utt03\nutt05 and more\nutt00\nutt07\n")
    arguments = ["listen", "make", *runs, "--data", str(data), "--ids", str(ids)]
    assert main([*arguments, "--out", str(tmp_path / "test"), "--training", "1"]) == 0
    rated = {x.utterance for x in read_key(tmp_path / "test").stimuli.values() if not x.training}
    assert rated == {"utt00", "utt03", "utt05", "utt07"}
    assert "4 utterances, clean, noisy, weak, strong, 4 forms" in capsys.readouterr().out


def test_bad_input_is_one_sentence_and_writes_nothing(speech, tmp_path):
    data, runs = speech
    out = tmp_path / "test"
    noisy, weak, strong = runs
    scp = dict(line.split() for line in open(f"{weak}/wav.scp"))
    fewer = write_part(tmp_path / "fewer", {u: p for u, p in scp.items() if u != "utt02"})
    samples, rate = read_audio(scp["utt02"])
    write_audio(tmp_path / "short.wav", samples[:-5], rate)
    shorter = write_part(tmp_path / "shorter", {**scp, "utt02": str(tmp_path / "short.wav")})
    write_audio(tmp_path / "silent.wav", 0 * samples, rate)
    silent = write_part(tmp_path / "silent", {**scp, "utt02": str(tmp_path / "silent.wav")})
    for systems, options, why in [
        ([noisy, str(tmp_path / "none")], {}, "none has no audio"),
        ([noisy, noisy], {}, "two systems are called noisy"),
        ([], {}, "no system beside clean speech"),
        ([noisy, fewer], {}, "fewer has no utt02 that others have"),
        ([noisy, shorter], {"ids": ["utt02", "utt01"]}, "utt02 has 4795 samples .* 4800"),
        ([noisy, silent], {"ids": ["utt02", "utt01"]}, "utt02: the version of silent .* silent"),
        ([noisy], {"ids": ["utt02", "utt99"]}, "no utt99 that is asked for"),
        ([noisy], {"ids": ["utt02", "utt02"]}, "utt02 is named twice"),
        ([noisy], {"ids": ["utt02"], "max_seconds": 0.1}, "utt02 is longer than 0.1 s"),
        ([noisy], {"count": 20}, "20 utterances are asked for, and 8 of 8 fit"),
        ([noisy], {"kind": "musra"}, "did you mean 'mushra'"),
        ([noisy], {"alignment": "loud"}, "no alignment of levels 'loud'"),
        ([noisy], {"forms": 3}, "multiple of 2 forms"),
        ([noisy], {"count": -1}, "numbers of utterances are 0 or more"),
        ([noisy], {"count": 0}, "12 utterances are asked for, and 8 of 8 fit"),
        ([f"anchor={noisy}"], {"kind": "mushra"}, "low-pass anchor"),
    ]:
        with pytest.raises((ConfigError, DataError), match=why) as caught:
            make_test(systems, data, out, **{"count": 4, "training": 0, **options})
        assert "\n" not in str(caught.value)
        assert not out.exists()
        assert not [path for path in os.listdir(tmp_path) if "tmp" in path]


def test_nothing_is_overwritten(speech, tmp_path):
    data, runs = speech
    for folder in (data, data.parent):
        with pytest.raises(ConfigError, match="is read, so nothing may be written"):
            make_test(runs, data, folder, count=4, training=0)
    (tmp_path / "file").write_text("mine")
    for path in (tmp_path, tmp_path / "file"):
        with pytest.raises(DataError, match="exists already"):
            make_test(runs, data, path, count=4, training=0)
    assert (tmp_path / "file").read_text() == "mine"


def write_part(folder, scp):
    write_table(folder / "wav.scp", scp)
    return str(folder)
