"""Spawning on another node: a class that is exposed there, its arguments by its signature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from actorio._core.checks import check_instance, check_optional_duration
from actorio._core.mailbox import Mailbox, Overflow
from actorio._core.result import safe_exception
from actorio.actor import Actor
from actorio.address import check_name
from actorio.cluster import wire
from actorio.cluster.annotations import name_of
from actorio.cluster.failures import size_of
from actorio.cluster.settings import check_text
from actorio.errors import (
    AskTimeoutError,
    NoHostError,
    NotSendableError,
    Refusal,
    RefusedError,
    StartTimeoutError,
    describe,
)
from actorio.policy import Restart

if TYPE_CHECKING:
    import asyncio

    from actorio.cluster.protocols import Life, Peer


__all__ = ["PendingSpawn", "Spawner"]


class _There:
    """Where an actor is being spawned, as an error tells of it."""

    is_alive = True

    def __init__(self, path: str) -> None:
        self.path = path
        self.name = path.rpartition("/")[2]


def _place(node: str, factory: Any) -> Any:
    return _There(f"{node}:/{getattr(factory, '__name__', type(factory).__name__)}")


class PendingSpawn:
    """A spawn that is waited for; to a peer it is an ask."""

    def __init__(self, future: asyncio.Future[Any], message: Any) -> None:
        self.future = future
        self.message = message
        self.cell = self
        self.ref = None
        self.asks: dict[Any, Any] = {}

    def reply(self, value: Any) -> None:
        """End with the ref."""
        if not self.future.done():
            self.future.set_result(value)

    def fail(self, error: BaseException) -> None:
        """End with an exception."""
        if not self.future.done():
            self.future.set_exception(safe_exception(error))


class Spawner:
    """Spawns for others, and has others spawn."""

    def __init__(self, life: Life) -> None:
        self._life = life

    # -- there -------------------------------------------------------------------------------------

    async def ask(self, node: str, factory: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Spawn an actor on another node; returns its ref when it has started."""
        life = self._life
        life.check_attached("spawn")
        timeout = check_optional_duration("timeout", options.pop("timeout"))
        timeout = life.settings.ask_timeout if timeout is None else timeout
        if node == life.settings.node:
            return await self._spawn_here(factory, args, options, timeout)
        if not (isinstance(factory, type) and issubclass(factory, Actor)):
            raise NotSendableError(f"another node spawns a class of actors, not {describe(factory)}", factory)
        wanted = _wire_options(options, timeout)
        constructor = life.methods.constructor(factory)
        body = b"\x80" if constructor is None else constructor.encode(args, {})
        seen = life.view.members.get(node)
        if seen is None or life.node is None:
            raise NoHostError(f"no living node is called {node!r}", factory)
        peer = life.node.peer(seen.record.incarnation)
        serial, pending = life.next_serial(), PendingSpawn(life.runtime.loop.create_future(), factory)
        peer.asks[serial] = pending
        index = peer.link.reserve(len(body))(name_of(factory))
        peer.link.post(wire.Spawn(serial, index, msgspec.Raw(body), wanted), len(body))
        alarm = life.runtime.timers.after(timeout, lambda: self._expire(peer, serial, node, factory, timeout))
        try:
            return await pending.future
        finally:
            alarm.cancel()
            peer.asks.pop(serial, None)

    async def _spawn_here(
        self, factory: Any, args: tuple[Any, ...], options: dict[str, Any], timeout: float
    ) -> Any:
        loop = self._life.runtime.loop
        deadline = loop.time() + timeout
        try:
            return await self._life.system.spawn(factory, *args, **options, start_timeout=timeout or None)
        except StartTimeoutError:
            if loop.time() < deadline:  # it is of an actor that its start has spawned
                raise
            there = _place(self._life.settings.node, factory)
            raise AskTimeoutError(there, timeout, started=None) from None

    def _expire(self, peer: Peer, serial: int, node: str, factory: type, timeout: float) -> None:
        pending = peer.asks.pop(serial, None)
        if pending is not None:
            pending.fail(AskTimeoutError(_place(node, factory), timeout, started=None))

    # -- here --------------------------------------------------------------------------------------

    def spawn(self, peer: Peer, item: wire.Spawn, name: str) -> None:
        """Spawn an actor for another node."""
        self._life.start(self._spawn(peer, item, name), f"spawn of {name}")

    async def _spawn(self, peer: Peer, item: wire.Spawn, name: str) -> None:
        life = self._life
        try:
            actor = life.methods.spawnable.get(name)
            if actor is None:
                raise RefusedError(f"{name} may not be spawned on {life.settings.node}", Refusal.NOT_EXPOSED)
            constructor = life.methods.constructor(actor)
            args, kwargs = ((), {}) if constructor is None else constructor.decode(item.body)
            options = _read_options(item.options)
            ref = await life.system.spawn(
                lambda: actor(*args, **kwargs), **options, start_timeout=item.options.timeout or None
            )
            packed = life.codec.data(ref)
        except Exception as error:
            if not peer.is_lost:
                failure = life.failures.encode(error)
                peer.link.post(wire.Failed(item.serial, failure), size_of(failure))
        else:
            if not peer.is_lost:
                peer.link.post(wire.Reply(item.serial, -1, msgspec.Raw(packed)))


def _wire_options(options: dict[str, Any], timeout: float) -> wire.SpawnOptions:
    """Return the options as they are sent.

    Raises:
        TypeError, ValueError: they are none.
        NotSendableError: the mailbox is ordered by a function, which cannot cross.
    """
    name, mailbox = options["name"], options["mailbox"]
    if mailbox is not None and type(check_instance("mailbox", mailbox, Mailbox)) is not Mailbox:
        raise NotSendableError(f"a {type(mailbox).__name__} cannot be made on another node", mailbox)
    return wire.SpawnOptions(
        None if name is None else check_text("a name", check_name(name)),
        None if mailbox is None else (mailbox.capacity or 0),
        None if mailbox is None else mailbox.overflow.value,
        check_instance("restart", options["restart"], Restart).value,
        check_optional_duration("shutdown", options["shutdown"]),
        timeout,
    )


def _read_options(options: wire.SpawnOptions) -> dict[str, Any]:
    try:
        mailbox = None
        if options.overflow is not None:
            mailbox = Mailbox[Any](options.capacity or None, overflow=Overflow(options.overflow))
        restart = Restart(options.restart)
    except ValueError as error:
        raise RefusedError(f"the options of a spawn do not fit: {error}", Refusal.BAD_DATA) from error
    return {"name": options.name, "mailbox": mailbox, "restart": restart, "shutdown": options.shutdown}
