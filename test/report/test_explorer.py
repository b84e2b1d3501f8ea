"""The table of utterances has the numbers of the scores, and stays within its limits."""

import json
import re
import shutil

import pytest

from sslse.audio.files import read_audio
from sslse.data.datadir import DataDir
from sslse.metrics.scores import read_column
from sslse.report import explorer
from sslse.report.build import build_report
from sslse.report.explorer import explorer_data, ranked, read_numbers, write_versions
from sslse.report.results import Results


@pytest.fixture(scope="module")
def results(experiment):
    return Results(experiment, "test")


@pytest.fixture(scope="module")
def numbers(results):
    return read_numbers(results)


@pytest.fixture(scope="module")
def data(experiment):
    return DataDir(experiment.parent / "data/test_noisy")


def spread(entry, place):
    values = [row[place] for row in entry["values"][1:]]  # clean speech aside
    return max(values) - min(values)


def test_numbers_and_words_are_those_of_the_first_seed(results, data, numbers, experiment):
    found = explorer_data(results, data, dict(data.utt2snr), numbers)
    names = [row["name"] for row in found["rows"]]
    assert names[:2] == ["clean", "noisy"] and "ft_snr+oa" in names
    measures = [measure["name"] for measure in found["measures"]]
    assert measures[found["first"]] == "wer_ssl"
    scores = experiment / "seed0/ft_snr/decode_test/oa0.2/scores"
    rates, sdr = read_column(scores, "wer_ssl"), read_column(scores, "sdr")
    assert len(found["utterances"]) == found["total"] == 40
    for entry in found["utterances"]:
        values = entry["values"][names.index("ft_snr+oa")]
        errors, words = rates[entry["id"]]
        assert values[found["first"]] == pytest.approx(100 * errors / words, abs=0.05)
        assert values[measures.index("sdr")] == pytest.approx(sdr[entry["id"]][0], abs=0.005)
        heard = entry["words"][names.index("ft_snr+oa")]["ssl"]
        assert sum(isinstance(word, list) for word in heard) == errors
        assert entry["text"] == data.text[entry["id"]]


def test_those_that_differ_most_come_first_after_the_embedded(results, data, numbers):
    found = explorer_data(results, data, {}, numbers, embedded={"utt039"})
    entries = found["utterances"]
    assert entries[0]["id"] == "utt039" and entries[0]["embedded"]
    spreads = [spread(entry, found["first"]) for entry in entries[1:]]
    assert spreads == sorted(spreads, reverse=True) and spreads[0] > spreads[-1]


def test_the_page_s_part_has_a_limit(results, data, numbers, monkeypatch):
    monkeypatch.setattr(explorer, "NUMBERS_BYTES", 8000)
    monkeypatch.setattr(explorer, "WORDS_BYTES", 3000)
    found = explorer_data(results, data, dict(data.utt2snr), numbers)
    entries = found["utterances"]
    assert 0 < len(entries) < found["total"]
    with_words = ["words" in entry for entry in entries]
    assert any(with_words) and not all(with_words)
    assert with_words == sorted(with_words, reverse=True)
    assert len(json.dumps(found)) < 8000 + 2 * 3000 + 3000


def test_versions_stand_beside_the_page(results, data, numbers, tmp_path):
    old = tmp_path / explorer.FOLDER / "999"
    old.mkdir(parents=True)
    written = write_versions(results, data, tmp_path, ranked(results, numbers)[:-1], 2)
    assert len(written) == 2  # three have audio
    assert not old.exists()
    for name, files in written.items():
        assert files["rows"] == ["+".join(filter(None, key)) for key in results.rows]
        heard, rate = read_audio(tmp_path / files["folder"] / "ft_snr.flac")
        wanted, wanted_rate = read_audio(results.rows["ft_snr", ""].runs[0] / f"wav/{name}.wav")
        assert rate == wanted_rate and abs(heard - wanted).max() < 1e-4
        assert (tmp_path / files["folder"] / "ft_snr.png").stat().st_size > 100


def test_the_files_have_a_limit(results, data, tmp_path, monkeypatch):
    monkeypatch.setattr(explorer, "FILES_BYTES", 1000)
    assert write_versions(results, data, tmp_path, list(data.utterances), 5) == {}
    assert list((tmp_path / explorer.FOLDER).iterdir()) == []


def test_the_page_begins_with_the_first_claim(experiment, published, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(experiment.parent / "data/test_noisy", data)
    text = (data / "text").read_text().replace("utt000 ", "utt000 </script><b>")
    (data / "text").write_text(text)
    speakers = "".join(f"utt{n:03} speaker{n % 2}\n" for n in range(40))
    (data / "utt2spk").write_text(speakers)
    report = build_report(
        experiment, "test", tmp_path / "out", data=data, paper=published, num_examples=1
    )
    page = report.page.read_text()
    source = re.search(r'<script type="application/json"[^>]*>(.*?)</script>', page, re.S)[1]
    found = json.loads(source)
    assert len(found["utterances"]) == 40
    assert any("</script><b>" in entry["text"] for entry in found["utterances"])
    assert '<select name="speaker">' in page and '<select name="condition">' not in page
    chosen = re.findall(r"<option value=\"\d+\" selected>([^<]+)</option>", page)
    assert chosen[:3] == ["WER ssl %", "SNR + SSL-MSE", "SNR + LMFB"]
    files = [entry["files"] for entry in found["utterances"] if entry["files"]]
    assert len(files) == 2
    assert all((report.page.parent / one["folder"] / "noisy.png").is_file() for one in files)
