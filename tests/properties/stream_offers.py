"""Random streams: configurations, publishes and purges, each for the model and for ``refjs.stream`` alike."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from hypothesis import strategies as st

from models.stream_model import ABSENT, FOREVER, INVALID_TTL, Offer, Rules, StreamModel, Verdict
from refjs.stream.entries import Publish
from refjs.stream.outcomes import Duplicate, Outcome, Refused, Removed, Skipped, Stored
from refjs.types.config import Discard, StorageKind, StreamConfig
from refjs.types.units import SECOND
from refjs.wire import headers

SUBJECTS: Final = ("a", "b.x", "b.y")
PATTERNS: Final = ("", ">", "a", "b.>", "b.y", "c")
MSG_IDS: Final = ("1", "2", "3")


def allowed(drawn: Rules) -> Rules:
    """Return ``drawn`` without what a configuration may not contain (STR-CFG-014, STR-CFG-027)."""
    per_subject = drawn.discard_new and drawn.max_msgs_per_subject > 0 and drawn.discard_new_per_subject
    return replace(drawn, discard_new_per_subject=per_subject, allow_rollup=drawn.allow_rollup and not drawn.deny_purge)


limits = st.sampled_from([-1, -1, 1, 2, 3, 5])
rules = st.builds(
    Rules,
    in_file=st.booleans(),
    max_msgs=limits,
    max_bytes=st.sampled_from([-1, -1, 20, 60, 120]),
    max_age=st.sampled_from([0, 0, 2 * SECOND, 5 * SECOND]),
    max_msgs_per_subject=limits,
    max_msg_size=st.sampled_from([-1, -1, 10, 80]),
    discard_new=st.booleans(),
    discard_new_per_subject=st.booleans(),
    window=st.sampled_from([1 * SECOND, 2 * SECOND, 60 * SECOND]),
    allow_rollup=st.booleans(),
    allow_ttl=st.booleans(),
    deny_delete=st.sampled_from([False, False, False, True]),
    deny_purge=st.sampled_from([False, False, False, True]),
    sealed=st.just(value=False),
).map(allowed)


def config_of(given: Rules, first_seq: int = 0) -> StreamConfig:
    """Return the configuration that says ``given``."""
    return StreamConfig(
        name=given.name,
        subjects=[">"],
        max_msgs=given.max_msgs,
        max_bytes=given.max_bytes,
        max_age=given.max_age,
        max_msgs_per_subject=given.max_msgs_per_subject,
        max_msg_size=given.max_msg_size,
        discard=Discard.NEW if given.discard_new else Discard.OLD,
        discard_new_per_subject=given.discard_new_per_subject,
        storage=StorageKind.FILE if given.in_file else StorageKind.MEMORY,
        duplicate_window=given.window,
        first_seq=first_seq,
        allow_rollup_hdrs=given.allow_rollup,
        allow_msg_ttl=given.allow_ttl,
        deny_delete=given.deny_delete,
        deny_purge=given.deny_purge,
        sealed=given.sealed,
    )


def with_headers(offer: Offer, payload: bytes) -> Offer:
    """Return ``offer`` with the body that states its conditions and carries ``payload``."""
    pairs: list[tuple[bytes, bytes]] = []
    texts = (
        (b"Nats-Msg-Id", offer.msg_id),
        (b"Nats-Expected-Stream", offer.expected_stream),
        (b"Nats-Expected-Last-Sequence", _number(offer.expected_last_seq)),
        (b"Nats-Expected-Last-Subject-Sequence", _number(offer.expected_last_subject_seq)),
        (b"Nats-Expected-Last-Subject-Sequence-Subject", offer.expected_subject),
        (b"Nats-Expected-Last-Msg-Id", offer.expected_last_msg_id),
        (b"Nats-Rollup", offer.rollup),
        (b"Nats-TTL", _ttl_text(offer.ttl)),
    )
    pairs = [(name, value.encode()) for name, value in texts if value]
    block = headers.build(b"", pairs) if pairs else b""
    return replace(offer, body=block + payload, header_size=len(block))


def _number(value: int) -> str:
    return "" if value == ABSENT else str(value)


def _ttl_text(ttl: int) -> str:
    marks = {0: "", FOREVER: "never", INVALID_TTL: "soon"}
    return marks[ttl] if ttl in marks else f"{ttl // SECOND}s"


def entry_of(offer: Offer) -> Publish:
    """Return the entry that offers it to the stream."""
    return Publish(offer.subject.encode(), offer.header_size, offer.body, offer.stamp)


def verdict_of(outcome: Outcome) -> Verdict:
    """Return what the stream answered, as the model says it."""
    match outcome:
        case Stored():
            return Verdict("stored", outcome.message.seq)
        case Skipped():
            return Verdict("skipped", outcome.seq)
        case Duplicate():
            return Verdict("duplicate", outcome.seq)
        case Removed():
            return Verdict("removed", outcome.count)
        case Refused():
            return Verdict("refused", outcome.error.code)


@st.composite
def offers(draw: st.DrawFn, model: StreamModel, now: int) -> Offer:
    """Draw a publish; conditions are drawn so that they hold about half of the time."""
    subject = draw(st.sampled_from(SUBJECTS))
    offer = Offer(subject, now, b"", wanted=draw(st.sampled_from([True, True, True, False])))
    payload = b"x" * draw(st.sampled_from([0, 1, 5, 12]))
    if not draw(st.booleans()):
        return with_headers(offer, payload)
    compared = draw(st.sampled_from(["", *PATTERNS]))
    newest = [message.seq for message in model.of_subject(compared or subject)]
    near = st.sampled_from([ABSENT, ABSENT, 0, newest[-1] if newest else 0])
    offer = replace(
        offer,
        msg_id=draw(st.sampled_from(["", *MSG_IDS])),
        expected_stream=draw(st.sampled_from(["", "", "", model.rules.name, "T"])),
        expected_last_seq=draw(st.sampled_from([ABSENT, ABSENT, ABSENT, model.last_seq, model.last_seq + 1])),
        expected_last_subject_seq=draw(near),
        expected_subject=draw(st.sampled_from(["", "", compared])),
        expected_last_msg_id=draw(st.sampled_from(["", "", "", model.last_msg_id, "2"])),
        rollup=draw(st.sampled_from(["", "", "", "sub", "all", "SUB", "foo"])),
        ttl=draw(st.sampled_from([0, 0, 0, FOREVER, INVALID_TTL, 1 * SECOND, 3 * SECOND])),
    )
    return with_headers(offer, payload)
