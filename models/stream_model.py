"""A stream as a list of messages and the obvious rules: what ``refjs.stream`` must be equal to, whatever happens.

Every rule walks the whole list; nothing is indexed, cached or kept in step with anything else.  The model imports
nothing of refjs, and its rules are those of docs/spec/streams.md as release 2.15.1 shows them.

Leaves out: subject patterns other than a literal, ``<prefix>.>`` and ``>``; header blocks (an ``Offer`` says what they
state); replicated publishing, where the order of checks differs (STR-PUB-008).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PROPERTY_IDS: Final = {
    "P2": "a sequence stands for one message: the model's list and the stream hold the same ones after every step",
    "P6": "a message ID inside the window is stored once, and its duplicates name the stored sequence",
    "P8": "the limits hold after every entry, and a refusal changes nothing",
    "P9": "sequences never move back, and messages, bytes and deleted ones add up",
    "P11": "what a rollup, a purge or a delete removed cannot be read",
}

ABSENT: Final = -1
FOREVER: Final = -1
INVALID_TTL: Final = -2

SEALED: Final = 10109
WRONG_STREAM: Final = 10060
TTL_DISABLED: Final = 10166
TTL_INVALID: Final = 10165
WRONG_LAST_SEQUENCE: Final = 10071
SUBJECT_WITHOUT_SEQUENCE: Final = 10193
WRONG_LAST_MSG_ID: Final = 10070
ROLLUP: Final = 10111
TOO_LARGE: Final = 10054
STORE_FULL: Final = 10077
PURGE_DENIED: Final = 10110
DELETE_DENIED: Final = 10057
NOT_FOUND: Final = 10043


@dataclass(frozen=True)
class Rules:
    """What the stream is configured to be; limits 0 or below mean none, durations are in ns."""

    name: str = "S"
    in_file: bool = False
    max_msgs: int = -1
    max_bytes: int = -1
    max_age: int = 0
    max_msgs_per_subject: int = -1
    max_msg_size: int = -1
    discard_new: bool = False
    discard_new_per_subject: bool = False
    window: int = 0
    allow_rollup: bool = False
    allow_ttl: bool = False
    deny_delete: bool = False
    deny_purge: bool = False
    sealed: bool = False


@dataclass(frozen=True)
class Message:
    """One stored message; ``body`` is its header block and payload, ``ttl`` its own life in ns or ``FOREVER``."""

    seq: int
    subject: str
    stamp: int
    body: bytes
    header_size: int
    ttl: int = 0


@dataclass(frozen=True)
class Offer:
    """A publish: the message, and the conditions that its headers state."""

    subject: str
    stamp: int
    body: bytes
    header_size: int = 0
    msg_id: str = ""
    expected_stream: str = ""
    expected_last_seq: int = ABSENT
    expected_last_subject_seq: int = ABSENT
    expected_subject: str = ""
    expected_last_msg_id: str = ""
    rollup: str = ""
    ttl: int = 0
    wanted: bool = True


@dataclass(frozen=True)
class Verdict:
    """What became of a request: ``kind`` is stored, skipped, duplicate, removed or refused, ``value`` its number."""

    kind: str
    value: int


@dataclass(frozen=True)
class Known:
    """A message ID in the window."""

    msg_id: str
    seq: int
    stamp: int


class StreamModel:
    """The whole state: a list of messages, the next sequence, the window."""

    def __init__(self, rules: Rules, first_seq: int = 0) -> None:
        self.rules = rules
        self.messages: list[Message] = []
        self.empty_first_seq = first_seq
        self.last_seq = max(first_seq - 1, 0)
        self.last_stamp = 0
        self.known: list[Known] = []
        self.last_msg_id = ""

    # -- looking ------------------------------------------------------------------------------------------------

    @property
    def first_seq(self) -> int:
        """The oldest stored sequence; where nothing is stored, the one that comes next (STR-LIM-011)."""
        return self.messages[0].seq if self.messages else self.empty_first_seq

    def size(self, message: Message) -> int:
        """Return what a message counts (STR-INF-007)."""
        if not self.rules.in_file:
            return 16 + len(message.subject) + len(message.body)
        return 30 + len(message.subject) + len(message.body) + (4 if message.header_size else 0)

    def state(self) -> tuple[object, ...]:
        """Return all that there is to know, as a value."""
        known, messages = tuple(self.known), tuple(self.messages)
        return (self.rules, messages, self.first_seq, self.last_seq, self.last_stamp, known, self.last_msg_id)

    @property
    def bytes(self) -> int:
        """What all messages count together."""
        return sum(self.size(message) for message in self.messages)

    def of_subject(self, subject: str) -> list[Message]:
        """Return the messages whose subject matches, oldest first."""
        return [message for message in self.messages if matches(subject, message.subject)]

    def knows(self, msg_id: str, now: int) -> int:
        """Return where ``msg_id`` was stored inside the window that ends at ``now``, or 0 (STR-DUP-002)."""
        inside = [known for known in self.known if now - known.stamp < self.rules.window]
        return next((known.seq for known in inside if known.msg_id == msg_id), 0)

    def next_deadline(self) -> int | None:
        """Return when the next message grows too old."""
        deadlines = [due for message in self.messages if (due := self._end_of(message)) is not None]
        return min(deadlines) if deadlines else None

    def _end_of(self, message: Message) -> int | None:
        own = [message.stamp + message.ttl] if message.ttl > 0 else []
        aged = [message.stamp + self.rules.max_age] if self.rules.max_age and message.ttl != FOREVER else []
        return min(own + aged) if own + aged else None

    # -- publishing ---------------------------------------------------------------------------------------------

    def publish(self, offer: Offer) -> Verdict:
        """Store the offer or say why not (STR-PUB-007)."""
        self._forget(offer.stamp)
        refused = self._refusal(offer)
        if refused is not None:
            return refused
        if not offer.wanted:
            self._take_seq(offer)
            return Verdict("skipped", self.last_seq)
        if offer.ttl == INVALID_TTL:
            return Verdict("refused", TTL_INVALID)
        message = self._message(offer)
        if self.rules.discard_new and not self._has_room(message, rolls_up=offer.rollup != ""):
            return Verdict("refused", STORE_FULL)
        self._take_seq(offer)
        self.messages.append(message)
        self._enforce_subject_limit(offer.subject)
        self._enforce_stream_limits()
        if offer.rollup:
            older = self.messages if offer.rollup.lower() == "all" else self.of_subject(offer.subject)
            self._remove([each for each in older if each is not message])
        return Verdict("stored", message.seq)

    def _refusal(self, offer: Offer) -> Verdict | None:
        rules = self.rules
        if rules.sealed:
            return Verdict("refused", SEALED)
        if 0 < rules.max_msg_size < len(offer.body):
            return Verdict("refused", TOO_LARGE)
        if offer.expected_stream not in ("", rules.name):
            return Verdict("refused", WRONG_STREAM)
        if (offer.ttl > 0 or offer.ttl == FOREVER) and not rules.allow_ttl:
            return Verdict("refused", TTL_DISABLED)
        if offer.expected_last_subject_seq != ABSENT:
            if self._last_seq_of(offer.expected_subject or offer.subject) != offer.expected_last_subject_seq:
                return Verdict("refused", WRONG_LAST_SEQUENCE)
        elif offer.expected_subject:
            return Verdict("refused", SUBJECT_WITHOUT_SEQUENCE)
        if offer.expected_last_seq not in (ABSENT, self.last_seq):
            return Verdict("refused", WRONG_LAST_SEQUENCE)
        return self._later_refusal(offer)

    def _later_refusal(self, offer: Offer) -> Verdict | None:
        rules = self.rules
        known = self.knows(offer.msg_id, offer.stamp) if offer.msg_id else 0
        if known:
            return Verdict("duplicate", known)
        if offer.expected_last_msg_id not in ("", self.last_msg_id):
            return Verdict("refused", WRONG_LAST_MSG_ID)
        if offer.rollup and (not rules.allow_rollup or rules.deny_purge or offer.rollup.lower() not in ("sub", "all")):
            return Verdict("refused", ROLLUP)
        return None

    def _last_seq_of(self, subject: str) -> int:
        """Return the newest sequence that matches; ``>`` looks at the last one only (STR-EXP-004, STR-MGET-004)."""
        found = self.of_subject(subject)
        if subject == ">" and found and found[-1].seq != self.last_seq:
            return 0
        return found[-1].seq if found else 0

    def _message(self, offer: Offer) -> Message:
        return Message(self.last_seq + 1, offer.subject, offer.stamp, offer.body, offer.header_size, offer.ttl)

    def _has_room(self, message: Message, *, rolls_up: bool) -> bool:
        """Tell whether discard new lets ``message`` in (STR-LIM-004 to STR-LIM-007)."""
        rules = self.rules
        rivals = self.of_subject(message.subject)
        full = 0 < rules.max_msgs_per_subject <= len(rivals)
        if full and rules.discard_new_per_subject and not rolls_up:
            return False
        if 0 < rules.max_msgs <= len(self.messages) and not full:
            return False
        fits = rules.max_bytes <= 0 or self.bytes + self.size(message) <= rules.max_bytes
        return fits or (full and self.size(rivals[0]) >= self.size(message))

    def _take_seq(self, offer: Offer) -> None:
        self.last_seq += 1
        self.empty_first_seq = self.last_seq + 1
        self.last_msg_id = offer.msg_id
        self.last_stamp = offer.stamp
        if offer.msg_id:
            self.known.append(Known(offer.msg_id, self.last_seq, offer.stamp))

    # -- removing -----------------------------------------------------------------------------------------------

    def _remove(self, doomed: list[Message]) -> Verdict:
        gone = {message.seq for message in doomed}
        self.messages = [message for message in self.messages if message.seq not in gone]
        if gone:
            self.empty_first_seq = self.last_seq + 1
        return Verdict("removed", len(gone))

    def _enforce_subject_limit(self, subject: str) -> None:
        excess = len(self.of_subject(subject)) - self.rules.max_msgs_per_subject
        if self.rules.max_msgs_per_subject > 0 and excess > 0:
            self._remove(self.of_subject(subject)[:excess])

    def _enforce_stream_limits(self) -> None:
        """Let the oldest go, unless it is the new ones that yield (STR-LIM-001, STR-LIM-002)."""
        rules = self.rules
        if rules.discard_new:
            return
        while 0 < rules.max_msgs < len(self.messages) or 0 < rules.max_bytes < self.bytes:
            self._remove(self.messages[:1])

    def _forget(self, now: int) -> None:
        self.known = [known for known in self.known if now - known.stamp < self.rules.window]

    def expire(self, now: int) -> Verdict:
        """Time has reached ``now`` (STR-LIM-010, STR-TTL-004)."""
        self._forget(now)
        return self._remove([m for m in self.messages if (end := self._end_of(m)) is not None and end <= now])

    def purge(self, subject: str, seq: int, keep: int) -> Verdict:
        """Remove what matches, is below ``seq`` (0: all) and is not of the newest ``keep`` (STR-PRG)."""
        if self.rules.sealed:
            return Verdict("refused", SEALED)
        if self.rules.deny_purge:
            return Verdict("refused", PURGE_DENIED)
        doomed = [m for m in self.of_subject(subject or ">") if seq == 0 or m.seq < seq]
        if keep:
            doomed = doomed[: max(len(doomed) - keep, 0)]
        removed = self._remove(doomed)
        if subject in ("", ">") and keep == 0:
            if seq > self.last_seq:
                self.last_seq = seq - 1
            if not self.messages:
                self.empty_first_seq = self.last_seq + 1
        return removed

    def delete(self, seq: int) -> Verdict:
        """Remove one message (STR-MDEL)."""
        if self.rules.sealed:
            return Verdict("refused", SEALED)
        if self.rules.deny_delete:
            return Verdict("refused", DELETE_DENIED)
        found = [message for message in self.messages if message.seq == seq]
        if found:
            return self._remove(found)
        outside = seq == 0 or not self.first_seq <= seq <= self.last_seq
        return Verdict("refused", DELETE_DENIED if self.rules.in_file and outside else NOT_FOUND)

    def let_go(self, seqs: list[int]) -> None:
        """Remove messages that retention does not keep any longer (STR-RET)."""
        self._remove([message for message in self.messages if message.seq in seqs])

    def configure(self, rules: Rules, now: int) -> Verdict:
        """Put ``rules`` in force; what they do not admit goes (STR-UPD-007)."""
        self._forget(now)
        before = len(self.messages)
        self.rules = rules
        self._enforce_stream_limits()
        for subject in sorted({message.subject for message in self.messages}):
            self._enforce_subject_limit(subject)
        self.expire(now)
        return Verdict("removed", before - len(self.messages))


def within(inner: str, outer: str) -> bool:
    """Tell whether all that matches ``inner`` matches ``outer``; both are a literal, ``<prefix>.>`` or ``>``."""
    return outer in (inner, ">") or (inner != ">" and matches(outer, inner))


def matches(pattern: str, subject: str) -> bool:
    """Tell whether ``pattern``, a literal, ``<prefix>.>`` or ``>``, matches ``subject``."""
    if pattern == ">":
        return True
    return subject.startswith(pattern[:-1]) if pattern.endswith(".>") else subject == pattern
