"""Units and identities: what the bare integers and bytes of the core mean.

Quantities are plain aliases, and every time and duration is in ns; identities are ``NewType`` so that two kinds cannot
be confused (docs/decisions/0004).
"""

from __future__ import annotations

from typing import Final, NewType, TypeAlias

Nanos: TypeAlias = int
"""A point in time (since the Unix epoch, UTC) or a duration, in nanoseconds."""

Seq: TypeAlias = int
"""A stream or consumer sequence; the first is 1, 0 means none."""

Subject: TypeAlias = bytes
"""A subject as it stands on the wire: opaque bytes, tokens separated by dots (PRO-SUB-004)."""

ConnId = NewType("ConnId", int)
"""A client connection (the ``cid`` of monitoring and INFO)."""

NO_CONN: Final = ConnId(0)
"""No connection: the server itself."""

ServerId = NewType("ServerId", str)
"""A server of a cluster, by its server name."""

MICROSECOND: Final = 1_000
MILLISECOND: Final = 1_000_000
SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
