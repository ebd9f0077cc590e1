"""Real files keep the promises of the ``Disk`` seam."""

from __future__ import annotations

import resource
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from refjs.server.files import FileDisk
from refjs.storage.disk import DiskError


def open_descriptors() -> int:
    """Count this process's open files; 0 where the system does not say."""
    directory = Path("/proc/self/fd")
    return len(list(directory.iterdir())) if directory.exists() else 0


@pytest.fixture(name="disk")
def _disk(tmp_path: Path) -> Iterator[FileDisk]:
    disk = FileDisk(tmp_path / "store")
    yield disk
    disk.close()


def test_content_survives_the_process(tmp_path: Path) -> None:
    """What was written is there for the next one that opens the directory."""
    first = FileDisk(tmp_path)
    first.append("streams/a/log", b"one")
    first.append("streams/a/log", b"two")
    first.replace("meta", b"m")
    first.close()

    second = FileDisk(tmp_path)
    found = {name: second.read(name) for name in second.list("")}
    second.close()
    assert found == {"meta": b"m", "streams/a/log": b"onetwo"}


def test_one_process_a_directory(disk: FileDisk) -> None:
    """A directory in use is refused in a sentence."""
    with pytest.raises(DiskError, match=r"store directory .* is in use by another server"):
        FileDisk(disk.root)


def test_refusals_are_sentences(disk: FileDisk) -> None:
    """What the system refuses arrives as one sentence with the file and the reason."""
    (disk.root / "file").write_bytes(b"")
    with pytest.raises(DiskError, match=r"write .*/file/below: (not a directory|file exists)"):
        disk.append("file/below", b"x")
    (disk.root / "directory").mkdir()
    with pytest.raises(DiskError, match=r"read .*/directory: is a directory"):
        disk.read("directory")


def test_a_full_disk_says_so_and_keeps_what_was(disk: FileDisk) -> None:
    """A write that finds no room is refused with the system's reason and leaves nothing of itself behind."""
    disk.append("log", b"12345678")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        with pytest.raises(DiskError, match=r"write .*/log: file too large"):
            disk.append("log", b"12345678")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert disk.read("log") == b"12345678"


@pytest.mark.parametrize("name", ["", "../x", "/etc/x", "a//b", ".", ".lock"])
def test_names_stay_inside(disk: FileDisk, name: str) -> None:
    """A name that leads out of the directory is a bug of the caller."""
    with pytest.raises(AssertionError):
        disk.append(name, b"x")


def test_sync_survives_removal(disk: FileDisk) -> None:
    """A sync that began before files were appended to, replaced or removed still finishes, and leaks no descriptor."""
    before = open_descriptors()
    for number in range(200):
        disk.append(f"f/{number}", b"x")
    pending = disk.begin_sync()
    for number in range(200):
        disk.remove(f"f/{number}")
    pending.finish()
    assert open_descriptors() == before
    assert disk.list("") == []


NAMES = st.sampled_from(["a", "b", "d/a", "d/b", "d/e/a"])
DATA = st.binary(max_size=6)


class FilesMatchDict(RuleBasedStateMachine):
    """The disk reads as a dictionary of byte strings would."""

    def __init__(self) -> None:
        super().__init__()
        self.home = tempfile.TemporaryDirectory()
        self.disk = FileDisk(Path(self.home.name))
        self.expected: dict[str, bytes] = {}

    @rule(name=NAMES, data=DATA)
    def append(self, name: str, data: bytes) -> None:
        self.disk.append(name, data)
        self.expected[name] = self.expected.get(name, b"") + data

    @rule(name=NAMES, data=DATA)
    def replace(self, name: str, data: bytes) -> None:
        self.disk.replace(name, data)
        self.expected[name] = data

    @rule(name=NAMES)
    def remove(self, name: str) -> None:
        self.disk.remove(name)
        self.expected.pop(name, None)

    @rule(name=NAMES, size=st.integers(0, 6))
    def truncate(self, name: str, size: int) -> None:
        if name in self.expected and size <= len(self.expected[name]):
            self.disk.truncate(name, size)
            self.expected[name] = self.expected[name][:size]

    @rule()
    def sync(self) -> None:
        self.disk.sync()

    @invariant()
    def contents_agree(self) -> None:
        assert {name: self.disk.read(name) for name in self.disk.list("")} == self.expected
        assert self.disk.list("d/") == sorted(name for name in self.expected if name.startswith("d/"))

    def teardown(self) -> None:
        self.disk.close()
        self.home.cleanup()


FilesMatchDict.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestFilesMatchDict = FilesMatchDict.TestCase
