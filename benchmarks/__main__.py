"""``python -m benchmarks`` is ``refjs bench``."""

from __future__ import annotations

import sys

from refjs.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["bench", *sys.argv[1:]]))
