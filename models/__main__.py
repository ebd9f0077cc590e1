"""``python -m models`` is ``refjs models``."""

from __future__ import annotations

import argparse
import sys

from models.command import add_parser, run


def main(words: list[str]) -> int:
    """Run the command with ``words``; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m")
    add_parser(parser.add_subparsers(required=True))
    return run(parser.parse_args(["models", *words]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
