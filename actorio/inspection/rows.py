"""Views of an actor as plain values: its figures, its letters, the lines that its turn is at."""

from __future__ import annotations

import functools
import linecache
import os
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actorio._cell.naming import class_name, own_name
from actorio._core.envelope import ENVELOPES, Cast, Delivery, Parcel, Tick
from actorio._core.inquiry import CalledInquiry, Inquiry
from actorio._core.redaction import Redact, inert, text_of
from actorio._core.request import Call, Request, Submission

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import CodeType, FrameType

__all__ = ["ActorInfo", "Frame", "Letter", "class_name", "frame_at", "frames_of", "kind_of", "letter_of"]

_KINDS = {
    Parcel: "send",
    Request: "ask",
    Call: "call",
    Cast: "cast",
    Submission: "submit",
    Tick: "tick",
    Delivery: "item",
}
_KINDS_FROM_AFAR = {
    (Inquiry, False): "send",
    (Inquiry, True): "ask",
    (CalledInquiry, False): "cast",
    (CalledInquiry, True): "call",
}
_ACTORIO = f"{Path(__file__).parents[1]}{os.sep}"
_INSTALLED = tuple(
    sorted({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
)


@dataclass(frozen=True, slots=True)
class Letter:
    """A message in a mailbox, or in hand.

    Attributes:
        kind: `send`, `ask`, `call`, `cast`, `submit`, `tick` (of a timer) or `item` (of a source, or piped).
        type: the class of the message, or the name of the function.
        text: its contents, redacted, where they were asked for.
    """

    kind: str
    type: str
    text: str | None


@dataclass(frozen=True, slots=True)
class Frame:
    """A line that a turn stands at.

    Attributes:
        file: the path of the file.
        line: the number of the line.
        function: the qualified name of the function.
        code: the text of the line, empty where there is none.
        own: whether it is of the program itself, not of the standard library or an installed package.
    """

    file: str
    line: int
    function: str
    code: str
    own: bool


@dataclass(frozen=True, slots=True)
class ActorInfo:
    """All figures of one actor at one moment. Actors are paths.

    Attributes:
        path: its path.
        cls: its class, a qualified name with the module; empty where that is not known.
        state: `starting`, `running`, `stopping` or `restarting`.
        incarnation: how often it was restarted, as the incarnation counts.
        suspended: whether no turn begins for now.
        in_turn: whether a message or a hook has begun and not ended.
        turn_seconds: for how long that has been so; None when not known.
        in_hand: the message that the turn is at.
        depth: messages in its mailbox.
        peak: most of them at a time.
        capacity: of its mailbox, None without a bound.
        overflow: what its mailbox does when full.
        senders_waiting: how many wait for room.
        handled: messages handled to the end.
        failed: messages, hooks and tasks that raised, answers to asks among them.
        restarts: how often it was restarted.
        restart: when it is restarted.
        strategy: of its supervision; None without children.
        parent: None at the top level.
        children: how many there are.
        watchers: who is told of its end.
        watching: of whose end it is told.
        links: whose fate is bound to its own.
        aliases: its further names.
        groups: the groups it is in.
        timers: how many are set.
        tasks: how many tasks it owns.
        waits_for: whom it waits for, and whom that one waits for, to the end.
    """

    path: str
    cls: str
    state: str
    incarnation: int
    suspended: bool
    in_turn: bool
    turn_seconds: float | None
    in_hand: Letter | None
    depth: int
    peak: int
    capacity: int | None
    overflow: str
    senders_waiting: int
    handled: int
    failed: int
    restarts: int
    restart: str
    strategy: str | None
    parent: str | None
    children: int
    watchers: list[str]
    watching: list[str]
    links: list[str]
    aliases: list[str]
    groups: list[str]
    timers: int
    tasks: int
    waits_for: list[str]


def letter_of(item: Any, redact: Redact | None) -> Letter:
    """Describe an item of a mailbox; its text is given only where `redact` says what of it may be shown."""
    kind = type(item)
    if kind not in ENVELOPES:
        return Letter("send", inert(kind.__qualname__), None if redact is None else text_of(item, redact))
    invocation = getattr(item, "invocation", None)
    if invocation is None:
        message = item.message
        return Letter(
            _kind_of(item),
            inert(type(message).__qualname__),
            None if redact is None else text_of(message, redact),
        )
    return Letter(
        _kind_of(item), _function_name(invocation.func), None if redact is None else _call(invocation, redact)
    )


def kind_of(item: Any) -> str:
    """Return the kind of an item of a mailbox, as a `Letter` has it."""
    return _kind_of(item) if type(item) in ENVELOPES else "send"


def _kind_of(item: Any) -> str:
    known = _KINDS.get(type(item))
    return _KINDS_FROM_AFAR[type(item), item.asks] if known is None else known


def _function_name(func: Any) -> str:
    while issubclass(type(func), functools.partial):
        func = func.func
    return inert(own_name(func) or type(func).__qualname__)


def _call(invocation: Any, redact: Redact) -> str:
    arguments = text_of(invocation.args, redact)
    named = text_of(invocation.kwargs, redact) if invocation.kwargs else ""
    return inert(f"{_function_name(invocation.func)}{arguments}{named}", 200)


def frames_of(frames: Iterable[FrameType]) -> list[Frame]:
    """Describe frames, without those of actorio."""
    return [
        frame_at(frame.f_code, frame.f_lineno)
        for frame in frames
        if not is_of_actorio(frame.f_code.co_filename)
    ]


def is_of_actorio(file: str) -> bool:
    """Tell whether a file is one of this package."""
    return file.startswith(_ACTORIO)


def frame_at(code: CodeType, line: int) -> Frame:
    """Describe the line of a code object."""
    file = code.co_filename
    text = linecache.getline(file, line).strip()
    own = not file.startswith((*_INSTALLED, "<frozen"))
    return Frame(inert(file), line, inert(code.co_qualname, 200), inert(text, 200), own)
