"""Small histories written by hand, for tests of the judges."""

from __future__ import annotations

from collections.abc import Iterable

from sim.checkers.catalogue import judge
from sim.checkers.verdict import Kind, Verdict
from sim.history import Began, Completed, Ended, History, Invoked, Mark, Marked, Observed, Outcome, Quieted, Record

SECOND = 1_000_000_000
CONSUMER = "S/worker"


def acked(
    operation: int, seq: int, start: int, end: int, *, message_id: str = "", duplicate: bool = False
) -> list[Record]:
    """One publish that was acknowledged; its value is its message ID, or ``v`` and its number."""
    value = message_id or f"v{operation}"
    return [
        Invoked(start, "p1", operation, "S", value, message_id),
        Completed(end, "p1", operation, Outcome.OK, seq, duplicate),
    ]


def unknown(operation: int, start: int, *, message_id: str = "", outcome: Outcome = Outcome.UNKNOWN) -> list[Record]:
    """One publish of which its client learnt nothing, or that it was refused."""
    value = message_id or f"v{operation}"
    return [Invoked(start, "p1", operation, "S", value, message_id), Completed(start + 5, "p1", operation, outcome)]


def holds(server: str, *messages: tuple[int, str], digest: str | None = None) -> Observed:
    """What ``server`` holds of the stream at the end."""
    last = messages[-1][0] if messages else 0
    return Observed(100, server, "S", last, str(messages) if digest is None else digest, messages)


def led(at: int, server: str, term: int, *, mark: Mark = Mark.LED) -> Marked:
    """``server`` came to lead the group ``g``."""
    return Marked(at, mark, server, "g", term)


def history(*records: Record | Iterable[Record]) -> History:
    """A whole history of two servers, a publisher and a consumer around ``records``."""
    flat: list[Record] = [Began("by hand", 1, ("n1", "n2"), ("p1",), (CONSUMER,))]
    for record in records:
        if isinstance(record, Iterable):
            flat += record
        else:
            flat.append(record)
    return History(records=flat)


def verdict(property_id: str, *records: Record | Iterable[Record]) -> Verdict:
    """The one verdict on a history of ``records``."""
    return judge(history(*records), properties=[property_id]).verdicts[0]


def quiet(at: int, ended: int) -> list[Record]:
    """The heal at ``at`` and the end of the run."""
    return [Quieted(at), Ended(ended, 1, 1)]


def breaks(found: Verdict, kind: Kind, *words: str) -> bool:
    """Whether the verdict is of ``kind`` and its first finding says all of ``words``."""
    return found.kind is kind and all(word in found.findings[0] for word in words)
