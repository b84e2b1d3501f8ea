"""The example of docs/add_a_task.md learns and speaks as printed, from a file of one's own."""

from __future__ import annotations

import re
import textwrap

import numpy as np
import yaml

from sslse.audio.files import write_audio
from sslse.cli.main import main
from sslse.data.datadir import write_datadir
from sslse.data.scp import Table

RATE = 16000


def write_set(root, name, count, seed):
    """Noise in which a tone is the louder, the higher the SNR."""
    generator = np.random.default_rng(seed)
    scp, snrs = {}, {}
    for number in range(count):
        snr = float(generator.uniform(-10, 20))
        tone = np.sin(0.3 * np.arange(int(RATE * generator.uniform(0.3, 0.5))))
        wave = tone + generator.normal(0, np.sqrt(0.5) * 10 ** (-snr / 20), len(tone))
        path = root / name / f"{name}{number:02}.wav"
        write_audio(path, (0.05 * wave).astype(np.float32), RATE)
        scp[path.stem], snrs[path.stem] = str(path), f"{snr:.3f}"
    write_datadir(root / "data" / name, wav_scp=scp, utt2spk={u: u for u in scp}, utt2snr=snrs)


def test_the_example_learns_and_speaks(repository, upstream_folder, tmp_path, monkeypatch):
    text = (repository / "docs/add_a_task.md").read_text()
    head, system, recognizer = re.findall(r"```python\n(.*?)```", text, re.S)
    imports = "from sslse.recognizers.heads import HeadRecognizer\n"
    source = "\n".join(textwrap.dedent(part) for part in (head, system, imports, recognizer))
    source = source.replace('task = "snr"', 'task = "my_snr:SNRHead"')
    (tmp_path / "my_snr.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("SSLSE_CLASSES", "my_snr:SNRHead")
    write_set(tmp_path, "train", 32, 0)
    write_set(tmp_path, "valid", 8, 1)
    monkeypatch.chdir(tmp_path)
    printed = next(b for b in re.findall(r"```yaml\n(.*?)```", text, re.S) if "SNREst" in b)
    config = yaml.safe_load(printed)
    config["model"]["class_path"] = "my_snr.SNREstimation"
    config["model"]["init_args"] |= {"upstream": str(upstream_folder)}
    config["model"]["init_args"]["optimizer"] = {"lr": 3.0e-2, "schedule": "constant"}
    config["trainer"] |= {"max_steps": 150, "val_check_interval": 50, "accelerator": "cpu"}
    (tmp_path / "snr.yaml").write_text(yaml.safe_dump(config))
    assert main(["train", "--config", "snr.yaml", "--exp", "exp/snr"]) == 0
    speaks = ["decode", "--recognizer", "my_snr:SNRRecognizer", "--model", "exp/snr"]
    assert main([*speaks, "--data", "data/valid", "--out", "hyp"]) == 0
    found, truth = Table("hyp/text", float), Table("data/valid/utt2snr", float)
    pairs = np.array([(found[name], truth[name]) for name in truth])
    assert len(pairs) == 8 and np.corrcoef(pairs.T)[0, 1] > 0.8
