"""Every judge lets good histories pass and names what is wrong with a bad one."""

from __future__ import annotations

from sim.checkers.catalogue import PROPERTY_IDS, judge
from sim.checkers.verdict import Exit, Kind
from sim.history import Delivered, FloorSeen, Mark, Marked, Outcome, Settled
from tests.sim.histories import CONSUMER, SECOND, acked, breaks, history, holds, led, quiet, unknown, verdict


def delivered(at: int, seq: int, delivery: int = 1) -> Delivered:
    """The worker received ``seq``."""
    return Delivered(at, "c1", CONSUMER, seq, delivery, f"v{seq}")


def floor(at: int, seq: int) -> FloorSeen:
    """A server reported the worker's ack floor."""
    return FloorSeen(at, CONSUMER, "n1", seq)


def test_a_good_history_passes_every_judge() -> None:
    """A history in which everything went well is OK by every property."""
    good = history(
        led(0, "n1", 1),
        acked(1, 1, 10, 20),
        acked(2, 2, 30, 40),
        delivered(50, 1),
        delivered(51, 2),
        Settled(60, "c1", CONSUMER, 1),
        floor(70, 2),
        holds("n1", (1, "v1"), (2, "v2")),
        holds("n2", (1, "v1"), (2, "v2")),
        quiet(80, 80 + 30 * SECOND),
    )

    judgement = judge(good)

    assert [v.property_id for v in judgement.verdicts] == list(PROPERTY_IDS)
    assert [v.findings for v in judgement.verdicts if not v.ok] == []
    assert judgement.exit_code is Exit.OK


class TestLinearizableAppends:
    """P1."""

    def test_overlapping_appends_may_have_either_order(self) -> None:
        """Two appends that overlap in time may stand in either order."""
        assert verdict("P1", acked(1, 2, 0, 10), acked(2, 1, 5, 15)).ok

    def test_an_append_after_an_acknowledged_one_stands_after_it(self) -> None:
        """An append that began after another's acknowledgement breaks P1 with a lower sequence."""
        assert breaks(verdict("P1", acked(1, 2, 0, 10), acked(2, 1, 11, 15)), Kind.SAFETY, "v2", "v1", "1 < 2")

    def test_the_violation_may_span_other_appends(self) -> None:
        """The earliest completion counts, not the neighbour's."""
        assert breaks(
            verdict("P1", acked(1, 3, 0, 10), acked(2, 2, 0, 99), acked(3, 1, 11, 98)), Kind.SAFETY, "v3", "v1"
        )

    def test_a_stored_publish_of_unknown_outcome_takes_part(self) -> None:
        """An unacknowledged publish that is stored must have begun before later sequences were acknowledged."""
        stored = holds("n1", (1, "v2"), (2, "v1"))

        assert breaks(verdict("P1", acked(1, 2, 0, 10), unknown(2, 11), stored), Kind.SAFETY, "v2")
        assert verdict("P1", acked(1, 2, 0, 10), unknown(2, 9), stored).ok

    def test_a_duplicate_needs_a_first_publish(self) -> None:
        """An acknowledgement as a duplicate that nothing can have preceded breaks P1."""
        alone = acked(1, 1, 0, 10, message_id="a", duplicate=True)

        assert breaks(verdict("P1", alone), Kind.SAFETY, "duplicate before anybody")
        assert verdict("P1", unknown(2, 0, message_id="a"), alone).ok


class TestSequences:
    """P2."""

    def test_a_sequence_given_twice_is_found(self) -> None:
        """Two messages acknowledged with one sequence break P2."""
        assert breaks(verdict("P2", acked(1, 7, 0, 1), acked(2, 7, 2, 3)), Kind.SAFETY, "7", "v1", "v2")

    def test_a_sequence_reused_on_a_server_is_found(self) -> None:
        """A server that holds another message at an acknowledged sequence breaks P2."""
        assert breaks(verdict("P2", acked(1, 1, 0, 1), holds("n2", (1, "v9"))), Kind.SAFETY, "n2", "v9", "v1")

    def test_a_log_out_of_order_is_found(self) -> None:
        """Sequences that do not grow along a server's log break P2."""
        stored = holds("n1", (2, "v2"), (1, "v1"))
        assert breaks(verdict("P2", acked(1, 1, 0, 1), acked(2, 2, 0, 1), stored), Kind.SAFETY, "1 after 2")

    def test_sequence_zero_is_found(self) -> None:
        """An acknowledgement without a sequence breaks P2."""
        assert not verdict("P2", acked(1, 0, 0, 1)).ok


class TestNothingLost:
    """P3."""

    def test_losses_are_placed_as_prefix_middle_and_postfix(self) -> None:
        """A message lost everywhere is reported by its place among its client's messages."""
        publishes = [acked(n, n, n, n) for n in range(1, 6)]
        found = verdict("P3", *publishes, holds("n1", (2, "v2"), (4, "v4")), holds("n2", (2, "v2"), (4, "v4")))

        assert found.kind is Kind.SAFETY
        assert ["prefix" in found.findings[0], "middle" in found.findings[1], "postfix" in found.findings[2]] == [
            True
        ] * 3

    def test_a_loss_on_one_server_is_that_servers(self) -> None:
        """A message that one server alone lacks is reported with that server."""
        both = acked(1, 1, 0, 1), acked(2, 2, 2, 3)
        found = verdict("P3", *both, holds("n1", (1, "v1"), (2, "v2")), holds("n2", (2, "v2")))

        assert breaks(found, Kind.SAFETY, "n2 alone lacks 1", "v1")

    def test_a_server_behind_has_lost_nothing_yet(self) -> None:
        """What a server lacks behind its last sequence is a matter of catching up, L2."""
        both = acked(1, 1, 0, 1), acked(2, 2, 2, 3)
        assert verdict("P3", *both, holds("n1", (1, "v1"), (2, "v2")), holds("n2", (1, "v1"))).ok

    def test_an_altered_message_is_lost(self) -> None:
        """Another value at the acknowledged sequence counts as a loss."""
        assert not verdict("P3", acked(1, 1, 0, 1), holds("n1", (1, "v2"))).ok

    def test_a_stream_that_is_gone_is_found(self) -> None:
        """Acknowledged publishes without any server that holds the stream break P3."""
        assert breaks(verdict("P3", acked(1, 1, 0, 1)), Kind.SAFETY, "no server holds the stream S")

    def test_an_unacknowledged_publish_may_be_lost(self) -> None:
        """Nothing is promised of a publish with an unknown outcome."""
        assert verdict("P3", unknown(1, 0), holds("n1")).ok


class TestNoPhantoms:
    """P4."""

    def test_a_recovered_publish_is_allowed_and_counted(self) -> None:
        """A publish of unknown outcome may be stored."""
        found = verdict("P4", unknown(1, 0), holds("n1", (1, "v1")))

        assert (found.ok, found.note) == (True, "1 recovered")

    def test_a_message_that_nobody_published_is_found(self) -> None:
        """A stored value without an invocation breaks P4."""
        assert breaks(verdict("P4", holds("n1", (1, "ghost"))), Kind.SAFETY, "n1", "ghost")

    def test_a_refused_publish_must_not_be_stored(self) -> None:
        """A publish that failed for certain breaks P4 when it is stored."""
        assert not verdict("P4", unknown(1, 0, outcome=Outcome.FAIL), holds("n1", (1, "v1"))).ok


class TestDeduplicated:
    """P6."""

    def test_duplicates_name_the_stored_sequence(self) -> None:
        """A second publish with the same ID is acknowledged as a duplicate of the first."""
        first, second = acked(1, 4, 0, 1, message_id="a"), acked(2, 4, 2, 3, message_id="a", duplicate=True)
        assert verdict("P6", first, second, holds("n1", (4, "a"))).ok

    def test_two_sequences_for_one_id_are_found(self) -> None:
        """One ID acknowledged with two sequences breaks P6."""
        two = acked(1, 4, 0, 1, message_id="a"), acked(2, 5, 2, 3, message_id="a")
        assert breaks(verdict("P6", *two), Kind.SAFETY, "several sequences")

    def test_a_duplicate_acknowledged_as_new_is_found(self) -> None:
        """One ID acknowledged twice as new breaks P6."""
        two = acked(1, 4, 0, 1, message_id="a"), acked(2, 4, 2, 3, message_id="a")
        assert breaks(verdict("P6", *two), Kind.SAFETY, "as new more than once")

    def test_a_message_stored_twice_is_found(self) -> None:
        """One ID stored twice breaks P6, whatever the acknowledgements said."""
        stored = holds("n1", (4, "a"), (5, "a"))
        assert breaks(verdict("P6", acked(1, 4, 0, 1, message_id="a"), stored), Kind.SAFETY, "n1", "2 times")

    def test_after_the_window_the_id_is_new(self) -> None:
        """An ID that comes again after the window may be stored again."""
        late = acked(2, 5, 121 * SECOND, 122 * SECOND, message_id="a")
        assert verdict("P6", acked(1, 4, 0, 1, message_id="a"), late).ok


class TestConsumers:
    """C3, C4, C6."""

    def test_a_floor_that_moves_back_is_found(self) -> None:
        """An ack floor below an earlier one of the same server breaks C3."""
        assert breaks(verdict("C3", delivered(1, 1), floor(2, 1), floor(3, 0)), Kind.SAFETY, "ack floor 0", "after 1")

    def test_a_floor_over_an_undelivered_message_is_found(self) -> None:
        """An ack floor that covers a stored message before its delivery breaks C3."""
        stored = holds("n1", (1, "v1"), (2, "v2"))
        found = verdict("C3", delivered(1, 1), floor(2, 2), delivered(3, 2), stored)

        assert breaks(found, Kind.SAFETY, "sequence 2 had not been delivered")

    def test_a_message_that_is_never_delivered_is_found(self) -> None:
        """An acknowledged publish that no delivery carries breaks C4, a matter of liveness."""
        assert breaks(verdict("C4", acked(1, 1, 0, 1)), Kind.LIVENESS, "v1", CONSUMER)

    def test_a_delivery_after_the_double_ack_is_found(self) -> None:
        """A message delivered after its acknowledgement was confirmed breaks C6."""
        confirmed = Settled(2, "c1", CONSUMER, 1)

        assert verdict("C6", delivered(1, 1), confirmed).ok
        assert breaks(verdict("C6", delivered(1, 1), confirmed, delivered(9, 1, 2)), Kind.SAFETY, "sequence 1")


class TestReplicas:
    """R11, L2."""

    def test_unequal_messages_are_divergence(self) -> None:
        """Replicas of equal length that hold different messages break R11 as safety."""
        found = verdict("R11", holds("n1", (1, "a")), holds("n2", (1, "b")))
        assert breaks(found, Kind.SAFETY, "part at sequence 1", "a", "b")

    def test_unequal_digests_are_divergence(self) -> None:
        """Equal messages with unequal digests break R11 too: state is more than messages."""
        assert not verdict("R11", holds("n1", (1, "a")), holds("n2", (1, "a"), digest="other")).ok

    def test_a_replica_behind_is_a_matter_of_liveness(self) -> None:
        """A replica that lags, or holds nothing, breaks L2 and not R11."""
        assert verdict("R11", holds("n1", (1, "a")), holds("n2")).ok
        assert breaks(verdict("L2", holds("n1", (1, "a")), holds("n2")), Kind.LIVENESS, "n2 is at 0 of S", "n1 at 1")
        assert breaks(verdict("L2", holds("n1", (1, "a"))), Kind.LIVENESS, "n2 is at 0 of S")

    def test_a_server_that_is_down_is_not_asked(self) -> None:
        """A server that was killed and did not start again is left out."""
        assert verdict("L2", Marked(1, Mark.KILLED, "n2"), holds("n1", (1, "a"))).ok
        assert not verdict("L2", Marked(1, Mark.KILLED, "n2"), Marked(2, Mark.STARTED, "n2"), holds("n1", (1, "a"))).ok


class TestLeaders:
    """R1, L1, L3, L4."""

    def test_two_leaders_of_a_term_are_found(self) -> None:
        """Two servers that lead one group in one term break R1."""
        assert verdict("R1", led(1, "n1", 1), led(2, "n2", 2)).ok
        assert breaks(verdict("R1", led(1, "n1", 3), led(2, "n2", 3)), Kind.SAFETY, "n1", "n2", "term 3")

    def test_no_leader_at_the_bound_is_found(self) -> None:
        """A group whose leader died and was not replaced in time breaks L1."""
        dead = [led(1, "n1", 1), Marked(2, Mark.KILLED, "n1")]

        assert breaks(verdict("L1", *dead, quiet(10, 60 * SECOND)), Kind.LIVENESS, "g has no leader")
        assert breaks(
            verdict("L1", *dead, led(30 * SECOND, "n2", 2), quiet(10, 60 * SECOND)), Kind.LIVENESS, "g has no"
        )
        assert verdict("L1", *dead, led(12 * SECOND, "n2", 2), quiet(10, 60 * SECOND)).ok

    def test_a_deposed_leader_is_none(self) -> None:
        """A server that was deposed leads no more."""
        deposed = led(5, "n1", 2, mark=Mark.DEPOSED)
        assert not verdict("L1", led(1, "n1", 1), deposed, quiet(10, 60 * SECOND)).ok

    def test_a_run_too_short_to_tell_is_no_success(self) -> None:
        """A run that ends before the bound does not pass for live."""
        assert not verdict("L1", led(1, "n1", 1), quiet(10, SECOND)).ok

    def test_an_unanswered_publish_after_the_heal_is_found(self) -> None:
        """A publish begun after heal and bound that is not acknowledged breaks L3."""
        open_end = unknown(1, 50 * SECOND)
        assert breaks(verdict("L3", open_end, quiet(10, 60 * SECOND)), Kind.LIVENESS, "v1")

    def test_an_election_long_after_the_heal_is_found(self) -> None:
        """Leadership that still changes when the bound has passed breaks L4."""
        late = led(50 * SECOND, "n2", 9)
        assert breaks(verdict("L4", led(1, "n1", 1), quiet(10, 60 * SECOND), late), Kind.LIVENESS, "n2", "term 9")
        assert verdict("L4", led(1, "n1", 1), quiet(10, 60 * SECOND)).ok


def test_a_safety_violation_outweighs_a_liveness_violation() -> None:
    """The exit code of a run with both kinds is that of safety."""
    both = judge(history(acked(1, 1, 0, 1), holds("n1", (1, "other"))))

    assert {v.kind for v in both.verdicts} == {Kind.OK, Kind.SAFETY, Kind.LIVENESS}
    assert (both.kind, both.exit_code) == (Kind.SAFETY, Exit.SAFETY)
