"""A span for each turn that belongs to a trace, current in the handler, child of the span at the call.

The span is set inside of the contextvars that came with the item, so there is nothing to detach: it goes with them.
A message that came with no contextvars belongs to no trace, and costs a look at its type.
"""

from __future__ import annotations

import logging
import traceback
from contextvars import Context as Variables
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.context import Context, attach, create_key, get_current, get_value, set_value
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from actorio._cell.naming import class_name
from actorio._core.envelope import ENVELOPES, FAILED, QUEUED, Delivery, Tick, payload
from actorio._core.hidden import quote, said
from actorio._core.observer import Observer
from actorio._core.redaction import hide_secrets
from actorio.errors import AskTimeoutError, ExitReason
from actorio.inspection.rows import letter_of
from actorio.observability.quoting import hidden_around
from actorio.observability.turn_durations import error_type

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer

    from actorio._cell.cell import Cell
    from actorio.inspection import Letter

__all__ = ["Spans"]

logger = logging.getLogger("actorio")

_MOST_IN_A_ROW = 256
"""The send of that number in a row begins a trace: actors that send to each other for ever make no endless one."""
_IN_A_ROW = create_key("actorio-sends-in-a-row")


class Spans(Observer):
    """Makes the spans.

    Args:
        tracer: makes each of them.
        roots: whether a turn that belongs to no trace begins one.
    """

    never_raises = True

    def __init__(self, tracer: Tracer, *, roots: bool) -> None:
        self.level = "arrivals" if roots else "turns"
        self._tracer = tracer
        self._roots = roots
        self._open: dict[Cell, tuple[Any, Span]] = {}
        self._beside: dict[Any, Span] = {}
        self._has_warned = False

    def begun(self, cell: Cell, item: Any) -> None:
        """Begin the span of a turn."""
        if type(item) in ENVELOPES and item.state == QUEUED:
            span = self._span(cell, item)
            if span is not None:
                self._open[cell] = item, span

    def ended(self, cell: Cell, item: Any) -> None:
        """End the span of a turn."""
        if cell in self._open:
            began, span = self._open.pop(cell)
            _note_answer(span, began, cell)
            self._end(span)

    def begun_beside(self, cell: Cell, item: Any) -> None:
        """Begin the span of an interleaved call, or go on with that of the turn that has taken it."""
        if cell in self._open and self._open[cell][0] is item:
            self._beside[item] = self._open.pop(cell)[1]
        elif (span := self._span(cell, item)) is not None:
            self._beside[item] = span

    def ended_beside(self, cell: Cell, item: Any) -> None:
        """End the span of an interleaved call."""
        span = self._beside.pop(item, None)
        if span is not None:
            _note_answer(span, item, cell, cell.failure)
            self._end(span)

    def failed(self, cell: Cell, message: Any, error: BaseException) -> None:
        """Note that the turn has failed its actor."""
        if cell in self._open:
            _note_error(self._open[cell][1], error, cell, message)

    def decided(self, cell: Cell, reason: ExitReason, verdict: int) -> None:
        """End the span of a turn that the incarnation has not survived."""
        self.stopped(cell, reason)

    def continued(self, cell: Cell) -> None:
        """End the span of a turn that the incarnation has survived."""
        self.stopped(cell, ExitReason.CRASHED)

    def stopped(self, cell: Cell, reason: ExitReason) -> None:
        """End it at the latest here."""
        if cell in self._open:
            _, span = self._open.pop(cell)
            if reason is ExitReason.KILLED:
                _note_killed(span)
            self._end(span)

    def close(self) -> None:
        """End all that are open."""
        for _, span in self._open.values():
            self._end(span)
        for span in self._beside.values():
            self._end(span)
        self._open.clear()
        self._beside.clear()

    def _end(self, span: Span) -> None:
        try:
            span.end()
        except Exception:
            self._warn()

    def _warn(self) -> None:
        """Tell once of a sampler or processor that has raised: the turn goes on without its span."""
        if not self._has_warned:
            self._has_warned = True
            logger.warning("a span could not be begun or ended (told once)", exc_info=True)

    # -- one span ----------------------------------------------------------------------------------

    def _span(self, cell: Cell, item: Any) -> Span | None:
        sender: Variables | None = item.sender
        if sender is None and not self._roots:
            return None
        base = Context() if sender is None else _inside(sender, get_current)
        parent = trace.get_current_span(base).get_span_context()
        if not (parent.trace_flags.sampled if parent.is_valid else self._roots):
            return None
        in_a_row = int(get_value(_IN_A_ROW, base) or 0) + 1  # type: ignore[call-overload]
        is_split = in_a_row >= _MOST_IN_A_ROW
        begins = is_split or type(item) is Tick or (type(item) is Delivery and item.is_item)
        letter = letter_of(item, None)
        try:
            span = self._tracer.start_span(
                f"{type(cell.instance).__qualname__} {letter.type.rpartition('.')[2]}",
                Context() if begins else base,
                kind=SpanKind.CONSUMER,
                attributes=_attributes(cell, letter, is_split=is_split),
                links=[Link(parent)] if begins and parent.is_valid else None,
            )
        except Exception:
            self._warn()
            return None
        current = trace.set_span_in_context(span, base)
        current = set_value(_IN_A_ROW, 0 if begins else in_a_row, current)
        if sender is None:
            item.sender = sender = Variables()
        _inside(sender, attach, current)
        return span


def _inside(variables: Variables, function: Any, *args: Any) -> Any:
    """Call a function inside of contextvars, which may be those of now: an interleaved call begins in a turn."""
    try:
        return variables.run(function, *args)
    except RuntimeError:
        return function(*args)


def _attributes(cell: Cell, letter: Letter, *, is_split: bool) -> dict[str, str | int | bool]:
    attributes: dict[str, str | int | bool] = {
        "messaging.system": "actorio",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": cell.path,
        "actorio.system": cell.runtime.name,
        "actorio.actor.class": class_name(type(cell.instance)),
        "actorio.actor.incarnation": cell.incarnation,
        "actorio.message.kind": letter.kind,
        "actorio.message.type": letter.type,
        "actorio.mailbox.depth": len(cell.mailbox.items),
    }
    if is_split:
        attributes["actorio.trace.split"] = True
    return attributes


def _note_answer(span: Span, item: Any, cell: Cell, failure: BaseException | None = None) -> None:
    """Note that the answer was an exception; one that came too late for its asker is none of the handler's."""
    if item.state != FAILED:
        return
    error = getattr(item, "error", None) or failure
    if error is not None and not isinstance(error, AskTimeoutError):
        _note_error(span, error, cell, payload(item))


def _note_error(span: Span, error: BaseException, cell: Cell, message: Any) -> None:
    hidden = hidden_around(error, cell, message, hide_secrets)
    if hidden.texts:
        trace_of_it = hidden.veil("".join(traceback.format_exception(error)))
        attributes = {
            "exception.message": quote(said(error), hidden, hide_secrets),
            "exception.stacktrace": trace_of_it,
        }
        span.record_exception(error, attributes)
    else:
        span.record_exception(error)
    span.set_status(Status(StatusCode.ERROR))
    span.set_attribute("error.type", error_type(error))


def _note_killed(span: Span) -> None:
    span.set_status(Status(StatusCode.ERROR))
    span.set_attribute("error.type", "killed")
