"""Blocks of README.md that are written by programs, between two marks, so that no claim in it is made by hand."""

from __future__ import annotations


def put(text: str, name: str, block: str) -> str:
    """Return ``text`` with ``block`` between the marks of ``name``; raise ``ValueError`` where they are missing."""
    begin, end = f"<!-- begin generated: {name} -->\n", f"<!-- end generated: {name} -->"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"no marks for a generated block named {name!r}")
    return f"{before}{begin}{block}\n{closed}{after}"
