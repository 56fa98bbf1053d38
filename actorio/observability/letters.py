"""The last failures and dead letters of a system: rings, so that a storm of them takes no more memory."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

from actorio._cell.naming import class_of, message_type
from actorio._core.redaction import inert
from actorio.errors import ActorStoppedError, MailboxFullError
from actorio.inspection.rows import frame_at, is_of_actorio
from actorio.observability.quoting import text_of_error
from actorio.observability.rows import Failure, LostLetter

if TYPE_CHECKING:
    from types import CodeType

    from actorio._cell.cell import Cell
    from actorio._core.redaction import Redact
    from actorio.inspection import Frame

__all__ = ["Failures", "Letters", "message_type"]

_MOST = 200
_MOST_FRAMES = 30
_LONGEST = 2000
_HANDED_BACK = "; not delivered: "


class Failures:
    """The last 200 failures, newest first, and how many there were."""

    def __init__(self, redact: Redact) -> None:
        self.count = 0
        self._redact = redact
        self._kept: deque[tuple[Failure, list[tuple[CodeType, int]]]] = deque(maxlen=_MOST)

    def note(self, cell: Cell, message: Any, error: BaseException) -> None:
        """Keep a failure; the lines of its stack are looked up when they are read."""
        self.count += 1
        failure = Failure(
            at=time.time(),
            path=cell.path,
            cls=class_of(cell),
            incarnation=cell.incarnation,
            error=inert(type(error).__qualname__),
            text=_text_of(error, cell, message, self._redact),
            message_type="" if message is None else message_type(message),
            frames=[],
        )
        self._kept.append((failure, _lines_of(error)))

    def list(self) -> list[Failure]:
        """Return them, newest first."""
        return [_with_frames(*kept) for kept in reversed(tuple(self._kept))]


class Letters:
    """The last 200 dead letters, newest first, and how many there were, by reason."""

    def __init__(self) -> None:
        self.count = 0
        self.by_reason: dict[str, int] = {}
        self._kept: deque[LostLetter] = deque(maxlen=_MOST)

    def note(self, cell: Cell, message: Any, reason: str) -> None:
        """Keep a dead letter."""
        self.count += 1
        self.by_reason[reason] = self.by_reason.get(reason, 0) + 1
        self._kept.append(LostLetter(time.time(), cell.path, message_type(message), reason))

    def list(self) -> list[LostLetter]:
        """Return them, newest first."""
        return list(reversed(tuple(self._kept)))


def _text_of(error: BaseException, cell: Cell, message: Any, redact: Redact) -> str:
    """Return what an exception says without the secrets that it may quote.

    Of a message that it hands back, its class stands in place of its contents.
    """
    text = text_of_error(error, cell, message, redact)
    if isinstance(error, (ActorStoppedError, MailboxFullError)) and error.undelivered is not None:
        text = f"{text.partition(_HANDED_BACK)[0]}{_HANDED_BACK}{message_type(error.undelivered)}"
    return inert(text, _LONGEST)


def _lines_of(error: BaseException) -> list[tuple[CodeType, int]]:
    lines = []
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if not is_of_actorio(code.co_filename):
            lines.append((code, traceback.tb_lineno))
        traceback = traceback.tb_next
    return lines[-_MOST_FRAMES:]


def _with_frames(failure: Failure, lines: list[tuple[CodeType, int]]) -> Failure:
    frames: list[Frame] = [frame_at(code, line) for code, line in lines]
    return Failure(
        failure.at,
        failure.path,
        failure.cls,
        failure.incarnation,
        failure.error,
        failure.text,
        failure.message_type,
        frames,
    )
