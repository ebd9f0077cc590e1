"""The log has nats-server's format."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from refjs.broker.effects import Level
from refjs.server.logs import Log


@pytest.mark.req("CFG-CLI-010")
def test_line_format(tmp_path: Path) -> None:
    """A line is the process id, the time to the microsecond, the level and the text."""
    log = Log(str(tmp_path / "log"))
    log.note("Server is ready")
    log.close()
    line = (tmp_path / "log").read_text()
    assert re.fullmatch(r"\[\d+\] \d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{6} \[INF\] Server is ready\n", line)


def test_without_time(tmp_path: Path) -> None:
    """Without -T a line has no time."""
    log = Log(str(tmp_path / "log"), with_time=False)
    log.write(Level.ERROR, "x")
    log.close()
    assert re.fullmatch(r"\[\d+\] \[ERR\] x\n", (tmp_path / "log").read_text())


def test_debug_and_trace_are_asked_for(tmp_path: Path) -> None:
    """Debug and trace lines appear only where they are switched on."""
    for debug, trace in ((False, False), (True, False), (False, True)):
        path = tmp_path / f"{debug}{trace}"
        log = Log(str(path), debug=debug, trace=trace)
        log.write(Level.DEBUG, "d")
        log.write(Level.TRACE, "t")
        log.close()
        assert ("[DBG] d" in path.read_text(), "[TRC] t" in path.read_text()) == (debug, trace)


def test_reopen_follows_rotation(tmp_path: Path) -> None:
    """After the file was moved away, a reopened log writes to a new one."""
    path = tmp_path / "log"
    log = Log(str(path))
    log.note("old")
    path.rename(tmp_path / "rotated")
    assert log.reopen()
    log.note("new")
    log.close()
    assert "old" in (tmp_path / "rotated").read_text()
    assert "new" in path.read_text()
    assert "old" not in path.read_text()
