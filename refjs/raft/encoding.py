"""Messages, entries and snapshots as bytes: what goes over a route and into the log file."""

from __future__ import annotations

from typing import Final, assert_never

from refjs.raft.messages import (
    AppendAccepted,
    AppendEntries,
    AppendRejected,
    Entry,
    EntryKind,
    InstallSnapshot,
    Message,
    Peers,
    RequestVote,
    Snapshot,
    TimeoutNow,
    VoteReply,
)
from refjs.storage.codec import CorruptData, Reader, Writer
from refjs.types.units import ServerId

_APPEND: Final = 1
_ACCEPTED: Final = 2
_REJECTED: Final = 3
_REQUEST_VOTE: Final = 4
_VOTE_REPLY: Final = 5
_SNAPSHOT: Final = 6
_TIMEOUT_NOW: Final = 7


def encode(message: Message) -> bytes:
    """Return the canonical bytes of ``message``."""
    out = Writer()
    match message:
        case AppendEntries():
            _head(out, _APPEND, message)
            out.u64(message.prev_index)
            out.u64(message.prev_term)
            out.u64(message.commit)
            out.u64(len(message.entries))
            for entry in message.entries:
                out.blob(encode_entry(entry))
        case AppendAccepted():
            _head(out, _ACCEPTED, message)
            out.u64(message.match)
        case AppendRejected():
            _head(out, _REJECTED, message)
            out.u64(message.prev_index)
            out.u64(message.hint_index)
            out.u64(message.hint_term)
        case RequestVote():
            _head(out, _REQUEST_VOTE, message)
            out.u64(message.last_index)
            out.u64(message.last_term)
            out.flag(message.pre)
            out.flag(message.transfer)
        case VoteReply():
            _head(out, _VOTE_REPLY, message)
            out.flag(message.granted)
            out.flag(message.pre)
            out.flag(message.empty)
        case InstallSnapshot():
            _head(out, _SNAPSHOT, message)
            out.blob(encode_snapshot(message.snapshot))
        case TimeoutNow():
            _head(out, _TIMEOUT_NOW, message)
        case _:
            assert_never(message)
    return out.done()


def _head(out: Writer, tag: int, message: Message) -> None:
    out.u64(tag)
    out.text(message.source)
    out.text(message.target)
    out.u64(message.term)


def decode(data: bytes) -> Message:
    """Return the message that ``data`` encodes; raise ``CorruptData`` where it encodes none."""
    reader = Reader(data)
    tag, source, target, term = reader.u64(), ServerId(reader.text()), ServerId(reader.text()), reader.u64()
    message: Message
    if tag == _APPEND:
        prev_index, prev_term, commit = reader.u64(), reader.u64(), reader.u64()
        entries = [decode_entry(reader.blob()) for _ in range(reader.count())]
        message = AppendEntries(source, target, term, prev_index, prev_term, commit, entries)
    elif tag == _ACCEPTED:
        message = AppendAccepted(source, target, term, reader.u64())
    elif tag == _REJECTED:
        message = AppendRejected(source, target, term, reader.u64(), reader.u64(), reader.u64())
    elif tag == _REQUEST_VOTE:
        message = RequestVote(source, target, term, reader.u64(), reader.u64(), reader.flag(), reader.flag())
    elif tag == _VOTE_REPLY:
        message = VoteReply(source, target, term, reader.flag(), reader.flag(), reader.flag())
    elif tag == _SNAPSHOT:
        message = InstallSnapshot(source, target, term, decode_snapshot(reader.blob()))
    elif tag == _TIMEOUT_NOW:
        message = TimeoutNow(source, target, term)
    else:
        raise CorruptData(f"no message has the tag {tag}")
    reader.end()
    return message


def encode_entry(entry: Entry) -> bytes:
    """Return the bytes of one entry."""
    out = Writer()
    out.u64(entry.index)
    out.u64(entry.term)
    out.u64(entry.kind)
    out.blob(entry.data)
    return out.done()


def decode_entry(data: bytes) -> Entry:
    """Return the entry that ``data`` encodes; raise ``CorruptData`` where it encodes none."""
    reader = Reader(data)
    index, term, kind = reader.u64(), reader.u64(), reader.u64()
    if kind > EntryKind.PEERS:
        raise CorruptData(f"no entry has the kind {kind}")
    entry = Entry(index, term, EntryKind(kind), reader.blob())
    reader.end()
    return entry


def encode_peers(peers: Peers) -> bytes:
    """Return the bytes of a list of members, the data of a ``PEERS`` entry."""
    out = Writer()
    out.texts(list(peers))
    return out.done()


def decode_peers(data: bytes) -> Peers:
    """Return the members that ``data`` encodes; raise ``CorruptData`` where it encodes none."""
    reader = Reader(data)
    peers = tuple(ServerId(name) for name in reader.texts())
    reader.end()
    return peers


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """Return the bytes of a snapshot."""
    out = Writer()
    out.u64(snapshot.index)
    out.u64(snapshot.term)
    out.texts(list(snapshot.peers))
    out.blob(snapshot.data)
    return out.done()


def decode_snapshot(data: bytes) -> Snapshot:
    """Return the snapshot that ``data`` encodes; raise ``CorruptData`` where it encodes none."""
    reader = Reader(data)
    index, term = reader.u64(), reader.u64()
    peers = tuple(ServerId(name) for name in reader.texts())
    snapshot = Snapshot(index, term, peers, reader.blob())
    reader.end()
    return snapshot
