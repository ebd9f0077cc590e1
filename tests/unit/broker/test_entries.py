"""The entries of groups and of the metadata as bytes."""

from __future__ import annotations

import pytest

from refjs.broker.entries import DeleteConsumer, GroupCodec
from refjs.broker.meta_entries import MetaCodec, RemoveStream
from refjs.storage.codec import CorruptData


def test_bytes_behind_an_entry_are_corrupt() -> None:
    """Bytes behind an entry are none that a writer produces, and are refused."""
    groups, meta = GroupCodec(), MetaCodec()
    consumer_gone, stream_gone = groups.encode(DeleteConsumer("C")), meta.encode(RemoveStream("$G", "S"))
    groups.decode(consumer_gone)
    meta.decode(stream_gone)
    with pytest.raises(CorruptData, match="left over"):
        groups.decode(consumer_gone + b"\x00")
    with pytest.raises(CorruptData, match="left over"):
        meta.decode(stream_gone + b"\x00")
