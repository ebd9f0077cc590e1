"""Raft's messages on the wire."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from refjs.raft.encoding import decode, decode_entry, decode_peers, decode_snapshot, encode, encode_peers
from refjs.raft.messages import (
    AppendAccepted,
    AppendEntries,
    AppendRejected,
    Entry,
    EntryKind,
    InstallSnapshot,
    Message,
    RequestVote,
    Snapshot,
    TimeoutNow,
    VoteReply,
)
from refjs.storage.codec import CorruptData
from refjs.types.units import ServerId

numbers = st.integers(0, 2**64 - 1)
names = st.text(max_size=8).map(ServerId)
peers = st.lists(names, max_size=4).map(tuple)
entries = st.builds(Entry, numbers, numbers, st.sampled_from(EntryKind), st.binary(max_size=20))
snapshots = st.builds(Snapshot, numbers, numbers, peers, st.binary(max_size=20))
messages = st.one_of(
    st.builds(AppendEntries, names, names, numbers, numbers, numbers, numbers, st.lists(entries, max_size=4)),
    st.builds(AppendAccepted, names, names, numbers, numbers),
    st.builds(AppendRejected, names, names, numbers, numbers, numbers, numbers),
    st.builds(RequestVote, names, names, numbers, numbers, numbers, st.booleans(), st.booleans()),
    st.builds(VoteReply, names, names, numbers, st.booleans(), st.booleans(), st.booleans()),
    st.builds(InstallSnapshot, names, names, numbers, snapshots),
    st.builds(TimeoutNow, names, names, numbers),
)


@given(messages)
def test_a_message_survives_the_wire(message: Message) -> None:
    """What is encoded is decoded to an equal message."""
    assert decode(encode(message)) == message


@given(messages, st.data())
def test_a_message_that_was_cut_is_refused(message: Message, data: st.DataObject) -> None:
    """No proper beginning of a message is a message."""
    encoded = encode(message)
    try:
        decode(encoded[: data.draw(st.integers(0, len(encoded) - 1))])
    except CorruptData:
        return
    raise AssertionError("a message that was cut was decoded")


@given(st.binary(max_size=60))
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    """Bytes are refused with ``CorruptData``, or are exactly those of the message they decode to."""
    for read in (decode_entry, decode_peers, decode_snapshot):
        with suppress(CorruptData):
            read(data)
    try:
        message = decode(data)
    except CorruptData:
        return
    assert encode(message) == data


@given(peers)
def test_members_survive_the_log(members: tuple[ServerId, ...]) -> None:
    """A list of members is decoded as it was encoded."""
    assert decode_peers(encode_peers(members)) == members
