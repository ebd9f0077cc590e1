"""The two JSON records of the handshake: CONNECT from the client, INFO from the server (PRO-INF, PRO-CON).

JSON is read as nats-server reads it [observed 2.15.1]: keys in any case, the last of equal keys wins, ``null`` leaves
a value as it was, unknown keys are ignored whatever they hold, a known key of the wrong type is an error, bytes that
are not UTF-8 are replaced.
"""

from __future__ import annotations

import json
from typing import Final, TypeAlias, final

_Json: TypeAlias = "dict[str, object]"

_INT64: Final = 1 << 63


@final
class ConnectOptions:
    """What a client asked for; the defaults are those of an absent CONNECT (PRO-CON-002, PRO-CON-003)."""

    __slots__ = (
        "account",
        "auth_token",
        "echo",
        "headers",
        "jwt",
        "lang",
        "name",
        "new_account",
        "nkey",
        "no_responders",
        "password",
        "pedantic",
        "protocol",
        "sig",
        "tls_required",
        "user",
        "verbose",
        "version",
    )

    def __init__(self) -> None:
        self.verbose = True
        self.pedantic = True
        self.echo = True
        self.headers = False
        self.no_responders = False
        self.tls_required = False
        self.protocol = 0
        self.name = ""
        self.lang = ""
        self.version = ""
        self.user = ""
        self.password = ""
        self.auth_token = ""
        self.jwt = ""
        self.nkey = ""
        self.sig = ""
        self.account = ""
        self.new_account = False


def parse_connect(text: bytes, previous: ConnectOptions | None = None) -> ConnectOptions | None:
    """Return the options ``text`` asks for over ``previous`` ones; None closes the connection silently.

    None means that ``text`` is not JSON, not an object, or holds a wrong type (PRO-CON-005).  A later CONNECT changes
    only what it names (PRO-CON-009).
    """
    given = _read_object(text)
    if given is None:
        return None
    reader = _Reader(given)
    old = previous if previous is not None else ConnectOptions()
    new = ConnectOptions()
    new.verbose = reader.flag("verbose", default=old.verbose)
    new.pedantic = reader.flag("pedantic", default=old.pedantic)
    new.echo = reader.flag("echo", default=old.echo)
    new.headers = reader.flag("headers", default=old.headers)
    new.no_responders = reader.flag("no_responders", default=old.no_responders)
    new.tls_required = reader.flag("tls_required", default=old.tls_required)
    new.protocol = reader.number("protocol", old.protocol)
    new.name = reader.text("name", old.name)
    new.lang = reader.text("lang", old.lang)
    new.version = reader.text("version", old.version)
    new.user = reader.text("user", old.user)
    new.password = reader.text("pass", old.password)
    new.auth_token = reader.text("auth_token", old.auth_token)
    new.jwt = reader.text("jwt", old.jwt)
    new.nkey = reader.text("nkey", old.nkey)
    new.sig = reader.text("sig", old.sig)
    new.account = reader.text("account", old.account)
    new.new_account = reader.flag("new_account", default=old.new_account)
    reader.text("proxy_sig", "")
    reader.text("remote_account", "")
    return None if reader.failed else new


def is_json_object(text: bytes) -> bool:
    """Tell whether ``text`` is a JSON object, or ``null``, which counts as an empty one."""
    return _read_object(text) is not None


@final
class _Reader:
    """Takes typed values out of a JSON object and remembers whether one had the wrong type."""

    __slots__ = ("_given", "failed")

    def __init__(self, given: _Json) -> None:
        self._given = given
        self.failed = False

    def flag(self, key: str, *, default: bool) -> bool:
        value = self._given.get(key)
        if isinstance(value, bool):
            return value
        self.failed = self.failed or value is not None
        return default

    def number(self, key: str, default: int) -> int:
        value = self._given.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and -_INT64 <= value < _INT64:
            return value
        self.failed = self.failed or value is not None
        return default

    def text(self, key: str, default: str) -> str:
        value = self._given.get(key)
        if isinstance(value, str):
            return value
        self.failed = self.failed or value is not None
        return default


def _read_object(text: bytes) -> _Json | None:
    """Return the object with its keys in lower case, None where ``text`` is not one."""
    try:
        value: object = json.loads(text.decode("utf-8", "replace"), parse_constant=_refuse, object_pairs_hook=_members)
    except (ValueError, RecursionError):
        return None
    if value is None:
        return {}
    return value if isinstance(value, dict) else None


def _members(pairs: list[tuple[str, object]]) -> _Json:
    """Return ``pairs`` as a dict; a ``null`` does not overwrite an earlier value of the same key."""
    members: _Json = {}
    for key, value in pairs:
        folded = key.lower()
        if value is not None or folded not in members:
            members[folded] = value
    return members


def _refuse(constant: str) -> object:
    """Refuse NaN and the infinities, which Python would read and JSON does not know."""
    raise ValueError(constant)
