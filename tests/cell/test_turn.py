"""The requests of an actor's code in its turn: which method is called, and what it may ask for."""

from collections.abc import Callable
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorSystem,
)


def _decorated(method: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(self: Any, *args: Any) -> Any:
        return method(self, *args)

    return wrapper


class Wrapped(Actor[Any]):
    @_decorated
    def decorated(self, number: int) -> int:
        return number + 1

    short = lambda self: "short"  # noqa: E731


class Overridden(Wrapped):
    def decorated(self, number: int) -> int:
        return number + 2


async def test_a_method_is_called_whatever_its_own_name_is() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Wrapped)
        assert await ref.call(Wrapped.decorated, 1) == 2
        assert await ref.call(Wrapped.short) == "short"
        other = await system.spawn(Overridden)
        assert await other.call(Wrapped.decorated, 1) == 3
        with pytest.raises(TypeError, match="is not a method of Wrapped"):
            await ref.call(_decorated(print))
