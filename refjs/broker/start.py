"""Where a new consumer starts in its stream (CON-POS)."""

from __future__ import annotations

from typing import assert_never

from refjs.consumer.consumer import Start, patterns_of
from refjs.stream.store import MessageStore
from refjs.subject.grammar import ANY_REST
from refjs.types.config import ConsumerConfig, DeliverPolicy
from refjs.types.units import Nanos, Seq


def find_start(store: MessageStore, config: ConsumerConfig, now: Nanos) -> Start:
    """Return where a consumer of ``config`` created at ``now`` starts, and how many messages wait for it there."""
    filters = patterns_of(config)
    if config.deliver_policy is DeliverPolicy.LAST_PER_SUBJECT:
        first = [message.seq for message in store.last_per_subject(filters)]
        if first:
            return Start(store.last_seq + 1, len(first), first)
    seq = _first_seq(store, config, now)
    return Start(seq, store.count_from(filters, seq), [])


def _first_seq(store: MessageStore, config: ConsumerConfig, now: Nanos) -> Seq:
    floor = max(store.first_seq, 1)
    match config.deliver_policy:
        case DeliverPolicy.ALL:
            return floor
        case DeliverPolicy.NEW:
            return store.last_seq + 1
        case DeliverPolicy.LAST:
            return _last_matching(store, config, floor)
        case DeliverPolicy.LAST_PER_SUBJECT:
            return max(store.last_seq, floor)
        case DeliverPolicy.BY_START_SEQUENCE:
            return max(config.opt_start_seq, floor)
        case DeliverPolicy.BY_START_TIME:
            start = config.opt_start_time
            return store.last_seq + 1 if start is None or start > now else max(store.seq_at(start), floor)
        case _:
            assert_never(config.deliver_policy)


def _last_matching(store: MessageStore, config: ConsumerConfig, floor: Seq) -> Seq:
    """Return where ``last`` starts: at the newest message that matches, or from the start where none does."""
    filters = patterns_of(config)
    if not filters or filters == [ANY_REST]:
        return max(store.last_seq, 1)
    found = [message.seq for pattern in filters if (message := store.last_matching(pattern)) is not None]
    return max(found) if found else floor
