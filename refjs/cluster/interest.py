"""Interest between servers: each knows what is subscribed to on the others, and routes accordingly.

Changes are sent as they happen, numbered; who misses a number asks for the whole.  A beacon now and then makes a lost
last change known, and tells that a server lives: the interest of one that was silent for too long is dropped, so that
requests to it find no responders instead of silence.
"""

from __future__ import annotations

from typing import Final, assert_never, final

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
ASK_INTERVAL: Final[Nanos] = SECOND // 2
SILENCE_MAX: Final[Nanos] = 5 * SECOND


@final
class Peer:
    """What is known of another server's interest: its state ``version`` in the life ``birth``, if anything."""

    __slots__ = ("asked_at", "birth", "heard", "known", "subscriptions", "version")

    def __init__(self) -> None:
        self.known = False
        self.birth = 0
        self.version = 0
        self.heard: Nanos = 0
        self.asked_at: Nanos = -BEACON_INTERVAL
        self.subscriptions: dict[tuple[str, Subject, bytes], Subscription] = {}


@final
class ClusterInterest:
    """The interest of this server, told to the others, and theirs, entered into the accounts."""

    def __init__(
        self, me: ServerId, birth: int, others: list[ServerId], accounts: dict[str, Account], now: Nanos
    ) -> None:
        """Start with what is subscribed to; no other life of this server may have the same ``birth``."""
        self._me = me
        self._birth = birth
        self._accounts = accounts
        self._version = 0
        self._counts: dict[tuple[str, Subject, bytes], int] = {}
        self._changed: dict[tuple[str, Subject, bytes], bool] = {}  # what began (True) or ended since we last told
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
        if subscription.peer or subscription.local:
            return
        key = (account.name, subscription.subject, subscription.queue)
        count = self._counts.get(key, 0) + delta
        if count:
            self._counts[key] = count
        else:
            del self._counts[key]
        if (delta > 0 and count == 1) or (delta < 0 and count == 0):
            self._note(key, began=delta > 0)

    def _note(self, key: tuple[str, Subject, bytes], *, began: bool) -> None:
        """Note a change, unless it undoes one that nobody heard of yet."""
        if self._changed.get(key, began) is not began:
            del self._changed[key]
        else:
            self._changed[key] = began

    def tell(self, now: Nanos) -> None:
        """Send what changed since the last call, and the beacon where it is due."""
        if self._changed:
            self._version += 1
            added = [Interest(*key) for key, began in self._changed.items() if began]
            removed = [Interest(*key) for key, began in self._changed.items() if not began]
            self._changed = {}
            self._to_all(InterestUpdate(self._me, self._birth, self._version, added, removed))
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
        match message:
            case InterestRequest():
                interest = [Interest(*key) for key in self._counts]
                self._out.append((message.sender, InterestSnapshot(self._me, self._birth, self._version, interest)))
            case InterestSnapshot():
                self._replace(message.sender, peer, message)
            case InterestUpdate():
                self._update(message.sender, peer, message, now)
            case InterestBeacon():
                if not peer.known or (message.birth, message.version) != (peer.birth, peer.version):
                    self._ask(message.sender, peer, now)
            case _:
                assert_never(message)

    def _update(self, sender: ServerId, peer: Peer, update: InterestUpdate, now: Nanos) -> None:
        same_life = peer.known and update.birth == peer.birth
        if same_life and update.version <= peer.version:
            return
        if not same_life or update.version > peer.version + 1:
            self._ask(sender, peer, now)
            return
        peer.version = update.version
        for interest in update.removed:
            self._remove(peer, interest)
        for interest in update.added:
            self._add(sender, peer, interest)

    def _ask(self, other: ServerId, peer: Peer, now: Nanos) -> None:
        """Ask for everything, unless that was done a moment ago."""
        if now - peer.asked_at >= ASK_INTERVAL:
            peer.asked_at = now
            self._out.append((other, InterestRequest(self._me)))

    def _replace(self, sender: ServerId, peer: Peer, snapshot: InterestSnapshot) -> None:
        """Take the whole; an old one of another life is put right after the next beacon."""
        if peer.known and snapshot.birth == peer.birth and snapshot.version < peer.version:
            return
        peer.known, peer.birth, peer.version = True, snapshot.birth, snapshot.version
        peer.asked_at = -BEACON_INTERVAL
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
            if peer.known and now - peer.heard > SILENCE_MAX:
                peer.known = False
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
