"""Configurations that break rules, alone and several at once: what clients may send for streams and consumers."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

from tests.differential.requester import Json

LONG: Final = "x" * 4_097
VAST: Final = "x" * 131_072
DAY_ONE: Final = "2020-01-01T00:00:00Z"

STREAM_FIELDS: Final[dict[str, list[Json]]] = {
    "description": ["d", LONG, "\u00e9" * 2_049],
    "subjects": [["a.*", "b"], ["a.*", "a.b"], ["a", "a"], ["a b"], [""], [">"], ["$JS.>"], ["$SYS.x"], ["a..b"], []],
    "retention": ["interest", "workqueue"],
    "max_consumers": [5, -1, -2, 0],
    "max_msgs": [5, -2],
    "max_bytes": [1_000, -2],
    "max_age": [-1, 5, 10**9, 3 * 10**11],
    "max_msgs_per_subject": [-2, 0, 5],
    "max_msg_size": [-2, 7],
    "discard": ["new"],
    "discard_new_per_subject": [True],
    "storage": ["memory"],
    "num_replicas": [-1, 0, 1, 3, 6],
    "no_ack": [True],
    "duplicate_window": [-1, 5, 10**9, 5 * 10**11],
    "placement": [{}, {"cluster": "C"}, {"preferred": "x"}, {"tags": []}],
    "compression": ["s2"],
    "first_seq": [10],
    "allow_direct": [True],
    "mirror_direct": [True],
    "sealed": [True],
    "deny_delete": [True],
    "deny_purge": [True],
    "allow_rollup_hdrs": [True],
    "consumer_limits": [{}, {"max_ack_pending": 5}, {"inactive_threshold": 10**9}],
    "metadata": [{"a": "b"}, {"a": VAST}, {"_nats.ver": "1"}],
    "pedantic": [True],
}
CONSUMER_FIELDS: Final[dict[str, list[Json]]] = {
    "durable_name": ["C", "D", "a b"],
    "name": ["x", "a b", "a/b"],
    "description": ["d", LONG],
    "deliver_policy": ["last", "new", "by_start_sequence", "by_start_time", "last_per_subject"],
    "opt_start_seq": [5],
    "opt_start_time": [DAY_ONE],
    "ack_policy": ["explicit", "all"],
    "ack_wait": [-5, 5, 10**9],
    "max_deliver": [-5, 1, 5],
    "backoff": [[-5], [5, 6], [10**9], []],
    "filter_subject": ["a.b", "a b", "z", ""],
    "filter_subjects": [["a.b", "a.c"], ["a.b", ""], ["a.*", "a.b"], ["a b", "a b"], ["a.*.c", "a.b.*"], ["", ""], []],
    "replay_policy": ["original"],
    "max_waiting": [-5, 5],
    "max_ack_pending": [-5, -1, 5, 50],
    "deliver_subject": ["d", "d.*", "a.b", "d d", ">", "d..d"],
    "deliver_group": ["g"],
    "flow_control": [True],
    "idle_heartbeat": [-5, 5, 10**9],
    "headers_only": [True],
    "max_batch": [-5, 5],
    "max_expires": [-5, 5, 10**9],
    "max_bytes": [-5, 5],
    "inactive_threshold": [5, 10**9, 10**11],
    "num_replicas": [-1, 0, 1, 3],
    "mem_storage": [True],
    "metadata": [{"a": "b"}, {"a": VAST}],
}


def singles(fields: dict[str, list[Json]]) -> list[dict[str, Json]]:
    """Return every value of every field, alone."""
    return [{name: value} for name, values in fields.items() for value in values]


def combinations(fields: dict[str, list[Json]], most: int = 5) -> st.SearchStrategy[dict[str, Json]]:
    """Draw up to ``most`` fields with a value each."""
    names = st.lists(st.sampled_from(sorted(fields)), max_size=most, unique=True)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({name: st.sampled_from(fields[name]) for name in chosen}))
