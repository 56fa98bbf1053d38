"""Spawning: the checks of its arguments, the start, and the one start of a name that several ask for at once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from typing import TYPE_CHECKING, Any, NoReturn, TypedDict, cast

from actorio._cell.states import Intent, Options
from actorio._core.checks import check_optional_duration, check_options, check_some_time
from actorio._core.mailbox import UNUSED, Mailbox
from actorio._core.typevar import TypeVar
from actorio.address import check_name
from actorio.errors import describe
from actorio.policy import Restart

if TYPE_CHECKING:
    from collections.abc import Callable

    from actorio._cell.cell import Cell
    from actorio._cell.protocols import Siblings

__all__ = ["ChildOptions", "SpawnOptions", "Spawning", "check_factory", "get_or_spawn", "spawn"]

R = TypeVar("R")

_DEFAULT_OPTIONS = Options()


class SpawnOptions(TypedDict, total=False):
    """The options of `get_or_spawn`, which are those of `ActorSystem.spawn`."""

    mailbox: Mailbox[Any] | None
    restart: Restart
    shutdown: float | None
    start_timeout: float | None
    dynamic: bool


class ChildOptions(SpawnOptions, total=False):
    """The options of `Context.get_or_spawn`, which are those of `Context.spawn`."""

    significant: bool


class Spawning(Coroutine[Any, Any, R]):
    """A spawn that nobody has awaited yet: the actor is not there, and this is not its ref.

    It goes wherever a coroutine does (`create_task`, `gather`), but is none: a coroutine has a `send` and a `close`
    of its own, so that one taken for a ref would swallow the message. To the type checkers it is a `Coroutine` that
    nothing can be sent to, since that alone has them refuse an `await` that is missing.
    """

    __slots__ = ("_work",)

    def __init__(self, work: Coroutine[Any, Any, R]) -> None:
        self._work = work

    def __await__(self) -> Generator[Any, Any, R]:
        return self._work.__await__()

    def send(self, value: Any) -> Any:
        """Go on with the spawn, which is what a task does; a message is for a ref."""
        if value is not None:
            self._forgotten("send")
        return self._work.send(None)

    def throw(self, *error: Any) -> Any:
        """Make what it waits for raise an exception."""
        try:
            return self._work.throw(*error)
        finally:
            del error  # or the traceback and this frame would keep each other alive

    def close(self) -> None:
        """Give up the spawn."""
        self._work.close()

    def __getattr__(self, name: str) -> NoReturn:
        self._forgotten(name)

    def _forgotten(self, name: str) -> NoReturn:
        what = getattr(self._work, "__qualname__", "spawn")
        raise AttributeError(
            f"{name!r} is for a ref, and {what}(...) is none before it is awaited: `ref = await {what}(...)`",
            name=name,
            obj=self,
        )


async def spawn(
    table: Callable[[], Siblings],
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
    unknown: dict[str, Any] | None = None,
) -> Any:
    """Check the options, start an actor among the siblings of a table, and return its ref once it has started."""
    children = table()
    if unknown:
        _refuse_options(factory, unknown)
    actor = children.runtime.faces.actor
    if not (isinstance(factory, type) and issubclass(factory, actor)):
        check_factory("spawn", factory, actor)
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
        mailbox = UNUSED
    elif not isinstance(mailbox, Mailbox):
        raise TypeError(f"mailbox must be a Mailbox, not {describe(mailbox)}")
    cell = children.start(factory, args, name, mailbox, options)
    if cell.starter is not None:
        await children.until_started(cell, start_timeout)
    return cell.ref


async def get_or_spawn(
    table: Callable[[], Siblings],
    name: str,
    factory: Callable[..., Any],
    args: tuple[Any, ...],
    options: SpawnOptions | ChildOptions,
) -> Any:
    """Find an actor among these siblings or start it, once."""
    check_options("get_or_spawn", options, ChildOptions.__annotations__)
    children = table()
    starting = children.runtime.starting
    key = (children, check_name(name))
    found = await _found(key)
    if found is not None:
        return found
    future = starting[key] = children.runtime.loop.create_future()
    try:
        started = await spawn(lambda: children, factory, args, name=name, **cast("Any", options))
    except BaseException as error:
        if isinstance(error, Exception):
            future.set_exception(error)
            future.exception()  # raised here; the others, if any, raise it too
        else:
            future.set_result(None)
        raise
    else:
        future.set_result(started)
        return started
    finally:
        del starting[key], future  # or the traceback and this frame would keep each other alive


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
    leaves = (
        cell.intent in (Intent.STOP_SELF, Intent.SHUT_DOWN) and cell.options.restart is not Restart.PERMANENT
    )
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


def _refuse_options(factory: object, unknown: dict[str, Any]) -> NoReturn:
    made = getattr(factory, "__name__", "factory")
    given = ", ".join(f"{name}=..." for name in unknown)
    raise TypeError(
        f"spawn has no option {next(iter(unknown))!r}; a keyword argument of the actor itself goes through "
        f"functools.partial: `spawn(partial({made}, {given}))`"
    )


def _options(restart: Restart, shutdown: float | None, *, significant: bool, dynamic: bool) -> Options:
    if not isinstance(restart, Restart):
        raise TypeError(f"restart must be a Restart, not {describe(restart)}")
    return Options(restart, check_optional_duration("shutdown", shutdown), significant, dynamic)
