"""`activate`: starts the actors whose reminders are due and that nobody has open."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from actorio._core.checks import check_callable, check_class, check_instance
from actorio.errors import ActorError, AlreadyOpenError, StoreClosedError
from actorio.persistence._clock import LOOK_AHEAD, now
from actorio.persistence._durable import Durable
from actorio.persistence._group_commit import make_task
from actorio.persistence._rows import kind_and_key
from actorio.persistence.store import Store
from actorio.system import ActorSystem

if TYPE_CHECKING:
    from actorio._core.deadlines import Deadline

__all__ = ["activate"]

logger = logging.getLogger("actorio")

_AT_ONCE = 100
Start = Callable[[str], Awaitable[Any]]


def activate(system: ActorSystem, kind: type[Durable[Any, Any]], start: Start | None = None) -> None:
    """From now on, have a due reminder of that class whose id is not open start its actor.

    A second call for a class takes the place of the first.

    Args:
        system: in which they are started; its block has been entered.
        kind: the class of durable actors.
        start: is given the key, and starts the actor; None: `system.get_or_spawn(key, kind)`.

    Raises:
        ActorError: the system has no store.
        TypeError: an argument is not of its kind.
    """
    check_instance("system", system, ActorSystem)
    check_class("kind", kind)
    if not issubclass(kind, Durable):
        raise TypeError(f"kind must be a class of durable actors, not {kind.__qualname__}")
    if start is not None:
        check_callable("activate", start)
    store = system.store
    if not isinstance(store, Store):
        raise ActorError(f"durable actors need a store of actorio.persistence, not {store!r}")
    store._check()
    activator = _Activator(system, store, kind.kind, start or (lambda key: system.get_or_spawn(key, kind)))
    if (previous := store._activators.get(kind.kind)) is not None:
        previous.stop()
    store._activators[kind.kind] = activator
    store._on_close.append(activator.stop)
    system.before_shutdown(activator.stop)
    activator.look()


class _Activator:
    """Looks for the due reminders of one kind."""

    def __init__(self, system: ActorSystem, store: Store, kind: str, start: Start) -> None:
        self._system = system
        self._store = store
        self._kind = kind
        self._start = start
        self._alarm: Deadline | None = None
        self._task: asyncio.Task[None] | None = None
        self._again = False
        self._warned: dict[str, None] = {}
        self._stopped = False

    def look(self) -> None:
        """Look now; if it is at it already, once more afterwards."""
        if self._stopped:
            return
        if self._task is not None:
            self._again = True
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._task = make_task(self._look(), f"activates {self._kind}")

    def stop(self) -> None:
        """Start nothing more."""
        self._stopped = True
        if self._alarm is not None:
            self._alarm.cancel()
        if self._task is not None and not self._task.done():
            self._task.cancel()

    async def _look(self) -> None:
        wait = LOOK_AHEAD
        try:
            wait = await self._start_due()
        except StoreClosedError:
            self._stopped = True
        except Exception as error:
            logger.warning("looking for due reminders of %s has failed: %s", self._kind, error)
        finally:
            self._task = None
        if self._again:
            self._again = False
            wait = 0.0
        if not self._stopped:
            self._alarm = self._store._timers.after(wait, self.look)

    async def _start_due(self) -> float:
        """Start those that are due; returns the seconds until it is worth looking again."""
        tried: set[str] = set()
        limit = _AT_ONCE
        while True:
            due = await self._store._reading(self._store._due, now() + LOOK_AHEAD, limit, (self._kind,))
            for durable_id, time in due:
                if durable_id in tried or self._store._is_claimed(durable_id):
                    continue
                early = time - now()
                if early > 0:
                    return min(LOOK_AHEAD, early)
                tried.add(durable_id)
                await self._start_one(durable_id)
            if len(due) < limit:
                return LOOK_AHEAD
            limit *= 2  # those that are at it, or cannot be started, must not keep the ones behind them out of sight

    async def _start_one(self, durable_id: str) -> None:
        key = kind_and_key(durable_id)[1]
        try:
            with suppress(AlreadyOpenError):
                await self._start(key)
        except Exception as error:
            if durable_id not in self._warned:
                self._warned[durable_id] = None
                logger.warning("%s has a due reminder and cannot be started: %s", durable_id, error)
