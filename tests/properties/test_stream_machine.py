"""The stream is the list of messages of ``models.stream_model``, only faster."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from models.stream_model import Offer, Rules, StreamModel, Verdict
from refjs.broker.entries import GroupCodec
from refjs.storage.codec import Writer, digest
from refjs.stream.entries import Configure, DeleteMessage, Expire, Publish, Purge, StreamEntry
from refjs.stream.snapshot import fork, write_stream
from refjs.stream.stream import Stream
from refjs.types.plain import encode_config
from refjs.types.profile import DEFAULT
from refjs.types.units import MILLISECOND, SECOND
from tests.properties.stream_offers import MSG_IDS, PATTERNS, config_of, entry_of, offers, rules, verdict_of

CREATED = 1_000 * SECOND


def digest_of(stream: Stream) -> bytes:
    """Return what stands for the state of ``stream``."""
    writer = Writer()
    write_stream(writer, stream)
    return digest(writer.done())


class StreamIsAList(RuleBasedStateMachine):
    """Any entries in any order do to the stream, and to a copy that gets them as bytes, what they do to the model."""

    def __init__(self) -> None:
        super().__init__()
        self.now = CREATED
        self.model = StreamModel(Rules())
        self.stream = Stream(config_of(Rules()), CREATED, DEFAULT)
        self.twin = self.stream
        self.digests: dict[tuple[object, ...], bytes] = {}
        self.read: dict[int, bytes] = {}

    @initialize(drawn=rules, first_seq=st.sampled_from([0, 0, 1, 7]))
    def create(self, drawn: Rules, first_seq: int) -> None:
        """Begin with some configuration."""
        self.model = StreamModel(drawn, first_seq)
        self.stream = Stream(config_of(drawn, first_seq), CREATED, DEFAULT)
        self.twin = fork(self.stream)

    # -- entries ------------------------------------------------------------------------------------------------

    def apply(self, entry: StreamEntry, *, wanted: bool = True) -> Verdict:
        """Apply ``entry`` to the stream and, from its bytes, to the twin; return what both answer."""
        codec = GroupCodec()
        data = codec.encode(entry)
        copy = codec.decode(data)
        assert codec.encode(copy) == data
        if isinstance(entry, Publish):
            assert isinstance(copy, Publish)
            verdict = verdict_of(self.stream.publish(entry, wanted=wanted))
            assert verdict_of(self.twin.publish(copy, wanted=wanted)) == verdict
        else:
            assert isinstance(copy, Expire | Purge | DeleteMessage | Configure)
            verdict = verdict_of(self.stream.apply(entry))
            assert verdict_of(self.twin.apply(copy)) == verdict
        return verdict

    @rule(data=st.data())
    def publish(self, data: st.DataObject) -> None:
        """Offer a message; ask first what would become of it, which changes nothing."""
        offer: Offer = data.draw(offers(self.model, self.now))
        before = digest_of(self.stream)
        foreseen = self.stream.check(entry_of(offer))
        assert digest_of(self.stream) == before
        verdict = self.apply(entry_of(offer), wanted=offer.wanted)
        assert verdict == self.model.publish(offer), offer
        assert foreseen is None or verdict_of(foreseen) == verdict or not offer.wanted

    @rule(passing=st.sampled_from([1, 1 * MILLISECOND, 500 * MILLISECOND, SECOND, 2 * SECOND, 7 * SECOND]))
    def let_time_pass(self, passing: int) -> None:
        """Nothing happens for a while, and then it is noticed how late it is."""
        self.now += passing
        assert self.apply(Expire(self.now)) == self.model.expire(self.now)

    @rule(passing=st.sampled_from([1, 999 * MILLISECOND, SECOND]))
    def let_time_pass_unnoticed(self, passing: int) -> None:
        """The next entry comes later."""
        self.now += passing

    @rule()
    def wait_for_the_deadline(self) -> None:
        """Wake up exactly when something grows too old, and not a nanosecond earlier."""
        deadline = self.model.next_deadline()
        if deadline is not None and deadline > self.now:
            assert self.apply(Expire(deadline - 1)) == self.model.expire(deadline - 1) == Verdict("removed", 0)
            self.now = deadline
            verdict = self.apply(Expire(self.now))
            assert verdict == self.model.expire(self.now)
            assert verdict.value > 0

    @rule(subject=st.sampled_from(PATTERNS), seq=st.integers(0, 4), keep=st.integers(1, 3), by=st.integers(0, 2))
    def purge(self, subject: str, seq: int, keep: int, by: int) -> None:
        """Purge all, below a sequence near the stored ones or behind the last, or all but the newest."""
        wanted = (0, 0) if by == 0 else (max(self.model.first_seq + seq - 1, 0), 0) if by == 1 else (0, keep)
        verdict = self.apply(Purge(subject.encode(), *wanted))
        assert verdict == self.model.purge(subject, *wanted)

    @rule(beyond=st.integers(1, 3))
    def purge_beyond(self, beyond: int) -> None:
        """Purge to a sequence that was never given."""
        seq = self.model.last_seq + beyond
        assert self.apply(Purge(b"", seq, 0)) == self.model.purge("", seq, 0)

    @rule(choice=st.integers(0, 20))
    def delete(self, choice: int) -> None:
        """Delete a message, or try to delete one that is not there."""
        seqs = [*range(self.model.first_seq, self.model.last_seq + 1), 0, self.model.last_seq + 1]
        seq = seqs[choice % len(seqs)]
        assert self.apply(DeleteMessage(seq)) == self.model.delete(seq)

    @rule(drawn=rules, sealed=st.sampled_from([False] * 9 + [True]))
    def configure(self, drawn: Rules, *, sealed: bool) -> None:
        """Put another configuration in force; what an update may not change stays (STR-UPD-003)."""
        old = self.model.rules
        given = replace(
            drawn,
            in_file=old.in_file,
            allow_ttl=old.allow_ttl or drawn.allow_ttl,
            sealed=old.sealed or sealed,
        )
        config = config_of(given, self.stream.config.first_seq)
        verdict = self.apply(Configure(encode_config(config), self.now))
        assert verdict == self.model.configure(given, self.now)

    @rule(which=st.booleans())
    def restore(self, *, which: bool) -> None:
        """Go on with a copy made from a snapshot, in the place of either."""
        if which:
            self.stream = fork(self.stream)
        else:
            self.twin = fork(self.stream)

    # -- what holds after every step ------------------------------------------------------------------------------

    @invariant()
    def stream_holds_what_the_model_holds(self) -> None:
        """Messages, sequences, bytes and deadlines are the model's (P2, P9, P11)."""
        model, store = self.model, self.stream.store
        found = [(m.seq, m.subject.decode(), m.ts, m.body, m.header_size) for m in store.messages()]
        assert found == [(m.seq, m.subject, m.stamp, m.body, m.header_size) for m in model.messages]
        state = self.stream.state()
        assert (state.first_seq, state.last_seq) == (model.first_seq, model.last_seq)
        assert (state.messages, state.bytes) == (len(model.messages), model.bytes)
        held = {message.seq for message in model.messages}
        deleted = [seq for seq in range(model.first_seq, model.last_seq + 1) if seq not in held] if held else []
        assert (store.deleted(), state.num_deleted) == (deleted, len(deleted))
        assert state.num_subjects == len({message.subject for message in model.messages})
        assert self.stream.next_deadline() == model.next_deadline()

    @invariant()
    def subjects_are_found(self) -> None:
        """Every way to look messages up agrees with a search through the list (P11)."""
        model, store = self.model, self.stream.store
        for pattern in PATTERNS[1:]:
            name, found = pattern.encode(), model.of_subject(pattern)
            counts = {m.subject.encode(): len(model.of_subject(m.subject)) for m in found}
            assert self.stream.subject_counts(name) == counts
            newest = store.last_matching(name)
            assert (0 if newest is None else newest.seq) == model._last_seq_of(pattern)
            for seq in range(model.first_seq, model.last_seq + 2):
                following = store.next_matching([name], seq)
                expected = [m.seq for m in found if m.seq >= seq]
                assert (following.seq if following else 0) == (expected[0] if expected else 0)
                assert store.count_from([name], seq) == len(expected)

    @invariant()
    def duplicates_are_known(self) -> None:
        """Every ID in the window is known at its sequence, and no other (P6)."""
        for msg_id in MSG_IDS:
            assert self.stream.window.find(msg_id.encode(), self.now) == self.model.knows(msg_id, self.now)

    @invariant()
    def sequences_stand_for_one_message(self) -> None:
        """What was once read at a sequence is read there again, or nothing is (P2)."""
        for message in self.stream.store.messages():
            assert self.read.setdefault(message.seq, message.body) == message.body

    @invariant()
    def digest_stands_for_the_state(self) -> None:
        """The twin has the same digest; the same state always has it, and another state never does."""
        found = digest_of(self.stream)
        assert digest_of(self.twin) == found
        key = (*self.model.state(), self.stream.stamp)
        assert self.digests.setdefault(key, found) == found
        assert len(set(self.digests.values())) == len(self.digests)

    @invariant()
    def invariants_hold(self) -> None:
        """The stream's own invariants hold (P8)."""
        self.stream.check_invariants()
        self.twin.check_invariants()


@pytest.mark.req(
    "STR-SEQ-001", "STR-SEQ-002", "STR-SEQ-003", "STR-DUP-001", "STR-DUP-002", "STR-DUP-003", "STR-DUP-006",
    "STR-EXP-001", "STR-EXP-002", "STR-EXP-003", "STR-EXP-004", "STR-EXP-005", "STR-EXP-006", "STR-PUB-007",
    "STR-LIM-001", "STR-LIM-002", "STR-LIM-003", "STR-LIM-004", "STR-LIM-005", "STR-LIM-006", "STR-LIM-007",
    "STR-LIM-008", "STR-LIM-009", "STR-LIM-010", "STR-LIM-011", "STR-TTL-004", "STR-TTL-005", "STR-ROL-001",
    "STR-ROL-002", "STR-PRG-002", "STR-PRG-003", "STR-PRG-004", "STR-PRG-005", "STR-PRG-006", "STR-PRG-007",
    "STR-PRG-008", "STR-MDEL-002", "STR-MDEL-003", "STR-MDEL-004", "STR-MDEL-006", "STR-UPD-007", "STR-INF-007",
    "STR-CFG-011",
)  # fmt: skip
def test_the_stream_is_a_list() -> None:
    """Whatever entries arrive, the stream answers and holds what the model does, and so do its copies."""
    run_state_machine_as_test(StreamIsAList, settings=settings(stateful_step_count=40, report_multiple_bugs=False))
