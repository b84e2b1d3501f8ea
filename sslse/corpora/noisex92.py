"""NOISEX-92: data/noise_other, its fifteen noises.

The published files are NAME.wav (four minutes each at 19.98 kHz, resampled while mixing), in ROOT
or one folder below it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sslse.corpora.base import corpus_parser, run_corpus, without_silence, write_set
from sslse.errors import DataError, examples

SOURCE = "http://spib.linse.ufsc.br/noise.html"
NAMES = (
    *("babble", "buccaneer1", "buccaneer2", "destroyerengine", "destroyerops", "f16", "factory1"),
    *("factory2", "hfchannel", "leopard", "m109", "machinegun", "pink", "volvo", "white"),
)


def prepare(root: Path, out: Path) -> None:
    """Write the data directory.

    Raises:
        DataError: a noise is missing.
    """
    found = {path.stem.lower(): path for path in [*root.glob("*.wav"), *root.glob("*/*.wav")]}
    missing = [name for name in NAMES if name not in found]
    if missing:
        raise DataError(
            f"{root} lacks {len(missing)} of the {len(NAMES)} noises ({examples(missing)}); "
            f"get them from {SOURCE}"
        )
    noises = without_silence({f"noisex92-{name}": found[name] for name in NAMES}, root)
    write_set(out, noises, utt2spk={name: name for name in noises})


def main(args: argparse.Namespace) -> None:
    """Prepare the noises."""
    prepare(args.root, args.data / "noise_other")


if __name__ == "__main__":
    run_corpus(main, corpus_parser(__doc__, "folder of NOISEX-92 (NOISEX92)").parse_args())
