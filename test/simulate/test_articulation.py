"""Noisy sets of speech with articulation: the trajectories go along, in every condition."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from sslse.articulation.trajectories import Trajectories
from sslse.checking.validate import validate
from sslse.data.datadir import DataDir
from sslse.simulate.config import SimulateConfig
from sslse.simulate.offline import simulate

PATH = Path(__file__).resolve().parents[1] / "articulation.py"
SPEC = importlib.util.spec_from_file_location("articulation", PATH)
articulation = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(articulation)


def test_trajectories_follow_their_utterances_into_all_conditions(tmp_path, repository):
    root = articulation.write_articulation(tmp_path)
    babble = {"babble_probability": 1.0, "babble_talkers": 8, "babble_talkers_low": 1}
    folders = []
    for name, settings in {"babble_-5": {**babble, "snr_low": -5, "snr_high": -5}, "x": {}}.items():
        folders.append(root / "data" / name)
        config = SimulateConfig.from_dict(settings)
        simulate(root / "data/train", root / "data/noise", folders[-1], config, condition=name)
    out = root / "data/noisy"
    command = [str(repository / "utils/combine_data.sh"), str(out), *map(str, folders)]
    environment = {**os.environ, "SSLSE_VENV": sys.prefix}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    noisy, clean = DataDir(out), Trajectories(root / "data/train/tv.scp")
    trajectories = Trajectories(out / "tv.scp")
    assert trajectories.names == clean.names and len(trajectories) == len(noisy) == 12
    for utterance in noisy.utterances:
        own = utterance.removesuffix(f"-{noisy.utt2condition[utterance]}")
        np.testing.assert_array_equal(trajectories.load(utterance), clean.load(own))
        trajectories.fitted(utterance, noisy.num_samples(utterance) // 160 + 1)
    assert not [problem for problem in validate(out).problems if problem.severity == "error"]
    talkers = {
        line.count('"train') - 1 for line in (folders[0] / "plan.jsonl").read_text().splitlines()
    }
    assert min(talkers) >= 1 and max(talkers) <= 8 and len(talkers) > 1
