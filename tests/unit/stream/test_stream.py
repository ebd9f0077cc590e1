"""Rules of the stream that once were broken, each by its smallest example."""

from __future__ import annotations

import pytest

from refjs.stream.entries import Configure, Expire, Publish, Purge
from refjs.stream.outcomes import Duplicate, Outcome, Refused, Skipped, Stored
from refjs.stream.snapshot import fork
from refjs.stream.stream import Stream
from refjs.types.config import Discard, StorageKind, StreamConfig
from refjs.types.plain import encode_config
from refjs.types.profile import DEFAULT
from refjs.types.units import SECOND, Nanos
from refjs.wire import headers

T0 = 1_000 * SECOND


def stream_of(config: StreamConfig) -> Stream:
    """Return a new stream in memory, with a window of a minute unless ``config`` says otherwise."""
    config.name, config.subjects, config.storage = "S", [">"], StorageKind.MEMORY
    config.duplicate_window = config.duplicate_window or 60 * SECOND
    return Stream(config, T0, DEFAULT)


def publish(
    stream: Stream, subject: bytes, size: int = 0, *, at: Nanos = T0, stating: dict[str, str] | None = None
) -> Outcome:
    """Publish ``size`` bytes with the headers that ``stating`` names without their ``Nats-``."""
    pairs = [(b"Nats-" + name.encode(), value.encode()) for name, value in (stating or {}).items()]
    block = headers.build(b"", pairs) if pairs else b""
    return stream.publish(Publish(subject, len(block), block + b"x" * size, at), wanted=True)


def seqs(stream: Stream) -> list[int]:
    """Return what is stored."""
    return [message.seq for message in stream.store.messages()]


def configure(stream: Stream, config: StreamConfig, at: Nanos = T0) -> None:
    """Put ``config`` in force."""
    config.name, config.subjects, config.storage = "S", [">"], StorageKind.MEMORY
    config.duplicate_window = config.duplicate_window or 60 * SECOND
    stream.apply(Configure(encode_config(config), at))


@pytest.mark.req("STR-DUP-002", "STR-DUP-006")
def test_a_longer_window_does_not_bring_ids_back() -> None:
    """An ID whose window has passed stays forgotten when a longer window is configured."""
    stream = stream_of(StreamConfig(duplicate_window=SECOND))
    publish(stream, b"a", stating={"Msg-Id": "1"})
    configure(stream, StreamConfig(duplicate_window=60 * SECOND), at=T0 + 2 * SECOND)
    assert isinstance(publish(stream, b"a", at=T0 + 2 * SECOND, stating={"Msg-Id": "1"}), Stored)
    assert isinstance(publish(stream, b"a", at=T0 + 61 * SECOND, stating={"Msg-Id": "1"}), Duplicate)


@pytest.mark.req("STR-LIM-006", "STR-UPD-007")
def test_discard_new_replaces_without_pruning() -> None:
    """Discard new above a lowered max_msgs replaces a full subject's oldest message, and removes nothing else."""
    stream = stream_of(StreamConfig(discard=Discard.NEW, max_msgs=10, max_msgs_per_subject=2))
    for subject in (b"a", b"a", b"b", b"b"):
        publish(stream, subject)
    configure(stream, StreamConfig(discard=Discard.NEW, max_msgs=2, max_msgs_per_subject=2))
    assert seqs(stream) == [1, 2, 3, 4]
    publish(stream, b"a")
    assert seqs(stream) == [2, 3, 4, 5]


@pytest.mark.req("STR-LIM-006")
def test_discard_new_counts_bytes_before_it_replaces() -> None:
    """Beyond max_bytes a full subject takes a message only where the replaced one is at least as large."""
    stream = stream_of(StreamConfig(discard=Discard.NEW, max_bytes=100, max_msgs_per_subject=1))
    for subject in (b"a", b"b"):
        publish(stream, subject, 13)
    assert isinstance(publish(stream, b"a", 23), Stored)
    refused = publish(stream, b"a", 40)
    assert isinstance(refused, Refused)
    assert refused.error.text == "maximum bytes exceeded"
    assert isinstance(publish(stream, b"a", 23), Stored)


@pytest.mark.req("STR-UPD-007", "STR-LIM-003")
@pytest.mark.parametrize("discard", list(Discard))
def test_a_lowered_subject_limit_prunes_whichever_side_yields(discard: Discard) -> None:
    """Lowering max_msgs_per_subject prunes every subject at once, under discard new too."""
    stream = stream_of(StreamConfig(discard=discard))
    for subject in (b"a", b"b", b"a", b"b"):
        publish(stream, subject)
    configure(stream, StreamConfig(discard=discard, max_msgs_per_subject=1))
    assert seqs(stream) == [3, 4]


@pytest.mark.req("STR-UPD-007")
def test_pruning_does_not_depend_on_the_history_of_subjects() -> None:
    """A replica restored from a snapshot prunes as the original does: the stream's limits before each subject's."""
    stream = stream_of(StreamConfig())
    for subject in (b"a", b"b", b"b", b"a", b"a", b"a"):
        publish(stream, subject)
    stream.apply(Purge(b"", 2, 0))
    copy = fork(stream)
    for replica in (stream, copy):
        configure(replica, StreamConfig(max_msgs=2, max_msgs_per_subject=1))
    assert seqs(stream) == seqs(copy) == [6]


@pytest.mark.req("STR-PRG-005")
def test_purge_of_every_subject_is_one_without_a_filter() -> None:
    """A purge filtered by ``>`` moves the sequence space as one without a filter."""
    stream = stream_of(StreamConfig())
    publish(stream, b"a")
    stream.apply(Purge(b">", 10, 0))
    assert (stream.store.first_seq, stream.store.last_seq) == (10, 9)


@pytest.mark.req("STR-EXP-001", "STR-EXP-004", "STR-EXP-006")
@pytest.mark.parametrize(
    "name",
    ["Expected-Stream", "Expected-Last-Subject-Sequence-Subject", "Expected-Last-Msg-Id"],
)
def test_a_condition_without_a_value_is_none(name: str) -> None:
    """An empty condition header is as good as none."""
    stream = stream_of(StreamConfig())
    publish(stream, b"a", stating={"Msg-Id": "1"})
    assert isinstance(publish(stream, b"a", stating={name: ""}), Stored)


@pytest.mark.req("STR-EXP-002", "STR-TTL-002")
def test_numbers_of_any_length_are_read() -> None:
    """A header with thousands of digits is refused like any other wrong number."""
    stream = stream_of(StreamConfig(allow_msg_ttl=True))
    for name in ("Expected-Last-Sequence", "TTL"):
        assert isinstance(publish(stream, b"a", stating={name: "9" * 5000}), Refused)
    assert isinstance(publish(stream, b"a", stating={"Expected-Last-Sequence": "0" * 5000}), Stored)
    assert isinstance(publish(stream, b"a", stating={"TTL": "1." + "0" * 5000 + "s"}), Stored)


@pytest.mark.req("STR-SEQ-002", "STR-PUB-007")
def test_what_nobody_wants_needs_no_room() -> None:
    """Without interest a sequence is taken before limits and TTL are looked at."""
    stream = stream_of(StreamConfig(discard=Discard.NEW, max_msgs=1, allow_msg_ttl=True))
    publish(stream, b"a")
    block = headers.build(b"", [(b"Nats-TTL", b"soon")])
    assert isinstance(stream.publish(Publish(b"a", len(block), block, T0), wanted=False), Skipped)


@pytest.mark.req("STR-DUP-001")
def test_asking_changes_nothing() -> None:
    """``check`` foresees what a publish would get and leaves the window as it is."""
    stream = stream_of(StreamConfig(duplicate_window=SECOND))
    publish(stream, b"a", stating={"Msg-Id": "1"})
    block = headers.build(b"", [(b"Nats-Msg-Id", b"1")])
    assert stream.check(Publish(b"a", len(block), block, T0 + SECOND)) is None
    assert isinstance(stream.check(Publish(b"a", len(block), block, T0 + SECOND - 1)), Duplicate)


@pytest.mark.req("STR-LIM-010")
def test_age_is_reached_at_its_deadline() -> None:
    """A message goes exactly when it is as old as max_age."""
    stream = stream_of(StreamConfig(max_age=SECOND))
    publish(stream, b"a")
    deadline = stream.next_deadline()
    assert deadline == T0 + SECOND
    stream.apply(Expire(deadline - 1))
    assert seqs(stream) == [1]
    stream.apply(Expire(deadline))
    assert seqs(stream) == []


@pytest.mark.req("STR-INF-003")
def test_a_new_stream_has_nothing_deleted() -> None:
    """A stream that never held a message lists no deleted sequence."""
    assert stream_of(StreamConfig()).store.deleted() == []
