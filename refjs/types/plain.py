"""Configurations as canonical JSON, for entries, snapshots and digests.

This is the durable form, not that of the API: every field is present, keys are sorted, and nothing is validated.
"""

from __future__ import annotations

import json
from dataclasses import fields
from enum import StrEnum

from refjs.types.config import ConsumerConfig, StreamConfig


def encode_config(config: StreamConfig | ConsumerConfig) -> bytes:
    """Return the canonical encoding of ``config``."""
    values: dict[str, object] = {field.name: getattr(config, field.name) for field in fields(config)}
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
            default: object = getattr(config, field.name)
            value = values[field.name]
            setattr(config, field.name, type(default)(str(value)) if isinstance(default, StrEnum) else value)
