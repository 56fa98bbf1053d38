"""Exceptions that cross: builtin ones, those of actorio and registered ones as themselves, others as text."""

from __future__ import annotations

import builtins
import traceback
from collections.abc import Iterable
from typing import Any

import msgspec

from actorio import errors
from actorio.cluster.annotations import name_of
from actorio.cluster.codec import Codec
from actorio.cluster.wire import Failure
from actorio.errors import ActorError, ClusterError, RefusedError, RemoteError, describe

__all__ = ["Failures", "RemoteTraceback", "size_of"]

_LONGEST_TEXT = 20_000
_MOST_ARGUMENTS = 20


class RemoteTraceback(Exception):
    """Where an exception was raised on another node: the cause of the one that is raised here."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


class Failures:
    """The exceptions that cross as themselves.

    Args:
        codec: writes and reads their arguments.
        registered: classes of the program.
    """

    def __init__(self, codec: Codec, registered: Iterable[type[Exception]] = ()) -> None:
        self._codec = codec
        self._kinds: dict[str, type[Exception]] = {
            name: kind
            for name, kind in vars(builtins).items()
            if isinstance(kind, type) and issubclass(kind, Exception)
        }
        for name in errors.__all__:
            kind = getattr(errors, name)
            if isinstance(kind, type) and issubclass(kind, ActorError):
                self._kinds[name_of(kind)] = kind
        for kind in registered:
            self._kinds[name_of(_checked(kind))] = kind
        self._names = {kind: name for name, kind in self._kinds.items()}

    def encode(self, error: BaseException) -> Failure:
        """Return an exception as data; never raises."""
        text, where = describe_text(error), _traceback_of(error)
        name = self._names.get(type(error))  # type: ignore[arg-type]
        if name is None:
            return Failure(name_of(type(error))[:1000], None, {}, text, where)
        failure = Failure(name, self._arguments(error), _attributes(error), text, where)
        if size_of(failure) > self._codec.limit:  # it is to fit into a frame: what is told of it is to do
            failure.args, failure.attributes = None, {}
        return failure

    def _arguments(self, error: BaseException) -> list[tuple[str, msgspec.Raw]] | None:
        if len(error.args) > _MOST_ARGUMENTS:
            return None
        try:
            encoded = [self._codec.encode(argument) for argument in error.args]
        except ClusterError:
            return None
        return [(name, msgspec.Raw(data)) for name, data in encoded]

    def decode(self, failure: Failure) -> Exception:
        """Return the exception; the remote traceback is its cause."""
        error = self._restored(failure) or RemoteError(failure.kind, failure.text, failure.traceback)
        if failure.traceback:
            error.__cause__ = RemoteTraceback(failure.traceback)
        return error

    def _restored(self, failure: Failure) -> Exception | None:
        kind = self._kinds.get(failure.kind)
        if kind is None or failure.args is None:
            return None
        try:
            args = [self._codec.decode(name, data) for name, data in failure.args]
        except RefusedError:
            return None
        return _restore(kind, args, failure.attributes)


def size_of(failure: Failure | None) -> int:
    """Return how many bytes an exception has on the wire, about."""
    if failure is None:
        return 0
    texts = [failure.text, failure.traceback]
    texts += [value for value in failure.attributes.values() if isinstance(value, str)]
    data = sum(len(bytes(argument)) for _, argument in failure.args or ())
    return data + sum(len(text.encode()) for text in texts)


def _checked(kind: Any) -> type[Exception]:
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        raise TypeError(f"errors takes classes of exceptions, not {describe(kind)}")
    return kind


def _attributes(error: BaseException) -> dict[str, Any]:
    """Return what an error of actorio says besides its text, as far as it is plain."""
    if not isinstance(error, ActorError):
        return {}
    return {
        name: _readable(value) if isinstance(value, str) else value
        for name, value in list(vars(error).items())[:_MOST_ARGUMENTS]
        if type(value) in (str, float, bool, type(None)) or (type(value) is int and abs(value) < 1 << 63)
    }


def _restore(kind: type[Exception], args: list[Any], attributes: dict[str, Any]) -> Exception | None:
    if issubclass(kind, ActorError):  # their constructors make the text from what does not cross
        error = kind.__new__(kind, *args)
        error.args = tuple(args)
        vars(error).update(attributes)
        for name in ("ref", "reason", "undelivered", "message", "path", "started", "timeout"):
            if not hasattr(error, name):
                setattr(error, name, None)
        return error
    try:
        return kind(*args)
    except Exception:  # its constructor takes something else than its args: no reason to fail here
        return None


def describe_text(error: BaseException) -> str:
    """Return what `str` says of an exception, or what can be said; never raises."""
    try:
        return _readable(str(error))
    except Exception:
        return f"<{type(error).__name__}, whose str raised>"


def _traceback_of(error: BaseException) -> str:
    try:
        return _readable("".join(traceback.format_exception(error))[-_LONGEST_TEXT:])
    except Exception:
        return ""


def _readable(text: str) -> str:
    """Return a text as it can be sent: not too long, and without the lone surrogates of a file name."""
    return text[:_LONGEST_TEXT].encode(errors="replace").decode()
