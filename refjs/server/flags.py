"""The command line of nats-server: its flags, spellings and complaints (CFG-CLI-001 ... CFG-CLI-004).

One table says which flags exist, what each is for, and which of them refjs refuses for now.  The grammar is that of
the original: one or two dashes, ``-flag value`` or ``-flag=value``, a switch takes a value only by ``=``, and the
first word without a dash ends the flags.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, unique
from typing import Final, NamedTuple, TypeAlias, final

from refjs.server.options import DEFAULT_PORT, ServerOptions
from refjs.types.digits import read_u64


@unique
class Kind(Enum):
    """What a flag takes."""

    SWITCH = "switch"
    NUMBER = "number"
    TEXT = "text"


class Flag(NamedTuple):
    """A flag: its spellings (the last one names it), what it takes, its argument and purpose as the usage shows them.

    A flag without a purpose is one that nats-server has and refjs does not have yet.
    """

    names: tuple[str, ...]
    kind: Kind
    argument: str = ""
    purpose: str = ""


_SERVER: Final = (
    Flag(("a", "net", "addr"), Kind.TEXT, "host", "listen on this address (default 0.0.0.0)"),
    Flag(("p", "port"), Kind.NUMBER, "port", f"listen on this port (default {DEFAULT_PORT}; -1 takes a free one)"),
    Flag(("n", "name", "server_name"), Kind.TEXT, "name", "the server's name (default: its id)"),
    Flag(("m", "http_port"), Kind.NUMBER, "port", "serve /healthz, /varz and /jsz by HTTP on this port"),
    Flag(("P", "pid"), Kind.TEXT, "file", "write the process id to this file"),
    Flag(("ports_file_dir",), Kind.TEXT, "dir", "write the addresses in use to <program>_<pid>.ports in here"),
)
_JETSTREAM: Final = (
    Flag(("js", "jetstream"), Kind.SWITCH, "", "enable JetStream"),
    Flag(("sd", "store_dir"), Kind.TEXT, "dir", "keep JetStream's files in here"),
)
_LOGGING: Final = (
    Flag(("l", "log"), Kind.TEXT, "file", "log to this file instead of stderr"),
    Flag(("T", "logtime"), Kind.SWITCH, "", "put the time on every line (default true)"),
    Flag(("logtime_utc",), Kind.SWITCH, "", "in UTC instead of local time"),
    Flag(("D", "debug"), Kind.SWITCH, "", "log connections and what else helps to debug"),
    Flag(("V", "trace"), Kind.SWITCH, "", "log every protocol line"),
    Flag(("VV",), Kind.SWITCH, "", "as -V"),
    Flag(("DV",), Kind.SWITCH, "", "both -D and -V"),
    Flag(("DVV",), Kind.SWITCH, "", "as -DV"),
)
_COMMON: Final = (
    Flag(("h", "help"), Kind.SWITCH, "", "show this text"),
    Flag(("v", "version"), Kind.SWITCH, "", "show the release that is followed"),
)
_NOT_YET: Final = (
    *(Flag((name,), Kind.SWITCH) for name in ("t", "s", "syslog", "tls", "tlsverify", "no_advertise", "help_tls")),
    *(Flag((name,), Kind.NUMBER) for name in ("ms", "https_port", "log_size_limit", "max_traced_msg_len", "profile")),
    Flag(("connect_retries",), Kind.NUMBER),
    *(Flag((name,), Kind.TEXT) for name in ("c", "config", "sl", "signal", "client_advertise", "r", "remote_syslog")),
    *(Flag((name,), Kind.TEXT) for name in ("user", "pass", "auth", "tlscert", "tlskey", "tlscacert", "routes")),
    *(Flag((name,), Kind.TEXT) for name in ("cluster", "cluster_listen", "cluster_name", "cluster_advertise")),
)
_SECTIONS: Final = (("Server", _SERVER), ("JetStream", _JETSTREAM), ("Logging", _LOGGING), ("Common", _COMMON))
_BY_NAME: Final = {
    name: flag for flag in (*_SERVER, *_JETSTREAM, *_LOGGING, *_COMMON, *_NOT_YET) for name in flag.names
}

_TRUE: Final = frozenset(("1", "t", "T", "true", "TRUE", "True"))
_FALSE: Final = frozenset(("0", "f", "F", "false", "FALSE", "False"))
_INTEGER: Final = re.compile(r"[+-]?[0-9]+")
_INT64_LIMIT: Final = 1 << 63


@final
@dataclass(frozen=True, slots=True)
class Run:
    """Start a server."""

    options: ServerOptions


@final
@dataclass(frozen=True, slots=True)
class ShowUsage:
    """Print the usage, after ``complaint`` on stderr where there is one; exit 0 (CFG-CLI-004)."""

    complaint: str


@final
@dataclass(frozen=True, slots=True)
class ShowVersion:
    """Print the version; exit 0."""


@final
@dataclass(frozen=True, slots=True)
class Refuse:
    """Print the sentence to stderr; exit 1."""

    sentence: str


Verdict: TypeAlias = Run | ShowUsage | ShowVersion | Refuse


@final
class _Values:
    """What the command line said, by the name of the flag."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.numbers: dict[str, int] = {}
        self.switches: dict[str, bool] = {}

    def put(self, flag: Flag, spelling: str, value: str) -> str:
        """Take a value; return the complaint, empty where there is none."""
        name = flag.names[-1]
        match flag.kind:
            case Kind.TEXT:
                self.texts[name] = value
            case Kind.NUMBER:
                return self._put_number(name, spelling, value)
            case Kind.SWITCH:
                if value not in _TRUE | _FALSE:
                    return f'invalid boolean value "{value}" for -{spelling}: parse error'
                self.switches[name] = value in _TRUE
        return ""

    def _put_number(self, name: str, spelling: str, value: str) -> str:
        if _INTEGER.fullmatch(value) is None:
            return f'invalid value "{value}" for flag -{spelling}: parse error'
        size = read_u64(value.lstrip("+-").encode())
        number = _INT64_LIMIT if size is None else -size if value.startswith("-") else size
        if not -_INT64_LIMIT <= number < _INT64_LIMIT:
            return f'invalid value "{value}" for flag -{spelling}: value out of range'
        self.numbers[name] = number
        return ""

    def on(self, *names: str) -> bool:
        """Tell whether one of the switches is on."""
        return any(self.switches.get(name, False) for name in names)


def parse(arguments: list[str]) -> Verdict:
    """Return what the command line asks for; total over every list of words."""
    values = _Values()
    unsupported = ""
    rest = list(arguments)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest.pop(0)
        if word == "--":
            break
        spelling, has_value, value = word.removeprefix("-").removeprefix("-").partition("=")
        if not spelling or spelling.startswith("-"):
            return ShowUsage(f"bad flag syntax: {word}")
        flag = _BY_NAME.get(spelling)
        if flag is None:
            return ShowUsage(f"flag provided but not defined: -{spelling}")
        if not has_value:
            if flag.kind is not Kind.SWITCH and not rest:
                return ShowUsage(f"flag needs an argument: -{spelling}")
            value = "true" if flag.kind is Kind.SWITCH else rest.pop(0)
        complaint = values.put(flag, spelling, value)
        if complaint:
            return ShowUsage(complaint)
        if not flag.purpose and not unsupported:
            unsupported = spelling
    return _verdict(values, rest, unsupported)


def _verdict(values: _Values, rest: list[str], unsupported: str) -> Verdict:
    if values.on("version"):
        return ShowVersion()
    if values.on("help"):
        return ShowUsage("")
    if rest:
        return Refuse(f'nats-server: unrecognized command: "{rest[0]}"')
    if unsupported:
        return Refuse(f"nats-server: flag -{unsupported} is not supported by refjs")
    if " " in values.texts.get("server_name", ""):
        return Refuse("nats-server: server name cannot contain spaces")
    return Run(_options(values))


def _options(values: _Values) -> ServerOptions:
    defaults = ServerOptions()
    return ServerOptions(
        host=values.texts.get("addr") or defaults.host,
        port=values.numbers.get("port", 0) or defaults.port,
        monitor_port=values.numbers.get("http_port", defaults.monitor_port),
        name=values.texts.get("server_name", defaults.name),
        jetstream=values.on("jetstream"),
        store_dir=values.texts.get("store_dir", defaults.store_dir),
        debug=values.on("debug", "DV", "DVV"),
        trace=values.on("trace", "VV", "DV", "DVV"),
        log_file=values.texts.get("log", defaults.log_file),
        log_time=values.switches.get("logtime", defaults.log_time),
        log_time_utc=values.on("logtime_utc"),
        pid_file=values.texts.get("pid", defaults.pid_file),
        ports_file_dir=values.texts.get("ports_file_dir", defaults.ports_file_dir),
    )


def usage() -> str:
    """Return the help text, made from the table."""
    lines = ["", "Usage: nats-server [options]   (as refjs: refjs serve [options])"]
    for title, flags in _SECTIONS:
        lines += ["", f"{title} options:", *(_usage_line(flag) for flag in flags)]
    lines += ["", "Known to nats-server and not supported by refjs yet:"]
    names = [f"-{name}" for flag in _NOT_YET for name in flag.names]
    lines += ["    " + ", ".join(names[start : start + 10]) for start in range(0, len(names), 10)]
    lines += ["", "Example: refjs serve -p 4222 -js -sd /tmp/store"]
    return "\n".join(lines) + "\n"


def _usage_line(flag: Flag) -> str:
    spellings = ", ".join(f"-{name}" if len(name) <= 3 and name != "net" else f"--{name}" for name in flag.names)  # noqa: PLR2004 (-DVV)
    argument = f" <{flag.argument}>" if flag.argument else ""
    return f"    {spellings + argument:<34} {flag.purpose}"
