"""One actor, looked into while it runs: what it is at, what waits for it, its state, which may be replaced."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import copy_context
from itertools import islice
from typing import TYPE_CHECKING, Any

from actorio._cell.errands import Errands
from actorio._cell.frames import in_turn, turn_frames
from actorio._cell.naming import class_of
from actorio._cell.owned.timer import Timer
from actorio._cell.states import State
from actorio._core.checks import check_callable, check_count, check_optional_duration
from actorio._core.deadlock import chain_of
from actorio._core.envelope import NO_MESSAGE
from actorio._core.redaction import Redact, hide_secrets, inert, text_of
from actorio.errors import ActorError, ActorStoppedError, DeadlockError
from actorio.inspection.rows import ActorInfo, Frame, Letter, frames_of, letter_of
from actorio.inspection.state import own_attributes, put_attributes
from actorio.inspection.trace import Trace

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actorio._cell.cell import Cell
    from actorio.address import Address

__all__ = ["Inspector", "class_of", "info_of", "letters_of"]


class Inspector:
    """A look into one actor, over its restarts; made by `ActorSystem.inspect`.

    Each method raises `ActorStoppedError` once the actor has ended for good, and `WrongThreadError` from another
    thread or event loop than the system's.
    """

    __slots__ = ("_cell",)

    def __init__(self, cell: Cell) -> None:
        self._cell = cell

    @property
    def ref(self) -> Address:
        """The actor that is looked into, as errors and events name it."""
        return self._cell.ref  # type: ignore[no-any-return]

    def info(self) -> ActorInfo:
        """Return all figures of now."""
        return info_of(self._living())

    def peek(self, limit: int = 20, *, values: bool = False) -> list[Letter]:
        """Return the first messages in the mailbox; with `values` each has a redacted text."""
        check_count("limit", limit, least=0)
        return letters_of(self._living(), limit, hide_secrets if values else None)

    def stack(self) -> list[Frame]:
        """Return where its turn stands, outermost first, without the frames of actorio; nothing between turns."""
        return frames_of(turn_frames(self._living()))

    def waits_for(self) -> list[str]:
        """Return the paths along the chain from whom it waits for to its end."""
        return [node.path for node in chain_of(self._living())]

    def trace(self, *, limit: int = 1000, lease: float | None = 60.0, values: bool = False) -> Trace:
        """Return what happens to it from the beginning of a block on: `async with inspector.trace() as trace`.

        Args:
            limit: events after which the trace ends.
            lease: seconds after which it ends; None: with its block, or the actor.
            values: whether texts have contents, redacted, and not the types of messages alone.
        """
        check_count("limit", limit, least=1)
        check_optional_duration("lease", lease)
        return Trace(self._living(), limit, lease, hide_secrets if values else None)

    # -- its state ---------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return the attributes of the instance, those in slots too, without `context`: a new dict of the real objects.

        Raises:
            ActorError: between two incarnations.
        """
        return own_attributes(self._incarnated().instance)

    async def replace_state(
        self, change: Callable[[dict[str, Any]], Mapping[str, Any]], *, timeout: float | None = 5.0
    ) -> None:
        """Call `change` with the state between two turns; the attributes become exactly what it returns.

        Args:
            change: a plain function; what it raises is raised here, and nothing has changed.
            timeout: seconds until the current turn has to have ended; None for no limit.

        Raises:
            TypeError: what it returns is no mapping of str.
            AttributeError: the instance cannot have an attribute of such a name.
            TimeoutError: the turn did not end in time; nothing has changed, nor will.
            DeadlockError: in the actor's own turn.
            ActorError: between two incarnations, or a restart has come first.

        Cancellation: nothing will change, if it has not.
        """
        check_callable("replace_state", change)
        cell = self._for_errand(timeout)
        variables = copy_context()

        def replace() -> None:
            put_attributes(cell.instance, variables.run(change, own_attributes(cell.instance)))

        await Errands.of(cell).run(replace, timeout, "replace_state of")

    # -- suspension --------------------------------------------------------------------------------

    @property
    def is_suspended(self) -> bool:
        """Tell whether no turn of it begins for now."""
        errands = self._living().errands
        return errands is not None and errands.is_suspended

    async def suspend(self, *, lease: float | None = 60.0, timeout: float | None = 5.0) -> None:
        """Let no turn begin from now on; returns when the current one has ended.

        Mail queues up, asks wait and their timeouts run, ticks and notices wait; stop and kill work at once. The end
        of the lease, `close`, the end of the system and that of the incarnation resume it.

        Args:
            lease: seconds until it is resumed by itself, with a warning in the log; None: never. A further call
                begins a new one.
            timeout: seconds until the current turn has to have ended; None for no limit.

        Raises:
            TimeoutError, DeadlockError, ActorError: as `replace_state`.
            ActorStoppedError: it is closed, and about to end.

        Cancellation: it is not suspended, unless it was before.
        """
        check_optional_duration("lease", lease)
        cell = self._for_errand(timeout)
        if cell.mailbox.closed or cell.runtime.shutdown.has_begun:  # type: ignore[attr-defined]
            raise ActorStoppedError(cell.ref, cell.reason)
        errands = Errands.of(cell)
        if errands.is_suspended:
            errands.suspend(lease)
            return
        try:
            await errands.run(lambda: errands.suspend(lease), timeout, "suspend")
        except BaseException:
            errands.resume()  # a cancel that has come at the same time
            raise

    def resume(self) -> None:
        """Go on with the turns. Idempotent."""
        errands = self._living().errands
        if errands is not None:
            errands.resume()

    # -- checks ------------------------------------------------------------------------------------

    def _living(self) -> Cell:
        cell = self._cell
        cell.runtime.check_thread()
        if cell.state == State.ENDED:
            raise ActorStoppedError(cell.ref, cell.reason)
        return cell

    def _incarnated(self) -> Cell:
        cell = self._living()
        if cell.instance is None:
            raise ActorError(f"{cell.path} is between two incarnations")
        return cell

    def _for_errand(self, timeout: float | None) -> Cell:
        check_optional_duration("timeout", timeout)
        cell = self._incarnated()
        if cell.runtime.current() is cell:
            raise DeadlockError((cell.path, cell.path))
        return cell


def letters_of(cell: Cell, limit: int, redact: Redact | None) -> list[Letter]:
    """Describe the first items of a mailbox."""
    return [letter_of(item, redact) for item in islice(cell.mailbox.items, limit)]


def info_of(cell: Cell, redact: Redact | None = None) -> ActorInfo:
    """Return the figures of a cell. It runs no code of the actor: any thread may call it while the loop stands."""
    busy = in_turn(cell)
    counts, mailbox, children = cell.statistics(), cell.mailbox, cell.children
    supervision = None if children is None else children.supervision
    return ActorInfo(
        path=cell.path,
        cls=class_of(cell),
        state=cell.state,
        incarnation=cell.incarnation,
        suspended=cell.errands is not None and cell.errands.is_suspended,
        in_turn=busy,
        turn_seconds=cell.runtime.turn_seconds(cell) if busy else None,  # type: ignore[attr-defined]
        in_hand=_in_hand(cell, redact) if busy else None,
        depth=counts.depth,
        peak=counts.peak,
        capacity=mailbox.capacity,
        overflow=mailbox.overflow.name.lower(),
        senders_waiting=len(mailbox.waiting or ()),
        handled=counts.handled,
        failed=counts.failed,
        restarts=counts.restarts,
        restart=cell.options.restart.name.lower(),
        strategy=None if supervision is None else supervision.strategy.name.lower(),
        parent=getattr(cell.siblings.owner, "path", "") or None,
        children=0 if children is None else len(children.table),
        watchers=_paths(cell.watchers),
        watching=_paths(cell.watching),
        links=_paths(cell.links),
        aliases=cell.runtime.names.names_of(cell),
        groups=[
            inert(group, 200) if type(group) is str else text_of(group)
            for group in cell.runtime.groups.of(cell)
        ],
        timers=sum(isinstance(timer, Timer) for timer in tuple((cell.owned or {}).values())),
        tasks=len(cell.tasks or ()),
        waits_for=[node.path for node in chain_of(cell)],
    )


def _in_hand(cell: Cell, redact: Redact | None) -> Letter | None:
    item = cell.message if cell.envelope is None else cell.envelope
    return None if item is NO_MESSAGE else letter_of(item, redact)


def _paths(cells: Iterable[Any] | None) -> list[str]:
    return [cell.path for cell in tuple(cells or ())]
