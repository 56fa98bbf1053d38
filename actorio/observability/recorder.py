"""The flight recorder: keeps the last inputs of each actor, and writes a capsule when one fails.

    async with ActorSystem() as system, Recorder(system, capsules="crashes"):
        ...

An actor is a function of its inputs: its arguments, the messages it takes, what its asks come to, ticks, notices. A
capsule holds them, so the failure happens again by `actorio.testing.replay`, on any machine.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from actorio._cell.owned.interleave import runs_interleaved
from actorio._cell.owned.stash import Stash
from actorio._core.checks import check_count, check_duration, check_instance
from actorio._core.envelope import ANSWERED, ENVELOPES, FAILED, QUEUED, Cast, Delivery, Parcel, Tick
from actorio._core.observer import Observer
from actorio._core.redaction import Redact, hide_secrets
from actorio._core.request import Call, Request, Submission
from actorio.address import check_ref
from actorio.capsule.encoding import ATOMS, Encoder
from actorio.capsule.reading import STORE
from actorio.errors import ActorError, AskTimeoutError
from actorio.observability.capsule_writer import Writer
from actorio.observability.capsules import Draft, draft_of
from actorio.observability.journal import (
    CHECKPOINT,
    NOWHERE,
    START,
    Encoded,
    Input,
    Journal,
    Segment,
    has_stored_state,
    kept,
)
from actorio.system import ActorSystem

if TYPE_CHECKING:
    from types import TracebackType

    from actorio._cell.cell import Cell
    from actorio.errors import ExitReason
    from actorio.ref import ActorRef

__all__ = ["Recorder"]

_MOST_NODES = 2000
_SECONDS = 0.004
_KINDS: dict[type, str] = {Parcel: "send", Request: "ask", Tick: "tick", Delivery: "item"}
_CALLS: dict[type, str] = {Call: "call", Cast: "cast", Submission: "submit"}
_ASKED = (Request, Call)
_ON = ("failures", "errors")
_WITHOUT_CHECKPOINT = 4
"""So many times `keep` inputs are kept where no checkpoint can be taken, before the first ones are let go."""


class Recorder(Observer):
    """Records the inputs of all actors of a system, from inside of its block.

    Args:
        system: which has been entered.
        capsules: the folder for capsules, made with mode 0700 if it is not there.
        keep: messages between two checkpoints of an actor; those since the last checkpoint but one are kept.
        total: inputs of all actors that are kept at most.
        on: `failures` writes a capsule when an actor fails, `errors` also when an ask is answered by an exception.
        every: seconds in which there is one capsule at most for a class, type of error and line; 0: no limit.
        most: capsules in the folder, beyond which the oldest goes.
        redact: hides what is secret: called with each name and value, it gives what is to be kept.

    Raises:
        ValueError: an argument makes no sense.
    """

    level = "turns"

    def __init__(
        self,
        system: ActorSystem,
        capsules: str | os.PathLike[str] = "crashes",
        *,
        keep: int = 64,
        total: int = 100_000,
        on: str = "failures",
        every: float = 60.0,
        most: int = 100,
        redact: Redact = hide_secrets,
    ) -> None:
        self._runtime: Any = check_instance("system", system, ActorSystem)._runtime
        self._system = system
        self._keep = check_count("keep", keep, least=1)
        self._most_inputs = check_count("total", total, least=1)
        if on not in _ON:
            raise ValueError(f"on must be 'failures' or 'errors', not {on!r}")
        self._redact = redact
        self._journals: dict[Cell, Journal | None] = {}
        self._arguments: dict[Cell, Encoded] = {}
        self._segments: dict[Segment, None] = {}
        self._inputs = 0
        self._answer: dict[Cell, BaseException] = {}
        self._writer = Writer(
            self._runtime, Path(capsules), check_duration("every", every), check_count("most", most, least=1)
        )
        self._writes_answers = on == "errors"

    # -- the block ---------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        runtime = self._runtime
        if not runtime.is_running or runtime.has_ended:
            raise ActorError(
                f"the system {runtime.name!r} is not running: enter the recorder inside of its block"
            )
        runtime.check_thread()
        self._time = runtime.loop.time
        self._writer.open()
        cells = list(runtime.root.table.values())
        for cell in cells:  # and all below it
            self._journals[cell] = None  # it gets a checkpoint before its next turn
            if cell.children is not None:
                cells.extend(cell.children.table.values())
        runtime.observe(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._runtime.unobserve(self)
        await self._writer.close()
        self._journals.clear()
        self._segments.clear()
        self._arguments.clear()

    @property
    def capsules(self) -> list[Path]:
        """The capsules that this recorder has written and that are still there, the oldest first."""
        return self._writer.written()

    async def write(self, ref_or_path: ActorRef[Any] | str, reason: str = "manual") -> Path:
        """Write a capsule of an actor as it is now.

        Raises:
            NameNotFoundError: there is no such actor.
            ActorError: it has ended, or the recorder is not running.
            OSError: the file cannot be written.

        Cancellation: only this wait ends.
        """
        ref = self._system.lookup(ref_or_path) if isinstance(ref_or_path, str) else ref_or_path
        check_ref("write", ref)
        cell = ref._cell
        if cell.runtime is not self._runtime:
            raise ValueError(f"write takes an actor of this system, and {ref.path} belongs to another")
        if not self._writer.is_open or cell.has_ended or cell.instance is None:
            raise ActorError(f"there is nothing to be written of {ref.path}: it, or the recorder, has ended")
        return await self._writer.write_now(self._draft(cell, None, reason))

    # -- inputs ------------------------------------------------------------------------------------

    def wants(self, event: str) -> bool:
        """The ends of turns are of interest only where answers are."""
        return super().wants(event) and (event != "ended" or self._writes_answers)

    def begun(self, cell: Cell, item: Any) -> None:
        """Record the message that a turn begins with; written out for speed (the benchmark `observe` pays for it)."""
        journal = self._journals.get(cell)
        if journal is None:
            journal = self._begin(cell)
        kind = type(item)
        if kind in ENVELOPES and item.state != QUEUED:
            return  # nobody waits for it any more
        if journal.left > 0:
            journal.left -= 1
        elif self._attend(cell, journal):
            return
        if kind in ATOMS:
            entry = self._time(), "send", item, None
        elif kind is Request:
            message, asker = item.message, item.asker
            if type(message) not in ATOMS:
                message = kept(message, self._redact)
            entry = self._time(), "ask", message, None if asker is None else asker.path
        elif kind not in ENVELOPES:
            entry = self._time(), "send", kept(item, self._redact), None
        else:
            entry = self._input(cell, item, kind)
        journal.add(entry)
        self._inputs += 1
        if self._inputs > self._most_inputs:
            self._let_go()

    def _attend(self, cell: Cell, journal: Journal) -> bool:
        """Take a checkpoint. True: the message comes out of the stash, and is an input already."""
        if journal.put_back:
            journal.put_back -= 1
            return True
        journal.left = self._keep - 1
        self._checkpoint(cell, journal)
        return False

    def begun_beside(self, cell: Cell, item: Any) -> None:
        """Record an interleaved call that came in at once; one out of the mailbox has begun its turn already."""
        if cell.envelope is item:
            return
        journal = self._journals.get(cell) or self._begin(cell)
        if journal.left > 0:
            journal.left -= 1
        elif not journal.put_back:
            journal.left = self._keep - 1
            self._shorten(journal)
        self._add(journal, self._input(cell, item, type(item)))

    def _add(self, journal: Journal, entry: Input) -> None:
        journal.add(entry)
        self._inputs += 1
        if self._inputs > self._most_inputs:
            self._let_go()

    def _input(self, cell: Cell, item: Any, kind: type) -> tuple[float, str, Any, Any]:
        asker = getattr(item, "asker", None)
        path = None if asker is None else asker.path
        if kind in _KINDS:
            return self._time(), _KINDS[kind], kept(item.message, self._redact), path
        invocation = item.invocation if kind in _CALLS else getattr(item, "invocation", None)
        if invocation is None:
            return self._time(), "ask" if item.asks else "send", kept(item.message, self._redact), path
        encoder = Encoder(self._redact, root=cell.instance, seconds=_SECONDS)
        call = encoder.call(invocation.func, invocation.args, invocation.kwargs, "")
        name = _CALLS.get(kind) or ("call" if item.asks else "cast")
        return self._time(), name, Encoded(call, encoder), path

    def answered(self, cell: Cell, envelope: Any) -> None:
        """Record what an ask has come to, for its asker; note an exception, for `ended`."""
        asker = envelope.asker if type(envelope) in _ASKED else None
        if asker is None and not self._writes_answers:
            return
        state = envelope.state
        if asker is not None:
            asking = getattr(asker, "cell", asker)
            journal = self._journals.get(asking) or self._begin(asking)
            outcome = envelope.value if state == ANSWERED else envelope.error if state == FAILED else None
            asked = getattr(envelope, "invocation", None)
            message = kept(envelope.message, self._redact) if asked is None else repr(asked)
            details = cell.path, state, kept(outcome, self._redact), asked is not None
            self._add(journal, (self._time(), "answer", message, details))
        if self._writes_answers and state == FAILED and self._runtime.run_queue.current is cell:
            error = envelope.error
            if isinstance(error, Exception) and not isinstance(error, AskTimeoutError):
                self._answer[cell] = error

    def persisted(self, cell: Cell, actor: Any, write: Any, error: BaseException | None) -> None:
        """Record what a write of a durable actor has come to."""
        journal = self._journals.get(cell) or self._begin(cell)
        state, outcome = (ANSWERED, None) if error is None else (FAILED, kept(error, self._redact))
        self._add(journal, (self._time(), "answer", write.sequence, (STORE, state, outcome, False)))

    def notified(self, cell: Cell, notice: Any) -> None:
        """Record the notice of an end."""
        journal = self._journals.get(cell) or self._begin(cell)
        self._add(journal, (self._time(), "notice", Encoded.of(notice, self._redact), notice.ref.path))

    def put_back(self, cell: Cell, items: Any) -> None:
        """Record nothing: what comes out of the stash is no new input."""
        journal = self._journals.get(cell)
        if journal is not None:
            journal.put_back += len(items)
            journal.left = 0  # so that the next turns are looked at

    # -- lives -------------------------------------------------------------------------------------

    def constructed(self, cell: Cell) -> None:
        """Begin anew with the incarnation; arguments that may change are encoded."""
        self._forget(cell)
        if not all(type(value) in ATOMS for value in cell.args):
            encoder = Encoder(self._redact, seconds=_SECONDS)
            json = encoder.arguments(cell.factory, cell.args, "args")
            self._arguments[cell] = Encoded(json, encoder)

    def ended_for_good(self, cell: Cell, reason: ExitReason) -> None:
        """Forget an actor."""
        self._forget(cell)
        self._arguments.pop(cell, None)
        self._answer.pop(cell, None)

    def ended(self, cell: Cell, item: Any) -> None:
        """Write a capsule of an ask that was answered by an exception."""
        if cell in self._answer:
            error = self._answer.pop(cell)
            if self._writer.wants(cell, error):
                self._writer.write_soon(self._draft(cell, error, "answered"))

    def failed(self, cell: Cell, message: Any, error: BaseException) -> None:
        """Write a capsule of a failure."""
        self._answer.pop(cell, None)
        if cell.instance is not None and not _is_exit(error) and self._writer.wants(cell, error):
            self._writer.write_soon(self._draft(cell, error, "failed"))

    # -- journals ----------------------------------------------------------------------------------

    def _begin(self, cell: Cell) -> Journal:
        """Make the journal of an incarnation at its first input.

        One that was there before has no start, and the start of a durable actor is in its store.
        """
        needs_checkpoint = cell in self._journals or has_stored_state(
            cell
        )  # it gets one before its next turn
        begins, left = (NOWHERE, 0) if needs_checkpoint else (START, self._keep)
        journal = self._journals[cell] = Journal(cell.incarnation, begins, left)
        self._segments[journal.current] = None
        return journal

    def _checkpoint(self, cell: Cell, journal: Journal) -> None:
        """Begin a segment with the state between two turns; what is before the segment before is let go."""
        if _has_more_than_its_state(cell):
            self._shorten(journal)
            return
        encoder = Encoder(self._redact, root=cell.instance, most=_MOST_NODES, seconds=_SECONDS)
        state = encoder.attributes(cell.instance, "checkpoint", without="context")
        if encoder.is_cut:
            journal.left = self._keep * _WITHOUT_CHECKPOINT  # it is tried again, but not soon
            self._shorten(journal)
            return
        if journal.previous is not None:
            self._drop(journal.previous)
        journal.previous = journal.current if journal.current.begins != NOWHERE else None
        if journal.previous is None:
            self._drop(journal.current)
        journal.begin(Segment(journal, CHECKPOINT, Encoded(state, encoder)))
        self._segments[journal.current] = None

    def _shorten(self, journal: Journal) -> None:
        """Let the first inputs go where no checkpoint can be taken."""
        segment = journal.current
        most = self._keep * _WITHOUT_CHECKPOINT
        if len(segment.inputs) >= most:
            spare = len(segment.inputs) - most // 2
            del segment.inputs[:spare]
            self._inputs -= spare
            segment.begins, segment.state = NOWHERE, None
            if journal.previous is not None:
                self._drop(journal.previous)
                journal.previous = None

    def _let_go(self) -> None:
        """Let go of the oldest segment of all."""
        while self._inputs > self._most_inputs and self._segments:
            segment = next(iter(self._segments))
            journal: Any = segment.journal
            if journal.previous is segment:
                journal.previous = None
            elif journal.previous is None:  # it is the current one: what follows begins nowhere
                journal.begin(Segment(journal, NOWHERE))
                journal.left = 0
                self._segments[journal.current] = None
            self._drop(segment)

    def _drop(self, segment: Segment) -> None:
        if segment in self._segments:
            del self._segments[segment]
            self._inputs -= len(segment.inputs)
            segment.inputs.clear()
            segment.journal = None  # or the two would keep each other alive until a collection of garbage

    def _forget(self, cell: Cell) -> None:
        journal = self._journals.pop(cell, None)
        if journal is not None:
            for segment in journal.segments():
                self._drop(segment)

    def _draft(self, cell: Cell, error: BaseException | None, reason: str) -> Draft:
        return draft_of(cell, self._journals, self._arguments.get(cell), error, reason, self._redact)


def _has_more_than_its_state(cell: Cell) -> bool:
    """Tell whether an actor has a part of its state outside of its attributes: in an own loop, a call, or the stash."""
    stash = None if cell.owned is None else cell.owned.get(Stash)
    return cell.hooks is None or cell.hooks.own_loop or runs_interleaved(cell) or bool(stash)


def _is_exit(error: BaseException) -> bool:
    return isinstance(error, (SystemExit, KeyboardInterrupt))
