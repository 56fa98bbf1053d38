"""Packs what goes to the process of a worker and comes back, so that what cannot be pickled is named.

An exception comes with the text of its traceback, which cannot be pickled itself.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from multiprocessing.reduction import ForkingPickler
from typing import Any, cast

from actorio.errors import WorkerError, describe
from actorio.work.chunk import Outcome, Outcomes

__all__ = ["RemoteTraceback", "name_of", "pack", "run_packed", "unpack"]

_unpickle = cast("Callable[[bytes], Any]", cast("Any", ForkingPickler).loads)  # its type is wrong in typeshed


class RemoteTraceback(Exception):
    """The cause of an exception that a process has raised: where it was raised there, as text."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f'\n"""\n{self.text}"""'


def pack(func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
    """Pickle work, or say which part of it cannot be."""
    try:
        return bytes(ForkingPickler.dumps((func, args, kwargs)))
    except Exception:
        parts = {"the function": func}
        parts |= {f"argument {index}": value for index, value in enumerate(args)}
        parts |= {f"argument {name!r}": value for name, value in kwargs.items()}
        for what, value in parts.items():
            try:
                ForkingPickler.dumps(value)
            except Exception as error:
                raise WorkerError(
                    f"{what} of {name_of(func)} cannot be sent to a process: {describe(value)} ({error})"
                ) from error
        raise


def run_packed(payload: bytes) -> tuple[bool, bytes]:
    """In the process: run the work; the result, or the exception, comes back pickled and checked."""
    try:
        func, args, kwargs = _unpickle(payload)
    except Exception as error:
        return False, _pack_error(
            WorkerError(f"what was sent to the process cannot be read: {error!r}"), error
        )
    try:
        value = func(*args, **kwargs)
    except BaseException as error:
        return False, _pack_error(error, error)
    if isinstance(value, Outcomes):
        value = Outcomes(one if one[0] else (False, _pack_error(one[1], one[1])) for one in value)
    try:
        return True, bytes(ForkingPickler.dumps(value))
    except Exception as error:
        if isinstance(value, Outcomes):
            return True, bytes(ForkingPickler.dumps(Outcomes(map(_sendable, value))))
        words = f"the result of {name_of(func)} cannot be sent back: {describe(value)} ({error})"
        return False, _pack_error(WorkerError(words), error)


def _sendable(outcome: Outcome) -> Outcome:
    """Return the outcome of one item, with an error in the place of a value that cannot be sent back."""
    try:
        ForkingPickler.dumps(outcome)
    except Exception as error:
        words = f"a result cannot be sent back: {describe(outcome[1])} ({error})"
        return False, _pack_error(WorkerError(words), error)
    return outcome


def _pack_error(error: BaseException, origin: BaseException) -> bytes:
    """Pickle an exception so that it can be had back, with the traceback of the original one.

    One that cannot comes as a `WorkerError`. So does a SystemExit: it is about that process, not about the system.
    """
    text = "".join(traceback.format_exception(origin))
    try:
        if not isinstance(error, Exception):
            raise error
        packed = bytes(ForkingPickler.dumps((error, text)))
        _unpickle(packed)
    except BaseException:
        stand_in = WorkerError(f"{type(error).__name__}: {describe(error)}")
        packed = bytes(ForkingPickler.dumps((stand_in, text)))
    return packed


def unpack(func: Callable[..., Any], packed: tuple[bool, bytes]) -> Any:
    """Return what a function has given back in the process, or raise what it has raised there."""
    good, payload = packed
    try:
        value = _unpickle(payload)
    except Exception as error:
        raise WorkerError(f"what {name_of(func)} gave back cannot be read: {error}") from error
    if not good:
        failure, text = value
        raise failure from RemoteTraceback(text)
    return [_unpacked(*one) for one in value] if isinstance(value, Outcomes) else value


def _unpacked(good: bool, value: Any) -> Outcome:  # noqa: FBT001 (an outcome is a tuple)
    if good:
        return True, value
    failure, text = _unpickle(value)
    try:
        raise failure from RemoteTraceback(text)
    except Exception as error:
        return False, error.with_traceback(None)


def name_of(func: object) -> str:
    """Return the name of a function for messages."""
    return getattr(func, "__qualname__", None) or describe(func)
