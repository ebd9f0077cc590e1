"""The operator's log, line for line in nats-server's format (CFG-CLI-010)."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, TextIO, final

from refjs.broker.effects import Level

_MICROSECONDS: Final = 1_000_000


@final
class Log:
    """Writes ``[pid] date time [LVL] text``, each line at once, to stderr or to a file.

    Debug and trace lines appear only where they were asked for.
    """

    def __init__(
        self, path: str = "", *, debug: bool = False, trace: bool = False, with_time: bool = True, utc: bool = False
    ) -> None:
        self.debugging: Final = debug
        self.tracing: Final = trace
        self._path = path
        self._with_time = with_time
        self._utc = utc
        self._pid = os.getpid()
        self._out = self._open()

    def write(self, level: Level, text: str) -> None:
        """Write one line, unless its level is switched off."""
        if (level is Level.DEBUG and not self.debugging) or (level is Level.TRACE and not self.tracing):
            return
        stamp = f" {self._stamp()}" if self._with_time else ""
        with suppress(OSError):  # nobody reads, or the disk is full: a server without a log goes on serving
            self._out.write(f"[{self._pid}]{stamp} [{level.value}] {text}\n")

    def note(self, text: str) -> None:
        """Write a line of level INF."""
        self.write(Level.INFO, text)

    def reopen(self) -> bool:
        """Open the log file anew, as log rotation asks; False where the log is no file."""
        if not self._path:
            return False
        self.close()
        self._out = self._open()
        return True

    def close(self) -> None:
        """Close the log file."""
        if self._path:
            with suppress(OSError):
                self._out.close()

    def _open(self) -> TextIO:
        if self._path:
            return Path(self._path).open("a", buffering=1, encoding="utf-8", errors="backslashreplace")
        return sys.stderr

    def _stamp(self) -> str:
        seconds, rest = divmod(time.time_ns() // 1_000, _MICROSECONDS)
        parts = time.gmtime(seconds) if self._utc else time.localtime(seconds)
        return f"{time.strftime('%Y/%m/%d %H:%M:%S', parts)}.{rest:06d}"
