#!/usr/bin/env python3
"""Says what is installed, what is missing and how to get it.

Runs with any Python, also before tools/install.sh.
"""

import os
import sys
from pathlib import Path

if sys.version_info < (3, 10):  # noqa: UP036
    sys.exit(
        "check_install.py: error: Python 3.10 to 3.12 is needed, this is " + sys.version.split()[0]
    )

root = Path(__file__).resolve().parents[1]
environment = Path(os.environ.get("SSLSE_VENV", root / ".venv")) / "bin" / "python"
if environment.exists() and Path(sys.prefix).resolve() != environment.parents[1].resolve():
    # The packages to look at are those of the environment.
    os.execv(environment, [str(environment), *sys.argv])
sys.path.insert(0, str(root))

from sslse.cli.main import main  # noqa: E402

sys.exit(main(["doctor", *sys.argv[1:]]))
