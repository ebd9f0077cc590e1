"""From JSON values to typed ones: every request is a table of its fields, and this reads such tables.

The rules are nats-server's (STR-API-024 to STR-API-028).  The first fault in the order of the text is the answer.
Names match in any case.  ``null`` leaves a plain field as it is and clears a list, a map or an optional structure.
A name that comes twice is read twice into the same field: maps and structures merge, everything else is replaced.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Final, TypeAlias, final

from refjs.api.json_syntax import Json, read_values
from refjs.api.quoting import go_quote
from refjs.errors.table import INVALID_JSON, ApiError
from refjs.types.profile import Profile
from refjs.types.time_text import TimeTextError, parse_time
from refjs.types.units import Nanos


@final
class Record:
    """The fields of a structure that a request named, by their names."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        self.values: dict[str, Value] = {}

    def text(self, name: str, default: str = "") -> str:
        """Return a text or an enumeration's word."""
        value = self.values.get(name, default)
        assert isinstance(value, str), name
        return value

    def integer(self, name: str, default: int = 0) -> int:
        """Return a number or a duration in ns."""
        value = self.values.get(name, default)
        assert isinstance(value, int), name
        return value

    def flag(self, name: str) -> bool:
        """Return a truth value."""
        value = self.values.get(name, False)
        assert isinstance(value, bool), name
        return value

    def time(self, name: str) -> Nanos | None:
        """Return a time, or None where there is none."""
        value = self.values.get(name)
        assert value is None or isinstance(value, int), name
        return value

    def texts(self, name: str) -> list[str]:
        """Return a list of texts."""
        value = self.values.get(name)
        return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []

    def integers(self, name: str) -> list[int]:
        """Return a list of numbers."""
        value = self.values.get(name)
        return [item for item in value if isinstance(item, int)] if isinstance(value, list) else []

    def text_map(self, name: str) -> dict[str, str]:
        """Return a map of texts."""
        value = self.values.get(name)
        return value if isinstance(value, dict) else {}

    def record(self, name: str) -> Record | None:
        """Return a structure, or None where there is none."""
        value = self.values.get(name)
        assert value is None or isinstance(value, Record), name
        return value

    def first_set(self, names: tuple[str, ...]) -> str:
        """Return the first of ``names`` that says something (is neither null, false, 0 nor empty), or ""."""
        for name in names:
            value = self.values.get(name)
            if isinstance(value, Record) or value:
                return name
        return ""


Value: TypeAlias = bool | int | str | list[str] | list[int] | list["Record"] | dict[str, str] | Record | None


class FieldError(ValueError):
    """A value does not fit its field; ``str(fault)`` says so in nats-server's words."""


class Kind(ABC):
    """What a field may hold; ``go_type`` is how nats-server names it."""

    def __init__(self, go_type: str) -> None:
        self.go_type = go_type

    @abstractmethod
    def read(self, node: Json, path: str, old: Value) -> Value:
        """Return the value of ``node`` for the field ``path`` that held ``old``; raise ``FieldError``."""

    def mismatch(self, node: Json, path: str) -> FieldError:
        """Return the fault of a value of another kind."""
        return FieldError(f"json: cannot unmarshal {node.kind} into {_place(path)} of type {self.go_type}")


@final
class Text(Kind):
    """A string."""

    def read(self, node: Json, path: str, old: Value) -> Value:
        if node.kind == "null":
            return old if isinstance(old, str) else ""
        if node.kind != "string":
            raise self.mismatch(node, path)
        return node.text


@final
class Flag(Kind):
    """``true`` or ``false``."""

    def read(self, node: Json, path: str, old: Value) -> Value:
        if node.kind == "null":
            return old if isinstance(old, bool) else False
        if node.kind != "bool":
            raise self.mismatch(node, path)
        return node.text == "true"


@final
class Integer(Kind):
    """A whole number in a range; neither decimals nor exponents are read."""

    def __init__(self, go_type: str, low: int, high: int) -> None:
        super().__init__(go_type)
        self.low = low
        self.high = high

    def read(self, node: Json, path: str, old: Value) -> Value:
        if node.kind == "null":
            return old if isinstance(old, int) else 0
        if node.kind != "number":
            raise self.mismatch(node, path)
        if not node.text.removeprefix("-").isdigit() or len(node.text) > len(str(self.high)) + 1:
            raise self._bad_number(node, path)
        value = int(node.text)
        if not self.low <= value <= self.high or (self.low == 0 and node.text.startswith("-")):
            raise self._bad_number(node, path)
        return value

    def _bad_number(self, node: Json, path: str) -> FieldError:
        return FieldError(f"json: cannot unmarshal number {node.text} into {_place(path)} of type {self.go_type}")


@final
class Time(Kind):
    """A time as RFC 3339 text; ``null`` is none."""

    def read(self, node: Json, path: str, old: Value) -> Value:
        del old
        if node.kind == "null":
            return None
        if node.kind != "string":
            raise self.mismatch(node, path)
        try:
            return parse_time(node.text)
        except TimeTextError as error:
            raise FieldError(str(error)) from error


@final
class Word(Kind):
    """A word of an enumeration; ``refusal`` is answered to anything else, with its place for the source filled."""

    def __init__(self, words: tuple[str, ...], refusal: str = "can not unmarshal {quoted}") -> None:
        super().__init__("string")
        self.words = words
        self.refusal = refusal

    def read(self, node: Json, path: str, old: Value) -> Value:
        del path, old
        if node.kind == "string" and node.text in self.words:
            return node.text
        raw = node.raw.decode(errors="replace")
        raise FieldError(self.refusal.replace("{quoted}", go_quote(raw)).replace("{raw}", raw))


@final
class CompressionWord(Kind):
    """The word of a compression, which nats-server reads as a plain string first."""

    def read(self, node: Json, path: str, old: Value) -> Value:
        del path, old
        if node.kind not in ("string", "null"):
            raise self.mismatch(node, "")
        if node.text not in ("none", "s2"):
            raise FieldError("unknown compression algorithm")
        return node.text


@final
class Texts(Kind):
    """A list of strings."""

    def read(self, node: Json, path: str, old: Value) -> Value:
        del old
        if node.kind == "null":
            return None
        if node.kind != "array":
            raise self.mismatch(node, path)
        values = [TEXT.read(item, f"{path}.{index}", "") for index, item in enumerate(node.items)]
        return [value for value in values if isinstance(value, str)]


@final
class Durations(Kind):
    """A list of durations."""

    def read(self, node: Json, path: str, old: Value) -> Value:
        del old
        if node.kind == "null":
            return None
        if node.kind != "array":
            raise self.mismatch(node, path)
        values = [DURATION.read(item, f"{path}.{index}", 0) for index, item in enumerate(node.items)]
        return [value for value in values if isinstance(value, int)]


@final
class TextMap(Kind):
    """A map from strings to strings."""

    def read(self, node: Json, path: str, old: Value) -> Value:
        if node.kind == "null":
            return None
        if node.kind != "object":
            raise self.mismatch(node, path)
        merged = dict(old) if isinstance(old, dict) else {}
        for key, item in zip(node.keys, node.items, strict=True):
            value = TEXT.read(item, f"{path}.{key}", "")
            assert isinstance(value, str)
            merged[key] = value
        return merged


@final
class Struct(Kind):
    """A structure with fields of its own; ``null`` is none."""

    def __init__(self, go_type: str, fields: Mapping[str, Kind]) -> None:
        super().__init__(go_type)
        self.fields = fields

    def read(self, node: Json, path: str, old: Value) -> Value:
        if node.kind == "null":
            return None
        if node.kind != "object":
            raise self.mismatch(node, path)
        record = old if isinstance(old, Record) else Record()
        self.read_into(record, node, path, strict=True)
        return record

    def read_into(self, record: Record, node: Json, path: str, *, strict: bool) -> None:
        """Read the members of ``node``; a name that is no field is a fault where ``strict``, else ignored."""
        for key, item in zip(node.keys, node.items, strict=True):
            name = key if key in self.fields else _folded(key)
            kind = self.fields.get(name)
            if kind is not None:
                record.values[name] = kind.read(item, f"{path}.{name}", record.values.get(name))
            elif strict:
                raise FieldError(f"json: unknown field {go_quote(key)}")


@final
class Structs(Kind):
    """A list of structures."""

    def __init__(self, element: Struct) -> None:
        super().__init__(f"[]*{element.go_type}")
        self.element = element

    def read(self, node: Json, path: str, old: Value) -> Value:
        del old
        if node.kind == "null":
            return None
        if node.kind != "array":
            raise self.mismatch(node, path)
        values = [self.element.read(item, f"{path}.{index}", None) for index, item in enumerate(node.items)]
        return [value if isinstance(value, Record) else Record() for value in values]


_BLANKS: Final = b" \t\r\n"

TEXT: Final = Text("string")
FLAG: Final = Flag("bool")
INT: Final = Integer("int", -(1 << 63), (1 << 63) - 1)
INT64: Final = Integer("int64", -(1 << 63), (1 << 63) - 1)
INT32: Final = Integer("int32", -(1 << 31), (1 << 31) - 1)
UINT64: Final = Integer("uint64", 0, (1 << 64) - 1)
DURATION: Final = Integer("time.Duration", -(1 << 63), (1 << 63) - 1)
TIME: Final = Time("time.Time")
TEXTS: Final = Texts("[]string")
DURATIONS: Final = Durations("[]time.Duration")
TEXT_MAP: Final = TextMap("map[string]string")


def decode(body: bytes, request: Struct, profile: Profile) -> Record | ApiError:
    """Return what ``body`` says about the fields of ``request``; nothing is an empty record (STR-API-008)."""
    record = Record()
    values, fault = read_values(body)
    name = request.go_type.rpartition(".")[2]
    try:
        for value in values:
            if value.kind == "object":
                request.read_into(record, value, name, strict=profile.strict_json)
            elif value.kind != "null":
                raise request.mismatch(value, "")
    except FieldError as error:
        return _invalid_json(str(error), profile)
    return _invalid_json(fault, profile) if fault else record


def decode_optional(body: bytes, request: Struct, profile: Profile) -> Record | ApiError:
    """Read a body that may be left out: whatever does not begin like JSON is ignored (STR-API-010)."""
    return decode(body if body.lstrip(_BLANKS)[:1] in (b"{", b"[") else b"", request, profile)


def is_empty_request(body: bytes) -> bool:
    """Tell whether ``body`` asks for nothing: no bytes, or an object without members (STR-API-009)."""
    if not body:
        return True
    stripped = body.strip(_BLANKS)
    return stripped[:1] == b"{" and stripped[-1:] == b"}" and not stripped[1:-1].strip(_BLANKS)


def _invalid_json(reason: str, profile: Profile) -> ApiError:
    """Return the refusal of a body; up to 2.10 it did not tell why (ERR-GEN-008)."""
    if profile.invalid_json_reason:
        return INVALID_JSON.filled(reason)
    return ApiError(INVALID_JSON.status, INVALID_JSON.code, "invalid JSON")


def _folded(name: str) -> str:
    """Return ``name`` as it is compared where no field bears it: without regard to case."""
    return name.lower().replace("\u017f", "s")


def _place(path: str) -> str:
    """Return nats-server's words for the place of a value: the whole, a field, or an element of a list."""
    if not path:
        return "Go value"
    return path if path.rpartition(".")[2].isdigit() else f"Go struct field {path}"
