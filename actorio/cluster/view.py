"""The view of this node of the store: what the watch has told, and nothing else. All is judged by it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from actorio.cluster.engine import LIVE, SNAPSHOT, Change, Clock
from actorio.cluster.store import ClaimRecord, LeaseRecord, Meta, NameRecord, node_of, read

__all__ = ["Held", "Named", "Seen", "View"]


@dataclass(slots=True)
class Seen:
    """A lease, its revision, and when that was first seen."""

    record: LeaseRecord
    revision: int
    at: float


@dataclass(frozen=True, slots=True)
class Held:
    """A claim and its revision."""

    record: ClaimRecord
    revision: int


@dataclass(frozen=True, slots=True)
class Named:
    """A name and its revision."""

    record: NameRecord
    revision: int


@dataclass(slots=True)
class View:
    """The store as far as the watch has come.

    `came`, `changed` and `gone` are told of members; `moved` of everything.
    """

    clock: Clock
    came: Callable[[LeaseRecord], None]
    changed: Callable[[LeaseRecord], None]
    gone: Callable[[LeaseRecord], None]
    moved: Callable[[], None]
    members: dict[str, Seen] = field(default_factory=dict)
    claims: dict[str, Held] = field(default_factory=dict)
    names: dict[str, Named] = field(default_factory=dict)
    meta: tuple[Meta, int] | None = None
    is_live: bool = False
    vanished_at: float = float("-inf")
    """When leases were last seen to be gone without having been seen to be deleted: the store may have been lost."""
    _snapshot: dict[str, None] | None = None
    _waiting: list[asyncio.Future[None]] = field(default_factory=list)

    def settles_in(self, lease: float) -> float:
        """Return the seconds for which owners that have not noticed the loss of the store may still go on."""
        return max(self.vanished_at + lease - self.clock.now(), 0.0)

    def settle_with_others(self, lease: float) -> None:
        """Wait for such owners as long as the others do: who joins has not seen the loss itself."""
        longest = max((seen.record.settles for seen in self.members.values()), default=0.0)
        if longest:
            self.vanished_at = max(self.vanished_at, self.clock.now() + longest - lease)

    def is_alive(self, incarnation: str) -> bool:
        """Tell whether that incarnation is a member."""
        seen = self.members.get(node_of(incarnation))
        return seen is not None and seen.record.incarnation == incarnation

    async def news(self, timeout: float) -> None:
        """Wait for the next change, for at most so long."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            async with asyncio.timeout(timeout / self.clock.rate):
                await future
        except TimeoutError:
            pass
        finally:
            if future in self._waiting:
                self._waiting.remove(future)

    def take(self, event: Any) -> None:
        """Take what the watch tells."""
        if event is SNAPSHOT:
            self._snapshot = {}
            self.is_live = False
        elif event is LIVE:
            self._end_snapshot()
        elif isinstance(event, Change):
            if self._snapshot is not None and event.value is not None:
                self._snapshot[event.key] = None
            self._apply(event)
        else:
            return
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)
        self.moved()

    def _end_snapshot(self) -> None:
        """Drop what is not in the snapshot: it is gone."""
        snapshot, self._snapshot = self._snapshot or {}, None
        if any(f"m.{node}" not in snapshot for node in self.members):
            self.vanished_at = self.clock.now()
        for prefix, table in (("m.", self.members), ("c.", self.claims), ("n.", self.names)):
            for rest in [rest for rest in table if prefix + rest not in snapshot]:
                self._apply(Change(prefix + rest, None, 0))
        if self.meta is not None and "meta" not in snapshot:
            self.meta = None
        for seen in self.members.values():
            seen.at = self.clock.now()
        self.is_live = True

    def _apply(self, change: Change) -> None:
        prefix, _, rest = change.key.partition(".")
        value, revision = change.value, change.revision
        if prefix == "m":
            self._apply_member(rest, None if value is None else read(LeaseRecord, value), revision)
        elif prefix == "c":
            claim = None if value is None else read(ClaimRecord, value)
            _set(self.claims, rest, None if claim is None else Held(claim, revision))
        elif prefix == "n":
            name = None if value is None else read(NameRecord, value)
            _set(self.names, rest, None if name is None else Named(name, revision))
        elif change.key == "meta":
            meta = None if value is None else read(Meta, value)
            self.meta = None if meta is None else (meta, revision)

    def _apply_member(self, node: str, record: LeaseRecord | None, revision: int) -> None:
        before = self.members.get(node)
        if record is not None and node_of(record.incarnation) != node:
            record = None
        if before is not None and (record is None or record.incarnation != before.record.incarnation):
            del self.members[node]
            self.gone(before.record)
            before = None
        if record is None:
            return
        if before is None:
            self.members[node] = Seen(record, revision, self.clock.now())
            self.came(record)
        elif before.revision != revision:
            old, before.record = before.record, record
            before.revision, before.at = revision, self.clock.now()
            if record != old:
                self.changed(record)


def _set(table: dict[str, Any], key: str, value: Any) -> None:
    if value is None:
        table.pop(key, None)
    else:
        table[key] = value
