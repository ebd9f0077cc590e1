"""How a subcommand other than ``serve`` is run: it adds its arguments to a parser and gets back what was parsed."""

from __future__ import annotations

import argparse
from types import ModuleType
from typing import Final

WRONG_USAGE: Final = 2


def run(module: ModuleType, words: list[str]) -> int:
    """Run ``module``, which offers ``add_parser(subparsers)`` and ``run(arguments)``; return the exit code."""
    parser = argparse.ArgumentParser(prog="refjs")
    module.add_parser(parser.add_subparsers(dest="command", required=True))
    try:
        parsed = parser.parse_args(words)
    except SystemExit as ended:  # argparse has said why
        return ended.code if isinstance(ended.code, int) else WRONG_USAGE
    return int(module.run(parsed))
