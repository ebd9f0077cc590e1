"""Interest between servers: who hears what, whatever was lost on the way."""

from __future__ import annotations

import pytest

from refjs.account.account import GLOBAL, Account
from refjs.account.subscription import Subscription
from refjs.broker.routed import RouteTo
from refjs.cluster.interest import SILENCE_MAX, ClusterInterest
from refjs.cluster.messages import (
    InterestBeacon,
    InterestRequest,
    InterestSnapshot,
    InterestUpdate,
    PeerMessage,
)
from refjs.types.units import SECOND, ServerId
from refjs.wire import client as wire
from tests.cluster_net import EPOCH, LATENCY, NO_RESPONDERS, Client, ClusterNet, cluster

TRAVEL = 4 * LATENCY


@pytest.fixture
def net() -> ClusterNet:
    return cluster()


def answers(client: Client, subject: str) -> bool:
    """Tell whether a request on ``subject`` finds anybody."""
    answer = client.request(subject, b"?", timeout=SECOND)
    return answer is None or not answer.headers.startswith(NO_RESPONDERS[:12])


def routed(net: ClusterNet, subject: bytes) -> list[str]:
    """Return to which servers messages on ``subject`` were sent."""
    return [target for _, target, message in net.sent if isinstance(message, RouteTo) and message.target == subject]


@pytest.mark.req("PRO-DLV-001")
def test_every_plain_subscription_of_the_cluster_gets_one_copy(net: ClusterNet) -> None:
    """A message reaches each plain subscription once, on whichever server, over one copy for each server."""
    publisher, near, far = net.connect("n1"), net.connect("n1"), net.connect("n2")
    near.sub("a.*")
    far.sub("a.b")
    far.sub("a.>")
    net.run(TRAVEL)

    publisher.pub("a.b", b"hello")
    net.run(TRAVEL)

    assert near.take() == [b"hello"]
    assert far.take() == [b"hello", b"hello"]
    assert routed(net, b"a.b") == ["n2"]


@pytest.mark.req("PRO-DLV-002")
def test_one_member_of_a_group_gets_the_message_and_a_near_one_goes_first(net: ClusterNet) -> None:
    """Of a queue group over all servers one member gets each message, one on the publisher's server if there is one."""
    publisher = net.connect("n1")
    members = [net.connect(name) for name in ("n2", "n2", "n3")]
    for member in members:
        member.sub("work", "crew")
    net.run(TRAVEL)
    for number in range(30):
        publisher.pub("work", b"%d" % number)
    net.run(TRAVEL)

    taken = [member.take() for member in members]
    assert sorted(int(payload) for each in taken for payload in each) == list(range(30))
    assert all(taken)

    near = net.connect("n1")
    near.sub("work", "crew")
    publisher.pub("work", b"near")
    net.run(TRAVEL)
    assert near.take() == [b"near"]


@pytest.mark.req("PRO-DLV-002", "PRO-DLV-003")
def test_a_group_whose_near_members_do_not_take_it_is_served_elsewhere(net: ClusterNet) -> None:
    """A publisher without echo that is itself the only near member does not keep a message from the far ones."""
    publisher, far = net.connect("n1"), net.connect("n2")
    publisher.send(wire.connect(b'{"verbose":false,"echo":false}'))
    publisher.sub("work", "crew")
    far.sub("work", "crew")
    net.run(TRAVEL)

    publisher.pub("work", b"job")
    net.run(TRAVEL)

    assert (publisher.take(), far.take()) == ([], [b"job"])


@pytest.mark.req("PRO-DLV-008", "PRO-DLV-009")
def test_requests_are_answered_across_servers(net: ClusterNet) -> None:
    """A request finds its responder on another server; without one it is told at once that nobody responds."""
    asker, responder = net.connect("n1"), net.connect("n3")
    assert not answers(asker, "help")

    sid = responder.sub("help")
    net.run(TRAVEL)
    inbox = asker.ask("help", b"please")
    net.run(TRAVEL)
    responder.pub(responder.messages[0].reply.decode(), b"yes")
    net.run(TRAVEL)
    answer = asker.answer(inbox)
    assert answer is not None
    assert answer.payload == b"yes"

    responder.unsub(sid)
    net.run(TRAVEL)
    assert not answers(asker, "help")


def test_an_inbox_named_in_the_same_read_is_known_before_the_request(net: ClusterNet) -> None:
    """Interest travels ahead of the message that needs it: SUB and PUB in one read get their answer from afar."""
    asker, responder = net.connect("n1"), net.connect("n2")
    responder.sub("echo")
    net.run(TRAVEL)
    asker.send(wire.sub(b"fresh", b"77") + wire.pub(b"echo", b"1", b"fresh"))
    net.run(TRAVEL)

    responder.pub(responder.messages[0].reply.decode(), b"2")
    net.run(TRAVEL)

    assert asker.take() == [b"2"]


@pytest.mark.req("PRO-DLV-004")
def test_auto_unsubscribe_counts_messages_from_afar(net: ClusterNet) -> None:
    """A subscription that ends after two messages ends after two, wherever they come from, and everybody learns it."""
    publisher, subscriber = net.connect("n1"), net.connect("n2")
    sid = subscriber.sub("news")
    subscriber.unsub(sid, after=2)
    net.run(TRAVEL)

    for number in range(3):
        publisher.pub("news", b"%d" % number)
    net.run(TRAVEL)

    assert subscriber.take() == [b"0", b"1"]
    assert not answers(publisher, "news")


def test_what_begins_and_ends_in_one_read_is_told_to_nobody(net: ClusterNet) -> None:
    """A subscription that ends in the read in which it began leaves no trace on other servers."""
    subscriber, publisher = net.connect("n2"), net.connect("n1")
    net.sent.clear()
    subscriber.send(wire.sub(b"blink", b"9") + wire.unsub(b"9"))
    net.run(TRAVEL)

    assert not [message for _, _, message in net.sent if isinstance(message, InterestUpdate)]
    assert not answers(publisher, "blink")


def test_the_interest_of_a_closed_connection_ends_everywhere(net: ClusterNet) -> None:
    """When a client goes, so does what it subscribed to, on all servers."""
    subscriber, publisher = net.connect("n2"), net.connect("n1")
    subscriber.sub("here")
    net.run(TRAVEL)
    assert answers(publisher, "here")

    subscriber.leave()
    net.run(TRAVEL)
    assert not answers(publisher, "here")


# -- losses -------------------------------------------------------------------------------------------------------


def test_a_lost_update_is_made_good_after_the_next_beacon(net: ClusterNet) -> None:
    """Interest whose announcement was lost is known everywhere two beacons later."""
    subscriber, publisher = net.connect("n2"), net.connect("n1")
    net.loses = lambda _source, _target, message: isinstance(message, InterestUpdate)
    subscriber.sub("lost")
    net.run(TRAVEL)
    assert not answers(publisher, "lost")

    net.loses = lambda _source, _target, _message: False
    net.run(2 * SECOND)
    publisher.pub("lost", b"found")
    net.run(TRAVEL)
    assert subscriber.take() == [b"found"]


def test_an_update_out_of_turn_asks_for_the_whole(net: ClusterNet) -> None:
    """The first update after a lost one makes good what was lost, without waiting for a beacon."""
    subscriber, publisher = net.connect("n2"), net.connect("n1")
    net.loses = lambda _source, _target, message: isinstance(message, InterestUpdate)
    subscriber.sub("first")
    net.run(TRAVEL)
    net.loses = lambda _source, _target, _message: False
    net.sent.clear()
    subscriber.sub("second")
    net.run(TRAVEL)

    kinds = {type(message) for _, _, message in net.sent}
    assert {InterestRequest, InterestSnapshot} <= kinds
    for subject in ("first", "second"):
        publisher.pub(subject, subject.encode())
    net.run(TRAVEL)
    assert subscriber.take() == [b"first", b"second"]


def test_lost_questions_and_answers_are_asked_and_given_again(net: ClusterNet) -> None:
    """Interest becomes known however often the question or the answer gets lost before."""
    subscriber, publisher = net.connect("n2"), net.connect("n1")
    lost: list[PeerMessage] = []

    def loses(_source: str, _target: str, message: PeerMessage) -> bool:
        often = sum(type(each) is type(message) for each in lost)
        gone = isinstance(message, InterestUpdate | InterestRequest | InterestSnapshot) and often < 4
        if gone:
            lost.append(message)
        return gone

    net.loses = loses
    subscriber.sub("patience")
    net.run(15 * SECOND)

    assert {InterestRequest, InterestSnapshot} <= {type(message) for message in lost}
    publisher.pub("patience", b"!")
    net.run(TRAVEL)
    assert subscriber.take() == [b"!"]


def test_a_silent_server_is_given_up_and_taken_back(net: ClusterNet) -> None:
    """Requests to a server that was cut off find no responders, and find it again after the heal."""
    subscriber, publisher = net.connect("n3"), net.connect("n1")
    subscriber.sub("remote")
    net.run(TRAVEL)
    net.isolate("n3")
    assert answers(publisher, "remote")

    net.run(SILENCE_MAX + 2 * SECOND)
    assert not answers(publisher, "remote")

    net.heal()
    net.run(3 * SECOND)
    assert answers(publisher, "remote")


def test_the_interest_of_a_former_life_is_forgotten(net: ClusterNet) -> None:
    """What was subscribed to on a server that was killed and is back at once is not waited for."""
    subscriber, publisher = net.connect("n2"), net.connect("n1")
    subscriber.sub("before")
    net.run(TRAVEL)
    net.restart("n2")
    again = net.connect("n2")
    again.sub("after")
    net.run(2 * SECOND)

    assert not answers(publisher, "before")
    publisher.pub("after", b"!")
    net.run(TRAVEL)
    assert again.take() == [b"!"]


# -- one server's bookkeeping -------------------------------------------------------------------------------------


class Two:
    """What the servers ``a`` and ``b`` think, with the messages between them in the test's hands."""

    def __init__(self) -> None:
        self.accounts = {name: Account(GLOBAL) for name in "ab"}
        self.a = self.begin("a", "b", birth=1)
        self.b = self.begin("b", "a", birth=2)

    def begin(self, me: str, other: str, birth: int) -> ClusterInterest:
        return ClusterInterest(ServerId(me), birth, [ServerId(other)], {GLOBAL: self.accounts[me]}, EPOCH)

    def told(self) -> PeerMessage:
        """Return the update that ``a`` sends now."""
        self.a.tell(EPOCH)
        (message,) = [message for _, message in self.a.take()]
        return message

    def hear(self, *messages: PeerMessage) -> list[PeerMessage]:
        """Give messages to ``b`` and return its own."""
        for message in messages:
            assert isinstance(message, InterestUpdate | InterestBeacon | InterestRequest | InterestSnapshot)
            self.b.receive(message, EPOCH)
        return [message for _, message in self.b.take()]

    def snapshot(self) -> PeerMessage:
        self.a.receive(InterestRequest(ServerId("b")), EPOCH)
        return self.a.take()[-1][1]

    def known(self) -> list[bytes]:
        """Return what ``b`` knows of ``a``, sorted."""
        return sorted(each.subject for each in self.accounts["b"].subscriptions() if each.peer == "a")


def test_old_and_repeated_news_change_nothing() -> None:
    """Updates and snapshots that are older than what is known, or known already, are ignored."""
    two = Two()
    early = two.snapshot()
    two.hear(early)
    subscription = Subscription(b"x", sink=lambda *_: True)
    two.accounts["a"].subscribe(subscription)
    begun = two.told()
    two.accounts["a"].unsubscribe(subscription)
    ended = two.told()

    assert two.hear(begun, ended, begun, early) == []
    assert two.known() == []


def test_news_in_the_wrong_order_end_in_the_truth() -> None:
    """An update that overtook another asks for the whole, once, and the whole settles it."""
    two = Two()
    two.hear(two.snapshot())
    two.accounts["a"].subscribe(Subscription(b"x", sink=lambda *_: True))
    first = two.told()
    two.accounts["a"].subscribe(Subscription(b"y", sink=lambda *_: True))
    second = two.told()
    two.accounts["a"].subscribe(Subscription(b"z", sink=lambda *_: True))
    third = two.told()

    asked = two.hear(second, third)
    assert [type(message) for message in asked] == [InterestRequest]
    two.hear(two.snapshot(), first)
    assert two.known() == [b"x", b"y", b"z"]


def test_another_life_counts_whatever_its_number() -> None:
    """The interest of a server's next life replaces that of the last one, also where its birth number is lower."""
    two = Two()
    two.accounts["a"].subscribe(Subscription(b"old", sink=lambda *_: True))
    two.hear(two.snapshot())
    assert two.known() == [b"old"]

    two.accounts["a"] = Account(GLOBAL)
    two.accounts["a"].subscribe(Subscription(b"new", sink=lambda *_: True))
    two.a = two.begin("a", "b", birth=0)
    beacon = InterestBeacon(ServerId("a"), 0, 0)
    assert [type(message) for message in two.hear(beacon)] == [InterestRequest]
    two.hear(two.snapshot())
    assert two.known() == [b"new"]


def test_strangers_are_not_listened_to() -> None:
    """What a server that is not of the cluster says changes nothing and is not answered."""
    two = Two()

    assert two.hear(InterestRequest(ServerId("c")), InterestBeacon(ServerId("c"), 1, 7)) == []
