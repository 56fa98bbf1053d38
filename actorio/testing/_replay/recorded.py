"""The answers of production: the outcomes of the asks of the replayed actor, released at their times."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from actorio._core.redaction import Redact
from actorio.capsule.encoding import Encoder
from actorio.capsule.reading import STORE
from actorio.testing.failures import ReplayDiverged

__all__ = ["Answers"]


class Answer:
    """One recorded outcome.

    Attributes:
        number: of the input.
        kind: `value`, `error` or `withdrawn`.
        value: what it is.
    """

    def __init__(self, number: int, data: Mapping[str, Any], value: Any) -> None:
        self.number = number
        self.message = data.get("message")
        self.is_call = bool(data.get("call"))
        self.kind = data.get("outcome")
        self.value = value
        self.released = asyncio.Event()

    def suits(self, message: Any, *, is_call: bool) -> bool:
        """Tell whether it is that of an equal question."""
        return self.is_call == is_call and self.message == message


class Answers:
    """The recorded answers, each taken once; those of one actor in their order, equal questions first.

    Args:
        given: functions that answer in place of what was recorded, by path.
    """

    def __init__(self, given: Mapping[str, Callable[..., Any]]) -> None:
        self._given = given
        self._left: dict[str, list[Answer]] = {}
        self._by_number: dict[int, Answer] = {}
        self._hanging: list[tuple[asyncio.Future[Any], str, Any]] = []
        self.errors: list[BaseException] = []
        """The exceptions that were answers."""
        self.is_past = False
        """Whether the last turn has asked all that production did before it failed, and goes on: it is mended."""
        self.is_last_turn = False
        """Whether no further message comes: what is asked now may have had no answer by the time of the failure."""

    def add(self, number: int, data: Mapping[str, Any], value: Any) -> None:
        """Add a recorded one."""
        answer = self._by_number[number] = Answer(number, data, value)
        self._left.setdefault(str(data.get("of")), []).append(answer)

    def release(self, number: int) -> None:
        """Its time has come."""
        self._by_number[number].released.set()

    async def to(
        self,
        path: str,
        message: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        is_call: bool = False,
    ) -> Any:
        """Answer as production did.

        Raises:
            ReplayDiverged: production has not asked that.
        """
        if path in self._given:
            given = self._given[path](message, *args, **(kwargs or {}))
            return await given if hasattr(type(given), "__await__") else given
        answer = self._take(path, message, is_call=is_call)
        if answer is None:
            return await self._none(path, message)
        await answer.released.wait()
        if answer.kind == "value":
            return answer.value
        if answer.kind == "error" and isinstance(answer.value, BaseException):
            self.errors.append(answer.value)
            raise answer.value
        return await asyncio.get_running_loop().create_future()  # withdrawn: whoever asked has given up

    async def of_write(self, sequence: int) -> None:
        """Wait for what the write to that sequence came to; one that production has not made, or not ended, is done."""
        answer = next((one for one in self._left.get(STORE, []) if one.message == sequence), None)
        if answer is None:
            return
        self._left[STORE].remove(answer)
        await answer.released.wait()
        if isinstance(answer.value, BaseException):
            self.errors.append(answer.value)
            raise answer.value

    def _take(self, path: str, message: Any, *, is_call: bool) -> Answer | None:
        left = self._left.get(path, [])
        question = getattr(message, "__qualname__", "") if is_call else Encoder(_as_it_is).encode(message, "")
        found = next((one for one in left if one.suits(question, is_call=is_call)), None)
        if found is None and not is_call:  # the message may have been redacted, or changed since
            found = next(
                (one for one in left if one.is_call == is_call and _alike(one.message, question)), None
            )
        if found is not None:
            left.remove(found)
        return found

    async def _none(self, path: str, message: Any) -> Any:
        if not self.is_last_turn:
            raise _diverged(path, message)
        hanging: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if path in self._left and not any(self._left.values()):
            self.is_past = True
        else:
            self._hanging.append((hanging, path, message))
        return await hanging

    def give_up(self) -> bool:
        """Fail the asks that have no answer; whether there were any."""
        hanging = [one for one in self._hanging if not one[0].done()]
        for future, path, message in hanging:
            future.set_exception(_diverged(path, message))
        return bool(hanging)


def _diverged(path: str, message: Any) -> ReplayDiverged:
    what = getattr(message, "__qualname__", None) or type(message).__qualname__
    return ReplayDiverged(
        f"it asked {path} for an answer to {what}, which production did not; give answers={{{path!r}: function}}"
    )


def _alike(one: Any, other: Any) -> bool:
    if isinstance(one, dict) and isinstance(other, dict):
        return bool(one.get("type") == other.get("type") and one.get("$") == other.get("$"))
    return type(one) is type(other)


_as_it_is: Redact = lambda name, value: value  # noqa: E731
