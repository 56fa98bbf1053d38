"""Quotes an exception without the secrets in what it says: of its actor, the message, itself, the variables."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any

from actorio._core.hidden import Hidden, quote, said
from actorio._core.redaction import Redact
from actorio.capsule.encoding import Encoder
from actorio.inspection.rows import is_of_actorio

if TYPE_CHECKING:
    from actorio._cell.cell import Cell

__all__ = ["hidden_around", "text_of_error"]

_MOST_NODES = 500
_SECONDS = 0.0005
_MOST_FRAMES = 20


def text_of_error(error: BaseException, cell: Cell, message: Any, redact: Redact) -> str:
    """Return what an exception of an actor says; on the loop, when it is told of."""
    return quote(said(error), hidden_around(error, cell, message, redact), redact)


def hidden_around(error: BaseException, cell: Cell, message: Any, redact: Redact) -> Hidden:
    """Return what is hidden around a failure, as far as that is quickly found."""
    encoder = Encoder(redact, root=cell.instance, most=_MOST_NODES, seconds=_SECONDS)
    for frame in _frames_of(error):
        _look_at_variables(encoder, frame)
    encoder.encode(message, "")
    encoder.encode(error, "")
    if cell.instance is not None:
        encoder.attributes(cell.instance, "", without="context")
    return encoder.hidden


def _frames_of(error: BaseException) -> Iterator[FrameType]:
    """Yield the last frames of the program's functions that an exception has come through."""
    frames = []
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if code.co_flags & inspect.CO_OPTIMIZED and not is_of_actorio(code.co_filename):
            frames.append(traceback.tb_frame)
        traceback = traceback.tb_next
    yield from reversed(frames[-_MOST_FRAMES:])


def _look_at_variables(encoder: Encoder, frame: FrameType) -> None:
    variables = frame.f_locals
    for name, value in variables.items():
        encoder.named(name, value, "")
    if type(variables) is dict:  # up to 3.12 a copy, which would keep an exception and its frame alive
        variables.clear()
