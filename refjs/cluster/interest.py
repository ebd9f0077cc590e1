"""Interest between servers: each knows what is subscribed to on the others, and routes accordingly.

Changes are sent as they happen, numbered; who misses a number asks for the whole.  A beacon now and then makes a lost
last change known, and tells that a server lives: the interest of one that was silent for too long is dropped, so that
requests to it find no responders instead of silence.
"""

from __future__ import annotations

from typing import Final, final

from refjs.account.account import Account
from refjs.account.subscription import Subscription
from refjs.cluster.messages import (
    Interest,
    InterestBeacon,
    InterestRequest,
    InterestSnapshot,
    InterestUpdate,
    PeerMessage,
)
from refjs.types.units import SECOND, Nanos, ServerId, Subject

BEACON_INTERVAL: Final[Nanos] = 1 * SECOND
SILENCE_MAX: Final[Nanos] = 5 * SECOND


@final
class Peer:
    """What is known of another server's interest; ``birth`` -1: nothing yet."""

    __slots__ = ("birth", "heard", "subscriptions", "version")

    def __init__(self) -> None:
        self.birth = -1
        self.version = 0
        self.heard: Nanos = 0
        self.subscriptions: dict[tuple[str, Subject, bytes], Subscription] = {}


@final
class ClusterInterest:
    """The interest of this server, told to the others, and theirs, entered into the accounts."""

    def __init__(self, me: ServerId, others: list[ServerId], accounts: dict[str, Account], now: Nanos) -> None:
        self._me = me
        self._birth = now
        self._accounts = accounts
        self._version = 0
        self._counts: dict[tuple[str, Subject, bytes], int] = {}
        self._added: list[Interest] = []
        self._removed: list[Interest] = []
        self._peers = {other: Peer() for other in others}
        self._beacon_at = now + BEACON_INTERVAL
        self._out: list[tuple[ServerId, PeerMessage]] = []
        for account in accounts.values():
            observer = _Observer(self, account)
            for subscription in account.subscriptions():
                observer.changed(subscription, 1)
            account.observers.append(observer.changed)

    # -- ours -----------------------------------------------------------------------------------------------------

    def local(self, account: Account, subscription: Subscription, delta: int) -> None:
        """Count a subscription of this server; only the first and the last of a kind are told."""
        if subscription.peer:
            return
        key = (account.name, subscription.subject, subscription.queue)
        count = self._counts.get(key, 0) + delta
        if count:
            self._counts[key] = count
        else:
            del self._counts[key]
        if delta > 0 and count == 1:
            self._added.append(Interest(*key))
        elif delta < 0 and count == 0:
            self._removed.append(Interest(*key))

    def tell(self, now: Nanos) -> None:
        """Send what changed since the last call, and the beacon where it is due."""
        if self._added or self._removed:
            self._version += 1
            update = InterestUpdate(self._me, self._birth, self._version, self._added, self._removed)
            self._added, self._removed = [], []
            self._to_all(update)
        if now >= self._beacon_at:
            self._beacon_at = now + BEACON_INTERVAL
            self._to_all(InterestBeacon(self._me, self._birth, self._version))
            self._drop_silent(now)

    def _to_all(self, message: PeerMessage) -> None:
        self._out += [(other, message) for other in self._peers]

    def take(self) -> list[tuple[ServerId, PeerMessage]]:
        """Return, once, what is to be sent, and to whom."""
        out, self._out = self._out, []
        return out

    def next_deadline(self) -> Nanos:
        """Return when the next beacon is due."""
        return self._beacon_at

    # -- theirs ---------------------------------------------------------------------------------------------------

    def receive(
        self, message: InterestUpdate | InterestBeacon | InterestRequest | InterestSnapshot, now: Nanos
    ) -> None:
        """Take what another server says of its interest, or asks of ours."""
        peer = self._peers.get(message.sender)
        if peer is None:
            return
        peer.heard = now
        if isinstance(message, InterestRequest):
            interest = [Interest(*key) for key in self._counts]
            self._out.append((message.sender, InterestSnapshot(self._me, self._birth, self._version, interest)))
        elif isinstance(message, InterestSnapshot):
            self._replace(message.sender, peer, message)
        elif isinstance(message, InterestUpdate):
            self._update(message.sender, peer, message)
        elif (message.birth, message.version) != (peer.birth, peer.version):
            self._ask(message.sender)

    def _update(self, sender: ServerId, peer: Peer, update: InterestUpdate) -> None:
        if update.birth == peer.birth and update.version <= peer.version:
            return
        if (update.birth, update.version) == (peer.birth, peer.version + 1):
            peer.version = update.version
            for interest in update.removed:
                self._remove(peer, interest)
            for interest in update.added:
                self._add(sender, peer, interest)
        else:
            self._ask(sender)

    def _ask(self, other: ServerId) -> None:
        self._out.append((other, InterestRequest(self._me)))

    def _replace(self, sender: ServerId, peer: Peer, snapshot: InterestSnapshot) -> None:
        if snapshot.birth < peer.birth or (snapshot.birth == peer.birth and snapshot.version < peer.version):
            return
        peer.birth, peer.version = snapshot.birth, snapshot.version
        wanted = {interest.key(): interest for interest in snapshot.interest}
        for key in [key for key in peer.subscriptions if key not in wanted]:
            self._remove(peer, Interest(*key))
        for interest in snapshot.interest:
            self._add(sender, peer, interest)

    def _add(self, sender: ServerId, peer: Peer, interest: Interest) -> None:
        account = self._accounts.get(interest.account)
        if account is not None and interest.key() not in peer.subscriptions:
            subscription = Subscription(interest.subject, interest.queue, peer=sender)
            peer.subscriptions[interest.key()] = subscription
            account.subscribe(subscription)

    def _remove(self, peer: Peer, interest: Interest) -> None:
        subscription = peer.subscriptions.pop(interest.key(), None)
        if subscription is not None:
            self._accounts[interest.account].unsubscribe(subscription)

    def _drop_silent(self, now: Nanos) -> None:
        for peer in self._peers.values():
            if peer.birth >= 0 and now - peer.heard > SILENCE_MAX:
                peer.birth, peer.version = -1, 0
                for key in list(peer.subscriptions):
                    self._remove(peer, Interest(*key))


@final
class _Observer:
    """Binds an account to what watches it."""

    def __init__(self, interest: ClusterInterest, account: Account) -> None:
        self._interest = interest
        self._account = account

    def changed(self, subscription: Subscription, delta: int) -> None:
        self._interest.local(self._account, subscription, delta)
