"""Names that are unique in the cluster: each is an actor of the node that wrote it, and of no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from actorio.actor import Actor
from actorio.address import check_ref
from actorio.cluster.annotations import name_of
from actorio.cluster.engine import RevisionConflict
from actorio.cluster.settings import check_text
from actorio.cluster.store import NameRecord, escape, name_key, node_of
from actorio.cluster.view import Named
from actorio.errors import (
    ActorStoppedError,
    DetachedError,
    NameInUseError,
    NameNotFoundError,
    NotLocalError,
)

if TYPE_CHECKING:
    from actorio.cluster.protocols import Life

__all__ = ["Names", "check_cluster_name"]

_RETRY_AFTER = 0.1
_LONGEST = 200


def check_cluster_name(name: str) -> str:
    """Return a name for an actor of the cluster.

    Raises:
        TypeError, ValueError: it is none.
    """
    return check_text("a name in a cluster", name, most=_LONGEST)


class Names:
    """The names of this node's actors, over its incarnations, and those of all as the watch tells them."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._own: dict[str, Any] = {}
        self._revisions: dict[str, int] = {}
        self._of: dict[Any, dict[str, None]] = {}

    # -- those of this node ------------------------------------------------------------------------

    async def register(self, name: str, ref: Any) -> None:
        """Give an actor of this node a name; returns when it has it."""
        check_cluster_name(name)
        check_ref("register", ref)
        cell = ref._cell
        if cell.is_far or cell.runtime is not self._life.runtime:
            raise NotLocalError(f"register takes an actor of this node, and {ref.path} is none")
        if cell.reason is not None:
            raise ActorStoppedError(ref, cell.reason)
        self._life.check_attached("register")
        if name in self._own and self._own[name].reason is None:
            raise NameInUseError(f"the name {name!r} is in use on this node")
        self._own[name] = cell
        self._of.setdefault(cell, {})[name] = None
        try:
            await self._write(name, cell, self._life.incarnation)
        except BaseException:
            self._forget(name, cell)
            raise

    async def _write(self, name: str, cell: Any, incarnation: str) -> None:
        life = self._life
        while True:
            if not life.is_member(incarnation):
                raise DetachedError(f"this node was detached before {name!r} was registered")
            if cell.reason is not None:
                raise ActorStoppedError(cell.ref, cell.reason)
            node: Any = life.node
            record = NameRecord(incarnation, node.exports.number(cell), cell.path, _classes_of(cell))
            named = life.view.names.get(escape(name))
            if named is not None and named.record == record:
                self._revisions[name] = named.revision  # an own write whose answer was lost
                break
            if named is not None and self._is_taken(named, incarnation):
                raise NameInUseError(f"the name {name!r} is in use on {node_of(named.record.incarnation)}")
            try:
                self._revisions[name] = await self._put(name, record, named)
                break
            except Exception:  # another was quicker, or it is not known: the watch will tell
                await life.view.news(_RETRY_AFTER)
        if life.tap is not None:
            life.tap.named(life, name, incarnation)

    def _is_taken(self, named: Named, incarnation: str) -> bool:
        record, life = named.record, self._life
        if record.incarnation != incarnation:
            return life.view.is_alive(record.incarnation)
        return life.node.exports.get(record.number) is not None

    async def _put(self, name: str, record: NameRecord, named: Named | None) -> int:
        value, engine = msgspec.msgpack.encode(record), self._life.engine
        if named is None:
            return await self._life.soon(engine.create(name_key(name), value))
        return await self._life.soon(engine.update(name_key(name), value, named.revision))

    async def unregister(self, name: str) -> None:
        """Free a name of this node; returns when it is free."""
        check_cluster_name(name)
        self._life.check_usable()
        cell = self._own.get(name)
        if cell is None:
            raise NameNotFoundError(f"this node has registered no actor as {name!r}")
        self._forget(name, cell)
        number = 0 if self._life.node is None else self._life.node.exports.number(cell)
        await self._free(name, self._life.incarnation, number, self._revisions.pop(name, 0))

    def free(self, cell: Any, number: int, tell: Callable[[], None]) -> None:
        """An actor has ended: free its names, then tell of its end."""
        names = list(self._of.get(cell, ()))
        if not names:
            tell()
            return
        for name in names:
            self._forget(name, cell)
        written = {name: self._revisions.pop(name, 0) for name in names}
        self._life.start(
            self._free_all(written, number, tell, self._life.incarnation), f"names of {cell.path}"
        )

    async def _free_all(
        self, written: dict[str, int], number: int, tell: Callable[[], None], incarnation: str
    ) -> None:
        for name, revision in written.items():
            await self._free(name, incarnation, number, revision)
        tell()

    async def _free(self, name: str, incarnation: str, number: int, revision: int) -> None:
        """Free a name, unless it is another actor's by now: one of this node's too."""
        life = self._life
        if life.tap is not None:
            life.tap.unnamed(life, name, incarnation)
        while life.is_member(incarnation):
            named = life.view.names.get(escape(name))
            if named is not None and (named.record.incarnation, named.record.number) == (incarnation, number):
                revision = max(revision, named.revision)
            elif named is not None and named.revision > revision:
                return
            if not revision:
                return
            try:
                await life.soon(life.engine.delete(name_key(name), revision))
                return
            except RevisionConflict:
                if named is None or named.revision == revision:
                    revision = 0
            except Exception:  # whether it is free is not known: try again
                pass
            await life.view.news(_RETRY_AFTER)

    def _forget(self, name: str, cell: Any) -> None:
        if self._own.get(name) is cell:
            del self._own[name]
        names = self._of.get(cell, {})
        names.pop(name, None)
        if not names:
            self._of.pop(cell, None)

    async def announce(self) -> None:
        """This node is a new incarnation: register what it had anew; what another took meanwhile is its."""
        incarnation = self._life.incarnation
        for name, cell in list(self._own.items()):
            try:
                await self._write(name, cell, incarnation)
            except (NameInUseError, ActorStoppedError):
                self._forget(name, cell)
            except DetachedError:
                return

    # -- those of all ------------------------------------------------------------------------------

    def lookup(self, name: str, expect: type[Any] | None) -> Any:
        """Return the ref of a name."""
        check_cluster_name(name)
        named = self._life.view.names.get(escape(name))
        node = self._life.node
        if named is None or node is None or not self._life.view.is_alive(named.record.incarnation):
            raise NameNotFoundError(f"no actor is called {name!r} in the cluster, as far as this node knows")
        record = named.record
        if expect is not None and name_of(expect) not in record.kinds:
            kind = record.kinds[0] if record.kinds else "unknown class"
            raise TypeError(f"{name!r} is a {kind}, not a {name_of(expect)}")
        return node.ref(record.incarnation, record.number, record.path)

    async def find(self, name: str, expect: type[Any] | None, timeout: float) -> Any:
        """Return the ref of a name once somebody has it."""
        loop = self._life.runtime.loop
        deadline = loop.time() + timeout
        while True:
            self._life.check_attached("find")
            try:
                return self.lookup(name, expect)
            except NameNotFoundError:
                left = deadline - loop.time()
                if left <= 0:
                    raise
            await self._life.view.news(left)

    async def bury(self, incarnation: str) -> None:
        """Delete the names of a dead incarnation, so that they do not lie in the store for ever."""
        for name, named in list(self._life.view.names.items()):
            if named.record.incarnation == incarnation:
                try:
                    await self._life.soon(self._life.engine.delete(f"n.{name}", named.revision))
                except Exception:  # it is somebody else's by now, or it lies there: it means nothing
                    continue


def _classes_of(cell: Any) -> list[str]:
    made_by = type(cell.instance) if cell.instance is not None else cell.factory
    if not isinstance(made_by, type):
        return []
    return [name_of(kind) for kind in made_by.__mro__ if issubclass(kind, Actor) and kind is not Actor]
