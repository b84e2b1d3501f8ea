"""``python -m sslse.recognizers.train_espnet``."""

import sys

from sslse.cli.main import main

sys.exit(main(["train", *sys.argv[1:]]))
