"""A stream's state as canonical bytes: for digests, for forks, and to bring a replica up to date."""

from __future__ import annotations

from refjs.storage.codec import Reader, Writer
from refjs.stream.dedup import DuplicateWindow
from refjs.stream.stream import Stream
from refjs.types.plain import decode_stream_config, encode_config
from refjs.types.profile import Profile
from refjs.types.stored import StoredMessage


def write_stream(writer: Writer, stream: Stream) -> None:
    """Append the canonical encoding of ``stream``."""
    store = stream.store
    writer.blob(encode_config(stream.config))
    writer.i64(stream.created)
    writer.i64(stream.stamp)
    writer.blob(stream.last_msg_id)
    stream.window.write(writer)
    writer.u64(store.first_seq)
    writer.u64(store.last_seq)
    writer.flag(store.last_ts is not None)
    writer.i64(store.last_ts or 0)
    writer.u64(len(store))
    for message in store.messages():
        writer.u64(message.seq)
        writer.i64(message.ts)
        writer.blob(message.subject)
        writer.u64(message.header_size)
        writer.blob(message.body)


def read_stream(reader: Reader, profile: Profile) -> Stream:
    """Return the stream that ``write_stream`` wrote."""
    config = decode_stream_config(reader.blob())
    stream = Stream(config, reader.i64(), profile)
    stream.stamp = reader.i64()
    stream.last_msg_id = reader.blob()
    stream.window = DuplicateWindow.read(reader)
    first_seq, last_seq = reader.u64(), reader.u64()
    stamped, last_ts = reader.flag(), reader.i64()
    messages: list[StoredMessage] = []
    for _ in range(reader.count()):
        seq, ts, subject, header_size = reader.u64(), reader.i64(), reader.blob(), reader.u64()
        messages.append(StoredMessage(seq, ts, subject, header_size, reader.blob()))
    stream.store.load(messages, first_seq, last_seq, last_ts if stamped else None)
    for message in messages:
        stream.expiry.add(message)
    return stream


def fork(stream: Stream) -> Stream:
    """Return an independent copy of ``stream``."""
    writer = Writer()
    write_stream(writer, stream)
    return read_stream(Reader(writer.done()), stream.profile)
