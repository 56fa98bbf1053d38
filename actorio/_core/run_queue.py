"""The run queue: tasks that wait for an actor are woken here, not one by one by the event loop.

A loop iteration costs as much as ten messages. So a task that waits for mail, for a reply or for room awaits
a `Waiter`, which follows asyncio's future protocol, and waking it only appends it to the run queue; one
`loop.call_soon` then wakes all that are there. The tasks stay ordinary asyncio tasks: `current_task()`,
timeouts and cancellation work as anywhere.

Source: `benchmarks/` (ring, pingpong) pays for it; measured in docs/design/decisions/run-queue.md.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextvars import Context
from typing import Any, NoReturn, Protocol

from actorio._core.acceleration import accelerated, compiled
from actorio._core.ring import Ring
from actorio.errors import WrongThreadError

__all__ = ["Limited", "RunQueue", "RunQueueCore", "Waiter", "may_nest"]

_MOST_WAKES = 256
"""Wakes in one go, at most, before timers and I/O have their turn."""
_CLOCK_EVERY = 8
"""Wakes between two looks at the clock (a look costs as much as a twentieth of a wake)."""
_LONGEST_TURN = 0.001
"""Seconds in one go, about, before timers and I/O have their turn."""


class Limited(Protocol):
    """An ask with a timeout, as the run queue sees it."""

    timeout: float
    deadline: float

    def set_alarm(self) -> None: ...


class Sent(asyncio.Future[None]):
    """A send that is done: awaited as fast as a future, and, with what a coroutine has, good for `create_task` too.

    Not `RunQueue.woken`: what tasks are shown as they wake is to be a future and no more, which asyncio knows by sight.
    """

    def send(self, value: None) -> NoReturn:
        """Go on with it: it is done."""
        raise StopIteration

    def throw(self, error: BaseException, *more: Any) -> NoReturn:
        """Make it raise."""
        raise error

    def close(self) -> None:
        """There is nothing to give up."""


@accelerated
class RunQueueCore:
    """The hot part of a run queue."""

    __slots__ = (
        "_context",
        "_limited",
        "choose",
        "current",
        "deadline",
        "loop",
        "ready",
        "scheduled",
        "sent",
        "spent",
        "woken",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.ready: deque[Waiter] = Ring()
        self.choose: Callable[[Sequence[Waiter]], int] | None = None
        self.current: Any = None
        self.deadline = 0.0
        self.spent = False
        self.scheduled = False
        self.woken: asyncio.Future[None] = asyncio.Future(loop=loop)
        self.woken.set_result(None)
        self._limited: list[Limited] = []
        self.sent = Sent(loop=loop)
        self.sent.set_result(None)
        self._context = Context()

    def limit(self, limited: Limited) -> None:
        """Set the alarm of an ask with a timeout at the end of this pass, or of the next one.

        Most asks are answered by then, and those cost no place in the queue of deadlines (`pingpong_timeout`).
        """
        if not self.scheduled:
            self.schedule()
        limited.deadline = self.loop.time() + limited.timeout
        self._limited.append(limited)

    def schedule(self) -> None:
        """Ask the loop, once, to wake what is ready.

        Raises:
            WrongThreadError: another loop than the system's is running, or the system's loop is closed.
        """
        if not self.scheduled:
            self.check_loop()
            self.loop.call_soon(self._run, context=self._context)
            self.scheduled = True

    def check_loop(self) -> None:
        """Refuse to wake anybody where nobody would run.

        Raises:
            WrongThreadError: another loop than the system's is running, or the system's loop is closed.
        """
        running = asyncio._get_running_loop()
        if running is not self.loop and (running is not None or self.loop.is_closed()):
            raise WrongThreadError("the actor system belongs to another event loop than the one running here")

    def _run(self) -> None:
        if self.choose is not None:
            self._run_chosen(self.choose)
        elif may_nest(self.loop):
            self._run_nested()
        else:
            self._pass()

    def _pass(self) -> None:
        """Wake what is ready, within the budget."""
        ready, woken = self.ready, self.woken
        clock = self.loop.time
        left = _MOST_WAKES
        self.deadline = clock() + _LONGEST_TURN
        self.spent = False
        waiter, callback, seen = None, None, woken
        try:
            while ready and left:
                waiter = ready.popleft()
                callback = waiter.callback
                if callback is not None:
                    turns = waiter.turns
                    if turns is None or waiter.seen is not woken or not turns.take():
                        waiter.callback = None
                        seen = waiter.seen
                        if seen is not woken:
                            waiter.seen = woken
                        waiter.variables.run(callback, seen)
                left -= 1
                if self.spent or (not left % _CLOCK_EVERY and clock() >= self.deadline):
                    break
        except KeyboardInterrupt:  # of a Ctrl-C, which may come out right here
            if waiter is not None and callback is not None:
                self._put_back(waiter, callback, seen)
            raise
        finally:  # also when a woken task raises SystemExit or KeyboardInterrupt through the loop
            self.scheduled = False
            if self._limited:
                self._set_alarms()
            if ready:
                self.schedule()

    # -- what is told of to the slow part -----------------------------------------------------------

    def _run_chosen(self, choose: Callable[[Sequence[Waiter]], int]) -> None:
        raise NotImplementedError

    def _run_nested(self) -> None:
        raise NotImplementedError

    def _set_alarms(self) -> None:
        raise NotImplementedError

    def _put_back(self, waiter: Waiter, wakeup: Callable[..., object], seen: asyncio.Future[None]) -> None:
        raise NotImplementedError


class RunQueue(RunQueueCore):
    """Wakes waiting tasks, in order, within a budget of count and time per loop iteration.

    `choose`, when set, picks which ready waiter is next, by its index; simulation explores orders through it.
    `current` is the cell whose turn is running at this moment, None outside of turns. `deadline` is when the
    time of this loop iteration is up; a turn that meets it sets `spent`.

    `woken` is the finished future that a task is shown when it wakes: asyncio looks into a future of its own
    for a tenth of what calling the `result` of another object costs (`pingpong` and `threadring` pay for it).
    """

    __slots__ = ()

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> RunQueue:
        """Return that of the loop: systems that share a loop share it, and see whose turn it is in the others."""
        run_queue: RunQueue | None = getattr(loop, "actorio_run_queue", None)
        if run_queue is None:
            run_queue = cls(loop)
            with contextlib.suppress(AttributeError):  # a loop of a make that takes no attributes
                loop.actorio_run_queue = run_queue  # type: ignore[attr-defined]
        return run_queue

    def _set_alarms(self) -> None:
        limited, self._limited = self._limited, []
        for one in limited:
            one.set_alarm()

    def _run_nested(self) -> None:
        """Wake what is ready on a loop that `nest_asyncio` has patched: a handler may run it again, from inside.

        Then others are to be woken meanwhile: this pass is no longer the one that will, and is in another context.
        """
        self.scheduled, self._context = False, Context()
        current = self.current
        try:
            self._pass()
        finally:
            self.current = current

    def _put_back(self, waiter: Waiter, wakeup: Callable[..., object], seen: asyncio.Future[None]) -> None:
        """Wake a waiter again if its task was not woken: it still awaits it."""
        if getattr(getattr(wakeup, "__self__", None), "_fut_waiter", None) is waiter:
            if waiter.callback is None:
                waiter.callback, waiter.seen = wakeup, seen
            self.ready.appendleft(waiter)

    def _run_chosen(self, choose: Callable[[Sequence[Waiter]], int]) -> None:
        """Wake one waiter, the chosen one: each wake is a step of its own for the simulator."""
        ready = self.ready
        self._set_alarms()
        if not ready:
            self.scheduled = False
            return
        index = choose(ready)
        waiter = ready[index]
        del ready[index]
        self.scheduled = False
        if ready:
            self.schedule()
        if waiter.callback is not None:
            turns = waiter.turns
            if turns is not None and waiter.seen is self.woken and turns.take():
                return
            callback, waiter.callback = waiter.callback, None
            seen, waiter.seen = waiter.seen, self.woken
            waiter.variables.run(callback, seen)


@accelerated
class Waiter:
    """Awaited by a task instead of an `asyncio.Future`: woken through the run queue, usable again and again.

    One task at a time awaits it. It carries no value: the woken task looks at what has changed.
    `_loop` and `_asyncio_future_blocking` are asyncio's protocol for futures of other makes.
    """

    __slots__ = ("_asyncio_future_blocking", "_loop", "callback", "run_queue", "seen", "variables")

    callback: Callable[..., object] | None
    variables: Context
    """The contextvars of the waiting task, in which it is woken."""
    turns: Any = None
    """What can go on in place of the waiting task, by `turns.take()`; None where only the task can."""
    seen: asyncio.Future[None]
    """What the task is shown when it wakes: `RunQueue.woken`, or a cancelled future."""

    def __init__(self, run_queue: RunQueue) -> None:
        self._asyncio_future_blocking = False
        self.seen = run_queue.woken
        self._loop = run_queue.loop
        self.callback = None
        self.run_queue = run_queue

    def wake(self) -> None:
        """Put the waiting task on the run queue."""
        run_queue = self.run_queue
        if not run_queue.scheduled:
            run_queue.schedule()
        run_queue.ready.append(self)

    def __await__(self) -> Generator[Any, None, None]:
        self._asyncio_future_blocking = True
        yield self

    @property
    def owner(self) -> str | None:
        """The path of the actor that waits, for the simulator's trace; None for other tasks."""
        return None

    # -- asyncio's side of the protocol ------------------------------------------------------------

    def add_done_callback(self, callback: Callable[..., object], *, context: Context) -> None:
        """Remember the waiting task's wake-up; called by the task when it suspends."""
        self.callback = callback
        self.variables = context

    def cancel(self, msg: object = None) -> bool:
        """Cancel the wait; called by `Task.cancel`. False when the task is on its way already."""
        if self.callback is None or self.seen.cancelled():
            return False
        self.show_cancelled(msg)
        self.wake()
        return True

    def show_cancelled(self, msg: object) -> None:
        """Show the task a cancel when it wakes; with its message, since anyio's scopes know their own by it."""
        self.seen = asyncio.Future(loop=self._loop)
        self.seen.cancel(msg)


def may_nest(loop: asyncio.AbstractEventLoop) -> bool:
    """Tell whether `nest_asyncio` has patched a loop, as notebooks do: then a handler may run it from inside."""
    return getattr(loop, "_nest_patched", False)


if compiled is not None:
    compiled.bind(WrongThreadError=WrongThreadError, Sent=Sent)
