"""Random operations on a real tree of actors, compared with the model after each step."""

import asyncio
import copy
import logging
from collections import Counter
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from actorio import (
    Actor,
    ActorRef,
    ActorStoppedError,
    ActorSystem,
    DeadLetter,
    NameInUseError,
    NameNotFoundError,
    Restart,
    Strategy,
    Supervision,
    Terminated,
)
from tests.model.reference import (
    BUDGET,
    CRASHED,
    KILLED,
    NORMAL,
    SHUTDOWN,
    Ambiguous,
    Model,
    Node,
    RootGivesUp,
)
from tests.stage import Boom, Clock, Puppet

T = TypeVar("T")

NAMES = st.sampled_from("abcd")
ALIASES = st.sampled_from(["x", "y", "a"])
GROUPS = st.sampled_from(["g", "h"])
RESTARTS = st.sampled_from(Restart)
STRATEGIES = st.sampled_from(Strategy)
PICK = st.integers(0, 10**6)
MAIL = st.lists(st.sampled_from(["mail", "mail", "crash"]), min_size=1, max_size=6)
ENDS = {"close": NORMAL, "stop": SHUTDOWN, "kill": KILLED}
A_MOMENT = 0.001  # of virtual time: it passes when nothing else is left to run
LONG = 86_400.0


class Member(Puppet):
    """Knows what it has handled and what it was told, over its incarnations."""

    def __init__(self, handled: list[Any], told: list[Terminated], strategy: Strategy) -> None:
        super().__init__(handled, Supervision(strategy, max_restarts=BUDGET, within=LONG))
        self.told = told

    def note(self, *what: Any) -> None:
        if isinstance(what[0], int):
            self.diary.append(what[0])

    async def on_terminated(self, event: Terminated) -> None:
        self.told.append(event)


class Tree(RuleBasedStateMachine):
    """A system, and the model that says what it must be."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.refs: dict[Node, ActorRef[Member]] = {}
        self.handled: dict[Node, list[Any]] = {}
        self.told: dict[Node, list[Terminated]] = {}
        self.counter = 0
        self.runner = asyncio.Runner(loop_factory=Clock)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run an operation and all that it causes."""

        async def settle() -> T:
            result = await work
            await asyncio.sleep(A_MOMENT)
            return result

        return self.runner.run(settle())

    @initialize()
    def begin(self) -> None:
        self.system = ActorSystem()
        self.run(self.system.__aenter__())
        self.letters = self.system.events.subscribe(DeadLetter)

    def teardown(self) -> None:
        if hasattr(self, "system"):
            self.run(self.system.__aexit__(None, None, None))
            loop = self.runner.get_loop()
            assert not asyncio.all_tasks(loop)
            assert not any(ref.is_alive for ref in self.refs.values())
            for node, handled in self.handled.items():
                assert handled == node.handled
        self.runner.close()

    # -- choosing ----------------------------------------------------------------------------------

    def some(self, pick: int) -> Node:
        """Choose one that lives."""
        nodes = self.model.nodes()
        return nodes[pick % len(nodes)]

    def any(self, pick: int) -> Node:
        """Choose one, alive or not."""
        nodes = list(self.refs)
        return nodes[pick % len(nodes)]

    def populated(self) -> bool:
        return bool(self.model.root.children)

    def happens(self, operation: str, *args: Any) -> bool:
        """Do it in the model; or do nothing if it would end the system, or has more than one outcome."""
        model, twins = copy.deepcopy((self.model, args))
        try:
            getattr(model, operation)(*twins)
            model.settle()
        except (RootGivesUp, Ambiguous):
            return False
        getattr(self.model, operation)(*args)
        self.model.settle()
        return True

    # -- operations --------------------------------------------------------------------------------

    @rule(pick=PICK, top=st.booleans(), name=NAMES, restart=RESTARTS, strategy=STRATEGIES)
    def spawn(self, pick: int, top: bool, name: str, restart: Restart, strategy: Strategy) -> None:
        top = top or not self.populated()
        parent = self.model.root if top else self.some(pick)
        if not top and parent.path.count("/") >= 4:
            return
        handled: list[Any] = []
        told: list[Terminated] = []

        async def spawn() -> ActorRef[Member]:
            if top:
                return await self.system.spawn(Member, handled, told, strategy, name=name, restart=restart)
            return await self.refs[parent].ask(
                lambda me: me.context.spawn(Member, handled, told, strategy, name=name, restart=restart)
            )

        if name in parent.children or (top and name in self.model.aliases):
            with pytest.raises(NameInUseError):
                self.run(spawn())
            return
        node = self.model.spawn(parent, name, restart, strategy)
        self.refs[node] = self.run(spawn())
        self.handled[node], self.told[node] = handled, told

    @precondition(populated)
    @rule(pick=PICK, mail=MAIL)
    def send(self, pick: int, mail: list[str]) -> None:
        """Messages, and crashes in the midst of them."""
        node, messages = self.any(pick), list[Any]()
        for kind in mail:
            self.counter += 1
            messages.append(Boom() if kind == "crash" else self.counter)
        if not node.alive:
            with pytest.raises(ActorStoppedError):
                self.refs[node].send_nowait(messages[0])
            return
        if self.happens("deliver", node, messages):
            self.run(self._send(node, messages))

    async def _send(self, node: Node, messages: list[Any]) -> None:
        for message in messages:
            self.refs[node].send_nowait(message)

    @precondition(populated)
    @rule(pick=PICK, how=st.sampled_from(sorted(ENDS)), living=st.booleans())
    def end(self, pick: int, how: str, living: bool) -> None:
        node = self.some(pick) if living else self.any(pick)
        if not node.alive or self.happens("end", node, ENDS[how]):
            self.run(self._call(getattr(self.refs[node], how)))

    @precondition(populated)
    @rule(pick=PICK)
    def leave(self, pick: int) -> None:
        node = self.some(pick)
        if self.happens("leave", node):
            self.run(self._send(node, [lambda me: me.context.stop()]))

    @precondition(populated)
    @rule(pick=PICK, other=PICK, back=st.booleans())
    def watch(self, pick: int, other: int, back: bool) -> None:
        watcher, watched = self.some(pick), self.any(other)
        if watcher is watched:
            return
        ref = self.refs[watched]
        if back:
            watcher.watches.pop(watched, None)
            self.run(self._send(watcher, [lambda me: me.context.unwatch(ref)]))
        else:
            self.model.watch(watcher, watched)
            self.run(self._send(watcher, [lambda me: me.context.watch(ref)]))

    @precondition(populated)
    @rule(pick=PICK, other=PICK, back=st.booleans())
    def link(self, pick: int, other: int, back: bool) -> None:
        node, linked = self.some(pick), self.any(other)
        ref = self.refs[linked]
        if node is linked:
            return
        if back:
            self.model.unlink(node, linked)
            self.run(self._send(node, [lambda me: me.context.unlink(ref)]))
        elif self.happens("link", node, linked):
            self.run(self._send(node, [lambda me: me.context.link(ref)]))

    @precondition(populated)
    @rule(pick=PICK, other=PICK, how=st.sampled_from([*sorted(ENDS), "crash", "leave"]))
    def end_of_one_linked(self, pick: int, other: int, how: str) -> None:
        """Links are seldom left for long enough to spread an end: here is one that does."""
        self.link(pick, other, False)
        if not self.populated():
            return
        if how == "crash":
            self.send(pick, [how])
        elif how == "leave":
            self.leave(pick)
        else:
            self.end(pick, how, True)

    @precondition(populated)
    @rule(pick=PICK, group=GROUPS, joins=st.booleans())
    def join_or_leave(self, pick: int, group: str, joins: bool) -> None:
        node = self.any(pick)
        ref, members = self.refs[node], self.model.groups.setdefault(group, [])
        if not joins:
            assert self.system.groups.leave(group, ref) == (node in members)
            if node in members:
                members.remove(node)
        elif node.alive:
            self.system.groups.join(group, ref)
            members.append(node)
        else:
            with pytest.raises(ActorStoppedError):
                self.system.groups.join(group, ref)
        if not members:
            del self.model.groups[group]

    @precondition(populated)
    @rule(pick=PICK, alias=ALIASES)
    def register(self, pick: int, alias: str) -> None:
        node, taken = self.any(pick), self.model.aliases.keys() | self.model.root.children.keys()
        if alias in taken:
            with pytest.raises(NameInUseError):
                self.system.register(alias, self.refs[node])
        elif node.alive:
            self.system.register(alias, self.refs[node])
            self.model.aliases[alias] = node
        else:
            with pytest.raises(ActorStoppedError):
                self.system.register(alias, self.refs[node])

    @rule(alias=ALIASES)
    def unregister(self, alias: str) -> None:
        if self.model.aliases.pop(alias, None) is not None:
            self.system.unregister(alias)
        else:
            with pytest.raises(NameNotFoundError):
                self.system.unregister(alias)

    @rule(name=NAMES)
    def get_or_spawn(self, name: str) -> None:
        known = self.model.root.children.get(name)
        if known is not None:
            assert self.run(self.system.get_or_spawn(name, Actor)) is self.refs[known]

    async def _call(self, function: Any) -> None:
        function()

    # -- what must be so ---------------------------------------------------------------------------

    @invariant()
    def the_tree_is_that_of_the_model(self) -> None:
        if hasattr(self, "system"):
            real = [
                (one.path, one.state, one.incarnation, one.depth) for one in self.system.snapshot().walk()
            ]
            assert real == [(node.path, "running", node.incarnation, 0) for node in self.model.nodes()]

    @invariant()
    def the_ended_have_ended_for_the_right_reason(self) -> None:
        for node, ref in self.refs.items():
            assert ref.is_alive == node.alive
            if not node.alive and node in self.model.touched:
                ended = self.run(ref.join())
                assert ended.reason is node.reason
                assert (ended.error is not None) == (node.reason is CRASHED)

    @invariant()
    def names_lead_to_whom_they_should(self) -> None:
        for node, ref in self.refs.items():
            if node.alive:
                assert self.system.lookup(node.path) is ref
        known = {**self.model.root.children, **self.model.aliases}
        for name in ("a", "b", "c", "d", "x", "y") if self.refs else ():
            if name in known:
                assert self.system.lookup(name) is self.refs[known[name]]
            else:
                with pytest.raises(NameNotFoundError):
                    self.system.lookup(name)

    @invariant()
    def groups_have_their_members(self) -> None:
        if hasattr(self, "system"):
            groups = self.system.groups
            real = {group: list(groups.members(group)) for group in groups.names()}
            model = {
                group: [self.refs[node] for node in members] for group, members in self.model.groups.items()
            }
            assert real == model

    @invariant()
    def mail_was_handled_once_and_in_order(self) -> None:
        for node, handled in self.handled.items():
            assert handled == node.handled
        if hasattr(self, "system"):
            letters = Counter(
                (letter.ref, letter.message) for letter in self._drain() if isinstance(letter.message, int)
            )
            assert letters == Counter(
                (self.refs[node], message)
                for node, message in self.model.dead_letters
                if isinstance(message, int)
            )

    def _drain(self) -> list[DeadLetter]:
        letters = list(self.letters._items)
        self.letters._items.clear()
        return letters

    @invariant()
    def everybody_was_told_what_they_should(self) -> None:
        due: dict[Node, Counter[Any]] = {node: Counter() for node in self.told}
        for watcher, ended, reason in self.model.notices:
            due[watcher][self.refs[ended], reason] += 1
        for watcher, told in self.told.items():
            real = Counter((event.ref, event.reason) for event in told)
            told.clear()
            if watcher in self.model.touched:
                assert real <= due[watcher]
            else:
                assert real == due[watcher]

    @invariant()
    def nothing_is_left_over(self) -> None:
        if hasattr(self, "system"):
            alive = [ref._cell for node, ref in self.refs.items() if node.alive]
            assert len(asyncio.all_tasks(self.runner.get_loop())) <= len(alive)
            assert len(self.system._runtime.timers) == 0
            assert all(cell in alive for cell in self.system.groups.joined)
            for node, ref in self.refs.items():
                watching = set(ref._cell.watching or ())
                assert watching == {self.refs[other]._cell for other in node.watches}
                linked = set(ref._cell.links or ())
                assert linked == {self.refs[other]._cell for other in node.links}
        self.model.forget()


@pytest.fixture(autouse=True)
def no_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep thousands of failures away from pytest, which formats each of them."""
    monkeypatch.setattr(logging.getLogger("actorio"), "disabled", True)


@pytest.mark.parametrize("strategy", [Strategy.ONE_FOR_ALL, Strategy.REST_FOR_ONE])
def test_one_that_fails_again_at_once_is_restarted_before_those_behind_it_are_started(
    strategy: Strategy,
) -> None:
    tree = Tree()
    tree.begin()
    tree.spawn(0, True, "b", Restart.PERMANENT, strategy)
    for name in "cda":
        tree.spawn(0, False, name, Restart.PERMANENT, Strategy.ONE_FOR_ONE)
    tree.send(2, ["crash", "mail", "crash", "crash"])
    tree.the_tree_is_that_of_the_model()
    assert [node.incarnation for node in tree.model.nodes()] == [
        0,
        3 * (strategy is Strategy.ONE_FOR_ALL),
        3,
        1,
    ]
    tree.teardown()


def run_machine(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        Tree,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_a_tree_is_always_that_of_the_model() -> None:
    run_machine(60, 30)


@pytest.mark.long
def test_a_tree_is_always_that_of_the_model_for_long() -> None:
    run_machine(400, 60)
