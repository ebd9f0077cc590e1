"""What a consumer's host needs to know of the way its messages go out, pulled or pushed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import final

from refjs.broker.picker import Picker
from refjs.types.stored import StoredMessage
from refjs.types.units import Nanos, Seq, Subject


@final
class Plan:
    """One batch on its way: where each message goes, and the statuses that follow them."""

    __slots__ = ("after", "messages", "targets")

    def __init__(self) -> None:
        self.messages: dict[Seq, StoredMessage] = {}
        self.targets: dict[Seq, Subject] = {}
        self.after: list[tuple[Subject, bytes]] = []

    def add(self, message: StoredMessage, target: Subject) -> None:
        """Send ``message`` to ``target``."""
        self.messages[message.seq] = message
        self.targets[message.seq] = target


class DeliveryService(ABC):
    """How messages leave a consumer."""

    @abstractmethod
    def plan(self, picker: Picker) -> Plan:
        """Return the next batch, as far as there is demand for it."""

    @abstractmethod
    def sent(self, target: Subject, size: int) -> None:
        """Note that ``size`` bytes went out to ``target``."""

    @abstractmethod
    def give_back(self, message: StoredMessage) -> None:
        """Note that ``message`` of the last plan did not go out: it was settled, or gone, when its turn came."""

    @abstractmethod
    def next_deadline(self) -> Nanos | None:
        """Return when ``plan`` must be asked again whatever happens."""

    @abstractmethod
    def active(self) -> bool:
        """Tell whether somebody listens, which keeps an ephemeral consumer alive (CON-INA-001)."""

    @abstractmethod
    def waiting(self) -> int:
        """Return how many requests wait."""

    @abstractmethod
    def close(self, reason: str) -> None:
        """Tell those who wait that nothing comes any more."""
