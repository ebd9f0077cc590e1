"""Replicas of one group are one: the same entries make the same state, in whatever form the state or they arrive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refjs.broker.entries import CreateConsumer, DeleteConsumer, ForConsumer, GroupCodec, GroupEntry
from refjs.broker.picker import Picker
from refjs.broker.replica import Replica
from refjs.consumer.entries import (
    Acknowledge,
    ConsumerEntry,
    Deliver,
    Extend,
    GiveUp,
    PassTime,
    Refuse,
    Skip,
    Terminate,
)
from refjs.storage.codec import CorruptData
from refjs.stream.entries import Configure, DeleteMessage, Expire, Publish, Purge
from refjs.types.config import AckPolicy, ConsumerConfig, Discard, Retention, StreamConfig
from refjs.types.plain import encode_config
from refjs.types.profile import DEFAULT
from refjs.types.units import SECOND, Nanos, Seq
from refjs.wire import headers

CODEC: Final = GroupCodec()
names = st.sampled_from(["c", "d"])
subjects = st.sampled_from([b"a", b"b.x", b"b.y"])
seqs = st.integers(1, 8)
ticks = st.integers(0, 4).map(lambda tick: tick * SECOND)
"""Times passed since the last entry; the stamps of a group never fall."""

stream_configs = st.builds(
    StreamConfig,
    name=st.just("S"),
    subjects=st.just([">"]),
    retention=st.sampled_from(Retention),
    max_msgs=st.sampled_from([-1, 3]),
    max_msgs_per_subject=st.sampled_from([-1, 1]),
    max_age=st.sampled_from([0, 5 * SECOND]),
    discard=st.sampled_from(Discard),
    duplicate_window=st.just(2 * SECOND),
    allow_rollup_hdrs=st.just(value=True),
    allow_msg_ttl=st.just(value=True),
)
consumer_configs = st.builds(
    ConsumerConfig,
    ack_policy=st.sampled_from(AckPolicy),
    ack_wait=st.sampled_from([SECOND, 2 * SECOND]),
    max_deliver=st.sampled_from([-1, 1, 2]),
    filter_subject=st.sampled_from(["", "a", "b.>"]),
)
pairs = st.sampled_from([
    [],
    [(b"Nats-Msg-Id", b"1")],
    [(b"Nats-Rollup", b"sub")],
    [(b"Nats-TTL", b"1s")],
    [(b"Nats-TTL", b"never")],
])  # fmt: skip


@final
@dataclass(frozen=True)
class Send:
    """Deliver up to ``most`` of what the picker picks."""

    name: str
    most: int
    now: Nanos

    def entry(self, replica: Replica) -> GroupEntry:
        """Return the entry that a leader in the state of ``replica`` proposes."""
        consumer, seqs = replica.consumers.get(self.name), list[Seq]()
        if consumer is None:
            return Expire(self.now)
        picker = Picker(consumer, replica.stream.store, self.now)
        while len(seqs) < self.most and (message := picker.peek()) is not None:
            picker.take()
            seqs.append(message.seq)
        return ForConsumer(self.name, Deliver(seqs, self.now, consumer.revision))


@st.composite
def consumer_entries(draw: st.DrawFn, now: int) -> ConsumerEntry:
    """Draw anything that can be proposed to a consumer, sensible or not."""
    seq, other = draw(seqs), draw(seqs)  # of a message, of a delivery
    choices: list[ConsumerEntry] = [
        Acknowledge(seq, other, now),
        Terminate(seq, other, now),
        Refuse(seq, draw(ticks), now),
        Extend(seq, now),
        PassTime(now),
        GiveUp(seq, now),
        Skip(seq, now),
    ]
    return draw(st.sampled_from(choices))


@st.composite
def entries(draw: st.DrawFn) -> list[GroupEntry | Send]:
    """Draw a group's log: consumers and messages first, then anything."""
    config = draw(consumer_configs)
    log: list[GroupEntry | Send] = [CreateConsumer("c", encode_config(config), 0)]
    log += [Publish(draw(subjects), 0, b"x", 0) for _ in range(draw(st.integers(0, 4)))]
    now = 0
    for _ in range(draw(st.integers(1, 12))):
        now += draw(ticks)
        block = headers.build(b"", draw(pairs))
        log.append(
            draw(
                st.one_of(
                    st.builds(Send, names, st.integers(1, 3), st.just(now)),
                    st.builds(Send, names, st.integers(1, 3), st.just(now)),
                    st.builds(ForConsumer, names, consumer_entries(now)),
                    st.builds(Publish, subjects, st.just(len(block)), st.just(block + b"x"), st.just(now)),
                    st.builds(CreateConsumer, names, consumer_configs.map(encode_config), st.just(now)),
                    st.builds(DeleteConsumer, names),
                    st.builds(Purge, st.sampled_from([b"", b"a", b"b.>"]), seqs, st.just(0), st.just(now)),
                    st.builds(DeleteMessage, seqs, st.just(now)),
                    st.builds(Expire, st.just(now)),
                    st.builds(Configure, stream_configs.map(encode_config), st.just(now)),
                )
            )
        )
    return log


@pytest.mark.req("CLU-PUB-006", "CLU-REC-001")
@given(config=stream_configs, log=entries(), restored_at=st.integers(0, 16))
def test_replicas_that_applied_the_same_prefix_are_equal(
    config: StreamConfig, log: list[GroupEntry | Send], restored_at: int
) -> None:
    """Who applies entries, who applies their bytes, and who began with a snapshot have one digest (R10, R11)."""
    first, second = Replica(config, 0, DEFAULT), Replica(config, 0, DEFAULT)
    third: Replica | None = None
    for number, step in enumerate(log):
        if number == restored_at % len(log):
            third = Replica.restore(first.snapshot(), DEFAULT)
        entry = step.entry(first) if isinstance(step, Send) else step
        data = CODEC.encode(entry)
        first.apply(entry)
        second.apply(CODEC.decode(data))
        assert second.digest() == first.digest()
        if third is not None:
            third.apply(CODEC.decode(data))
            assert third.digest() == first.digest()


@given(log=entries(), flaw=st.integers(0, 10_000))
def test_an_entry_cut_short_is_refused(log: list[GroupEntry | Send], flaw: int) -> None:
    """No prefix of an entry's bytes is an entry."""
    proposed = [step for step in log if not isinstance(step, Send)]
    data = CODEC.encode(proposed[flaw % len(proposed)])
    with pytest.raises(CorruptData):
        CODEC.decode(data[: flaw % len(data)])
