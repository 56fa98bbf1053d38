"""An event loop in which nothing is left to chance: order, time and delays come from a tape.

One callback is run per iteration, chosen among all that are ready. Time is virtual: each callback costs a
little, and when nothing is ready the clock jumps to the next timer. So a day of timeouts takes as long as its
callbacks do, and a run is a function of its tape.

The methods that replace asyncio's own (`_run_once` and the attributes it works on) are private there, but
have been the same from 3.4 to 3.14; the tests of this package run on each version.
"""

from __future__ import annotations

import asyncio
import contextvars
import gc
import heapq
import math
import random
import signal
import threading
from asyncio import events
from collections.abc import Callable, Coroutine, Sequence
from contextvars import Context
from typing import Any, NoReturn, TypeVar, TypeVarTuple, Unpack

from actorio._core.run_queue import Waiter
from actorio.testing._oracles.combined import Combined, oracles
from actorio.testing._simulation.event_log import EventLog
from actorio.testing._simulation.identity import OrderedWeakSet, SimFuture, SimTask, owner_of
from actorio.testing._simulation.injection import Injection
from actorio.testing._simulation.outside import ClosedLoop
from actorio.testing._simulation.policy import Fifo, Policy, PolicyName, policy_named
from actorio.testing._simulation.stacks import describe_waits
from actorio.testing._simulation.story import Story
from actorio.testing._simulation.tape import Recorder
from actorio.testing._simulation.world import World
from actorio.testing.failures import SimDeadlock, SimLivelock
from actorio.testing.faults import Faults
from actorio.testing.settings import SimulationSettings, settings_or_default

__all__ = ["SimLoop"]

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_KEPT_LINES = 40
_YOUNG_GC_EVERY = 1_000
"""Steps between two collections of young garbage: finalisers run at the same step of each replay."""
_FULL_GC_EVERY = 100_000
_LEAST_TIMERS_TO_PRUNE = 100
_SEEDS = 1 << 32


class SimLoop(ClosedLoop, World):  # pyright: ignore[reportIncompatibleMethodOverride]
    """An asyncio event loop that runs from a tape, in virtual time.

    Args:
        recorder: the tape of this run.
        policy: who runs next, among all that are ready.
        settings: quantum, costs and bounds.
        keep: how many of the last lines of the event log to keep; None: all.

    Attributes:
        actorio_task_class: what the actor runtime makes its tasks of on this loop.
        random: a generator seeded from the tape; jitter and faults are drawn from it.
        actorio_observer: what every actor system on this loop is watched by.
        log: the event log.
        story: what happened to actors.
        injection: the faults put into actors.
        steps: callbacks run until now.
        now_ns: the virtual time, in nanoseconds; an int, so that equal deadlines are equal.
        unhandled: what was reported to the exception handler, unless the program has set its own.
        actorio_signals: what systems on this loop have in place of the module `signal`.
    """

    checks_replies = True  # a reply of an `Ask[R]` that is no R ends the run

    actorio_task_class = SimTask

    # asyncio's own, and absent from its type stubs
    _stopping: bool
    _task_factory: Callable[..., Any] | None

    def __init__(
        self,
        recorder: Recorder,
        policy: PolicyName = "fifo",
        settings: SimulationSettings | None = None,
        *,
        keep: int | None = _KEPT_LINES,
    ) -> None:
        super().__init__()
        settings = settings_or_default(settings)
        self.settings = settings
        self.recorder = recorder
        self.log = EventLog(keep)
        self.steps = 0
        self.now_ns = 0
        self.random = random.Random(recorder.lane("random").draw(_SEEDS))
        self.unhandled: list[dict[str, Any]] = []
        self.actorio_signals = SimSignals()
        self._policy: Policy = policy_named(policy, recorder, settings.pct_depth)
        self._max_steps = settings.max_steps
        self._quantum_ns = round(settings.quantum * 1e9)
        self._open_lanes(recorder)
        self._timers: list[tuple[int, int, asyncio.TimerHandle]] = []
        self._timer_births = self._task_births = self._future_births = 0
        self._cancelled_timers = 0
        self._asyncgens = OrderedWeakSet()
        self.story = Story(self, keep)
        self.injection = Injection(self, self.story, settings.faults or Faults())
        observers = [self.story, *oracles(self.break_guarantee, replies=self.checks_replies)]
        self.actorio_observer = Combined([*observers, self.injection] if settings.faults else observers)

    def _open_lanes(self, recorder: Recorder) -> None:
        self._order, self._actors = map(recorder.lane, ("order", "actor"))
        self._ties, self._costs = map(recorder.lane, ("tie", "cost"))
        self._delays, self._late = map(recorder.lane, ("thread", "late"))
        self._fates = recorder.lane("fault")
        self._cost_bound = round(self.settings.step_cost * 1e6) + 1  # in microseconds
        self._delay_bound = round(self.settings.thread_delay * 1e6) + 1

    # --- identity ---------------------------------------------------------------------------------

    def next_task(self) -> int:
        """Return the birth number for a new task, from 1."""
        self._task_births += 1
        return self._task_births

    def next_future(self) -> int:
        """Return the birth number for a new future, from 1; apart from tasks, whose names it would change."""
        self._future_births += 1
        return self._future_births

    def create_future(self) -> SimFuture[Any]:
        """Make a future that hashes by birth number."""
        return SimFuture(loop=self)

    def create_task(  # type: ignore[override]
        self,
        coro: Coroutine[Any, Any, T],
        *,
        name: str | None = None,
        context: Context | None = None,
        **options: Any,
    ) -> asyncio.Task[T]:
        """Make a task that hashes by birth number, unless the program has set a task factory."""
        if self._task_factory is not None:
            return super().create_task(coro, name=name, context=context, **options)
        return SimTask(coro, loop=self, name=name, context=context, **options)

    # --- time -------------------------------------------------------------------------------------

    def time(self) -> float:
        """Return the virtual time in seconds; a run begins at 0."""
        return self.now_ns / 1e9

    def advance(self, seconds: float) -> None:
        """Let time pass without running anything, as a callback that blocks does."""
        self.now_ns += max(0, round(seconds * 1e9))

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call back at a time; an infinite one never comes and does not count as something due.

        Raises:
            ValueError: `when` is NaN, which would break the order of all timers.
        """
        if math.isnan(when):
            raise ValueError("a timer at NaN")
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        if when * 1e9 != math.inf:  # nor does one so late that its nanoseconds are infinite
            self._timer_births += 1
            heapq.heappush(self._timers, (round(when * 1e9), self._timer_births, timer))
            timer._scheduled = True  # type: ignore[attr-defined]  # so that cancelling it is reported
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        self._cancelled_timers += 1
        if self._cancelled_timers * 2 > len(self._timers) > _LEAST_TIMERS_TO_PRUNE:
            self._timers = [entry for entry in self._timers if not entry[2].cancelled()]
            heapq.heapify(self._timers)
            self._cancelled_timers = 0

    # --- a step -----------------------------------------------------------------------------------

    def actorio_choose(self, ready: Sequence[Waiter]) -> int:
        """Choose which of the ready waiters of the actor runtime's run queue is next."""
        count = len(ready)
        index = 0
        if count > 1:
            index = self._policy.choose(self._actors, count, lambda place: _birth_of(ready[place].callback))
        self.log.write(self.steps, self.now_ns, f"wakes {_label(ready[index].callback)}")
        return index

    def draw_fault(self, bound: int) -> int:
        """Draw a number below `bound` from the lane of faults; 0 means none."""
        return self._fates.draw(bound)

    def calm(self, more_steps: int) -> None:
        """Stop drawing: from now on first-in-first-out and free of cost, for so many steps at most."""
        self._policy = Fifo()
        self._max_steps = self.steps + more_steps
        self._open_lanes(Recorder())

    def _run_once(self) -> None:
        if self.escaped is not None or self.broken is not None:
            self.report_verdict()
        if not self._ready and not self._stopping:
            self._jump()
        if self._timers and self._timers[0][0] <= self.now_ns:
            self._release_timers()
        if not self._ready:
            return
        count = len(self._ready)
        index = self._policy.choose(self._order, count, self._owner) if count > 1 else 0
        handle = self._ready[index]
        del self._ready[index]
        if not handle.cancelled():
            self._step(handle)

    def _jump(self) -> None:
        while self._timers and self._timers[0][2].cancelled():
            heapq.heappop(self._timers)
            self._cancelled_timers -= 1
        if not self._timers:
            self._report_deadlock()
        due = self._timers[0][0]
        if self._quantum_ns:
            due = -(-due // self._quantum_ns) * self._quantum_ns
        self.now_ns = max(self.now_ns, due)

    def _release_timers(self) -> None:
        """Make all due timers ready, in order; equal deadlines in any order, as asyncio's heap does."""
        tied: list[asyncio.TimerHandle] = []
        deadline = -1
        while self._timers and self._timers[0][0] <= self.now_ns:
            due, _, timer = heapq.heappop(self._timers)
            timer._scheduled = False  # type: ignore[attr-defined]
            if due != deadline:
                self._release_tied(tied)
                tied, deadline = [], due
            if timer.cancelled():
                self._cancelled_timers -= 1
            else:
                tied.append(timer)
        self._release_tied(tied)

    def _release_tied(self, timers: list[asyncio.TimerHandle]) -> None:
        while len(timers) > 1:
            self._ready.append(timers.pop(self._ties.draw(len(timers))))
        self._ready.extend(timers)

    def _owner(self, index: int) -> int:
        return _birth_of(self._ready[index]._callback)  # type: ignore[attr-defined]

    def _step(self, handle: asyncio.Handle) -> None:
        self.steps += 1
        if self.steps > self._max_steps:
            self._report_livelock()
        if not self.steps % _YOUNG_GC_EVERY:
            gc.collect(2 if not self.steps % _FULL_GC_EVERY else 1)
        self.log.write(self.steps, self.now_ns, _label(handle._callback))  # type: ignore[attr-defined]
        self.now_ns += self._costs.draw(self._cost_bound) * 1_000
        handle._run()

    # --- what is wrong with a run -----------------------------------------------------------------

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep the report: a run with unhandled failures has failed."""
        self.unhandled.append(context)

    def _where(self) -> str:
        return f"at {self.time():.6f} s, after {self.steps} steps"

    def _report_deadlock(self) -> NoReturn:
        tasks = asyncio.all_tasks(self)
        raise SimDeadlock(
            f"deadlock {self._where()}: nothing can run and no timer is due, "
            f"while {len(tasks)} tasks wait:\n{describe_waits(tasks)}"
        )

    def _report_livelock(self) -> NoReturn:
        raise SimLivelock(
            f"livelock {self._where()}: raise max_steps if the run is meant to be this long; "
            f"unfinished tasks:\n{describe_waits(asyncio.all_tasks(self))}"
        )

    # --- threads, signals -------------------------------------------------------------------------

    def call_soon_threadsafe(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Like `call_soon`: there is one thread.

        Raises:
            Escaped: called from another thread.
        """
        if threading.get_ident() != self.home:
            self.escape(f"call_soon_threadsafe from thread {threading.current_thread().name}")
        return self.call_soon(callback, *args, context=context)

    def run_in_executor(
        self, executor: object, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Run `func` inline after a drawn delay, whatever the executor.

        Cancellation: the call may have begun, and then its effects happen all the same; the tape decides.
        """
        future: SimFuture[T] = self.create_future()
        self.call_later(self._delays.draw(self._delay_bound) / 1e6, self._run_inline, future, func, args)
        return future

    def _run_inline(self, future: SimFuture[T], func: Callable[..., T], args: tuple[Any, ...]) -> None:
        if future.cancelled() and not self._late.draw(2):
            return
        events._set_running_loop(None)  # a worker thread has no running loop
        try:
            value = contextvars.Context().run(func, *args)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit as well, as from a thread
            if not future.cancelled():
                future.set_exception(_storable(error))
        else:
            if not future.cancelled():
                future.set_result(value)
        finally:
            events._set_running_loop(self)

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Do nothing: there is no executor."""

    def add_signal_handler(self, sig: int, callback: Callable[[Unpack[Ts]], object], *args: *Ts) -> None:
        """Remember the handler; `deliver_signal` calls it."""
        self.actorio_signals.signal(sig, lambda _number, _frame: callback(*args))

    def remove_signal_handler(self, sig: int) -> bool:
        """Forget the handler; False when there was none."""
        return self.actorio_signals.signal(sig, signal.SIG_DFL) is not signal.SIG_DFL

    def deliver_signal(self, sig: int) -> None:
        """Do what a real loop does when the process gets this signal.

        Raises:
            KeyError: there is no handler for it.
        """
        self.call_soon(self.actorio_signals.handlers[sig], sig, None)

    def _process_events(self, event_list: object) -> None:
        """Do nothing: there is no I/O."""

    def _write_to_self(self) -> None:
        """Do nothing: the loop never sleeps."""


class SimSignals:
    """The signal handlers of a simulated process; the real ones are the test runner's."""

    def __init__(self) -> None:
        self.handlers: dict[int, Any] = {}

    def getsignal(self, number: int) -> Any:
        """Return the handler."""
        return self.handlers.get(number, signal.SIG_DFL)

    def signal(self, number: int, handler: Any) -> Any:
        """Set the handler, and return the one before."""
        before = self.handlers.pop(number, signal.SIG_DFL)
        if handler is not signal.SIG_DFL:
            self.handlers[number] = handler
        return before


def _birth_of(callback: object) -> int:
    task = owner_of(callback)
    return 0 if task is None else task.birth


def _label(callback: object) -> str:
    """Name a callback for the event log: never by an address, which differs between processes."""
    task = owner_of(callback)
    if task is not None:
        return task.get_name()
    callback = getattr(callback, "func", callback)  # functools.partial
    return getattr(callback, "__qualname__", None) or type(callback).__name__


def _storable(error: BaseException) -> BaseException:
    """Wrap what a future refuses to hold."""
    if isinstance(error, StopIteration):
        wrapped = RuntimeError("StopIteration raised in a worker thread")
        wrapped.__cause__ = error
        return wrapped
    return error
