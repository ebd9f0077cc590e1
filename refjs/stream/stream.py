"""A stream: a fold over its entries (docs/decisions/0002).

``check`` answers, without changing anything, what would become of a publish; ``apply`` makes it so.  The leader may
ask ``check`` early to refuse without using the log, but the answer that counts is the one given when the entry is
applied: entries proposed meanwhile may have changed it.  Knows nothing of consumers: whether anybody wants a message
is told by ``wanted``, and what goes is reported through ``take_removed``.
"""

from __future__ import annotations

from typing import Final, assert_never, final

from refjs.errors import table
from refjs.stream.conditions import ABSENT, Conditions, read_conditions
from refjs.stream.dedup import DuplicateWindow
from refjs.stream.entries import Configure, DeleteMessage, Expire, Publish, Purge, StreamEntry
from refjs.stream.expiry import INVALID, NO_TTL, Expiry
from refjs.stream.outcomes import Duplicate, Outcome, PublishOutcome, Refused, Removed, Skipped, Stored
from refjs.stream.store import MessageStore, stored_size
from refjs.types.config import Discard, StorageKind, StreamConfig
from refjs.types.plain import decode_stream_config
from refjs.types.profile import Profile
from refjs.types.records import NEVER, StreamState
from refjs.types.stored import StoredMessage
from refjs.types.units import Nanos, Seq, Subject

_HEADERS_MAX: Final = 65_535
_EVERY_SUBJECT: Final = (b"", b">")
_ROLLUPS: Final = (b"", b"sub", b"all")


@final
class Stream:
    """The state of one stream."""

    def __init__(self, config: StreamConfig, created: Nanos, profile: Profile) -> None:
        self.config = config
        self.created = created
        self.profile = profile
        self.store = MessageStore(config.storage, config.first_seq)
        self.expiry = Expiry(self.store, honours_ttl=config.allow_msg_ttl)
        self.window = DuplicateWindow(config.duplicate_window)
        self.last_msg_id = b""
        self.stamp: Nanos = created
        self._removed: list[StoredMessage] = []

    # -- publishing ---------------------------------------------------------------------------------------------

    def check(self, entry: Publish) -> PublishOutcome | None:
        """Return why ``entry`` would not be stored now if it was wanted, or None (order: STR-PUB-007)."""
        conditions = _conditions_of(entry)
        return self._check_offer(entry, conditions) or self._check_store(entry, conditions)

    def _check_offer(self, entry: Publish, conditions: Conditions | None) -> PublishOutcome | None:
        """Tell what is asked of every publish, whether anybody wants the message or not."""
        if self.config.sealed:
            return Refused(table.STREAM_SEALED)
        if 0 <= self.config.max_msg_size < len(entry.body):
            return Refused(table.STREAM_MESSAGE_EXCEEDS_MAXIMUM)
        if entry.header_size > _HEADERS_MAX:
            return Refused(table.STREAM_HEADER_EXCEEDS_MAXIMUM)
        return None if conditions is None else self._check_conditions(entry, conditions)

    def _check_store(self, entry: Publish, conditions: Conditions | None) -> Refused | None:
        """Tell what is asked of a message only where it is to be kept."""
        if conditions is not None and conditions.ttl == INVALID and self.profile.per_message_ttl:
            return Refused(table.MESSAGE_TTL_INVALID)
        if self.config.discard is Discard.NEW:
            return self._check_room(entry, rolls_up=self._passes_full_subject(conditions))
        return None

    def _check_conditions(self, entry: Publish, wanted: Conditions) -> PublishOutcome | None:
        if wanted.expected_stream and wanted.expected_stream != self.config.name.encode():
            return Refused(table.STREAM_NOT_MATCH)
        if wanted.ttl not in (NO_TTL, INVALID) and self.profile.per_message_ttl and not self.config.allow_msg_ttl:
            return Refused(table.MESSAGE_TTL_DISABLED)
        known = self.window.find(wanted.msg_id, entry.stamp) if wanted.msg_id else 0
        if known and self.profile.dup_before_expected:
            return Duplicate(known)
        refusal = self._check_sequences(entry, wanted)
        if refusal is not None:
            return refusal
        if known:
            return Duplicate(known)
        if wanted.expected_last_msg_id and wanted.expected_last_msg_id != self.last_msg_id:
            return Refused(table.STREAM_WRONG_LAST_MSG_ID.filled(self.last_msg_id.decode(errors="replace")))
        return self._check_rollup(wanted)

    def _check_sequences(self, entry: Publish, wanted: Conditions) -> Refused | None:
        if wanted.expected_last_subject_seq != ABSENT:
            last = self._last_seq_of(wanted.expected_subject or entry.subject)
            if last != wanted.expected_last_subject_seq:
                return Refused(table.STREAM_WRONG_LAST_SEQUENCE.filled(last))
        elif wanted.expected_subject and self.profile.expected_subject_needs_sequence:
            return Refused(table.STREAM_EXPECTED_LAST_SEQ_PER_SUBJECT_INVALID)
        if wanted.expected_last_seq not in (ABSENT, self.store.last_seq):
            return Refused(table.STREAM_WRONG_LAST_SEQUENCE.filled(self.store.last_seq))
        return None

    def _check_rollup(self, wanted: Conditions) -> Refused | None:
        if not wanted.rollup:
            return None
        if not self.config.allow_rollup_hdrs or self.config.deny_purge:
            return Refused(table.STREAM_ROLLUP_FAILED.filled("rollup not permitted"))
        if wanted.rollup not in _ROLLUPS:
            text = wanted.rollup.decode(errors="replace")
            return Refused(table.STREAM_ROLLUP_FAILED.filled(f'rollup value invalid: "{text}"'))
        return None

    def _passes_full_subject(self, conditions: Conditions | None) -> bool:
        """Tell whether a rollup lets the message in where its subject is full (STR-LIM-007)."""
        return self.profile.rollup_passes_discard_new and conditions is not None and conditions.rollup != b""

    def _check_room(self, entry: Publish, *, rolls_up: bool) -> Refused | None:
        """Tell whether discard new refuses ``entry``; at a subject's own limit its oldest yields (STR-LIM-004..007)."""
        config, store = self.config, self.store
        chain = store.subjects.get(entry.subject) if config.max_msgs_per_subject > 0 else None
        full = chain is not None and chain.count >= config.max_msgs_per_subject
        if full and config.discard_new_per_subject and not rolls_up:
            return Refused(table.STREAM_STORE_FAILED.filled("maximum messages per subject exceeded"))
        yields = chain.oldest if chain is not None and full else None
        if 0 < config.max_msgs <= len(store) and yields is None:
            return Refused(table.STREAM_STORE_FAILED.filled("maximum messages exceeded"))
        size = stored_size(config.storage, entry.subject, entry.header_size, entry.body)
        freed = 0 if yields is None else stored_size(config.storage, yields.subject, yields.header_size, yields.body)
        if 0 < config.max_bytes < store.bytes + size and freed < size:
            return Refused(table.STREAM_STORE_FAILED.filled("maximum bytes exceeded"))
        return None

    def _last_seq_of(self, pattern: Subject) -> Seq:
        chain = self.store.subjects.get(pattern)
        if chain is not None:
            return chain.newest.seq
        message = self.store.last_matching(pattern)
        return 0 if message is None else message.seq

    # -- applying -----------------------------------------------------------------------------------------------

    def apply(self, entry: StreamEntry) -> Outcome:
        """Apply a committed entry; the outcome is a function of the state and the entry alone."""
        match entry:
            case Publish():
                return self.publish(entry, wanted=True)
            case Expire():
                return self._expire(entry.stamp)
            case Purge():
                return self._purge(entry)
            case DeleteMessage():
                return self._delete(entry)
            case Configure():
                return self._configure(entry)
            case _:
                assert_never(entry)

    def publish(self, entry: Publish, *, wanted: bool) -> PublishOutcome:
        """Apply a publish; ``wanted`` False under interest retention consumes the sequence and keeps nothing."""
        self.stamp = max(self.stamp, entry.stamp)
        self.window.forget(entry.stamp)
        conditions = _conditions_of(entry)
        outcome = self._check_offer(entry, conditions)
        if outcome is not None:
            return outcome
        if not wanted:
            seq = self.store.skip(entry.stamp)
            self._remember(conditions, seq, entry.stamp)
            return Skipped(seq)
        refused = self._check_store(entry, conditions)
        if refused is not None:
            return refused
        message = self.store.append(entry.subject, entry.header_size, entry.body, entry.stamp)
        self._remember(conditions, message.seq, entry.stamp)
        self.expiry.add(message)
        self._enforce_subject_limit(message.subject)
        self._enforce_stream_limits()
        rollup = b"" if conditions is None else conditions.rollup
        if rollup:
            self._roll_up(message, rollup)
        return Stored(message, rollup)

    def _remember(self, conditions: Conditions | None, seq: Seq, stamp: Nanos) -> None:
        self.last_msg_id = b"" if conditions is None else conditions.msg_id
        if self.last_msg_id:
            self.window.remember(self.last_msg_id, seq, stamp)

    def _roll_up(self, message: StoredMessage, scope: bytes) -> None:
        older = message.older if scope == b"sub" else self.store.first()
        while older is not None and older is not message:
            following = older.older if scope == b"sub" else self.store.next_from(older.seq + 1)
            self._remove(older)
            older = following

    def _enforce_subject_limit(self, subject: Subject) -> None:
        """Let the oldest of ``subject`` go until its limit holds, whichever side yields elsewhere (STR-LIM-003)."""
        limit, chain = self.config.max_msgs_per_subject, self.store.subjects.get(subject)
        while chain is not None and 0 < limit < chain.count:
            self._remove(chain.oldest)

    def _enforce_stream_limits(self) -> None:
        """Let the oldest go until the stream's limits hold, unless it is the new that yields (STR-LIM-001, 002)."""
        config, store = self.config, self.store
        if config.discard is Discard.NEW:
            return
        while 0 < config.max_msgs < len(store) or 0 < config.max_bytes < store.bytes:
            first = store.first()
            assert first is not None
            self._remove(first)

    def _expire(self, stamp: Nanos) -> Outcome:
        self.stamp = max(self.stamp, stamp)
        self.window.forget(stamp)
        count, message = 0, self.expiry.next_too_old(stamp, self.config.max_age)
        while message is not None:
            self._remove(message)
            count += 1
            message = self.expiry.next_too_old(stamp, self.config.max_age)
        return Removed(count)

    def _purge(self, entry: Purge) -> Outcome:
        self.stamp = max(self.stamp, entry.stamp)
        if self.config.sealed:
            return Refused(table.STREAM_SEALED)
        if self.config.deny_purge:
            return Refused(table.STREAM_PURGE_FAILED.filled("stream purge not permitted"))
        from_start = self.profile.purge_seq_1_purges_all and self.config.storage is StorageKind.FILE
        seq = 0 if entry.seq == 1 and from_start else entry.seq
        if entry.subject in _EVERY_SUBJECT and not entry.keep and (seq == 0 or seq > self.store.last_seq):
            removed = self.store.clear(seq)
            self._removed += removed
            return Removed(len(removed))
        doomed = [m for m in self._matching(entry.subject) if not seq or m.seq < seq]
        if entry.keep:
            doomed = doomed[: max(len(doomed) - entry.keep, 0)]
        for message in doomed:
            self._remove(message)
        return Removed(len(doomed))

    def _matching(self, pattern: Subject) -> list[StoredMessage]:
        """Return the messages whose subject matches ``pattern`` (empty: all), oldest first."""
        if not pattern:
            return list(self.store.messages())
        found: list[StoredMessage] = []
        for _, chain in self.store.subjects.items_matching(pattern):
            message: StoredMessage | None = chain.oldest
            while message is not None:
                found.append(message)
                message = message.newer
        return sorted(found, key=_by_seq)

    def _delete(self, entry: DeleteMessage) -> Outcome:
        self.stamp = max(self.stamp, entry.stamp)
        seq = entry.seq
        if self.config.sealed:
            return Refused(table.STREAM_SEALED)
        if self.config.deny_delete:
            return Refused(table.STREAM_MSG_DELETE_FAILED.filled("message delete not permitted"))
        message = self.store.get(seq)
        if message is None:
            return Refused(self._why_missing(seq))
        self._remove(message)
        return Removed(1)

    def _why_missing(self, seq: Seq) -> table.ApiError:
        """Return what the two kinds of storage say of a sequence without a message (STR-MDEL-002)."""
        if self.config.storage is StorageKind.FILE and seq > self.store.last_seq:
            return table.STREAM_MSG_DELETE_FAILED.filled("stream store EOF")
        if self.config.storage is StorageKind.FILE and (seq == 0 or seq < self.store.first_seq):
            return table.STREAM_MSG_DELETE_FAILED.filled("no message found")
        return table.SEQUENCE_NOT_FOUND.filled(seq)

    def _configure(self, entry: Configure) -> Outcome:
        """Prune in nats-server's order: the stream's limits, those of each subject, age (STR-UPD-007)."""
        before = len(self.store)
        self.window.forget(entry.stamp)
        self.config = decode_stream_config(entry.config)
        self.window.window = self.config.duplicate_window
        self.expiry.honours_ttl = self.config.allow_msg_ttl
        self._enforce_stream_limits()
        for subject in list(self.store.subjects.subjects_matching(b">")):
            self._enforce_subject_limit(subject)
        self._expire(entry.stamp)
        return Removed(before - len(self.store))

    def remove(self, seq: Seq) -> None:
        """Remove the message at ``seq``, where there is one: every consumer that wanted it has it (STR-RET)."""
        message = self.store.get(seq)
        if message is not None:
            self._remove(message)

    def _remove(self, message: StoredMessage) -> None:
        self.store.remove(message)
        self.expiry.forget(message.seq)
        self._removed.append(message)

    def take_removed(self) -> list[StoredMessage]:
        """Return, once, what was removed since the last call, so that consumers can forget it."""
        removed, self._removed = self._removed, []
        return removed

    # -- looking ------------------------------------------------------------------------------------------------

    def next_deadline(self) -> Nanos | None:
        """Return when the next message grows too old and ``Expire`` is due."""
        return self.expiry.next_deadline(self.config.max_age)

    def state(self) -> StreamState:
        """Return what the stream holds (STR-INF-002); the caller adds what it was asked for."""
        store = self.store
        return StreamState(
            messages=len(store),
            bytes=store.bytes,
            first_seq=store.first_seq,
            first_ts=NEVER if store.first_ts is None else store.first_ts,
            last_seq=store.last_seq,
            last_ts=NEVER if store.last_ts is None else store.last_ts,
            num_subjects=len(store.subjects),
            num_deleted=store.last_seq - store.first_seq + 1 - len(store) if len(store) else 0,
        )

    def subject_counts(self, pattern: Subject) -> dict[Subject, int]:
        """Return how many messages each stored subject that matches ``pattern`` has (STR-INF-004)."""
        return {subject: chain.count for subject, chain in self.store.subjects.items_matching(pattern)}

    def check_invariants(self) -> None:
        """Assert every invariant, that of the limits among them (P8)."""
        config, store = self.config, self.store
        store.check_invariants()
        self.window.check_invariants()
        for _, chain in store.subjects.items_matching(b">"):
            assert config.max_msgs_per_subject <= 0 or chain.count <= config.max_msgs_per_subject
        if config.discard is Discard.OLD:
            assert config.max_msgs <= 0 or len(store) <= config.max_msgs
            assert config.max_bytes <= 0 or store.bytes <= config.max_bytes


def _conditions_of(entry: Publish) -> Conditions | None:
    return read_conditions(entry.body[: entry.header_size]) if entry.header_size else None


def _by_seq(message: StoredMessage) -> Seq:
    return message.seq
