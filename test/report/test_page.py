"""The page is one file, says what the table says, and a browser loads every picture and player."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sslse.cli.main import main
from sslse.errors import DataError
from sslse.report.build import build_report

CHROMIUM = shutil.which("chromium")
NODE_PACKAGES = ("axe-core@4.14.1", "playwright-core@1.65.1")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--hide-scrollbars --virtual-time-budget=8000"
).split()


@pytest.fixture(scope="module")
def report(experiment, published, tmp_path_factory):
    out = tmp_path_factory.mktemp("report")
    return build_report(
        experiment,
        "test",
        out,
        title="Mini & more",
        paper=published,
        commands=["./run.sh --seeds '0 1 2'"],
    )


def test_the_page_loads_nothing_from_elsewhere(report):
    text = report.page.read_text()
    for target in re.findall(r"""(?:src|href)=["']([^"']{1,20})""", text):
        assert target.startswith(("data:", "#")) or target == "results.csv"
    assert "url(" not in text and "@import" not in text
    assert report.page.stat().st_size < 10_000_000
    assert "Mini &amp; more" in text


def without_templates(page):
    """What is shown before a script copies a template."""
    return re.sub(r"<template.*?</template>", "", page.read_text(), flags=re.S)


def test_every_row_is_seen_and_heard(report):
    text = without_templates(report.page)
    clips = 3 * len(report.results.rows)
    assert text.count("<audio ") == text.count("<img ") == clips
    assert text.count("<article ") == 3
    assert text.count("data:audio") == clips  # each once


def test_intervals_lie_on_their_scale(report):
    """Each holds its middle, and one whose first system is better lies left of zero."""
    drawn = re.findall(
        r'<td class="(\w+)"><span class="interval" style="--low: (\S+)%; --middle: (\S+)%; '
        r'--high: (\S+)%; --zero: (\S+)%"',
        report.page.read_text(),
    )
    assert len(drawn) == 6 * 3
    for verdict, *places in drawn:
        low, middle, high, zero = map(float, places)
        assert 0 <= low <= middle <= high <= 100
        assert verdict != "holds" or high < zero
        assert verdict != "reversed" or low > zero


def test_a_report_of_one_seed_says_nothing_of_the_others(experiment, tmp_path):
    one = [str(experiment), "--out", str(tmp_path / "one"), "--examples", "0", "--seeds"]
    main(["report", "--exp", *one, "1"])
    page = (tmp_path / "one/RESULTS.md").read_text()
    assert "results of 1 seed (1)" in page and "±" not in page
    with pytest.raises(SystemExit):
        main(["report", "--exp", *one, "all"])


def test_remarks_stand_below_the_table_of_both(experiment, tmp_path):
    path = tmp_path / "remarks.txt"
    path.write_text("Voices are\nfew & <old>.\n\n\nA second one.\n")
    report = build_report(experiment, "test", tmp_path / "report", remarks=path)
    assert "- Voices are few & <old>.\n- A second one.\n" in report.markdown.read_text()
    assert '<p class="note">Voices are few &amp; &lt;old&gt;.</p>' in report.page.read_text()
    with pytest.raises(DataError, match="no file of remarks"):
        build_report(experiment, "test", tmp_path / "report", remarks=tmp_path / "other")


def test_markdown_has_table_claims_paper_commands_and_no_date(report, published):
    text = report.markdown.read_text()
    for part in ("| SNR + SSL-MSE |", "| holds |", "Sato et al.", "./run.sh --seeds", "pesq 0.0.4"):
        assert part in text
    assert "−22 %" in text and "12.2 | 10.3 | 2.93" in text
    # 'sslse' without a date: the same results give the same bytes.
    again = build_report(
        report.results.exp,
        "test",
        report.markdown.parent / "again",
        title="Mini & more",
        paper=published,
        commands=["./run.sh --seeds '0 1 2'"],
    )
    assert again.markdown.read_text() == text
    assert again.page.read_bytes() == report.page.read_bytes()


def test_the_command_prints_the_table(experiment, tmp_path, repository, capsys):
    arguments = ["report", "--exp", str(experiment), "--out", str(tmp_path), "--examples", "0"]
    arguments += ["--method", str(repository / "egs/TEMPLATE/sslmse.yaml")]
    assert main([*arguments, "--width", "100"]) == 0
    out = capsys.readouterr().out
    assert "SNR + SSL-MSE" in out and f"page: {tmp_path}/index.html" in out
    assert max(len(line) for line in out.splitlines()[:12]) <= 100
    assert main([*arguments, "--table", "9"]) == 1
    assert "--table: no '9'; known are 1, " in capsys.readouterr().err


def test_a_table_has_its_rows_and_columns_and_the_recipe_s_words(
    experiment, tmp_path, repository, capsys
):
    """As the stage calls it: rows and back-ends by name, the text into a file."""
    own = tmp_path / "method.yaml"
    own.write_text(
        "variants: {ft_snr: {label: mine}}\ntables: {'1': {better: [[ft_snr, noisy]]}}\n"
    )
    arguments = ["report", "--exp", str(experiment), "--out", str(tmp_path), "--examples", "0"]
    arguments += ["--method", str(repository / "egs/TEMPLATE/sslmse.yaml"), "--extension", str(own)]
    arguments += ["--table", "1", "--variants", "noisy,ft_snr", "--backends", "ssl"]
    assert main([*arguments, "--without-oa", "--text", str(tmp_path / "table.txt")]) == 0
    assert capsys.readouterr().out == ""
    text = (tmp_path / "table.txt").read_text()
    assert "mine" in text and "noisy (no SE)" in text and "SSL-MSE" not in text
    assert "OA" not in text and "WER ssl" in text and "logmel" not in text
    claims = (tmp_path / "RESULTS.md").read_text()
    assert "“mine” better than “noisy (no SE)”" in claims and "“SNR + LMFB”" not in claims


def test_a_report_without_data_and_curves_is_made(experiment, tmp_path):
    shutil.copytree(experiment / "seed0/noisy", tmp_path / "exp/seed0/noisy")
    report = build_report(tmp_path / "exp", "test", tmp_path / "out")
    text = without_templates(report.page)
    assert "<audio " not in text and "Training</h2>" not in text
    assert "noisy (no SE)" in text


def browse(page, node_modules):
    """Return what ``browser.mjs`` finds on a page."""
    script = Path(__file__).with_name("browser.mjs")
    command = ["node", script, page.as_uri(), CHROMIUM, node_modules]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def serious(view):
    return [fault for fault in view["violations"] if fault["impact"] in ("serious", "critical")]


@pytest.mark.slow
def test_everyone_can_use_the_page(node_modules, make_experiment, published, tmp_path):
    """axe-core finds nothing serious; nothing is wider than the screen; keys switch at once."""
    experiment = make_experiment(tmp_path, seeds=(0,), seconds=3, num_audio=40)
    report = build_report(experiment, "test", tmp_path / "out", paper=published, commands=["x"])
    views = browse(report.page, node_modules)
    assert [(view["width"], view["scheme"]) for view in views] == [
        (1400, "light"),
        (1400, "dark"),
        (390, "light"),
        (390, "dark"),
    ]
    for view in views:
        assert not view["errors"] and not serious(view), view
        assert view["page"] <= view["width"] and view["sticky"] <= view["width"] / 2
        assert view["unlabelled"] == view["uncaptioned"] == 0
    keys = views[0]["keys"]
    assert keys["first"] == [1] and keys["second"] == [2]  # the version that plays
    assert keys["position"] >= keys["before"] > 0
    explorer = views[0]["explorer"]
    sizes = [abs(value) for value in explorer["differences"]]
    assert len(sizes) > 5 and sizes == sorted(sizes, reverse=True)
    assert 0 < explorer["filtered"] < 40 and max(explorer["snr"]) <= 3


@pytest.mark.slow
def test_a_page_with_a_fault_is_found(node_modules, tmp_path):
    page = tmp_path / "page.html"
    page.write_text('<!DOCTYPE html><html><body><img src="data:,"></body></html>')
    assert {"image-alt", "html-has-lang"} <= {
        fault["id"] for view in browse(page, node_modules) for fault in serious(view)
    }


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium (apt-get install chromium)")
def test_a_browser_loads_every_picture_and_player(report, tmp_path):
    common = [
        CHROMIUM,
        *FLAGS,
        f"--user-data-dir={tmp_path / 'profile'}",
        "--window-size=1300,2200",
    ]
    page = report.page.as_uri()
    dump = subprocess.run(
        [*common, "--dump-dom", page], capture_output=True, text=True, timeout=120, check=True
    )
    clips = 3 * len(report.results.rows)
    root = dump.stdout[:2000]
    assert f'data-audio="{clips}/{clips}"' in root
    assert f'data-images="{clips}/{clips}"' in root
    assert 'data-ready="yes"' in root
    shot = tmp_path / "page.png"
    subprocess.run(
        [*common, f"--screenshot={shot}", page], capture_output=True, timeout=120, check=True
    )
    image = pytest.importorskip("PIL.Image").open(shot).convert("RGB")
    assert image.size == (1300, 2200)
    assert len(set(image.resize((130, 220)).getdata())) > 50  # something is drawn
