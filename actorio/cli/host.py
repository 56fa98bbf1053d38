"""`actorio run`: one actor as a service, from its import to an exit status that says how it ended."""

import contextlib
import importlib
import inspect
import os
import sys
import traceback
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from actorio import Actor, ActorSystem, ExitReason
from actorio.observability import DeadLetterLog, Observatory, Recorder, log_actors

__all__ = ["Look", "TargetError", "host", "load_actor"]

# What the shell's conventions and init systems expect: 0 went well, 1 failed.
_STATUS = {ExitReason.NORMAL: 0, ExitReason.SHUTDOWN: 0, ExitReason.KILLED: 1, ExitReason.CRASHED: 1}

CLOSE_TIMEOUT = 10.0
"""Seconds for what else runs to end, once the actor has; then it is stopped: a service does end."""


class TargetError(Exception):
    """`package.module:ActorClass` does not lead to an actor class; the message says where the way ends."""


def load_actor(target: str) -> type[Actor[Any]]:
    """Import the class that `package.module:ActorClass` names, from the working directory if it is there.

    Raises:
        TargetError: it has another form, there is no such module or name, or it is no subclass of `Actor`.
        Exception: whatever the module itself raises while it is imported.
    """
    module_name, separator, class_name = target.partition(":")
    if not (separator and module_name and class_name) or module_name.startswith("."):
        raise TargetError(f"{target!r} is not of the form package.module:ActorClass")
    found = getattr(_import(module_name), class_name, None)
    if found is None:
        raise TargetError(f"module {module_name!r} has no {class_name!r}")
    if not (inspect.isclass(found) and issubclass(found, Actor)):
        raise TargetError(f"{target} is not an Actor class but {type(found).__name__}")
    _refuse_arguments(target, found)
    return found


def _refuse_arguments(target: str, actor_class: type[Actor[Any]]) -> None:
    try:
        inspect.signature(actor_class).bind()
    except TypeError as error:
        raise TargetError(
            f"{target} cannot be made without arguments ({error}): host an actor that needs none, and have it spawn "
            "this one in its on_start"
        ) from None


def _import(name: str) -> Any:
    here = os.getcwd()  # noqa: PTH109 - sys.path holds strings
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as missing:
        # A package that the module needs and cannot find is the module's failure, not a wrong target.
        if missing.name is None or not f"{name}.".startswith(f"{missing.name}."):
            raise
        raise TargetError(f"there is no module {missing.name!r}") from None


@dataclass(frozen=True, slots=True)
class Look:
    """How a service may be looked into.

    Attributes:
        page: the port of its page, 0 for any; None for none.
        has_socket: whether this user's other terminals may look into it.
        actions: whether its actors may be acted on from outside.
        values: whether contents of messages are shown.
    """

    page: int | None
    has_socket: bool
    actions: bool
    values: bool


async def host(actor_class: type[Actor[Any]], look: Look | None = None, record: Path | None = None) -> int:
    """Run the actor until it ends for good or a signal ends it; return the exit status.

    Log records name their actors, and dead letters are logged.

    0 after a normal end, 1 after a crash, whose traceback goes to stderr.
    """
    log_actors()
    try:
        async with (
            ActorSystem(handle_signals=True, close_timeout=CLOSE_TIMEOUT) as system,
            DeadLetterLog(system),
            _looked_into(system, look),
            contextlib.nullcontext() if record is None else Recorder(system, record),
        ):
            ref = await system.spawn(actor_class)
            ended = await ref.join()
    except Exception as failure:
        traceback.print_exception(failure)
        return 1
    if ended.error is not None:
        traceback.print_exception(ended.error)
    return _STATUS[ended.reason]


@contextlib.asynccontextmanager
async def _looked_into(system: ActorSystem, look: Look | None) -> AsyncIterator[None]:
    """Open the doors that were asked for; the link to the page goes to stderr."""
    if look is None:
        yield
        return
    async with Observatory(
        system, page=look.page, socket=look.has_socket, actions=look.actions, values=look.values
    ) as observatory:
        if observatory.url is not None:
            print(f"actorio: {observatory.url}", file=sys.stderr, flush=True)  # noqa: T201
        yield
