"""The planted bugs: each replaces a piece of the runtime's source, which must be there exactly once."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["MUTANTS", "Mutant", "place_of"]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One bug.

    Attributes:
        name: what is wrong then.
        old: the piece of source.
        new: what stands in its place.
    """

    name: str
    old: str
    new: str


def place_of(mutant: Mutant, package: Path) -> Path:
    """Return the one file with that piece of source.

    Raises:
        LookupError: there is none, or more than one, or it is there twice.
    """
    counts = {path: path.read_text().count(mutant.old) for path in sorted(package.rglob("*.py"))}
    places = [path for path, count in counts.items() for _ in range(count)]
    if len(places) != 1:
        found = ", ".join(path.name for path in places) or "nowhere"
        raise LookupError(f"{mutant.name}: its source is to be in one place, and is in: {found}")
    return places[0]


MUTANTS = [
    # -- mail --------------------------------------------------------------------------------------
    Mutant(
        "a closed mailbox goes on accepting",
        "            raise self._undeliverable(item)\n        mailbox = self.open_mailbox()\n        if",
        "            pass\n        mailbox = self.open_mailbox()\n        if",
    ),
    Mutant(
        "those who wait for room are forgotten at the end",
        "            self.mailbox.refuse_waiting(self._undeliverable)\n",
        "",
    ),
    Mutant(
        "the last in line is let in first",
        "item, room = waiting.popleft()",
        "item, room = waiting.pop()",
    ),
    Mutant(
        "the mailbox holds one message too many",
        "while waiting and len(self.items) < self._room:",
        "while waiting and len(self.items) <= self._room:",
    ),
    Mutant(
        "a putter overtakes those who wait",
        "                if mailbox.waiting is not None:\n"
        "                    mailbox.admit()\n                if turns",
        "                if mailbox.waiting is not None and not mailbox.items:\n"
        "                    mailbox.admit()\n                if turns",
    ),
    Mutant(
        "a wake-up is lost",
        "            self.sleeper.wake()  # from the wrong loop that is refused, with nothing changed\n",
        "            self.sleeper.wake() if not self.peak else None\n",
    ),
    Mutant(
        "the newest is dropped as the oldest",
        "            oldest = self.items.popleft()\n",
        "            oldest = self.items.pop()\n",
    ),
    Mutant(
        "what is left at the end is forgotten",
        '                return\n        self.dead_letter(payload(item), "stopped")',
        "                return",
    ),
    Mutant(
        "what is left at the end is a dead letter twice",
        "            self._undeliver(item)\n",
        "            self._undeliver(item)\n            self._undeliver(item)\n",
    ),
    Mutant(
        "an actor waits for room in its own mailbox",
        "if self.run_queue.current is self and mailbox.full():",
        "if False:",
    ),
    Mutant(
        "a killed actor's message in hand is forgotten",
        "            self._interrupt_in_hand()\n            return ExitReason.KILLED, None",
        "            return ExitReason.KILLED, None",
    ),
    Mutant(
        "a handler runs in the actor's contextvars, not the sender's",
        'self.context = cast("Envelope", self.cell.envelope).sender or self.own',
        "self.context = self.own",
    ),
    Mutant(
        "a message is handled in the contextvars of the one before",
        "        self.context = self.own = Context()\n",
        "        self.context = self.own = getattr(self, 'own', None) or Context()\n",
    ),
    Mutant(
        "mail does not wait for a stop",
        "self.urgent = self.urgent or intent != Intent.CLOSE",
        "self.urgent = self.urgent or intent == Intent.KILL",
    ),
    Mutant(
        "close gives up what it has accepted",
        "self._request_end(Intent.CLOSE)",
        "self._request_end(Intent.STOP)",
    ),
    # -- asks --------------------------------------------------------------------------------------
    Mutant(
        "an ask is answered twice",
        "        if self.state < ANSWERED:\n            if type(value) is CoroutineType:\n",
        "        if True:\n            if type(value) is CoroutineType:\n",
    ),
    Mutant(
        "an ask that has timed out in the queue runs",
        "elif (kind is Request or kind in _DIRECT) and item.state == QUEUED:",
        "elif kind is Request or kind in _DIRECT:",
    ),
    Mutant(
        "an ask in hand is left waiting by a kill",
        "            envelope.fail(ActorStoppedError(cell.ref, ExitReason.KILLED))\n            if envelope.answers:",
        "            if envelope.answers:",
    ),
    Mutant(
        "an ask in the queue is left waiting at the end",
        "                item.fail(self._undeliverable(item))\n",
        "",
    ),
    Mutant(
        "a stray cancel of the handler cancels its asker",
        "            envelope.cancelled_by_handler()\n        return False",
        "            envelope.fail(error)\n        return False",
    ),
    Mutant(
        "a deferred reply outlives its incarnation",
        "        for envelope in deferred or ():",
        "        for envelope in ():",
    ),
    Mutant(
        "an ask that has timed out is revived by defer",
        "        if envelope.state < ENDED:  # otherwise nobody waits",
        "        if envelope:  # otherwise nobody waits",
    ),
    Mutant(
        "an own loop leaves the ask in its hand",
        "                raise\n            _finish_in_hand(cell)\n",
        "                raise\n",
    ),
    Mutant(
        "a cycle of asks is not seen",
        "    raise DeadlockError(_paths_of",
        "    return DeadlockError(_paths_of",
    ),
    Mutant(
        "where all of several are needed any is thought to do",
        "all if type(node) is WaitForMany and node.every else any",
        "any",
    ),
    Mutant(
        "a last hook is no turn of its actor",
        "run_hook(partial(hook, self, function, *args))",
        "run_hook(function, args)",
    ),
    Mutant(
        "a wait that is over goes on in the graph of waits",
        "        if asker is not None:\n            asker.waits_on = None\n        alarm",
        "        alarm",
    ),
    # -- lives -------------------------------------------------------------------------------------
    Mutant(
        "on_stop runs after a kill",
        "if hooks.on_stop and not self.must_end_at_once():",
        "if hooks.on_stop:",
    ),
    Mutant(
        "on_stop runs twice",
        '            await self._last_hook("on_stop", reason)\n',
        '            await self._last_hook("on_stop", reason)\n'
        '            await self._last_hook("on_stop", reason)\n',
    ),
    Mutant(
        "a restart loses the mailbox",
        "        self.error = None  # that of a last hook: it was the old incarnation's\n",
        "        self.error = None\n        self.mailbox.drain()\n",
    ),
    Mutant(
        "timers outlive their incarnation",
        "        owned, self.owned = self.owned, None\n",
        "        owned, self.owned = None, None\n",
    ),
    Mutant(
        "a timer of the same key is not replaced",
        "            replaced.cancel()\n",
        "            pass\n",
    ),
    Mutant(
        "a timer is late because a later one was set",
        "if self._heap and self._heap[0][_DEADLINE] < self._armed_for:",
        "if self._heap and self._handle is None:",
    ),
    Mutant(
        "background tasks outlive their incarnation",
        "        if self.tasks:\n            await self._cancel_tasks()\n",
        "        self.tasks = None\n",
    ),
    Mutant(
        "links are ignored",
        "            linked.link_ended(self, reason)\n",
        "            pass\n",
    ),
    Mutant(
        "a cancelled spawn returns while the name is taken",
        "            while cell.state != State.ENDED:\n                try:",
        "            while cell.starter is not None:\n                try:",
    ),
    # -- notices -----------------------------------------------------------------------------------
    Mutant(
        "aliases are kept at the end",
        "            self.free_aliases(cell)\n",
        "            pass\n",
    ),
    Mutant(
        "memberships are kept at the end",
        "        self.runtime.forget(self)\n        self.siblings.forget(self)\n",
        "        self.siblings.forget(self)\n",
    ),
    Mutant(
        "the name is taken as watchers are told",
        "        self.runtime.names.free(self)\n        self.runtime.forget(self)\n        self.siblings.forget(self)\n"
        "        if (tell := self.observers.ended_for_good) is not None:\n"
        "            tell(self, reason)\n",
        "        if (tell := self.observers.ended_for_good) is not None:\n            tell(self, reason)\n"
        "        self.runtime.run_queue.loop.call_soon(self.runtime.names.free, self)\n",
    ),
    Mutant(
        "a watcher is told twice",
        "        del self.watching[notice.ref._cell]\n        if self.notices is None:\n"
        "            self.notices = deque()\n",
        "        if self.notices is None:\n            self.notices = deque()\n"
        "        self.notices.append(notice)\n",
    ),
    Mutant(
        "who watches an ended actor is not told",
        "            self.notify(other.terminated())\n",
        "            return\n",
    ),
    Mutant(
        "a notice is seen after the watch was taken back",
        "            self.notices = deque(notice for notice in self.notices if notice.ref != other.ref)\n",
        "            pass\n",
    ),
    # -- trees -------------------------------------------------------------------------------------
    Mutant(
        "children outlive their parent",
        "            await self._stop_children(self.children, self._intent_for_children(reason))\n",
        "",
    ),
    Mutant(
        "children end in the order of their start",
        "        left, pace = list(self.table.values()), Pace(self.runtime.run_queue.loop)\n",
        "        left, pace = list(self.table.values())[::-1], Pace(self.runtime.run_queue.loop)\n",
    ),
    Mutant(
        "a group stops in the order of its start",
        "            for cell in reversed(group):\n                await self._recycle(cell)",
        "            for cell in group:\n                await self._recycle(cell)",
    ),
    Mutant(
        "a group starts in reverse order",
        "        for cell in group:\n            if cell.state == State.ENDED:",
        "        for cell in reversed(group):\n            if cell.state == State.ENDED:",
    ),
    Mutant(
        "a group starts before all of it has stopped",
        "            await self._siblings.until(lambda: cell.parked or cell.state == State.ENDED)\n        finally:",
        "            pass\n        finally:",
    ),
    Mutant(
        "rest_for_one restarts all",
        "        if self._supervision.strategy is Strategy.ONE_FOR_ALL:\n            return cells",
        "        if cells:\n            return cells",
    ),
    Mutant(
        "one restart too many is allowed",
        "return len(restarted.times) <= self._limits.max_restarts",
        "return len(restarted.times) <= self._limits.max_restarts + 1",
    ),
    Mutant(
        "restarts count for ever",
        "        while restarted.times[0] < now - self._limits.within:\n            restarted.times.popleft()\n",
        "",
    ),
    Mutant(
        "giving up stays below",
        "        self._siblings.owner.fail_from_outside(limit)\n",
        "",
    ),
    Mutant(
        "a stop waits for the end of the backoff",
        "        while not self._is_final() and (self.parked or",
        "        while (self.parked or",
    ),
]
