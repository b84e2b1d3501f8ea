"""``python -m sslse <command>``."""

import sys

from sslse.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
