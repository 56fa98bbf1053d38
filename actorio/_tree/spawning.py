"""Spawning: the checks of its arguments, the start, and the one start of a name that several ask for at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from actorio._cell.states import Intent, Options
from actorio._core.checks import check_optional_duration, check_options, check_some_time
from actorio._core.mailbox import Mailbox
from actorio.address import check_name
from actorio.errors import describe
from actorio.policy import Restart

if TYPE_CHECKING:
    from collections.abc import Callable

    from actorio._cell.cell import Cell
    from actorio._cell.surroundings import Siblings

__all__ = ["begin_spawn", "check_factory", "get_or_spawn"]

_DEFAULT_MAILBOX: Mailbox[Any] = Mailbox()
_DEFAULT_OPTIONS = Options()
_OPTIONS = ("mailbox", "restart", "shutdown", "start_timeout", "significant", "dynamic")


def begin_spawn(
    children: Siblings,
    factory: Callable[..., Any],
    args: tuple[Any, ...],
    name: str | None = None,
    mailbox: Mailbox[Any] | None = None,
    restart: Restart = Restart.TRANSIENT,
    shutdown: float | None = 5.0,
    start_timeout: float | None = None,
    *,
    significant: bool = False,
    dynamic: bool = False,
) -> Cell:
    """Check the options of a spawn, and begin to start the actor among these siblings.

    The caller is on the right thread, and waits by `Siblings.until_started` where there is an `on_start`.
    """
    check_factory("spawn", factory, children.runtime.faces.actor)
    if name is not None:
        check_name(name)
    if (
        restart is Restart.TRANSIENT
        and type(shutdown) is float
        and shutdown == 5.0
        and not (significant or dynamic)
    ):
        options = _DEFAULT_OPTIONS
    else:
        options = _options(restart, shutdown, significant=significant, dynamic=dynamic)
    if start_timeout is not None:
        check_some_time("start_timeout", start_timeout)
    if mailbox is None:
        mailbox = _DEFAULT_MAILBOX
    elif not isinstance(mailbox, Mailbox):
        raise TypeError(f"mailbox must be a Mailbox, not {describe(mailbox)}")
    cell: Cell = children.start(factory, args, name, mailbox, options)
    return cell


async def get_or_spawn(
    children: Siblings,
    name: str,
    factory: Callable[..., Any],
    args: tuple[Any, ...],
    options: dict[str, Any],
) -> Any:
    """Find an actor among these siblings or start it, once."""
    check_options("get_or_spawn", options, _OPTIONS)
    starting = children.runtime.starting
    key = (children, check_name(name))
    found = await _found(key)
    if found is not None:
        return found
    future = starting[key] = children.runtime.loop.create_future()
    try:
        started = begin_spawn(children, factory, args, name=name, **options)
        if started.starter is not None:
            await children.until_started(started, options.get("start_timeout"))
    except BaseException as error:
        if isinstance(error, Exception):
            future.set_exception(error)
            future.exception()  # raised here; the others, if any, raise it too
        else:
            future.set_result(None)
        raise
    else:
        future.set_result(started.ref)
        return started.ref
    finally:
        del starting[key]


async def _found(key: tuple[Siblings, str]) -> Any | None:
    """Return the actor of that name, once it has started; None when there is none, or the one that ended is gone."""
    children, name = key
    while True:
        under_way, cell = children.runtime.starting.get(key), children.table.get(name)
        if cell is not None and cell.starter is None:
            if not _ends(cell):
                return cell.ref
            await children.after_end(cell)
            continue
        if cell is None and under_way is None:
            return None
        found = await _after_start(children, cell, under_way)
        if found is not None:  # otherwise who has started it was cancelled: the next in line is to
            return found


def _ends(cell: Cell) -> bool:
    """Tell whether an actor is on its way to its end for good."""
    leaves = cell.intent in (Intent.LEAVE, Intent.RETIRE) and cell.options.restart is not Restart.PERMANENT
    return cell.mailbox.closed or leaves


async def _after_start(
    children: Siblings, cell: Cell | None, under_way: asyncio.Future[Any | None] | None
) -> Any | None:
    release = None if cell is None else cell.wait_of_current()
    try:
        if under_way is not None:
            return await asyncio.shield(under_way)
        if cell is not None:
            await children.after_start(cell)
        return None
    finally:
        if release is not None:
            release()


def check_factory(what: str, factory: object, base: type[Any]) -> None:
    """Refuse what makes no actors.

    Raises:
        TypeError: with the name of what was called.
    """
    if isinstance(factory, type):
        if not issubclass(factory, base):
            raise TypeError(
                f"{what} takes a class of actors, and {factory.__qualname__} is not a subclass of Actor"
            )
    elif not callable(factory):  # an actor in place of its class is not either
        raise TypeError(
            f"{what} takes a class of actors or a function that makes one, not {describe(factory)}"
        )


def _options(restart: Restart, shutdown: float | None, *, significant: bool, dynamic: bool) -> Options:
    if not isinstance(restart, Restart):
        raise TypeError(f"restart must be a Restart, not {describe(restart)}")
    return Options(restart, check_optional_duration("shutdown", shutdown), significant, dynamic)
