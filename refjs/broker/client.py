"""The clients of a server: their connections, and what each operation of theirs means (catalogue PRO)."""

from __future__ import annotations

from typing import Final, assert_never, final

from refjs.account.account import Account
from refjs.account.subscription import Subscription
from refjs.broker.connection import Connection
from refjs.broker.engine import Engine
from refjs.broker.jetstream import JetStream
from refjs.broker.monitor import BrokerFigures
from refjs.broker.timers import Alarm
from refjs.subject.grammar import is_valid_literal, is_valid_pattern
from refjs.types.units import ConnId, Nanos
from refjs.wire import encode, headers
from refjs.wire.connect import parse_connect
from refjs.wire.info import ClientView, ServerInfo
from refjs.wire.operations import (
    Connect,
    Ignored,
    Operation,
    Ping,
    Pong,
    Publish,
    Subscribe,
    Unsubscribe,
    Violation,
)

_PROTOCOL_VIOLATION: Final = "Protocol Violation"
_STALE: Final = "Stale Connection"
_PROTOCOLS: Final = (0, 1)
_RESERVED_REPLIES: Final = (b"$JS.ACK.", b"_R_.", b"_GR_.")
_RESERVED_SUBJECTS: Final = (b"_GR_.", b"$NRG.")
_RESERVED_QUEUE: Final = b"_sys_"


@final
class Clients:
    """All client connections."""

    def __init__(self, engine: Engine, account: Account, jetstream: JetStream | None) -> None:
        self._engine = engine
        self._router = engine.router
        self._account = account
        self._jetstream = jetstream
        self._alarms: dict[ConnId, Alarm] = {}
        self._figures = BrokerFigures()

    # -- coming and going ---------------------------------------------------------------------------------------

    def open(self, conn: ConnId, host: str, port: int) -> None:
        """Greet a new connection with INFO (PRO-INF-001)."""
        connection = Connection(conn, host, port, self._account, self._engine.now)
        self._router.dirty.append(connection)
        if len(self._router.connections) >= self._engine.options.max_connections:
            connection.error("maximum connections exceeded")
            connection.closing = "Maximum Connections Exceeded"
            return
        self._router.connections[conn] = connection
        self._figures.total_connections += 1
        connection.out.append(encode.info(self._info(connection)))
        alarm = Alarm(_Pinger(self, connection).ring)
        self._alarms[conn] = alarm
        self._engine.timers.set(alarm, self._engine.now + self._engine.options.ping_interval)

    def close(self, conn: ConnId) -> None:
        """Forget a connection and end its subscriptions."""
        connection = self._router.connections.pop(conn, None)
        if connection is None:
            return
        self._engine.timers.set(self._alarms.pop(conn), None)
        for subscription in list(connection.subs.values()):
            self._end(connection, subscription)

    def _info(self, connection: Connection, *, confirm: bool = False) -> bytes:
        options = self._engine.options
        info = ServerInfo(options.server_id or options.server_name, options.server_name, options.profile.release)
        info.host = options.host
        info.port = options.port
        info.cluster = options.cluster_name
        info.domain = options.domain
        if self._jetstream is not None:
            info.jetstream = True
            info.api_level = options.profile.info_api_level
        view = ClientView(connection.id, connection.host, options.max_payload)
        if confirm:
            view.account = connection.account.name
        return info.encode(view)

    # -- operations ---------------------------------------------------------------------------------------------

    def receive(self, conn: ConnId, operations: list[Operation]) -> None:
        """Handle the operations of one read, in order."""
        connection = self._router.connections.get(conn)
        if connection is None:
            return
        self._router.dirty.append(connection)
        for operation in operations:
            if connection.closing:
                return
            if isinstance(operation, Publish):
                self._publish(connection, operation)
            else:
                self._handle(connection, operation)
            self._router.deliver_posts()

    def _handle(self, connection: Connection, operation: Operation) -> None:
        match operation:
            case Publish():
                self._publish(connection, operation)
            case Subscribe():
                self._subscribe(connection, operation)
            case Unsubscribe():
                self._unsubscribe(connection, operation)
            case Ping():
                self._ping(connection)
            case Pong():
                connection.pings_out = 0
            case Connect():
                self._connect(connection, operation)
            case Violation():
                self._fail(connection, operation.text)
            case Ignored():
                pass
            case _:
                assert_never(operation)

    def _fail(self, connection: Connection, text: str) -> None:
        """Close for a fault of the client; an empty ``text`` closes silently (PRO-OPS-003)."""
        if text:
            connection.error(text)
        connection.closing = text or _PROTOCOL_VIOLATION

    def _connect(self, connection: Connection, operation: Connect) -> None:
        options = parse_connect(operation.options, connection.options if connection.connected else None)
        if options is None:
            self._fail(connection, "")
            return
        if options.account or options.new_account:
            self._fail(connection, "Authorization Violation")
        elif options.protocol not in _PROTOCOLS:
            self._fail(connection, "invalid client protocol")
        elif options.no_responders and not options.headers:
            self._fail(connection, "no responders requires headers support")
        else:
            if connection.connected:  # once more: the subscriptions go (PRO-CON-009)
                for subscription in list(connection.subs.values()):
                    self._end(connection, subscription)
            connection.options = options
            connection.connected = True
            connection.acknowledge()

    def _ping(self, connection: Connection) -> None:
        connection.out.append(encode.PONG)
        if connection.connected and connection.options.protocol and not connection.greeted:
            connection.greeted = True
            connection.out.append(encode.info(self._info(connection, confirm=True)))

    def _publish(self, connection: Connection, operation: Publish) -> None:
        subject, reply = operation.subject, operation.reply
        connection.in_msgs += 1
        connection.in_bytes += len(operation.body)
        self._figures.in_msgs += 1
        self._figures.in_bytes += len(operation.body)
        options = connection.options
        if options.pedantic and not is_valid_literal(subject):
            connection.error("Invalid Publish Subject")
        if subject.startswith(_RESERVED_SUBJECTS):
            connection.error(f'Permissions Violation for Publish to "{_text(subject)}"')
            return
        if reply and reply.startswith(_RESERVED_REPLIES):
            connection.error(f'Permissions Violation for Publish with Reply of "{_text(reply)}"')
            return
        if options.verbose:
            connection.acknowledge()
        received = self._router.publish(
            connection.account, subject, subject, reply, operation.header_size, operation.body, connection
        )
        if not received and reply and options.no_responders:
            self._tell_no_responders(connection, subject, reply)

    def _tell_no_responders(self, connection: Connection, subject: bytes, reply: bytes) -> None:
        """Answer a request that nobody received, on the requester's own subscription (PRO-DLV-008)."""
        pairs = [(b"Nats-Subject", subject)] if self._engine.profile.no_responders_subject else []
        block = headers.build(b"503", pairs)
        for subscription in connection.account.route(reply).plain:
            if subscription.conn == connection.id:
                connection.out.append(encode.hmsg(reply, subscription.sid, b"", len(block), block))
                subscription.delivered += 1
                if 0 < subscription.max_msgs <= subscription.delivered:
                    self._end(connection, subscription)
                return

    def _subscribe(self, connection: Connection, operation: Subscribe) -> None:
        subject, queue = operation.subject, operation.queue
        if operation.sid in connection.subs:  # the first one stays, whatever the second asks for (PRO-OPS-014)
            connection.acknowledge()
            return
        if not is_valid_pattern(subject):
            connection.error("Invalid Subject")
            return
        if queue == _RESERVED_QUEUE:
            text = f'Permissions Violation for Subscription to "{_text(subject)}" using queue "{_text(queue)}"'
            connection.error(text)
            return
        subscription = Subscription(subject, queue, conn=connection.id, sid=operation.sid)
        connection.subs[operation.sid] = subscription
        connection.account.subscribe(subscription)
        connection.acknowledge()

    def _unsubscribe(self, connection: Connection, operation: Unsubscribe) -> None:
        subscription = connection.subs.get(operation.sid)
        if subscription is not None:
            if operation.max_msgs > subscription.delivered:
                subscription.max_msgs = operation.max_msgs
            else:
                self._end(connection, subscription)
        connection.acknowledge()

    def _end(self, connection: Connection, subscription: Subscription) -> None:
        self._router.end(connection, subscription)

    # -- liveness -----------------------------------------------------------------------------------------------

    def ping(self, connection: Connection) -> None:
        """Ask a connection whether it lives, or close it where it did not answer (PRO-LIV-001)."""
        engine = self._engine
        self._router.dirty.append(connection)
        if connection.pings_out >= engine.options.ping_max:
            self._figures.stale_connections += 1
            connection.error(_STALE)
            connection.closing = _STALE
            return
        connection.pings_out += 1
        connection.out.append(encode.PING)
        engine.timers.set(self._alarms[connection.id], engine.now + engine.options.ping_interval)

    # -- looking ------------------------------------------------------------------------------------------------

    def figures(self) -> BrokerFigures:
        """Return what clients did so far."""
        figures = self._figures
        connections = self._router.connections.values()
        figures.connections = len(connections)
        figures.subscriptions = sum(len(connection.subs) for connection in connections)
        figures.out_msgs = self._router.out_msgs
        figures.out_bytes = self._router.out_bytes
        return figures


@final
class _Pinger:
    """Binds a connection to its alarm."""

    def __init__(self, clients: Clients, connection: Connection) -> None:
        self._clients = clients
        self._connection = connection

    def ring(self, now: Nanos) -> None:
        self._clients.ping(self._connection)


def _text(subject: bytes) -> str:
    return subject.decode("utf-8", "surrogateescape")
