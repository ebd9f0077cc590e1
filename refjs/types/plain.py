"""Configurations as canonical JSON, for entries, snapshots and digests.

This is the durable form, not that of the API: every field is present, keys are sorted, and nothing is validated.
"""

from __future__ import annotations

import json
from dataclasses import fields
from enum import StrEnum

from refjs.types.config import ConsumerConfig, ConsumerLimits, Placement, StreamConfig


def encode_config(config: StreamConfig | ConsumerConfig) -> bytes:
    """Return the canonical encoding of ``config``."""
    values: dict[str, object] = {field.name: _plain(getattr(config, field.name)) for field in fields(config)}
    return json.dumps(values, sort_keys=True, separators=(",", ":")).encode()


def decode_stream_config(data: bytes) -> StreamConfig:
    """Return the stream configuration that ``encode_config`` wrote."""
    config = StreamConfig()
    _fill(config, data)
    return config


def decode_consumer_config(data: bytes) -> ConsumerConfig:
    """Return the consumer configuration that ``encode_config`` wrote."""
    config = ConsumerConfig()
    _fill(config, data)
    return config


def _fill(config: StreamConfig | ConsumerConfig, data: bytes) -> None:
    values: dict[str, object] = json.loads(data)
    for field in fields(config):
        if field.name in values:
            setattr(config, field.name, _typed(field.name, getattr(config, field.name), values[field.name]))


def _plain(value: object) -> object:
    """Return ``value`` as JSON can hold it."""
    if isinstance(value, Placement):
        return [value.cluster, value.tags, value.preferred]
    return [value.inactive_threshold, value.max_ack_pending] if isinstance(value, ConsumerLimits) else value


def _typed(name: str, default: object, value: object) -> object:
    """Return what ``_plain`` made plain, given the default of the field ``name``."""
    if isinstance(default, StrEnum):
        return type(default)(str(value))
    if name == "placement":
        return Placement(*value) if isinstance(value, list) else None
    return ConsumerLimits(*value) if name == "consumer_limits" and isinstance(value, list) else value
