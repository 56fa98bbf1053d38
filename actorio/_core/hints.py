"""Hints for calls that cannot work: errors that name the right one."""

from __future__ import annotations

import inspect
from types import BuiltinFunctionType, CoroutineType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, get_args, get_origin

from actorio._core.acceleration import COROUTINES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = [
    "AWAIT_JOIN",
    "HINTED",
    "OF_THE_CONTEXT",
    "RETURN_NOW",
    "check_message",
    "check_method",
    "forgotten_await",
    "hint_at_methods",
    "hint_on_actors",
    "hint_on_contexts",
    "hint_on_refs",
    "no_attribute_of_actor",
    "or_none",
    "uncover",
    "without_hints",
]

T = TypeVar("T")

_ON_A_REF = {
    "tell": "a message is sent by `send`",
    "request": "a question is asked by `ask`",
    "sender": "there is no sender: put a ref into the message",
    "map": "`map` is of a pool: `pool = await system.spawn_pool(Worker)`; one function runs by `submit`",
    "wait": "its end is waited for by `join`",
    "terminate": "it is ended by `close`, `stop` or `kill`",
}
_ON_A_CONTEXT = {
    "sender": "there is no sender: what `receive` returns is the reply of an ask, and for anything else the message "
    "holds a ref to write to",
    "self": "the actor's own ref is `context.ref`",
    "send": "a message to itself is `context.ref.send(message)`",
    "tell": "a message to itself is `context.ref.send(message)`",
    "log": "use `logging`: see the how-to on logging and events",
}

OF_THE_CONTEXT = frozenset(
    [
        "add_source",
        "children",
        "defer",
        "fail",
        "get_or_spawn",
        "in_turn",
        "incarnation",
        "link",
        "name",
        "name_given",
        "parent",
        "path",
        "pipe",
        "ref",
        "reply",
        "send_after",
        "send_every",
        "spawn",
        "spawn_pool",
        "start_soon",
        "stash",
        "stop",
        "system",
        "unlink",
        "unstash_all",
        "unwatch",
        "watch",
        "when_idle",
    ]
)
"""What an actor finds on its context, and a stranger looks for on the actor itself."""


def _no_attribute_of_ref(ref: Any, name: str) -> NoReturn:
    """Say that a ref has no such attribute, and what was meant."""
    hint, kind = _ON_A_REF.get(name), ref._kind()
    if hint is None and callable(getattr(kind, name, None)):
        hint = f"a method of the actor runs in its turn: `await ref.call({kind.__qualname__}.{name}, ...)`"
    text = f"the ref of {ref.path} has no attribute {name!r}" + (f"; {hint}" if hint else "")
    raise AttributeError(text, name=name, obj=ref)


def _no_attribute_of_context(context: object, name: str) -> NoReturn:
    """Say that a context has no such attribute, and what was meant."""
    text = f"a context has no attribute {name!r}; {_ON_A_CONTEXT[name]}"
    raise AttributeError(text, name=name, obj=context)


class _Nothing:
    """Returned by `stop` and its like in the place of None: it cannot be awaited, and its class says what can.

    An awaitable that raised would say more, but a hook or submitted work that returns it would be awaited as well.
    Where it is copied or pickled, None is what comes out.
    """

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "None"

    def __reduce__(self) -> tuple[type[None], tuple[()]]:
        return type(None), ()


def _nothing(why: str) -> Any:
    """Return one whose class has a name that says why there is nothing to await."""
    return type(f"None: {why}, and the None that it returns", (_Nothing,), {"__slots__": ()})()


AWAIT_JOIN: Any = _nothing("it does not wait, `await ref.join()` does")
RETURN_NOW: Any = _nothing("it does not wait, the actor ends when this message has been handled")


def no_attribute_of_actor(actor: object, name: str) -> NoReturn:
    """Say that an actor has no such attribute, and which one of its context was meant."""
    kind = type(actor).__qualname__
    if name == "context":
        hint = " yet: the constructor runs before it is set, so use it in on_start and after"
        raise AttributeError(f"{kind} has no context{hint}", name=name, obj=actor)
    text = f"{kind!r} object has no attribute {name!r}"
    if name in OF_THE_CONTEXT:
        text += f"; it is `self.context.{name}`"
    elif name in _ON_A_CONTEXT:
        text += f"; {_ON_A_CONTEXT[name]}"
    raise AttributeError(text, name=name, obj=actor)


class _Hint:
    """Stands on a class for what is not there, and says what was meant: for `hasattr` it is not there.

    For a protocol that is checked at run time it is, which looks into the class itself.

    A `__getattr__` of the class would say it too. With one the interpreter specializes no access to an attribute of an
    instance: `self.count += 1` took twice the time in each handler, and a send half as long again (the benchmarks
    `send`, `counting` and `fjthrput` pay for it).
    """

    __slots__ = ("name", "say")

    def __init__(self, name: str, say: Callable[[Any, str], NoReturn]) -> None:
        self.name = name
        self.say = say

    def __get__(self, owner: object, kind: type[Any] | None = None) -> NoReturn:
        if owner is None:
            what = f"type object {getattr(kind, '__name__', None)!r}"
            raise AttributeError(f"{what} has no attribute {self.name!r}", name=self.name, obj=kind)
        self.say(owner, self.name)


HINTED = OF_THE_CONTEXT | _ON_A_CONTEXT.keys()
"""The names that an actor does not have and that lead to a hint."""


def hint_on_actors(kind: type[T]) -> type[T]:
    """Put the hints on the class that is the base of actors."""
    return _put(kind, HINTED, no_attribute_of_actor)


def hint_on_contexts(kind: type[T]) -> type[T]:
    """Put the hints on the class of contexts."""
    return _put(kind, _ON_A_CONTEXT, _no_attribute_of_context)


def hint_on_refs(kind: type[T]) -> type[T]:
    """Put the hints on the class of refs, and from now on one for each method that a class of actors defines."""
    _refs.append(kind)
    return _put(kind, _ON_A_REF, _no_attribute_of_ref)


_refs: list[type[Any]] = []
"""The class of refs, once it is there."""


def hint_at_methods(kind: type[Any]) -> None:
    """Tell refs of the methods of a new class of actors, so that they say how those are called."""
    methods = (FunctionType, staticmethod, classmethod)
    names = {
        name for base in kind.__mro__ for name, value in vars(base).items() if isinstance(value, methods)
    }
    for refs in _refs:
        wrong = [name for name in names if not (name.startswith("_") or hasattr(refs, name))]
        _put(refs, wrong, _no_attribute_of_ref)


def _put(kind: type[T], names: Iterable[str], say: Callable[[Any, str], NoReturn]) -> type[T]:
    """Put hints on a class; they are not among the names that `dir` gives for an instance."""
    for name in names:
        if name not in vars(kind):  # each change of a class has the interpreter specialize anew
            setattr(kind, name, _Hint(name, say))
    kind.__dir__ = _dir  # type: ignore[method-assign]
    return kind


def without_hints(kind: type[Any], names: Iterable[str]) -> list[str]:
    """Return the names that are not those of hints."""
    return [name for name in names if not isinstance(inspect.getattr_static(kind, name, None), _Hint)]


def _dir(self: object) -> list[str]:
    return without_hints(type(self), object.__dir__(self))


def uncover(kind: type[Any]) -> None:
    """Let a class with several bases have what one behind the base of actors defines."""
    for name in HINTED:
        found = [vars(base)[name] for base in kind.__mro__ if name in vars(base)]
        if isinstance(found[0], _Hint) and (others := [one for one in found if not isinstance(one, _Hint)]):
            setattr(kind, name, others[0])


def or_none(value: Any) -> Any:
    """Return a value that a handler has returned, but None for what `stop` and its like return."""
    return None if isinstance(value, _Nothing) else value


def check_method(what: str, method: object) -> None:
    """Refuse a method that is bound to an instance: nobody outside has the actor's.

    Raises:
        TypeError: it is bound.
    """
    if type(method) is MethodType and not isinstance(method.__self__, type):
        name = f"{type(method.__self__).__qualname__}.{method.__name__}"
        raise TypeError(
            f"{what} takes the method of the class, `ref.{what}({name}, ...)`, not one that is bound"
        )


def check_message(what: str, message: object, actor: object) -> None:
    """Refuse a function where a message of an actor to itself is expected, and the actor takes none: nobody calls it.

    Raises:
        TypeError: it is a coroutine, a method of the actor, or a function where `Actor[M]` names other messages.
    """
    if not isinstance(message, (FunctionType, MethodType, BuiltinFunctionType, *COROUTINES)):
        return
    if isinstance(message, COROUTINES):
        message.close()
    elif getattr(message, "__self__", None) is not actor and _may_take_functions(type(actor)):
        return
    raise TypeError(
        f"{what} takes a message, which `receive` is handed, not {getattr(message, '__qualname__', message)!r}: to "
        "run code later, send a message and run it there; for code beside the turns there is start_soon"
    )


def _may_take_functions(kind: type[Any]) -> bool:
    """Tell whether a class of actors says nothing of its messages, or names a Callable among them."""
    for owner in kind.__mro__:
        for base in owner.__dict__.get("__orig_bases__", ()):
            if getattr(get_origin(base), "__name__", "") == "Actor":
                named = get_args(base)[0]
                return isinstance(named, TypeVar) or "Any" in str(named) or "Callable" in str(named)
    return True


def forgotten_await(where: str, value: CoroutineType[Any, Any, Any]) -> TypeError:
    """Close a coroutine that was returned as a reply, and return the error for the asker."""
    name = value.__qualname__
    value.close()
    return TypeError(
        f"{where} has answered by a coroutine of {name}: an await is missing, `await {name}(...)`"
    )
