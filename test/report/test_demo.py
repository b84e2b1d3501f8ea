"""The demo page: one folder, balanced, whole, and nothing from elsewhere."""

from __future__ import annotations

import re
import shutil

import pytest

from sslse.audio.files import read_audio, write_audio
from sslse.cli.main import main
from sslse.data.datadir import write_table
from sslse.errors import ConfigError, DataError
from sslse.report.demo import make_demo


@pytest.fixture(scope="module")
def speech(make_set, tmp_path_factory):
    return make_set(tmp_path_factory.mktemp("set"))


@pytest.fixture(scope="module")
def demo(speech, tmp_path_factory):
    data, runs = speech
    folder = tmp_path_factory.mktemp("demo")
    (folder / "abstract").write_text("One & <two>.\n\nThree.\n")
    arguments = ["demo", *runs, "--data", str(data), "--out", str(folder / "page")]
    arguments += ["--utterances", "4", "--title", "A <title>", "--authors", "A & B"]
    arguments += ["--abstract", str(folder / "abstract"), "--label", "strong=SNR + <SSL>"]
    arguments += ["--link", "Paper=https://example.org/a?b=c", "--link", "PDF=paper.pdf"]
    assert main(arguments) == 0
    return folder / "page"


def test_the_folder_is_whole(demo, html_page):
    page = html_page((demo / "index.html").read_text())
    media = [found["src"] for tag, found in page.found if tag in ("img", "audio")]
    assert len(media) == 2 * 4 * 4 == len(set(media))
    files = {path.relative_to(demo).as_posix() for path in demo.rglob("*") if path.is_file()}
    assert files == {"index.html", *media}
    ids = {found["id"] for _, found in page.found if "id" in found}
    for link in page.links():
        known = {"data:,", "https://example.org/a?b=c", "paper.pdf", *media}
        assert link in known or link[1:] in ids
    assert "url(" not in (demo / "index.html").read_text()
    for path in demo.rglob("*.wav"):
        assert len(read_audio(path)[0]) == 4800


def test_it_says_what_was_asked_for(demo, html_page):
    page = html_page((demo / "index.html").read_text())
    for text in ("A <title>", "A & B", "One & <two>.", "Three.", "SNR + <SSL>", "noisy (no SE)"):
        assert text in page.text
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", (demo / "index.html").read_text())
    assert captions == ["noisy (no SE)", "weak", "SNR + &lt;SSL&gt;", "clean"] * 4
    for tag, found in page.found:
        assert tag != "img" or found["alt"]
        assert tag != "audio" or found["aria-label"]


def test_conditions_are_balanced_and_words_are_marked(demo, speech):
    data, _ = speech
    text = (demo / "index.html").read_text()
    sections = re.findall(r"<section.*?</section>", text, re.S)
    heads = [re.search("<h2>(.*?)</h2>", section)[1] for section in sections]
    assert heads == ["SNR 0 dB", "SNR 10 dB"]
    assert [section.count("<article>") for section in sections] == [2, 2]
    words = dict(line.split(maxsplit=1) for line in (data / "text").read_text().splitlines())
    shown = re.findall(r'<p class="facts">(\w+) ', text)
    wrong = sum(words[name].split().count("one") for name in shown)
    assert text.count('<mark title="one">nine</mark>') == 3 * wrong


def test_listed_utterances_stand_in_their_order(speech, tmp_path):
    data, runs = speech
    page = make_demo(runs[:1], data, tmp_path / "page", ids=["utt06", "utt02"], backends=[])
    text = page.read_text()
    assert re.findall(r'<p class="facts">(\w+) ', text) == ["utt06", "utt02"]
    assert "<dl>" not in text and "recogniser" not in text


def test_names_that_look_alike_are_files_of_their_own(speech, tmp_path):
    data, runs = speech
    systems = [f"a b={runs[0]}", f"a/b={runs[1]}", f"é#?={runs[2]}"]
    make_demo(systems, data, tmp_path / "page", count=1)
    assert len(list((tmp_path / "page/audio").iterdir())) == 4
    text = (tmp_path / "page/index.html").read_text()
    assert (
        'src="audio/01_3_%C3%A9_.wav"' in text and (tmp_path / "page/audio/01_3_é_.wav").is_file()
    )


def test_the_seed_chooses(speech, tmp_path):
    data, runs = speech
    pages = [
        make_demo(runs, data, tmp_path / f"{number}", count=3, seed=seed).read_text()
        for number, seed in enumerate([1, 1, 2])
    ]
    assert pages[0] == pages[1] != pages[2]


def test_recordings_without_clean_speech(speech, tmp_path, html_page):
    data, runs = speech
    bare = tmp_path / "data"
    bare.mkdir()
    shutil.copy(data / "wav.scp", bare)
    page = make_demo([f"mine={runs[1]}"], bare, tmp_path / "page", count=2)
    text = page.read_text()
    assert text.count("<figcaption>") == 2 and "clean" not in html_page(text).text.lower()


def test_loud_versions_are_lowered_alike(speech, tmp_path):
    data, runs = speech
    loud = {}
    for line in open(f"{runs[0]}/wav.scp"):
        name, path = line.split()
        samples, rate = read_audio(path)
        write_audio(tmp_path / f"{name}.wav", 8 * samples, rate, "FLOAT")
        loud[name] = str(tmp_path / f"{name}.wav")
    write_table(tmp_path / "loud/wav.scp", loud)
    make_demo([str(tmp_path / "loud"), runs[0]], data, tmp_path / "page", ids=["utt00"])
    first, second = (
        read_audio(tmp_path / f"page/audio/01_{name}.wav")[0] for name in ("1_loud", "2_noisy")
    )
    assert abs(first).max() == pytest.approx(0.99, abs=1e-3)
    assert first == pytest.approx(8 * second, abs=2e-3)


def test_bad_input_is_one_sentence(speech, tmp_path):
    data, runs = speech
    for systems, options, why in [
        ([str(tmp_path / "none")], {}, "none has no audio"),
        (runs, {"ids": ["utt77"]}, "no utt77 that is asked for"),
        (runs, {"count": 9}, "9 utterances are asked for, and 8 of 8 fit"),
        (runs, {"count": 0}, "at least one utterance"),
        (runs, {"links": [("Paper", "javascript:alert(1)")]}, "no web address"),
    ]:
        with pytest.raises((ConfigError, DataError), match=why):
            make_demo(systems, data, tmp_path / "page", **options)
        assert not (tmp_path / "page").exists()
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine").write_text("")
    with pytest.raises(DataError, match="exists already"):
        make_demo(runs, data, tmp_path / "full")
    with pytest.raises(ConfigError, match="is read, so nothing may be written"):
        make_demo(runs, data, runs[0])


@pytest.mark.slow
def test_a_browser_sees_and_hears_all(demo, look):
    for view in look(demo / "index.html"):
        assert view["errors"] == view["outside"] == view["faults"] == [] and not view["wide"], view
        assert view["images"] == view["sounds"] == 16
