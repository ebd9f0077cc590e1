"""The key-value store that the official Python client builds on a stream."""

from __future__ import annotations

import asyncio

import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import StorageType
from nats.js.errors import KeyNotFoundError, KeyWrongLastSequenceError, NoKeysError
from nats.js.kv import KeyValue

from tests.e2e.conftest import Stage

WAIT = 5.0


async def next_update(watcher: KeyValue.KeyWatcher) -> KeyValue.Entry | None:
    """Return the next change; None is the mark that the watcher has shown all there was."""
    update = await asyncio.wait_for(watcher._updates.get(), WAIT)
    assert update is None or isinstance(update, KeyValue.Entry)
    return update


def test_put_and_get(stage: Stage) -> None:
    """A key holds the value that was put last, and its revision counts every put in the bucket."""

    async def scenario(_client: Client, js: JetStreamContext) -> None:
        bucket = await js.create_key_value(bucket="basic", storage=StorageType.MEMORY)
        assert await bucket.put("colour", b"red") == 1
        assert await bucket.put("size", b"10") == 2
        assert await bucket.put("colour", b"blue") == 3
        entry = await bucket.get("colour")
        assert (entry.value, entry.revision) == (b"blue", 3)
        with pytest.raises(KeyNotFoundError):
            await bucket.get("weight")
        status = await bucket.status()
        assert (status.bucket, status.values) == ("basic", 2)

    stage.play(scenario)


def test_create_and_update_are_guarded(stage: Stage) -> None:
    """A key is created once, and updated only by whoever knows its revision."""

    async def scenario(_client: Client, js: JetStreamContext) -> None:
        bucket = await js.create_key_value(bucket="guarded", storage=StorageType.MEMORY)
        revision = await bucket.create("k", b"1")
        with pytest.raises(KeyWrongLastSequenceError):
            await bucket.create("k", b"again")
        assert await bucket.update("k", b"2", last=revision) == 2
        with pytest.raises(KeyWrongLastSequenceError):
            await bucket.update("k", b"3", last=revision)
        assert (await bucket.get("k")).value == b"2"

    stage.play(scenario)


def test_history_delete_and_purge(stage: Stage) -> None:
    """Deleting leaves the history, purging removes it, and a deleted key can be created again."""

    async def scenario(_client: Client, js: JetStreamContext) -> None:
        bucket = await js.create_key_value(bucket="history", history=5, storage=StorageType.MEMORY)
        for value in (b"1", b"2", b"3"):
            await bucket.put("k", value)
        assert [entry.value for entry in await bucket.history("k")] == [b"1", b"2", b"3"]
        await bucket.delete("k")
        with pytest.raises(KeyNotFoundError):
            await bucket.get("k")
        assert [entry.operation for entry in await bucket.history("k")] == [None, None, None, "DEL"]
        await bucket.create("k", b"4")
        await bucket.purge("k")
        assert [entry.operation for entry in await bucket.history("k")] == ["PURGE"]

    stage.play(scenario)


def test_keys(stage: Stage) -> None:
    """The keys of a bucket are those that hold a value now."""

    async def scenario(_client: Client, js: JetStreamContext) -> None:
        bucket = await js.create_key_value(bucket="keys", storage=StorageType.MEMORY)
        with pytest.raises(NoKeysError):
            await bucket.keys()
        for key in ("a", "b.c", "d"):
            await bucket.put(key, b"x")
        await bucket.delete("d")
        assert sorted(await bucket.keys()) == ["a", "b.c"]

    stage.play(scenario)


def test_watch(stage: Stage) -> None:
    """A watcher gets what is there, then a mark, then every change."""

    async def scenario(_client: Client, js: JetStreamContext) -> None:
        bucket = await js.create_key_value(bucket="watched", storage=StorageType.MEMORY)
        await bucket.put("lamp.kitchen", b"off")
        await bucket.put("lamp.hall", b"on")
        watcher = await bucket.watch("lamp.*")
        seen = [await next_update(watcher) for _ in range(3)]
        assert [entry.key if entry else None for entry in seen] == ["lamp.kitchen", "lamp.hall", None]
        await bucket.put("door", b"open")
        await bucket.put("lamp.kitchen", b"on")
        await bucket.delete("lamp.hall")
        changes = [await next_update(watcher) for _ in range(2)]
        assert [(e.key, e.value, e.operation) for e in changes if e] == [
            ("lamp.kitchen", b"on", None),
            ("lamp.hall", b"", "DEL"),
        ]

    stage.play(scenario)


def test_a_bucket_is_deleted(stage: Stage) -> None:
    """A deleted bucket is gone, and its name is free."""

    async def scenario(_client: Client, js: JetStreamContext) -> None:
        bucket = await js.create_key_value(bucket="gone", storage=StorageType.MEMORY)
        await bucket.put("k", b"1")
        assert await js.delete_key_value("gone")
        again = await js.create_key_value(bucket="gone", storage=StorageType.MEMORY)
        with pytest.raises(KeyNotFoundError):
            await again.get("k")

    stage.play(scenario)
