"""Configurations as answers show them: nats-server's keys and order, and what it leaves out (STR-CFG-040).

With a profile, the metadata also tell the release and its API level; lists pass none, and show only what is stored
(STR-CFG-037, CON-CFG-025).
"""

from __future__ import annotations

from typing import final

from refjs.types.config import ConsumerConfig, ConsumerLimits, Placement, StreamConfig
from refjs.types.json_text import quote, string_array, string_map
from refjs.types.profile import Profile
from refjs.types.time_text import format_time


def stream_config_json(config: StreamConfig, profile: Profile | None) -> str:
    """Return a stream's configuration as a JSON object."""
    members = _Members()
    members.text("name", config.name)
    members.some_text("description", config.description)
    members.some_texts("subjects", config.subjects)
    members.text("retention", config.retention)
    members.number("max_consumers", config.max_consumers)
    members.number("max_msgs", config.max_msgs)
    members.number("max_bytes", config.max_bytes)
    members.number("max_age", config.max_age)
    members.number("max_msgs_per_subject", config.max_msgs_per_subject)
    members.some_number("max_msg_size", config.max_msg_size)
    members.text("discard", config.discard)
    members.text("storage", config.storage)
    members.number("num_replicas", config.num_replicas)
    members.some_flag("no_ack", value=config.no_ack)
    members.some_number("duplicate_window", config.duplicate_window)
    if config.placement is not None:
        members.raw("placement", _placement(config.placement))
    members.text("compression", config.compression)
    members.some_number("first_seq", config.first_seq)
    members.flag("allow_direct", value=config.allow_direct)
    members.flag("mirror_direct", value=config.mirror_direct)
    members.some_flag("discard_new_per_subject", value=config.discard_new_per_subject)
    members.flag("sealed", value=config.sealed)
    members.flag("deny_delete", value=config.deny_delete)
    members.flag("deny_purge", value=config.deny_purge)
    members.flag("allow_rollup_hdrs", value=config.allow_rollup_hdrs)
    members.raw("consumer_limits", _consumer_limits(config.consumer_limits))
    if profile is None or profile.per_message_ttl:
        members.flag("allow_msg_ttl", value=config.allow_msg_ttl)
    members.some_map("metadata", _metadata(config.metadata, profile))
    return members.done()


def consumer_config_json(config: ConsumerConfig, profile: Profile | None) -> str:
    """Return a consumer's configuration as a JSON object."""
    members = _Members()
    members.some_text("durable_name", config.durable_name)
    members.some_text("name", config.name)
    members.some_text("description", config.description)
    members.text("deliver_policy", config.deliver_policy)
    members.some_number("opt_start_seq", config.opt_start_seq)
    if config.opt_start_time is not None:
        members.text("opt_start_time", format_time(config.opt_start_time))
    members.text("ack_policy", config.ack_policy)
    members.some_number("ack_wait", config.ack_wait)
    members.some_number("max_deliver", config.max_deliver)
    if config.backoff:
        members.raw("backoff", "[" + ",".join([str(wait) for wait in config.backoff]) + "]")
    members.some_text("filter_subject", config.filter_subject)
    members.some_texts("filter_subjects", config.filter_subjects)
    members.text("replay_policy", config.replay_policy)
    members.some_number("rate_limit_bps", config.rate_limit_bps)
    members.some_text("sample_freq", config.sample_freq)
    members.some_number("max_waiting", config.max_waiting)
    members.some_number("max_ack_pending", config.max_ack_pending)
    members.some_flag("flow_control", value=config.flow_control)
    members.some_flag("headers_only", value=config.headers_only)
    members.some_number("max_batch", config.max_batch)
    members.some_number("max_expires", config.max_expires)
    members.some_number("max_bytes", config.max_bytes)
    members.some_text("deliver_subject", config.deliver_subject)
    members.some_text("deliver_group", config.deliver_group)
    members.some_number("idle_heartbeat", config.idle_heartbeat)
    members.some_number("inactive_threshold", config.inactive_threshold)
    members.number("num_replicas", config.num_replicas)
    members.some_flag("mem_storage", value=config.mem_storage)
    members.some_map("metadata", _metadata(config.metadata, profile))
    return members.done()


def _metadata(stored: dict[str, str], profile: Profile | None) -> dict[str, str]:
    """Return what an answer shows of the stored metadata, with our release where ``profile`` is given."""
    if profile is None or not profile.versioned_assets:
        return stored
    return {**stored, "_nats.ver": profile.release, "_nats.level": str(profile.api_level)}


def _placement(placement: Placement) -> str:
    members = _Members()
    members.some_text("cluster", placement.cluster)
    members.some_texts("tags", placement.tags or [])
    return members.done()


def _consumer_limits(limits: ConsumerLimits) -> str:
    members = _Members()
    members.some_number("inactive_threshold", limits.inactive_threshold)
    members.some_number("max_ack_pending", limits.max_ack_pending)
    return members.done()


@final
class _Members:
    """The members of an object, collected in their order; ``some_`` leaves out what is zero or empty."""

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: list[str] = []

    def raw(self, name: str, text: str) -> None:
        self._parts.append(f'"{name}":{text}')

    def text(self, name: str, value: str) -> None:
        self.raw(name, quote(value))

    def number(self, name: str, value: int) -> None:
        self.raw(name, str(value))

    def flag(self, name: str, *, value: bool) -> None:
        self.raw(name, "true" if value else "false")

    def some_text(self, name: str, value: str) -> None:
        if value:
            self.text(name, value)

    def some_texts(self, name: str, values: list[str]) -> None:
        if values:
            self.raw(name, string_array(values))

    def some_number(self, name: str, value: int) -> None:
        if value:
            self.number(name, value)

    def some_flag(self, name: str, *, value: bool) -> None:
        if value:
            self.flag(name, value=True)

    def some_map(self, name: str, values: dict[str, str]) -> None:
        if values:
            self.raw(name, string_map(values))

    def done(self) -> str:
        return "{" + ",".join(self._parts) + "}"
