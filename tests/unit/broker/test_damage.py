"""A lone server whose files are damaged says so."""

from __future__ import annotations

from refjs.broker.effects import Level
from refjs.storage.memory import MemoryDisk
from refjs.testing.virtual import VirtualServer

CREATE = b'{"name":"S","subjects":["s"]}'


def left_behind() -> MemoryDisk:
    """Return the disk of a server with one stream of one message."""
    disk = MemoryDisk()
    client = VirtualServer(disk=disk).connect()
    client.send(b"PUB $JS.API.STREAM.CREATE.S %d\r\n%b\r\nPUB s 5\r\nhello\r\n" % (len(CREATE), CREATE))
    return disk


def said(disk: MemoryDisk) -> list[tuple[Level, str]]:
    """Return what a server that starts on ``disk`` has to say to its operator by the end of its first turn."""
    server = VirtualServer(disk=disk)
    server.connect()
    return [(line.level, line.text) for line in server.log]


def test_whole_files_are_not_worth_a_word() -> None:
    """A server that finds what it left logs nothing about its files."""
    assert said(left_behind()) == []


def test_a_hole_is_an_error() -> None:
    """A log with a damaged record is named, with what is lost of it."""
    disk = left_behind()
    (name,) = disk.list("streams/")
    data = bytearray(disk.read(name))
    data[data.index(b"hello")] ^= 1
    disk.replace(name, bytes(data))
    ((level, text),) = said(disk)
    assert level is Level.ERROR
    assert text.startswith(f"JetStream log {name}: a record's data does not check")
    assert "; lost from index " in text
    assert text.endswith("; it takes nothing new")


def test_a_torn_end_is_a_warning() -> None:
    """Bytes of a record that was never written to its end are counted and cut off."""
    disk = left_behind()
    (name,) = disk.list("streams/")
    disk.truncate(name, len(disk.read(name)) - 3)
    ((level, text),) = said(disk)
    assert level is Level.WARN
    assert text.startswith(f"JetStream log {name}: ")
    assert text.endswith("bytes at its end were never synced and are cut off")
