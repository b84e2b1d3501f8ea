"""``python -m sslse``."""

import sys

from sslse.cli.main import main

sys.exit(main(sys.argv[1:]))
