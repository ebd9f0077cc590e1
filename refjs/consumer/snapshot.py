"""A consumer's state as canonical bytes: for digests, for forks, and to bring a replica up to date."""

from __future__ import annotations

from collections import deque

from refjs.consumer.consumer import Consumer, Start
from refjs.storage.codec import Reader, Writer
from refjs.types.plain import decode_consumer_config, encode_config
from refjs.types.records import SequenceInfo


def write_consumer(writer: Writer, consumer: Consumer) -> None:
    """Append the canonical encoding of ``consumer``."""
    writer.text(consumer.name)
    writer.blob(encode_config(consumer.config))
    writer.i64(consumer.created)
    writer.i64(consumer.stamp)
    writer.u64(consumer.revision)
    writer.u64(consumer.next_seq)
    writer.u64s(list(consumer.first))
    _write_place(writer, consumer.delivered)
    _write_place(writer, consumer.ack_floor)
    writer.u64(consumer.num_pending)
    writer.u64(len(consumer.pending))
    for seq, pending in consumer.pending.items():
        writer.u64(seq)
        writer.u64(pending.consumer_seq)
        writer.i64(pending.deadline)
    writer.u64s(list(consumer.pending.due()))
    writer.u64(len(consumer.deliveries))
    for seq, count in sorted(consumer.deliveries.items()):
        writer.u64(seq)
        writer.u64(count)
    writer.u64s(sorted(consumer.exhausted))


def read_consumer(reader: Reader) -> Consumer:
    """Return the consumer that ``write_consumer`` wrote."""
    name = reader.text()
    config = decode_consumer_config(reader.blob())
    created, stamp, revision, next_seq = reader.i64(), reader.i64(), reader.u64(), reader.u64()
    consumer = Consumer(name, config, created, Start(next_seq, 0, []))
    consumer.stamp = stamp
    consumer.revision = revision
    consumer.first = deque(reader.u64s())
    consumer.delivered = _read_place(reader)
    consumer.ack_floor = _read_place(reader)
    consumer.num_pending = reader.u64()
    for _ in range(reader.count()):
        consumer.pending.add(reader.u64(), reader.u64(), reader.i64())
    for seq in reader.u64s():
        consumer.pending.queue(seq)
    for _ in range(reader.count()):
        seq = reader.u64()
        consumer.deliveries[seq] = reader.u64()
    consumer.exhausted = dict.fromkeys(reader.u64s())
    return consumer


def fork(consumer: Consumer) -> Consumer:
    """Return an independent copy of ``consumer``."""
    writer = Writer()
    write_consumer(writer, consumer)
    return read_consumer(Reader(writer.done()))


def _write_place(writer: Writer, place: SequenceInfo) -> None:
    writer.u64(place.consumer_seq)
    writer.u64(place.stream_seq)
    writer.i64(place.last_active)


def _read_place(reader: Reader) -> SequenceInfo:
    return SequenceInfo(reader.u64(), reader.u64(), reader.i64())
