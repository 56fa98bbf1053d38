"""The machinery of one actor: its life from spawn to end. Only this package changes an actor's insides.

A cell owns one asyncio task, one mailbox and, one after the other, the incarnations of one actor. Its task
lives as long as the actor does, over restarts (see `life`).

What others ask of it (close, stop, kill, a failure from outside) is noted down, and the task sees to it
between two messages; only a kill interrupts. Everything here runs on the system's thread.
"""

from __future__ import annotations

import weakref
from collections import deque
from contextvars import Context as Variables
from itertools import islice
from typing import TYPE_CHECKING, Any

from actorio._cell.ending import AT_ONCE
from actorio._cell.life import Life
from actorio._cell.notices import Joiner
from actorio._cell.overrides import Hooks
from actorio._cell.rare import NOTHING_RARE
from actorio._cell.states import Intent, State
from actorio._core.acceleration import compiled
from actorio._core.mailbox import SHUT, UNUSED
from actorio._core.pace import Pace
from actorio.errors import without_frames

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actorio._cell.notices import Terminated
    from actorio.errors import ExitReason

__all__ = ["Cell"]


class Cell(Life):
    """One actor, alive or ended."""

    __slots__ = ()

    def construct(self) -> Any:
        """Make and return a new instance by the spawn's factory and arguments, in contextvars of its own."""
        instance: Any = Variables().run(self.factory, *self.args)
        if not isinstance(instance, self.runtime.faces.actor):
            raise TypeError(f"the factory of {self.path} must return an Actor, not {type(instance).__name__}")
        self.instance = instance
        self.hooks = Hooks.of(instance, self.runtime.faces.actor)
        self.context = instance.context = self.runtime.faces.context(self)
        if (tell := self.observers.constructed) is not None:
            tell(self)
        return instance

    def launch(self) -> None:
        """Begin the first incarnation: its task now, or, where there is nothing to start, at its first mail.

        An actor that never had mail costs no task: half of the memory and of the time of a spawn (the
        benchmarks `idle` and `fjcreate` pay for it).
        """
        hooks: Hooks = self.hooks  # type: ignore[assignment]
        if hooks.on_start:
            self.begin_to_start()  # its task has a first step to come, which takes what is there by then
            return
        if self.mailbox is not UNUSED and not hooks.own_loop:
            self.mailbox.sleeper = self  # observers of its start may send to it, and have it end
        self.mark_started()
        if hooks.own_loop and self.task is None and self.reason is None:
            self.begin()

    def wake(self) -> None:
        """Wake its task; the first mail makes it."""
        run_queue = self.run_queue
        if self.task is None:
            if self.reason is None:  # what wakes an ended one comes too late
                run_queue.check_loop()
                self.begin()
            return
        if not run_queue.scheduled:
            run_queue.schedule()
        run_queue.ready.append(self)

    def _end(self, reason: ExitReason, error: BaseException | None) -> None:
        """The end for good: every message has its fate, the name is free, then all are told."""
        if self.state == State.ENDED:
            return
        self.reason, self.error = reason, error
        if self.starter is not None:
            self.start_failed = True
        if not self.mailbox.closed:
            self._shut()
        if self.mailbox is not SHUT:
            for item in self.mailbox.drain():
                self._undeliver(item)
        if self._ref is not None:
            self._ref = weakref.ref(self._ref)
        self.state = State.ENDED
        if self.rare is not NOTHING_RARE and self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        self.runtime.names.free(self)
        self.runtime.forget(self)
        self.siblings.forget(self)
        if (tell := self.observers.ended_for_good) is not None:
            tell(self, reason)
        self._tell_all()

    def _tell_all(self) -> None:
        if self.rare is not NOTHING_RARE and self.watchers:
            watchers, self.watchers = self.watchers, None
            self._tell_watchers(self.terminated(), deque(watchers))
        if self.starter is not None:
            self._tell_starter()
        if self.joiners is not None:
            joiners, self.joiners = self.joiners, None
            for joiner in joiners:
                if isinstance(joiner, Joiner):
                    joiner.notice = self.terminated()
                joiner.wake()
        self.siblings.child_ended(self)
        self._let_go()

    def _let_go(self) -> None:
        """Keep nothing of the user's alive, however long a ref of it is kept."""
        self.args = ()
        if not isinstance(self.factory, type):  # it may hold arguments too; a class names what it was
            self.factory = _ended
        if self.error is not None and not self.start_failed:  # that of a start is for `spawn` to raise
            self.error = without_frames(self.error)

    def _tell_watchers(self, notice: Terminated, watchers: deque[Any]) -> None:
        """Tell those who watch, in goes; one that has taken its watch back meanwhile looks at nothing."""
        pace = Pace(self.run_queue.loop)
        while watchers:
            watchers.popleft().notify(notice)
            if pace.is_up() and watchers:
                self.run_queue.loop.call_soon(self._tell_watchers, notice, watchers, context=Variables())
                return

    def _tell_starter(self) -> None:
        starter, self.starter = self.starter, None
        if starter is not None:
            starter.wake()

    # -- what others ask of it ---------------------------------------------------------------------

    def request(self, intent: int) -> None:
        """Note down what is asked and wake the task; idempotent, the mightier intent wins.

        A stop of an actor that was spawned with no time to end is a kill. The first of those below are killed here and
        now, all others by their own parents, in goes.
        """
        if intent == Intent.STOP and self.options.shutdown == 0:
            intent = Intent.KILL
        if intent == Intent.KILL:
            for cell in islice(self._subtree(), AT_ONCE) if self.intent != intent else ():
                cell._request(intent)
        else:
            self._request(intent)

    def _subtree(self) -> Iterator[Cell]:
        """Yield this cell and all below, parents first; without recursion, since trees are deep."""
        cells: list[Cell] = [self]
        for cell in cells:
            if cell.children is not None:
                cells.extend(cell.children.table.values())
            yield cell

    def _request(self, intent: int) -> None:
        if self.state == State.ENDED:
            return
        if intent == Intent.CLOSE or intent >= Intent.STOP:
            self._shut()
        if intent > self.intent:
            if (tell := self.observers.requested) is not None:
                tell(self, intent)
            self.intent = intent
            if intent >= Intent.RESTART_NOW and self.children is not None:
                self.children.begin_stop(Intent.KILL if intent == Intent.RESTART_NOW else intent)
            if self.must_end_at_once():
                self._kill()
            self.urgent = self.urgent or intent != Intent.CLOSE
        self._poke()

    def resume(self) -> None:
        """The group of a parked cell starts again, and it is this one's turn."""
        self.parked = False
        self._poke()

    def _poke(self) -> None:
        """Wake the task, to look again."""
        mailbox = self.mailbox
        if mailbox.sleeper is self or (self.task is None and self.is_asleep):
            if mailbox.sleeper is self:
                mailbox.sleeper = None
            if self.task is None:
                self._begin_or_end()
                return
        elif self.state == State.RUNNING and not (self.errands is not None and self.errands.is_parked):
            return
        self.wake()

    def _begin_or_end(self) -> None:
        """Something is asked of an actor that never had mail: without hooks to call, it can end at once."""
        if self.reason is not None:
            return
        if self.failure is not None or self._has_to_wind_down() or not self._is_final():
            self.begin()
            return
        reason = self.exit_reason()
        self._verdict(reason, None)
        self._drop_instance(reason)
        self._end(*self._final((reason, None)))


def _ended() -> None:
    """Stand in for the factory of an actor that has ended."""


if compiled is not None:
    compiled.bind(Cell=Cell)
