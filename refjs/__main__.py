"""``python -m refjs`` is the command ``refjs``."""

from __future__ import annotations

import sys

from refjs.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
