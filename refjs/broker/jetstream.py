"""JetStream on one server: which streams exist, which of them are kept here, and the log that decides both."""

from __future__ import annotations

from typing import assert_never, final

from refjs.account.account import Account
from refjs.account.subscription import Subscription
from refjs.broker.api_service import ApiService
from refjs.broker.engine import Engine
from refjs.broker.meta import Done
from refjs.broker.meta_entries import AssignStream, MetaCodec, MetaEntry, ReassignStream, RemoveStream
from refjs.broker.monitor import JetStreamFigures
from refjs.broker.registry import AccountStreams
from refjs.broker.stream_host import StreamHost
from refjs.errors import table
from refjs.errors.table import ApiError
from refjs.storage.codec import Reader, Writer
from refjs.storage.log import Log
from refjs.types.config import StorageKind
from refjs.types.plain import decode_stream_config
from refjs.types.units import Subject


@final
class JetStream:
    """The streams of all accounts."""

    def __init__(self, engine: Engine, accounts: dict[str, Account]) -> None:
        self._engine = engine
        self._accounts = accounts
        self.streams: dict[str, AccountStreams] = {}
        self._groups: dict[str, StreamHost] = {}
        self._waiting: dict[int, Done] = {}
        self.meta: Log[MetaEntry]
        self.meta, held = engine.logs.open_meta()
        for account in accounts.values():
            self._enable(account)
        for _, entry in held:
            self._recover(entry)
        self.follow_meta()

    def _enable(self, account: Account) -> None:
        streams = AccountStreams(account)
        self.streams[account.name] = streams
        ApiService(self._engine, self, streams)
        account.observers.append(self._interest_changed)

    def _interest_changed(self, subscription: Subscription, _: int) -> None:
        """Let push consumers look again whether somebody listens on their deliver subject (CON-PSH-002)."""
        self._engine.interest_changed(subscription.subject)

    def _recover(self, entry: MetaEntry) -> None:
        """Apply what the metadata log held at the start; streams in memory did not survive (STR-SEQ-004)."""
        if isinstance(entry, AssignStream | ReassignStream):
            entry.reply = b""
        if isinstance(entry, AssignStream) and decode_stream_config(entry.config).storage is StorageKind.MEMORY:
            return
        self._apply(entry)

    # -- the metadata log ---------------------------------------------------------------------------------------

    def leads(self) -> bool:
        """Tell whether this server answers for what no single stream can answer for."""
        return self.meta.leads()

    def propose(self, entry: MetaEntry, done: Done | None = None) -> None:
        """Propose ``entry``; ``done`` is called once it is applied here and this server led all the while."""
        index = self.meta.propose(entry)
        if index and done is not None:
            self._waiting[index] = done
        if index:
            self.follow_meta()

    def follow_meta(self) -> None:
        """Apply what the metadata log committed."""
        snapshot = self.meta.take_snapshot()
        if snapshot is not None:
            self._restore(snapshot)
        committed = self.meta.take_committed()
        if not self.meta.leads():
            self._waiting.clear()
        while committed:
            for index, entry in committed:
                refused = self._apply(entry)
                done = self._waiting.pop(index, None)
                if done is not None:
                    done(refused)
            committed = self.meta.take_committed()

    def follow_group(self, group: str) -> None:
        """Let the stream of ``group`` follow its log."""
        host = self._groups.get(group)
        if host is not None:
            host.follow_log()

    def snapshot(self) -> bytes:
        """Return all assignments as canonical bytes; who waited for them has been answered long since."""
        codec, writer = MetaCodec(), Writer()
        for streams in self.streams.values():
            for each in streams.assignments.values():
                writer.blob(codec.encode(each.succeeded_by(each.config, each.revision)))
        return writer.done()

    def _restore(self, snapshot: bytes) -> None:
        """Make the assignments those of ``snapshot``; a stream whose group is in none was deleted."""
        codec, reader = MetaCodec(), Reader(snapshot)
        wanted: dict[str, AssignStream] = {}
        while not reader.at_end():
            entry = codec.decode(reader.blob())
            assert isinstance(entry, AssignStream), "a snapshot holds assignments"
            wanted[entry.group] = entry
        for streams in self.streams.values():
            for known in list(streams.assignments.values()):
                if known.group not in wanted:
                    self._remove(RemoveStream(known.account, known.name))
        for entry in wanted.values():
            streams = self.streams[entry.account]
            if entry.name not in streams.assignments:
                self._assign(entry)
            elif streams.assignments[entry.name].revision < entry.revision:
                self._change(streams, entry, b"", update=True)

    def snapshot_of(self, group: str) -> bytes | None:
        """Return the state of the stream of ``group`` as canonical bytes."""
        host = self._groups.get(group)
        return None if host is None else host.replica.snapshot()

    def _apply(self, entry: MetaEntry) -> ApiError | None:
        """Apply a committed entry, or return why it is refused: what was proposed before it has changed the matter."""
        match entry:
            case AssignStream():
                return self._assign(entry)
            case ReassignStream():
                return self._reassign(entry)
            case RemoveStream():
                return self._remove(entry)
            case _:
                assert_never(entry)

    def _assign(self, entry: AssignStream) -> ApiError | None:
        streams = self.streams[entry.account]
        config = decode_stream_config(entry.config)
        known = streams.assignments.get(entry.name)
        if known is not None:
            return self._reassign(
                ReassignStream(entry.account, entry.name, entry.config, known.group, entry.reply, update=False)
            )
        if streams.overlaps(config):
            return table.STREAM_SUBJECT_OVERLAP
        streams.assign(entry, config)
        self._engine.logs.placed(entry, 1)
        if self._engine.logs.keeps(entry):
            host = StreamHost(self._engine, streams.account, entry, config)
            streams.hosts[entry.name] = host
            self._groups[entry.group] = host
            host.follow_log()
        return None

    def _reassign(self, entry: ReassignStream) -> ApiError | None:
        streams = self.streams[entry.account]
        known = streams.assignments.get(entry.name)
        if known is None or known.group != entry.group:
            return table.STREAM_NOT_FOUND
        if not entry.update and known.config != entry.config:
            return table.STREAM_NAME_EXIST
        if entry.update and streams.overlaps(decode_stream_config(entry.config)):
            return table.STREAM_SUBJECT_OVERLAP
        revision = known.revision + 1 if entry.update else known.revision
        self._change(streams, known.succeeded_by(entry.config, revision), entry.reply, update=entry.update)
        return None

    def _change(self, streams: AccountStreams, assignment: AssignStream, reply: Subject, *, update: bool) -> None:
        """Put an assignment into the place of the one that is known of the same stream."""
        streams.assign(assignment, decode_stream_config(assignment.config))
        host = streams.hosts.get(assignment.name)
        if host is not None:
            host.reassign(assignment, reply, update=update)

    def _remove(self, entry: RemoveStream) -> ApiError | None:
        streams = self.streams[entry.account]
        known = streams.remove(entry.name)
        if known is None:
            return table.STREAM_NOT_FOUND
        self._engine.logs.placed(known, -1)
        host = streams.hosts.pop(entry.name, None)
        if host is not None:
            del self._groups[host.assignment.group]
            host.delete()
        return None

    # -- looking ------------------------------------------------------------------------------------------------

    def figures(self) -> JetStreamFigures:
        """Return what all accounts together use."""
        figures = JetStreamFigures(accounts=len(self.streams))
        for streams in self.streams.values():
            figures.api_total += streams.api_total
            figures.api_errors += streams.api_errors
            for host in streams.hosts.values():
                store = host.replica.stream.store
                figures.streams += 1
                figures.consumers += len(host.replica.consumers)
                figures.messages += len(store)
                figures.size += store.bytes
                reserved = max(host.replica.stream.config.max_bytes, 0)
                if store.storage is StorageKind.MEMORY:
                    figures.memory += store.bytes
                    figures.reserved_memory += reserved
                else:
                    figures.storage += store.bytes
                    figures.reserved_storage += reserved
        return figures

    def check_invariants(self) -> None:
        """Assert every invariant of every stream kept here."""
        for streams in self.streams.values():
            for host in streams.hosts.values():
                host.replica.check_invariants()
