"""Random machines, with handlers and entry actions that fail, beside a model in plain lists."""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from actorio import ActorSystem, StateMachine, entry, state
from actorio.testing import run_in_virtual_time

STATES = "abc"
EVENTS = "xyz"
Log = list[tuple[str, str, str]]


class Refused(Exception):
    """The failure that a machine plans."""


@dataclass(frozen=True)
class Step:
    """What a handler does: insert events, postpone its own, fail, or go to a state."""

    inserts: tuple[str, ...] = ()
    postpones: bool = False
    fails: bool = False
    after: str | None = None


@dataclass(frozen=True)
class Plan:
    """A whole machine. Inserted events are named by capitals: a chain of them has an end."""

    steps: dict[tuple[str, str], Step]
    failing_entries: frozenset[str]

    def step(self, current: str, event: str) -> Step:
        return self.steps.get((current, event), Step())


afters = st.none() | st.sampled_from(STATES)
outer_steps = st.builds(
    Step,
    st.lists(st.sampled_from("XYZ"), max_size=2).map(tuple),
    st.booleans(),
    st.booleans(),
    afters,
)
inner_steps = st.builds(Step, st.just(()), st.just(False), st.booleans(), afters)
plans = st.builds(
    lambda outer, inner, failing: Plan({**outer, **inner}, failing),
    st.dictionaries(st.tuples(st.sampled_from(STATES), st.sampled_from(EVENTS)), outer_steps),
    st.dictionaries(st.tuples(st.sampled_from(STATES), st.sampled_from("XYZ")), inner_steps),
    st.frozensets(st.sampled_from(STATES[1:])),
)


class Planned(StateMachine[str, str]):
    """Does as its plan says, and writes down what it handles and enters."""

    initial_state = "a"

    def __init__(self, plan: Plan, log: Log) -> None:
        self.plan = plan
        self.log = log

    @state(*STATES)
    async def handle(self, event: str) -> str | None:
        step = self.plan.step(self.current_state, event)
        self.log.append(("handles", self.current_state, event))
        for inserted in step.inserts:
            self.next_event(inserted)
        if step.postpones:
            self.postpone()
        await asyncio.sleep(0)
        if step.fails:
            raise Refused(event)
        return step.after

    @entry(*STATES)
    async def enter(self, before: str | None) -> None:
        self.log.append(("enters", self.current_state, before or ""))
        if before is not None and self.current_state in self.plan.failing_entries:
            raise Refused(self.current_state)


class Model:
    """The same machine in plain lists."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.state = "a"
        self.log: Log = [("enters", "a", "")]
        self.postponed: list[tuple[int, str]] = []
        self.answers: dict[int, str] = {}

    def run(self, events: list[str]) -> None:
        for number, event in enumerate(events):
            mailbox = deque([(number, event)])
            while mailbox:
                item = mailbox.popleft()
                if self.turn(*item):
                    mailbox.extendleft(reversed(self.postponed))
                    self.postponed = []

    def turn(self, number: int, event: str) -> bool:
        """Handle an event with all that it inserts; whether the state was changed on the way."""
        changed = postponed = False
        inserted = deque([event])
        try:
            while inserted:
                current = inserted.popleft()
                step = self.plan.step(self.state, current)
                self.log.append(("handles", self.state, current))
                inserted.extend(step.inserts)
                if step.fails:
                    raise Refused
                changed = self.go_to(step.after) or changed
                postponed = postponed or step.postpones
        except Refused:
            self.answers[number] = "refused"  # and so it is not handled again, postponed or not
            return changed
        if postponed:
            self.postponed.append((number, event))
        else:
            self.answers[number] = "done"
        return changed

    def go_to(self, after: str | None) -> bool:
        if after is None or after == self.state:
            return False
        self.log.append(("enters", after, self.state))
        if after in self.plan.failing_entries:
            raise Refused
        self.state = after
        return True


async def answers_of(plan: Plan, events: list[str], log: Log) -> tuple[str, dict[int, str]]:
    """Ask a real machine one event after the other; where it ends, and what was answered."""
    answers: dict[int, str] = {}

    async def ask(number: int, event: str) -> None:
        try:
            await machine.ask(event)
        except Refused:
            answers[number] = "refused"
        else:
            answers[number] = "done"

    async with ActorSystem() as system:
        machine = await system.spawn(Planned, plan, log)
        tasks = []
        for number, event in enumerate(events):
            tasks.append(asyncio.get_running_loop().create_task(ask(number, event)))
            await asyncio.sleep(1)  # of virtual time: until there is nothing more to do
        where = await machine.submit(lambda: machine._cell.instance.current_state)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    return where, answers


CHANGED_THEN_FAILED = Plan(
    {
        ("a", "x"): Step(postpones=True),
        ("a", "y"): Step(inserts=("X", "Y")),
        ("a", "X"): Step(after="b"),
        ("b", "Y"): Step(fails=True),
    },
    frozenset(),
)


@example(CHANGED_THEN_FAILED, ["x", "y"])
@given(plans, st.lists(st.sampled_from(EVENTS), min_size=1, max_size=8))
def test_guarantee_32_a_machine_does_what_its_model_does(plan: Plan, events: list[str]) -> None:
    log: Log = []
    found: list[Any] = []

    async def main() -> None:
        found.append(await answers_of(plan, events, log))

    run_in_virtual_time(main)
    model = Model(plan)
    model.run(events)
    assert log == model.log
    assert found == [(model.state, model.answers)]
