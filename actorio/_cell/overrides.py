"""Which hooks an actor overrides: looked up once a class, so that what is not there costs nothing.

What an instance shows when it has been constructed counts: a hook that was set on it, or was put into its class since
the last look (as `mock.patch` does), is one as well.
"""

from __future__ import annotations

import copy
import inspect
import operator
from types import FunctionType
from typing import Any

from actorio._cell.interleave_mark import interleaved_methods
from actorio._core.checks import check_instance, has_yield
from actorio.policy import Supervision

__all__ = ["Hooks", "refuse_own_context"]

_KEPT = "__actorio_hooks__"
"""Where a class of actors keeps what it overrides."""
_METHODS = ("on_start", "on_stop", "on_undelivered", "on_terminated", "run", "receive")
_SETTINGS = ("supervision", "reply_errors")
_ARGUMENTS = {
    "on_start": "",
    "run": "",
    "on_stop": "reason",
    "on_undelivered": "messages, reason",
    "on_terminated": "event",
}
"""What each hook is called with."""
_shown = operator.attrgetter(*_METHODS, *_SETTINGS)
_functions_of = operator.attrgetter(*(f"{name}.__func__" for name in _METHODS), *_SETTINGS)
"""What an instance shows; the functions of its methods are those that its class shows, if none is its own."""


class Hooks:
    """The hooks an actor overrides, whether its `receive` is async, which methods are interleaved."""

    __slots__ = (
        "_shown",
        "interleaved",
        "kind",
        "last",
        "on_start",
        "on_stop",
        "on_undelivered",
        "own_loop",
        "plain",
        "receives_async",
    )

    def __init__(self, actor: Any, base: type[Any]) -> None:
        kind = type(actor)
        self.kind = kind
        self._shown = _shown(kind)
        self.interleaved = interleaved_methods(kind)
        self.plain: dict[object, tuple[str, FunctionType]] = {}
        """For each method that was called, if it runs in a turn as it is: its name, and what the class has for it."""
        self._look_at(kind, kind, base)
        _refuse_other_arguments(kind)
        _check_settings(kind, actor)

    @classmethod
    def of(cls, actor: Any, base: type[Any]) -> Hooks:
        """Return the hooks of an actor, kept with its class; made anew where the instance has its own."""
        kind = type(actor)
        hooks: Hooks | None = getattr(kind, _KEPT, None)
        if hooks is not None and hooks.kind is kind and _is_as_shown(actor, hooks._shown):
            return hooks
        if hooks is None or hooks.kind is not kind or hooks._shown != _shown(kind):
            hooks = cls(actor, base)
            refuse_own_context(actor, base)
            setattr(kind, _KEPT, hooks)
        if not _is_as_shown(actor, hooks._shown):
            hooks = copy.copy(hooks)
            hooks._look_at(actor, kind, base)
            _check_settings(kind, actor)
        return hooks

    def note_plain(self, func: object) -> None:
        """Note a method that was called, if its calls need no more questions.

        Not what a class does not have under the name of the function: of those there may be any number.
        """
        if type(func) is not FunctionType or func in self.plain:
            return
        name = func.__name__
        versions = [owner.__dict__[name] for owner in self.kind.__mro__ if name in owner.__dict__]
        if func not in versions or type(versions[0]) is not FunctionType:
            return
        if name not in self.interleaved and not has_yield(versions[0]):
            self.plain[func] = name, versions[0]

    def _look_at(self, shown: Any, kind: type[Any], base: type[Any]) -> None:
        """Look at what a class or an instance shows."""
        _refuse_generators(shown, kind)
        self.on_start = _overrides(shown, kind, base, "on_start")
        self.on_stop = _overrides(shown, kind, base, "on_stop")
        self.on_undelivered = _overrides(shown, kind, base, "on_undelivered")
        self.last = self.on_stop or self.on_undelivered
        self.own_loop = _overrides(shown, kind, base, "run")
        self.receives_async = inspect.iscoroutinefunction(shown.receive)


def _is_as_shown(actor: Any, shown: tuple[Any, ...]) -> bool:
    """Tell whether an instance shows the hooks and settings that its class showed at the last look.

    To look into its `__dict__` would make that for good: 70 bytes, an object more for the collector, and each
    attribute that its handlers use is slower to reach.
    """
    try:
        found: tuple[Any, ...] = _functions_of(actor)
    except AttributeError:  # what is no method is its own, or the class has a function of another kind
        return False
    return found == shown


def _overrides(shown: Any, kind: type[Any], base: type[Any], name: str) -> bool:
    """Tell whether a hook is overridden; a value of that name on the instance, like a count of runs, is no hook.

    Raises:
        TypeError: it hides the hook of the class.
    """
    function = getattr(shown, name)
    if not callable(function) and shown is not kind:
        if _overrides(kind, kind, base, name):
            raise TypeError(
                f"{kind.__qualname__}.{name} is a hook, and self.{name} hides it: rename the attribute"
            )
        return False
    return getattr(function, "__func__", function) is not getattr(base, name)


def refuse_own_context(actor: Any, base: type[Any], context: object = None) -> None:
    """Refuse an actor that has given another meaning to `context`, which is the runtime's.

    Raises:
        TypeError: it, or its class, has set it.
    """
    kind = type(actor)
    try:
        found = object.__getattribute__(actor, "context")
    except AttributeError:
        found = None
    if kind.context is not base.context or found is not context:
        raise TypeError(
            f"{kind.__qualname__} sets `context`, which each actor has from actorio: choose another name"
        )


def _refuse_generators(shown: Any, kind: type[Any]) -> None:
    """A hook with a `yield` would never run, and its message would count as handled."""
    for name in ("receive", "run", "on_start", "on_stop", "on_terminated", "on_undelivered"):
        hook = getattr(shown, name)
        if inspect.isasyncgenfunction(hook) or inspect.isgeneratorfunction(hook):
            raise TypeError(
                f"{kind.__qualname__}.{name} must be a coroutine or a plain function: it has a yield in it"
            )


def _refuse_other_arguments(kind: type[Any]) -> None:
    """Refuse a hook that cannot be called: one of the end would be found out by the end.

    What is no plain function of the class, a mock for instance, takes what it takes; so does `receive`, whose wrong
    call is an error for its asker.
    """
    for name, arguments in _ARGUMENTS.items():
        hook = inspect.getattr_static(kind, name)
        if type(hook) is not FunctionType:
            continue
        given = [name for name in arguments.split(", ") if name]
        try:
            inspect.signature(hook, follow_wrapped=False).bind(kind, *given)
        except TypeError as error:
            called = ", ".join(["self", *given])
            raise TypeError(
                f"{kind.__qualname__}.{name} is called as {name}({called}), and cannot be: {error}"
            ) from None


def _check_settings(kind: type[Any], actor: Any) -> None:
    """Refuse settings of a wrong kind, which would be found out by the first crash or the first error of an ask."""
    check_instance(f"{kind.__qualname__}.supervision", actor.supervision, Supervision)
    try:
        isinstance(None, actor.reply_errors)
    except TypeError:
        raise TypeError(
            f"{kind.__qualname__}.reply_errors must be a tuple of exception classes, not {actor.reply_errors!r}"
        ) from None
