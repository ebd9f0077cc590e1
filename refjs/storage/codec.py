"""The canonical binary codec of the core: how entries, snapshots and digests become bytes.

Canonical means that one value has one encoding: numbers are varints of the shortest form, signed numbers zigzag,
booleans 0 or 1, and whatever has a length carries it first.  So equal values have equal bytes and equal digests, on
every machine, and bytes that no writer produces are refused.  There are no field names: readers and writers of one
record stand side by side in one module and begin it with a version where it goes to disk.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final, final

from refjs.types.digits import U64_MAX

I64_MAX: Final = (1 << 63) - 1
I64_MIN: Final = -(1 << 63)
_MORE: Final = 0x80  # the bit of a varint's byte that says that another one follows
_VARINT_BITS: Final = 70
_DIGEST_SIZE: Final = 16


class CorruptData(Exception):  # noqa: N818 - the name says what was found, as the catalogue does
    """The bytes encode no value: cut short, overlong, or not of this format."""


@final
class Writer:
    """Encodes values, one after the other; ``done`` gives the bytes."""

    __slots__ = ("_out",)

    def __init__(self) -> None:
        self._out = bytearray()

    def u64(self, value: int) -> None:
        """Write an unsigned number below 2**64 as a varint."""
        out = self._out
        if 0 <= value < _MORE:
            out.append(value)
            return
        assert 0 <= value <= U64_MAX, "an unsigned number must fit into 64 bits"
        while value >= _MORE:
            out.append(value & 0x7F | _MORE)
            value >>= 7
        out.append(value)

    def i64(self, value: int) -> None:
        """Write a signed number of 64 bits as a zigzag varint."""
        assert I64_MIN <= value <= I64_MAX, "a signed number must fit into 64 bits"
        self.u64(value << 1 if value >= 0 else (-value << 1) - 1)

    def flag(self, value: bool) -> None:  # noqa: FBT001 - the value is what is written
        """Write a boolean as one byte."""
        self._out.append(1 if value else 0)

    def blob(self, value: bytes) -> None:
        """Write bytes, their length first."""
        self.u64(len(value))
        self._out += value

    def text(self, value: str) -> None:
        """Write text as UTF-8, its length in bytes first; lone surrogates survive."""
        self.blob(value.encode("utf-8", "surrogatepass"))

    def u64s(self, values: list[int]) -> None:
        """Write a list of unsigned numbers, its length first."""
        self.u64(len(values))
        for value in values:
            self.u64(value)

    def blobs(self, values: list[bytes]) -> None:
        """Write a list of bytes, its length first."""
        self.u64(len(values))
        for value in values:
            self.blob(value)

    def texts(self, values: list[str]) -> None:
        """Write a list of texts, its length first."""
        self.u64(len(values))
        for value in values:
            self.text(value)

    def done(self) -> bytes:
        """Return all that was written."""
        return bytes(self._out)


@final
class Reader:
    """Decodes what a ``Writer`` wrote; every method raises ``CorruptData`` where the bytes do not say its kind."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def u64(self) -> int:
        """Read an unsigned number."""
        data, at = self._data, self._at
        if at >= len(data):
            raise CorruptData("the data ends inside a number")
        byte = data[at]
        if byte < _MORE:
            self._at = at + 1
            return byte
        return self._long_u64()

    def _long_u64(self) -> int:
        value = shift = 0
        while shift < _VARINT_BITS:
            if self._at >= len(self._data):
                raise CorruptData("the data ends inside a number")
            byte = self._data[self._at]
            self._at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < _MORE:
                if byte == 0 or value > U64_MAX:
                    break
                return value
        raise CorruptData("a number is not in its shortest form or exceeds 64 bits")

    def i64(self) -> int:
        """Read a signed number."""
        value = self.u64()
        return value >> 1 if value & 1 == 0 else -((value + 1) >> 1)

    def flag(self) -> bool:
        """Read a boolean."""
        value = self.u64()
        if value > 1:
            raise CorruptData(f"a boolean is {value}")
        return value == 1

    def blob(self) -> bytes:
        """Read bytes."""
        size = self.u64()
        begin = self._at
        end = begin + size
        if end > len(self._data):
            raise CorruptData(f"{size} bytes are announced and {len(self._data) - begin} are there")
        self._at = end
        return self._data[begin:end]

    def text(self) -> str:
        """Read text."""
        try:
            return self.blob().decode("utf-8", "surrogatepass")
        except UnicodeDecodeError as error:
            raise CorruptData("a text is not UTF-8") from error

    def count(self) -> int:
        """Read the length of a list whose items take at least one byte each."""
        size = self.u64()
        if size > len(self._data) - self._at:
            raise CorruptData(f"a list of {size} items cannot fit into what is left")
        return size

    def u64s(self) -> list[int]:
        """Read a list of unsigned numbers."""
        return [self.u64() for _ in range(self.count())]

    def blobs(self) -> list[bytes]:
        """Read a list of bytes."""
        return [self.blob() for _ in range(self.count())]

    def texts(self) -> list[str]:
        """Read a list of texts."""
        return [self.text() for _ in range(self.count())]

    def rest(self) -> bytes:
        """Return the bytes not yet read and end there."""
        begin, self._at = self._at, len(self._data)
        return self._data[begin:]

    def at_end(self) -> bool:
        """Tell whether everything was read."""
        return self._at == len(self._data)

    def end(self) -> None:
        """Demand that everything was read."""
        if self._at != len(self._data):
            raise CorruptData(f"{len(self._data) - self._at} bytes are left over")


def digest(data: bytes) -> bytes:
    """Return the 16 bytes that stand for ``data`` in comparisons of replicas (BLAKE2b)."""
    return blake2b(data, digest_size=_DIGEST_SIZE).digest()
