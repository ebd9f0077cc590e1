"""Traces played on a server: many at a time, each on a connection of its own, each at its own times.

Real and virtual time look the same from here: both are a ``Link``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, assert_never, final

from refjs.conform.frames import bytes_of, header_block_of, text_of
from refjs.conform.link import Link, TargetError
from refjs.conform.trace import MARK, Ack, Request, Step, Subscribe, Trace, Unsubscribe
from refjs.types.units import MILLISECOND, SECOND, Nanos
from refjs.wire import client
from refjs.wire.client import ClientParser, ErrReceived, InfoReceived, MsgReceived, PingReceived, PongReceived

_OPTIONS: Final = b'{"verbose":false,"pedantic":false,"headers":true,"no_responders":true,"protocol":1,"name":"trace"}'
_CREATE: Final = "$JS.API.STREAM.CREATE."
_UNHURRIED: Final = ("$JS.API.CONSUMER.MSG.NEXT.", "$JS.API.DIRECT.GET.")
"""What may be answered late, or never, although it is part of the API."""

_PATIENCE: Final = 2 * SECOND
_LEAD: Final = 20 * MILLISECOND
_STAGGER: Final = 4 * MILLISECOND
"""Traces begin one after the other, so that their first requests do not meet."""

_ACK: Final = b"$JS.ACK."
_CONSUMER_SEQ: Final = 6


class Heard(NamedTuple):
    """A message, and when it came, in ns since the trace began."""

    at: Nanos
    message: MsgReceived


@dataclass(slots=True, kw_only=True)
class Recording:
    """What a server did in a trace, and what is needed to read it.

    ``began`` is the server's time when the trace began; ``late`` by how many ns the step most behind its time was late;
    ``names`` what the server called the consumers it named itself, by lane.
    """

    prefix: str
    began: Nanos = 0
    late: Nanos = 0
    server_name: str = ""
    names: dict[str, str] = field(default_factory=dict)
    lanes: dict[str, list[Heard]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)


@final
class _Player:
    """One trace on its connection."""

    def __init__(self, trace: Trace, prefix: str) -> None:
        self.recording = Recording(prefix=prefix)
        self.pongs = 0
        self.finished = False
        self._trace = trace
        self._start: Nanos = 0
        self._next = 0
        self._awaited = ""
        self._parser = ClientParser()
        self._lanes: dict[bytes, str] = {}
        self._sids: dict[str, bytes] = {}
        self._deliveries: dict[str, dict[bytes, None]] = {}

    def begin(self, start: Nanos, ahead: Nanos) -> None:
        """Fix the time of the first step."""
        self._start = start
        self.recording.began = start + ahead

    # -- doing ----------------------------------------------------------------------------------------------------

    def due(self) -> Nanos:
        """Return when to act next: at the step's time, or later where an answer is still awaited."""
        patience = _PATIENCE if self._awaited else 0
        return self._scheduled() + patience

    def _scheduled(self) -> Nanos:
        steps = self._trace.steps
        at = steps[self._next].at if self._next < len(steps) else self._trace.end
        return self._start + at * MILLISECOND

    def act(self, now: Nanos) -> bytes:
        """Return what the next step sends."""
        if self._next == len(self._trace.steps):
            self.finished = True
            return b""
        self.recording.late = max(self.recording.late, now - self._scheduled())
        self._awaited = ""
        step = self._trace.steps[self._next]
        self._next += 1
        return self._send(step)

    def _send(self, step: Step) -> bytes:
        match step:
            case Request():
                return self._request(step)
            case Subscribe():
                return self._open(step.lane, self._fill(step.subject), bytes_of(step.queue))
            case Unsubscribe():
                return client.unsub(self._sids[step.lane]) if step.lane in self._sids else b""
            case Ack():
                return self._ack(step)
            case _:
                assert_never(step)

    def _request(self, step: Request) -> bytes:
        subject = self._fill(step.subject)
        body = step.text if step.json is None else json.dumps(step.json, separators=(",", ":"))
        block = header_block_of({name: [self._fill_text(value)] for name, value in step.headers.items()})
        if step.lane and step.subject.startswith("$JS.API.") and not step.subject.startswith(_UNHURRIED):
            self._awaited = step.lane
        return self._publish(subject, step.lane, block if step.headers else b"", self._fill(body))

    def _ack(self, step: Ack) -> bytes:
        delivered = sorted(self._deliveries.get(self._fill_text(step.consumer), {}), key=_consumer_seq)
        if not delivered:
            return b""
        return self._publish(delivered[step.nth % len(delivered)], step.lane, b"", self._fill(step.text))

    def _publish(self, subject: bytes, lane: str, block: bytes, payload: bytes) -> bytes:
        data, reply = b"", b""
        if lane:
            reply = bytes_of(f"_INBOX.{self.recording.prefix}.{lane}")
            data = self._open(lane, reply)
        if block:
            return data + client.hpub(subject, block, payload, reply)
        return data + client.pub(subject, payload, reply)

    def _open(self, lane: str, subject: bytes, queue: bytes = b"") -> bytes:
        sid = b"%d" % (len(self._lanes) + 1)
        self._lanes[sid] = lane
        self._sids[lane] = sid
        self.recording.lanes.setdefault(lane, [])
        return client.sub(subject, sid, queue)

    def _fill(self, text: str) -> bytes:
        return bytes_of(self._fill_text(text))

    def _fill_text(self, text: str) -> str:
        for lane, name in self.recording.names.items():
            text = text.replace(f"{{{lane}}}", name)
        return text.replace(MARK, self.recording.prefix)

    def farewell(self) -> bytes:
        """Return what removes the streams of the trace."""
        created = [step.subject for step in self._trace.steps if isinstance(step, Request)]
        streams = dict.fromkeys(subject for subject in created if subject.startswith(_CREATE))
        deletions = [client.pub(self._fill(s.replace(".CREATE.", ".DELETE.")), b"") for s in streams]
        return b"".join(deletions) + client.PING

    # -- hearing --------------------------------------------------------------------------------------------------

    def take(self, data: bytes, now: Nanos) -> bytes:
        """Note what came; return what it is to be answered with."""
        answer = b""
        for event in self._parser.feed(data):
            match event:
                case MsgReceived():
                    if not self.finished:
                        self._note(event, now - self._start)
                case PingReceived():
                    answer += client.PONG
                case PongReceived():
                    self.pongs += 1
                case ErrReceived():
                    self.recording.errors.append(event.text)
                case InfoReceived():
                    self.recording.server_name = str(json.loads(event.json)["server_name"])
                case _:
                    pass  # +OK: nobody asked for it
        return answer

    def _note(self, message: MsgReceived, at: Nanos) -> None:
        lane = self._lanes[message.sid]
        self.recording.lanes[lane].append(Heard(at, message))
        if message.reply.startswith(_ACK):
            consumer = b".".join(message.reply.split(b".")[2:4])
            self._deliveries.setdefault(text_of(consumer), {})[message.reply] = None
        if lane == self._awaited:
            self._awaited = ""
            self._note_name(lane, message.payload)

    def _note_name(self, lane: str, payload: bytes) -> None:
        """Note how the server named a consumer that was created without a name."""
        answer = json.loads(payload) if payload.startswith(b"{") else {}
        if "name" in answer and "name" not in answer["config"]:
            self.recording.names[lane] = answer["name"]

    def lost(self) -> None:
        """Note that the server closed the connection."""
        self.recording.errors.append("connection closed")
        self.finished = True
        self.pongs += 1


def play(link: Link, traces: Sequence[Trace], prefixes: Sequence[str], ahead: Nanos = 0) -> list[Recording]:
    """Play ``traces`` at the same time and return what was heard; afterwards their streams are gone.

    ``ahead`` is how far the server's clock is ahead of the link's; no two traces may have the same prefix.
    """
    players = {str(index): _Player(trace, prefixes[index]) for index, trace in enumerate(traces)}
    for name in players:
        link.open(name)
        link.send(name, client.connect(_OPTIONS) + client.PING)
    _await(link, players, lambda player: player.pongs > 0)
    start = link.now() + _LEAD
    for index, player in enumerate(players.values()):
        player.begin(start + index * _STAGGER, ahead)
    _perform(link, players)
    for name, player in players.items():
        link.send(name, player.farewell())
    _await(link, players, lambda player: player.pongs > 1)
    for name in players:
        link.close(name)
    return [player.recording for player in players.values()]


def _perform(link: Link, players: Mapping[str, _Player]) -> None:
    playing = dict(players)
    while playing:
        for name, player in playing.items():
            while not player.finished and player.due() <= link.now():
                data = player.act(link.now())
                if data:
                    link.send(name, data)
        playing = {name: player for name, player in playing.items() if not player.finished}
        if playing:
            _hear(link, players, min(player.due() for player in playing.values()))


def _await(link: Link, players: Mapping[str, _Player], done: Callable[[_Player], bool]) -> None:
    until = link.now() + _PATIENCE
    while not all(done(player) for player in players.values()):
        if link.now() >= until:
            raise TargetError("The target does not answer.")
        _hear(link, players, until)


def _hear(link: Link, players: Mapping[str, _Player], until: Nanos) -> None:
    for arrival in link.arrivals(until):
        player = players[arrival.conn]
        if arrival.data is None:
            player.lost()
            continue
        answer = player.take(arrival.data, link.now())
        if answer:
            link.send(arrival.conn, answer)


def _consumer_seq(reply: bytes) -> int:
    return int(reply.split(b".")[_CONSUMER_SEQ])
