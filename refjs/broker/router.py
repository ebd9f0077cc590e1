"""From a published message to everybody who receives it: clients, services of this server, other servers.

What the server itself publishes goes through ``post``: it is delivered after the operation at hand, in order, so that
no service is entered while another is half-way through its work.
"""

from __future__ import annotations

from collections import deque
from typing import TypeAlias, final

from refjs.account.account import Account
from refjs.account.subscription import Subscription
from refjs.broker.connection import Connection
from refjs.broker.routed import RouteTo
from refjs.types.rng import Rng
from refjs.types.units import ConnId, Subject
from refjs.wire import encode

_Post: TypeAlias = "tuple[Account, Subject, Subject, Subject, int, bytes]"


@final
class Router:
    """Delivers messages; collects, for one turn, which connections have something to be written."""

    def __init__(self, rng: Rng) -> None:
        self.connections: dict[ConnId, Connection] = {}
        self.dirty: list[Connection] = []
        self._routed: list[RouteTo] = []
        self._rng = rng
        self._posts: deque[_Post] = deque()
        self.out_msgs = 0
        self.out_bytes = 0

    def post(self, account: Account, target: Subject, reply: Subject, header_size: int, body: bytes) -> None:
        """Publish on ``target`` from inside the server, once the operation at hand is done."""
        self._posts.append((account, target, target, reply, header_size, body))

    def post_as(
        self, account: Account, target: Subject, subject: Subject, reply: Subject, header_size: int, body: bytes
    ) -> None:
        """Like ``post``, but whoever receives on ``target`` sees ``subject`` (CON-PSH-001)."""
        self._posts.append((account, target, subject, reply, header_size, body))

    def deliver_posts(self) -> None:
        """Deliver everything posted, and what is posted meanwhile."""
        posts = self._posts
        while posts:
            account, target, subject, reply, header_size, body = posts.popleft()
            self.publish(account, target, subject, reply, header_size, body, None)

    def publish(  # noqa: PLR0913, PLR0917 - a message's fields
        self,
        account: Account,
        target: Subject,
        subject: Subject,
        reply: Subject,
        header_size: int,
        body: bytes,
        origin: Connection | None,
    ) -> bool:
        """Give a message to all who receive on ``target``; return whether anybody did."""
        route = account.route(target)
        received = False
        peers: dict[str, list[bytes]] = {}
        for subscription in route.plain:
            if subscription.peer:
                peers.setdefault(subscription.peer, [])
            elif self._give(subscription, subject, reply, header_size, body, origin):
                received = True
        for group in route.groups:
            if self._give_to_one(group, subject, reply, header_size, body, origin, peers):
                received = True
        for peer, queues in peers.items():
            self._routed.append(RouteTo(peer, account.name, target, subject, reply, header_size, body, queues))
        return received or bool(peers)

    def take_routed(self) -> list[RouteTo]:
        """Return, once, what is for the subscribers of other servers."""
        routed, self._routed = self._routed, []
        return routed

    def receive_routed(self, account: Account, routed: RouteTo) -> None:
        """Deliver what another server routed here: to local receivers only, and one member of each named group."""
        route = account.route(routed.target)
        subject, reply, header_size, body = routed.subject, routed.reply, routed.header_size, routed.body
        for subscription in route.plain:
            if not subscription.peer:
                self._give(subscription, subject, reply, header_size, body, None)
        for group in route.groups:
            local = [member for member in group if not member.peer]
            if local and local[0].queue in routed.queues:
                self._give_to_one(local, subject, reply, header_size, body, None, {})

    def _give_to_one(  # noqa: PLR0913, PLR0917 - a message's fields
        self,
        group: list[Subscription],
        subject: Subject,
        reply: Subject,
        header_size: int,
        body: bytes,
        origin: Connection | None,
        peers: dict[str, list[bytes]],
    ) -> bool:
        """Give the message to a random member of a queue group, a local one where one takes it (PRO-DLV-002)."""
        remote = [member for member in group if member.peer]
        local = [member for member in group if not member.peer] if remote else group
        first = self._rng.below(len(local)) if local else 0
        for offset in range(len(local)):
            if self._give(local[(first + offset) % len(local)], subject, reply, header_size, body, origin):
                return True
        if remote:
            chosen = remote[self._rng.below(len(remote))]
            peers.setdefault(chosen.peer, []).append(chosen.queue)
        return bool(remote)

    def _give(
        self,
        subscription: Subscription,
        subject: Subject,
        reply: Subject,
        header_size: int,
        body: bytes,
        origin: Connection | None,
    ) -> bool:
        sink = subscription.sink
        if sink is not None:
            return sink(subject, reply, header_size, body)
        connection = self.connections[subscription.conn]
        options = connection.options
        if connection is origin and not options.echo:
            return False
        if not connection.out:
            self.dirty.append(connection)
        if header_size == 0:
            connection.out.append(encode.msg(subject, subscription.sid, reply, body))
        elif options.headers:
            connection.out.append(encode.hmsg(subject, subscription.sid, reply, header_size, body))
        else:
            connection.out.append(encode.msg(subject, subscription.sid, reply, body[header_size:]))
        self.out_msgs += 1
        self.out_bytes += len(body)
        subscription.delivered += 1
        if 0 < subscription.max_msgs <= subscription.delivered:
            self.end(connection, subscription)
        return True

    def end(self, connection: Connection, subscription: Subscription) -> None:
        """End a client's subscription."""
        if connection.subs.get(subscription.sid) is subscription:
            del connection.subs[subscription.sid]
            connection.account.unsubscribe(subscription)
