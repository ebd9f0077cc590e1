"""Long lists in answers: a page at a time (STR-API-014)."""

from __future__ import annotations

from typing import Final

from refjs.api.answers import Page

NAMES_PAGE: Final = 1024
"""How many names an answer shows."""

LIST_PAGE: Final = 256
"""How many infos an answer shows."""


def page_of(names: list[str], offset: int, limit: int) -> tuple[Page, list[str]]:
    """Return the page of ``names`` that begins at ``offset``, which is cut to the end, and the names on it."""
    offset = min(offset, len(names))
    return Page(len(names), offset, limit), names[offset : offset + limit]
