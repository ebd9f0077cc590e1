"""Entries and values survive their canonical encoding, and damaged bytes are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refjs.storage.codec import I64_MAX, I64_MIN, CorruptData, Reader, Writer, digest
from refjs.types.digits import U64_MAX


@given(
    st.tuples(st.integers(0, U64_MAX), st.integers(I64_MIN, I64_MAX), st.booleans(), st.binary(), st.text()),
    st.lists(st.integers(0, U64_MAX)),
    st.lists(st.binary()),
    st.lists(st.text()),
)
def test_what_is_written_is_read(
    scalars: tuple[int, int, bool, bytes, str], numbers: list[int], blobs: list[bytes], texts: list[str]
) -> None:
    """A reader returns, in order, the values that a writer wrote, and then nothing is left."""
    writer = Writer()
    writer.u64(scalars[0])
    writer.i64(scalars[1])
    writer.flag(scalars[2])
    writer.blob(scalars[3])
    writer.text(scalars[4])
    writer.u64s(numbers)
    writer.blobs(blobs)
    writer.texts(texts)
    reader = Reader(writer.done())
    assert (reader.u64(), reader.i64(), reader.flag(), reader.blob(), reader.text()) == scalars
    assert (reader.u64s(), reader.blobs(), reader.texts()) == (numbers, blobs, texts)
    reader.end()


@given(st.binary(max_size=24))
def test_bytes_are_refused_or_canonical(data: bytes) -> None:
    """Bytes that a reader accepts are exactly those that a writer makes of what was read."""
    reader, writer = Reader(data), Writer()
    try:
        values = (reader.u64(), reader.i64(), reader.flag(), reader.u64s(), reader.blobs(), reader.texts())
        reader.end()
    except CorruptData:
        return
    writer.u64(values[0])
    writer.i64(values[1])
    writer.flag(values[2])
    writer.u64s(values[3])
    writer.blobs(values[4])
    writer.texts(values[5])
    assert writer.done() == data


@pytest.mark.parametrize("data", [b"", b"\x80", b"\x80\x00", b"\xff" * 10, b"\xff" * 9 + b"\x02", b"\x80" * 11])
def test_a_number_cut_overlong_or_too_large_is_refused(data: bytes) -> None:
    """A varint that is cut short, not of the shortest form, or above 64 bits is no number."""
    with pytest.raises(CorruptData):
        Reader(data).u64()


def test_an_announced_length_is_checked_before_it_is_believed() -> None:
    """A list or blob longer than the data is refused without reserving memory for it."""
    writer = Writer()
    writer.u64(U64_MAX)
    for read in (Reader(writer.done()).blob, Reader(writer.done()).u64s, Reader(writer.done()).texts):
        with pytest.raises(CorruptData):
            read()


def test_a_digest_is_of_fixed_size_and_tells_data_apart() -> None:
    """A digest has 16 bytes and differs where the data differ."""
    assert len(digest(b"")) == 16
    assert digest(b"a") != digest(b"b")
