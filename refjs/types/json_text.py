r"""How this server writes JSON: text that equals nats-server's byte for byte.

The standard library's encoder differs in what it escapes, so the few rules stand here: no blanks; ``"``, ``\`` and
control characters escaped; also ``<``, ``>``, ``&`` and the two Unicode line separators; everything else verbatim
(STR-API-023).
"""

from __future__ import annotations

from json import JSONEncoder
from typing import Final

_ENCODER: Final = JSONEncoder(ensure_ascii=False)
_ESCAPES: Final = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def quote(text: str) -> str:
    """Return ``text`` as a JSON string."""
    return _ENCODER.encode(text).translate(_ESCAPES)


def string_array(items: list[str]) -> str:
    """Return ``items`` as a JSON array of strings."""
    return "[" + ",".join([quote(item) for item in items]) + "]"


def string_map(items: dict[str, str]) -> str:
    """Return ``items`` as a JSON object, sorted by key as nats-server does."""
    return "{" + ",".join([f"{quote(key)}:{quote(items[key])}" for key in sorted(items)]) + "}"
