"""The history of a run: what clients asked and were told, what befell the servers, and what stood there at the end.

One record per line of canonical JSON, in the order of time: the same run has the same bytes, and ``fingerprint`` is
their hash.  Checkers judge nothing but this; a history read back from a file gets the same verdict.  All times are ns
since the beginning of the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum, unique
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias, TypeVar, final

import msgspec

from refjs.types.units import Nanos, Seq
from sim.world import World


@unique
class Outcome(StrEnum):
    """What a client knows of its operation; after UNKNOWN it may have happened, now or later, or not."""

    OK = "ok"
    FAIL = "fail"
    UNKNOWN = "unknown"


@final
class Began(msgspec.Struct, frozen=True, tag="began"):
    """The first line: which run this is, and who takes part; a consumer is named ``stream/consumer``."""

    scenario: str
    seed: int
    servers: tuple[str, ...]
    clients: tuple[str, ...]
    consumers: tuple[str, ...] = ()


@final
class Invoked(msgspec.Struct, frozen=True, tag="invoked"):
    """A client began to publish ``value`` on the subject that ``stream`` takes; ``operation`` is unique in the run."""

    at: Nanos
    client: str
    operation: int
    stream: str
    value: str
    message_id: str = ""


@final
class Completed(msgspec.Struct, frozen=True, tag="completed"):
    """A publish ended; ``seq`` and ``duplicate`` are the acknowledgement's where the outcome is OK."""

    at: Nanos
    client: str
    operation: int
    outcome: Outcome
    seq: Seq = 0
    duplicate: bool = False
    attempts: int = 1
    error: str = ""


@final
class Delivered(msgspec.Struct, frozen=True, tag="delivered"):
    """A client received a stored message through ``stream/consumer``, for the ``delivery``-th time."""

    at: Nanos
    client: str
    consumer: str
    seq: Seq
    delivery: int
    value: str


@final
class Settled(msgspec.Struct, frozen=True, tag="settled"):
    """The server confirmed a client's acknowledgement (a double ack) of a delivered message."""

    at: Nanos
    client: str
    consumer: str
    seq: Seq


@final
class FloorSeen(msgspec.Struct, frozen=True, tag="floor"):
    """A server reported how far a consumer's acknowledgements have no gap."""

    at: Nanos
    consumer: str
    server: str
    floor: Seq


@unique
class Mark(StrEnum):
    """What can befall a server or the network."""

    LED = "led"
    DEPOSED = "deposed"
    TERM = "term"
    STARTED = "started"
    KILLED = "killed"
    POWER_FAILED = "power failed"
    PAUSED = "paused"
    RESUMED = "resumed"
    CUT = "cut"
    HEALED = "healed"
    WEATHER = "weather"
    CLEARED = "cleared"


@final
class Marked(msgspec.Struct, frozen=True, tag="marked"):
    """Something befell a server, or, with no server named, the network; ``term`` is the Raft term of leadership."""

    at: Nanos
    mark: Mark
    server: str = ""
    group: str = ""
    term: int = 0
    detail: str = ""


@final
class Quieted(msgspec.Struct, frozen=True, tag="quieted"):
    """From here on there are no faults: the second phase, in which what was promised must come true."""

    at: Nanos


@final
class Observed(msgspec.Struct, frozen=True, tag="observed"):
    """What a live server holds of a stream at the end: its digest and every message, as (seq, value)."""

    at: Nanos
    server: str
    stream: str
    last_seq: Seq
    digest: str
    messages: tuple[tuple[Seq, str], ...]


@final
class Ended(msgspec.Struct, frozen=True, tag="ended"):
    """The last line; ``unseed`` is one more draw: a value that differs betrays a run that is not deterministic."""

    at: Nanos
    actions: int
    unseed: int


Record: TypeAlias = Began | Invoked | Completed | Delivered | Settled | FloorSeen | Marked | Quieted | Observed | Ended
R = TypeVar("R", bound=Record)

_DECODER = msgspec.json.Decoder(Record)


class BadHistoryError(Exception):
    """The file is no history; ``str(error)`` is one sentence."""


@final
class History:
    """The records of one run, in order."""

    __slots__ = ("_operations", "_world", "records")

    def __init__(self, world: World | None = None, records: Iterable[Record] = ()) -> None:
        self.records: list[Record] = list(records)
        self._world = world
        self._operations = 0

    @property
    def now(self) -> Nanos:
        """The simulated time, in ns."""
        return 0 if self._world is None else self._world.now

    def add(self, record: Record) -> None:
        """Append one record; its time is not before that of the record before."""
        self.records.append(record)

    def invoke(self, client: str, stream: str, value: str, message_id: str = "") -> int:
        """Record the beginning of a publish and return the number of the operation."""
        self._operations += 1
        self.add(Invoked(self.now, client, self._operations, stream, value, message_id))
        return self._operations

    def complete(self, client: str, operation: int, outcome: Outcome, *, seq: Seq = 0, error: str = "") -> None:
        """Record the end of a publish that was tried once."""
        self.add(Completed(self.now, client, operation, outcome, seq, error=error))

    def mark(self, mark: Mark, server: str = "", *, group: str = "", term: int = 0, detail: str = "") -> None:
        """Record what befell a server or the network."""
        self.add(Marked(self.now, mark, server, group, term, detail))

    def of(self, kind: type[R]) -> Iterator[R]:
        """Yield the records of one kind, in order."""
        return (record for record in self.records if isinstance(record, kind))

    def lines(self) -> Iterator[bytes]:
        """Yield the canonical line of each record, without the newline."""
        encoder = msgspec.json.Encoder()
        return (encoder.encode(record) for record in self.records)

    def fingerprint(self) -> str:
        """Return the hash of the canonical lines: equal for equal runs, on any machine."""
        state = sha256()
        for line in self.lines():
            state.update(line)
            state.update(b"\n")
        return state.hexdigest()

    def save(self, path: Path) -> None:
        """Write the history as JSON lines; raise ``OSError`` where that cannot be done."""
        path.write_bytes(b"".join(line + b"\n" for line in self.lines()))


def load(path: Path) -> History:
    """Read a history back; raise ``BadHistoryError`` on the first line that is no record."""
    records: list[Record] = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            records.append(_DECODER.decode(line))
        except msgspec.MsgspecError as error:
            raise BadHistoryError(f"{path}, line {number}: {error}") from error
    return History(records=records)
