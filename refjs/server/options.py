"""What ``refjs serve`` was asked to be: the options behind nats-server's flags, with their defaults."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from refjs.types.profile import DEFAULT

VERSION: Final = DEFAULT.release
"""The release whose behaviour is announced and followed."""

DEFAULT_PORT: Final = 4222
RANDOM_PORT: Final = -1


@final
@dataclass(frozen=True, slots=True)
class ServerOptions:
    """One server process; ``port`` and ``monitor_port`` -1 take a free one, an empty text is unset."""

    host: str = "0.0.0.0"  # noqa: S104 (nats-server's default: all interfaces)
    port: int = DEFAULT_PORT
    monitor_port: int = 0
    """0: no monitoring."""
    name: str = ""
    jetstream: bool = False
    store_dir: str = ""
    debug: bool = False
    trace: bool = False
    log_file: str = ""
    log_time: bool = True
    log_time_utc: bool = False
    pid_file: str = ""
    ports_file_dir: str = ""

    @property
    def jetstream_dir(self) -> Path:
        """Where JetStream keeps its files (CFG-CLI-006)."""
        base = Path(self.store_dir) if self.store_dir else Path(os.environ.get("TMPDIR") or "/tmp") / "nats"  # noqa: S108 (nats-server's)
        return base / "jetstream"
