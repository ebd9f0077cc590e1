"""The API level that a request may demand of its server (STR-API-011)."""

from __future__ import annotations

from refjs.types.profile import Profile
from refjs.wire import headers


def demands_too_much(block: bytes, profile: Profile) -> bool:
    """Tell whether the header block of a request demands a level that ``profile`` does not have."""
    level = headers.get(block, b"Nats-Required-Api-Level") if block else None
    return level is not None and profile.refuses_api_level(level)
