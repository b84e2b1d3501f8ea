"""The page is one file, says what the table says, and a browser loads every picture and player."""

import re
import shutil
import subprocess

import pytest

from sslse.cli.main import main
from sslse.errors import DataError
from sslse.report.build import build_report

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync "
    "--hide-scrollbars --virtual-time-budget=8000"
).split()


@pytest.fixture(scope="module")
def report(experiment, tmp_path_factory):
    out = tmp_path_factory.mktemp("report")
    return build_report(
        experiment,
        "test",
        out,
        title="Mini & more",
        paper="sslmse",
        commands=["./run.sh --seeds '0 1 2'"],
    )


def test_the_page_loads_nothing_from_elsewhere(report):
    text = report.page.read_text()
    for target in re.findall(r"""(?:src|href)=["']([^"']{1,20})""", text):
        assert target.startswith(("data:", "#"))
    assert "url(" not in text and "@import" not in text
    assert report.page.stat().st_size < 10_000_000
    assert "Mini &amp; more" in text


def test_every_row_is_seen_and_heard(report):
    text = report.page.read_text()
    clips = 3 * len(report.results.rows)
    assert text.count("<audio ") == text.count("<img ") == clips
    assert text.count("<article>") == 3


def test_remarks_stand_below_the_table_of_both(experiment, tmp_path):
    path = tmp_path / "remarks.txt"
    path.write_text("Voices are\nfew & <old>.\n\n\nA second one.\n")
    report = build_report(experiment, "test", tmp_path / "report", remarks=path)
    assert "- Voices are few & <old>.\n- A second one.\n" in report.markdown.read_text()
    assert '<p class="note">Voices are few &amp; &lt;old&gt;.</p>' in report.page.read_text()
    with pytest.raises(DataError, match="no file of remarks"):
        build_report(experiment, "test", tmp_path / "report", remarks=tmp_path / "other")


def test_markdown_has_table_claims_paper_commands_and_no_date(report):
    text = report.markdown.read_text()
    for part in ("| SNR + SSL-MSE |", "**holds**", "Sato et al.", "./run.sh --seeds", "pesq 0.0.4"):
        assert part in text
    assert "−22 %" in text and "12.2 | 10.3 | 2.93" in text
    # 'sslse' without a date: the same results give the same bytes.
    again = build_report(
        report.results.exp,
        "test",
        report.markdown.parent / "again",
        title="Mini & more",
        paper="sslmse",
        commands=["./run.sh --seeds '0 1 2'"],
    )
    assert again.markdown.read_text() == text
    assert again.page.read_bytes() == report.page.read_bytes()


def test_the_command_prints_the_table(experiment, tmp_path, capsys):
    arguments = ["report", "--exp", str(experiment), "--out", str(tmp_path), "--examples", "0"]
    arguments += ["--paper", "sslmse"]
    assert main([*arguments, "--width", "100"]) == 0
    out = capsys.readouterr().out
    assert "SNR + SSL-MSE" in out and f"page: {tmp_path}/index.html" in out
    assert max(len(line) for line in out.splitlines()[:12]) <= 100
    assert main([*arguments, "--paper", "nobody"]) == 1
    assert "known are sslmse" in capsys.readouterr().err


def test_a_report_without_data_and_curves_is_made(experiment, tmp_path):
    shutil.copytree(experiment / "seed0/noisy", tmp_path / "exp/seed0/noisy")
    report = build_report(tmp_path / "exp", "test", tmp_path / "out")
    text = report.page.read_text()
    assert "<audio " not in text and "Training</h2>" not in text
    assert "noisy (no SE)" in text


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
