"""What must hold in every group of Raft servers, judged from outside while a test drives it."""

from __future__ import annotations

from refjs.raft.messages import Entry
from refjs.raft.state import Role
from refjs.types.units import ServerId
from tests.raft_net import Net


class BrokenPropertyError(AssertionError):
    """A property of Raft does not hold."""


class Watch:
    """The four safety properties of the paper, over the whole history of a ``Net``."""

    def __init__(self, net: Net) -> None:
        self.net = net
        self.leaders: dict[int, ServerId] = {}
        self.committed: dict[int, Entry] = {}
        self.committed_in: dict[int, int] = {}  # the term in which an index was first seen committed
        self.votes: dict[tuple[ServerId, int], ServerId] = {}

    def look(self) -> None:
        """Judge the present state."""
        for name, raft in self.net.rafts.items():
            raft.check()
            self._one_vote(name)
            self._election_safety(name)
            self._state_machine_safety(name)
        self._log_matching()

    def _one_vote(self, name: ServerId) -> None:
        state = self.net.rafts[name].state
        ballot = state.ballot
        told = state.open and state.ballot_ticket <= state.outbox.synced
        if ballot.vote and told and self.votes.setdefault((name, ballot.term), ballot.vote) != ballot.vote:
            raise BrokenPropertyError(f"{name} voted twice in term {ballot.term}")

    def _election_safety(self, name: ServerId) -> None:
        raft = self.net.rafts[name]
        if raft.role is not Role.LEADER:
            return
        if self.leaders.setdefault(raft.term, name) != name:
            raise BrokenPropertyError(f"{name} and {self.leaders[raft.term]} lead term {raft.term}")
        for index, entry in self.committed.items():
            journal = raft.state.journal
            if self.committed_in[index] < raft.term and index > journal.base_index and not journal.holds(entry):
                raise BrokenPropertyError(f"{name} leads term {raft.term} without the committed entry {index}")

    def _state_machine_safety(self, name: ServerId) -> None:
        for entry in self.net.applied[name]:
            self.committed_in.setdefault(entry.index, self.net.rafts[name].term)
            if self.committed.setdefault(entry.index, entry) != entry:
                raise BrokenPropertyError(f"{name} applied another entry {entry.index} than was applied before")

    def _log_matching(self) -> None:
        journals = [raft.state.journal for raft in self.net.rafts.values()]
        for number, one in enumerate(journals):
            for other in journals[:number]:
                first = max(one.base_index, other.base_index) + 1
                last = min(one.last_index, other.last_index)
                while last >= first and one.term_at(last) != other.term_at(last):
                    last -= 1
                if last >= first and one.slice(first, last) != other.slice(first, last):
                    raise BrokenPropertyError(f"two logs agree at {last} and differ before")
