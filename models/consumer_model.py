"""A consumer as plain data and the obvious rules: what ``refjs.consumer`` must be equal to, whatever happens.

What waits is counted, what is due is searched for, and every rule walks all that there is.  The model imports nothing
of refjs; its rules are those of docs/spec/consumers.md as release 2.15.1 shows them.  It is told of its stream what it
needs: which messages are stored, and which are gone.

Leaves out: who asks for messages and where they are sent; times at which something was last active.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from models.stream_model import Message, matches

PROPERTY_IDS: Final = {
    "C1": "first deliveries come in stream order, and the model counts every matching message that is left",
    "C2": "each delivery takes the next consumer sequence, and says how often its message was delivered",
    "C3": "the ack floor never moves back, and what is pending is above it",
    "C5": "new deliveries never exceed max_ack_pending",
    "C8": "each deliver policy starts where its definition says",
}

NONE: Final = "none"
ALL: Final = "all"
EXPLICIT: Final = "explicit"


@dataclass(frozen=True)
class ConsumerRules:
    """What the consumer is configured to be; -1 means no limit, no filters mean every subject."""

    filters: tuple[str, ...] = ()
    policy: str = ALL
    start_seq: int = 0
    start_time: int = 0
    acks: str = EXPLICIT
    ack_wait: int = 0
    backoff: tuple[int, ...] = ()
    max_deliver: int = -1
    max_ack_pending: int = -1

    def wants(self, subject: str) -> bool:
        """Tell whether ``subject`` passes the filter."""
        return not self.filters or any(matches(pattern, subject) for pattern in self.filters)

    def wait(self, count: int) -> int:
        """Return how long the ack of a message's ``count``-th delivery may take (CON-ACK-011)."""
        return (*self.backoff, *self.backoff[-1:] * count)[count - 1] if self.backoff else self.ack_wait


@dataclass(frozen=True)
class Unsettled:
    """One delivered message: the consumer sequence of its first delivery, and how often it was delivered."""

    consumer_seq: int
    deadline: int
    count: int


@dataclass(frozen=True)
class Delivered:
    """One delivery, with the numbers of its ack subject."""

    seq: int
    consumer_seq: int
    count: int
    num_pending: int


class ConsumerModel:
    """The whole state of one consumer."""

    def __init__(self, rules: ConsumerRules, stored: list[Message], first_seq: int, last_seq: int, now: int) -> None:
        self.rules = rules
        self.first: list[int] = []
        self.next_seq = self._start(stored, first_seq, last_seq, now)
        before = (self.first[0] if self.first else self.next_seq) - 1
        self.delivered = (0, before)
        self.floor = (0, before)
        self.pending: dict[int, Unsettled] = {}
        self.due: list[int] = []
        self.given_up: dict[int, int] = {}

    # -- where it starts ----------------------------------------------------------------------------------------

    def _start(self, stored: list[Message], first_seq: int, last_seq: int, now: int) -> int:
        """Return the first sequence to look at (CON-POS-001 to CON-POS-007)."""
        rules, floor = self.rules, max(first_seq, 1)
        wanted = [message for message in stored if rules.wants(message.subject)]
        match rules.policy:
            case "new":
                return last_seq + 1
            case "by_start_sequence":
                return max(rules.start_seq, floor)
            case "by_start_time":
                later = [message.seq for message in stored if message.stamp >= rules.start_time]
                return last_seq + 1 if rules.start_time > now or not later else later[0]
            case "last":
                if not rules.filters or rules.filters == (">",):
                    return max(last_seq, 1)
                return wanted[-1].seq if wanted else floor
            case "last_per_subject":
                newest = {message.subject: message.seq for message in wanted}
                self.first = sorted(newest.values())
                return last_seq + 1 if newest else max(last_seq, floor)
            case _:
                return floor

    # -- looking ------------------------------------------------------------------------------------------------

    def waiting(self, stored: list[Message]) -> list[int]:
        """Return what was not delivered yet, in the order in which it will be."""
        after = [m.seq for m in stored if m.seq >= self.next_seq and self.rules.wants(m.subject)]
        return [seq for seq in self.first if any(m.seq == seq for m in stored)] + after

    def owes(self, message: Message) -> bool:
        """Tell whether interest retention keeps ``message`` for this consumer (STR-RET-005)."""
        seq = message.seq
        open_here = seq in self.pending or seq in self.given_up or seq in self.first or seq >= self.next_seq
        return self.rules.wants(message.subject) and open_here

    def spent(self, seq: int) -> bool:
        """Tell whether the pending message was delivered as often as it may be (CON-ACK-012)."""
        return 0 < self.rules.max_deliver <= self.pending[seq].count

    def room(self) -> int:
        """Return how many new messages may be delivered now (CON-DLV-007); a large number where there is no limit."""
        limited = self.rules.acks != NONE and self.rules.max_ack_pending > 0
        return max(self.rules.max_ack_pending - len(self.pending), 0) if limited else 1_000

    def pick(self, stored: list[Message], most: int) -> tuple[list[int], list[int]]:
        """Return what goes out next, what is due again before what is new, and what is found to be spent there."""
        again = [seq for seq in self.due if not self.spent(seq)]
        picked = (again + self.waiting(stored)[: self.room()])[:most]
        looked_at = self.due[: self.due.index(again[most])] if len(again) > most else self.due
        return picked, [seq for seq in looked_at if self.spent(seq)]

    def next_deadline(self) -> int | None:
        """Return when the next ack wait is over."""
        deadlines = [held.deadline for seq, held in self.pending.items() if seq not in self.due]
        return min(deadlines) if deadlines else None

    def num_redelivered(self) -> int:
        """Return how many messages that were delivered more than once are still remembered (CON-POS-010)."""
        counts = [held.count for held in self.pending.values()] + list(self.given_up.values())
        return sum(count > 1 for count in counts)

    # -- delivering ---------------------------------------------------------------------------------------------

    def deliver(self, seqs: list[int], stored: list[Message], now: int) -> list[Delivered]:
        """Send ``seqs``, as ``pick`` chose them, and return what the ack subjects say."""
        return [self._deliver_one(seq, stored, now) for seq in seqs]

    def _deliver_one(self, seq: int, stored: list[Message], now: int) -> Delivered:
        held = self.pending.get(seq)
        consumer_seq = self.delivered[0] + 1
        if held is None:
            held = Unsettled(consumer_seq, 0, 0)
            self.delivered = (consumer_seq, seq)
            if seq in self.first:
                self.first.remove(seq)
            else:
                self.next_seq = seq + 1
        else:
            self.delivered = (consumer_seq, self.delivered[1])
        count = held.count + 1
        if self.rules.acks == NONE:
            self.floor = self.delivered
        else:
            self.pending[seq] = replace(held, count=count, deadline=now + self.rules.wait(count))
            self.due = [other for other in self.due if other != seq]
        return Delivered(seq, consumer_seq, count, len(self.waiting(stored)))

    # -- what clients answer ------------------------------------------------------------------------------------

    def ack(self, seq: int, consumer_seq: int) -> list[int]:
        """Settle what the ack of one delivery settles, and return it; +TERM does the same (CON-ACK-004, 008, 016)."""
        if self.rules.acks == ALL:
            settled = [held for held in sorted(self.pending) if held <= seq]
            if not settled or seq > self.delivered[1] or not self.floor[0] < consumer_seq <= self.delivered[0]:
                return []
            self._drop(settled)
            self.floor = (consumer_seq, seq)
            return settled
        if seq in self.pending:
            self.settle([seq])
            return [seq]
        return [seq] if self.given_up.pop(seq, None) is not None else []

    def nak(self, seq: int, delay: int, now: int) -> None:
        """Want it again, after ``delay`` (CON-ACK-005, CON-ACK-006)."""
        if seq not in self.pending:
            return
        if delay:
            self.due = [other for other in self.due if other != seq]
            self.pending[seq] = replace(self.pending[seq], deadline=now + delay)
        elif seq not in self.due:
            self.due.append(seq)

    def extend(self, seq: int, now: int) -> None:
        """Be still at work (CON-ACK-007); what is due already stays due."""
        if seq in self.pending:
            held = self.pending[seq]
            self.pending[seq] = replace(held, deadline=now + self.rules.wait(held.count))

    # -- time ---------------------------------------------------------------------------------------------------

    def pass_time(self, now: int) -> list[int]:
        """Make due again what was not acked in time, and return what is given up at once (CON-ACK-010, 013)."""
        late = [seq for seq in sorted(self.pending) if seq not in self.due and self.pending[seq].deadline <= now]
        if self.rules.max_deliver == 1:
            for seq in late:
                self.give_up(seq)
            return late
        self.due += late
        return []

    def give_up(self, seq: int) -> None:
        """Stop expecting an ack; the floor stays below (CON-ACK-012)."""
        count = self.pending[seq].count
        self._drop([seq])
        self.given_up[seq] = count

    # -- what happens to the stream -----------------------------------------------------------------------------

    def settle(self, seqs: list[int]) -> None:
        """Settle pending messages one by one: acked, or gone from the stream (CON-POS-011)."""
        settled = [self.pending[seq].consumer_seq for seq in seqs]
        self._drop(seqs)
        if settled and not self.pending:
            self.floor = self.delivered
        elif self.floor[0] + 1 in settled:
            lowest = min(self.pending)
            self.floor = (self.pending[lowest].consumer_seq - 1, lowest - 1)

    def gone(self, seqs: list[int]) -> None:
        """Forget messages that left the stream (CON-PRG-004)."""
        self.first = [seq for seq in self.first if seq not in seqs]
        self.given_up = {seq: count for seq, count in self.given_up.items() if seq not in seqs}
        self.settle([seq for seq in sorted(self.pending) if seq in seqs])

    def purged(self, first_seq: int) -> None:
        """Stand at ``first_seq`` at least: nothing is left below (CON-PRG-001, CON-PRG-002)."""
        self.next_seq = max(self.next_seq, first_seq)
        self.delivered = (self.delivered[0], max(self.delivered[1], first_seq - 1))
        floor = min([first_seq, *self.pending]) - 1
        if self.floor[1] < floor:
            before = self.pending[min(self.pending)].consumer_seq - 1 if self.pending else self.delivered[0]
            self.floor = (max(self.floor[0], before), floor)

    def skip(self, seq: int) -> None:
        """Begin at ``seq``: everything below was looked through in vain (CON-POS-014)."""
        if self.delivered[0] == 0 and self.floor[1] == 0:
            self.next_seq = max(self.next_seq, seq)
            self.delivered = (0, max(self.delivered[1], seq - 1))

    def configure(self, rules: ConsumerRules, stored: list[Message]) -> None:
        """Follow new rules; what is pending waits for the difference longer or shorter (CON-CFG-034, 035)."""
        old, self.rules = self.rules, rules
        for seq, held in self.pending.items():
            difference = rules.wait(held.count) - old.wait(held.count)
            self.pending[seq] = replace(held, deadline=held.deadline + difference)
        if rules.filters != old.filters:
            subjects = {message.seq: message.subject for message in stored}
            self.first = [seq for seq in self.first if seq in subjects and rules.wants(subjects[seq])]

    def _drop(self, seqs: list[int]) -> None:
        self.pending = {seq: held for seq, held in self.pending.items() if seq not in seqs}
        self.due = [seq for seq in self.due if seq not in seqs]
