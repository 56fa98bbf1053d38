"""Scenarios of trees: groups, budgets, escalation, the end of a system."""

import asyncio
import contextlib
import itertools
import random
from typing import Any

from actorio import (
    Actor,
    ActorRef,
    ActorStoppedError,
    ActorSystem,
    AutoShutdown,
    Backoff,
    ChildError,
    ExitReason,
    Restart,
    RestartLimitError,
    Strategy,
    Supervision,
    Supervisor,
    child,
)
from actorio.testing import settled, until
from tests.simulation.asks import outcome
from tests.simulation.lives import Boom, Life, Parent
from tests.simulation.mail import together

A_WHILE = 1.1  # virtual seconds
Diary = list[tuple[str, str]]


class Member(Actor[Any]):
    """Writes starts and stops into a diary that it shares with its group."""

    def __init__(self, diary: Diary) -> None:
        self.diary = diary

    async def on_start(self) -> None:
        await asyncio.sleep(0)
        self.diary.append(("start", self.context.name))

    async def receive(self, message: Any) -> Any:
        await asyncio.sleep(0)
        if message == "boom":
            raise Boom
        self.diary.append((str(message), self.context.name))
        await asyncio.sleep(0)
        return self.context.incarnation

    async def on_stop(self, reason: ExitReason) -> None:
        await asyncio.sleep(0)
        self.diary.append(("stop", self.context.name))


async def _group(strategy: Strategy, diary: Diary, failing: str) -> list[str]:
    """Fail one of four while they have mail; return who was restarted."""
    supervision = Supervision(strategy, max_restarts=10)
    names = ["a", "b", "c", "d"]
    async with ActorSystem() as system:
        top = await system.spawn(
            Supervisor, [child(Member, diary, name=name) for name in names], supervision, name="top"
        )
        refs = {name: system.lookup(f"/top/{name}") for name in names}
        mail = [refs[name].send(number) for name in names for number in range(2)]
        await together(*mail, refs[failing].send("boom"))
        await until(lambda: refs[failing].statistics().restarts == 1)
        incarnations = {name: await refs[name].ask("last") for name in names}
        top.stop()
        await top.join()
    for name in names:
        handled = [what for what, who in diary if who == name and what.isdigit()]
        assert handled == ["0", "1"], f"{name} handled {handled}"
    return [name for name, incarnation in incarnations.items() if incarnation]


def _restarted(diary: Diary) -> tuple[list[str], list[str]]:
    """Return who was stopped, and who was started, between the first starts and the last stops."""
    middle = diary[4:-4]
    return ([who for what, who in middle if what == "stop"], [who for what, who in middle if what == "start"])


async def one_for_all() -> None:
    """All restart: stopped in reverse order, started in order; nobody loses mail."""
    diary: Diary = []
    failing = random.choice("abcd")
    assert await _group(Strategy.ONE_FOR_ALL, diary, failing) == ["a", "b", "c", "d"]
    stopped, started = _restarted(diary)
    assert started == ["a", "b", "c", "d"]
    assert [name for name in stopped if name != failing] == [name for name in "dcba" if name != failing]


async def rest_for_one() -> None:
    """The failed one and those after it restart."""
    diary: Diary = []
    failing = random.choice("abcd")
    rest = list("abcd"["abcd".index(failing) :])
    assert await _group(Strategy.REST_FOR_ONE, diary, failing) == rest
    stopped, started = _restarted(diary)
    assert started == rest
    assert [name for name in stopped if name != failing] == rest[:0:-1]


async def one_for_one() -> None:
    """Only the failed one restarts."""
    failing = random.choice("abcd")
    assert await _group(Strategy.ONE_FOR_ONE, [], failing) == [failing]


async def two_failures() -> None:
    """Two of a group fail at about the same time: it restarts as a whole, once or twice, and goes on."""
    diary: Diary = []
    supervision = Supervision(Strategy.ONE_FOR_ALL, max_restarts=10)
    async with ActorSystem() as system:
        specs = [child(Member, diary, name=name) for name in "abc"]
        await system.spawn(Supervisor, specs, supervision, name="top")
        refs = [system.lookup(f"/top/{name}") for name in "abc"]
        await together(refs[0].send("boom"), refs[2].send("boom"), refs[1].send("work"))
        await until(lambda: refs[0].statistics().failed + refs[2].statistics().failed == 2)
        await settled(system)
        numbers = [await ref.ask("last") for ref in refs]
        assert set(numbers) <= {
            1,
            2,
        }  # whoever was not up again by then goes into the second restart with the rest
    assert diary.count(("work", "b")) == 1


class Crasher(Actor[Any]):
    """Fails at every message, and at its starts when told so."""

    def __init__(self, starts: list[float], *, at_start: bool = False) -> None:
        self.starts = starts
        self.at_start = at_start

    async def on_start(self) -> None:
        self.starts.append(asyncio.get_running_loop().time())
        if self.at_start and len(self.starts) > 1:
            raise Boom

    async def receive(self, message: Any) -> None:
        raise Boom


async def budgets() -> None:
    """One restart too many stops the children and fails the supervisor, with the cause."""
    starts: list[float] = []
    bystanders: list[Any] = []

    async def crash(system: ActorSystem) -> None:
        specs = [child(Life, bystanders, name="bystander"), child(_crasher(starts), name="crasher")]
        await system.spawn(Supervisor, specs, Supervision(max_restarts=2), restart=Restart.TEMPORARY)
        crasher = system.lookup("/Supervisor-1/crasher")
        top = system.lookup("/Supervisor-1")
        with contextlib.suppress(ActorStoppedError):
            while True:
                await crasher.send("boom")
                await asyncio.sleep(0)
        ended = await top.join()
        assert isinstance(ended.error, RestartLimitError)
        assert isinstance(ended.error.__cause__, Boom)
        raise LookupError("the body's own")

    try:
        async with ActorSystem() as system:
            await crash(system)
    except LookupError:
        pass
    else:
        raise AssertionError("the block did not raise")
    assert len(starts) == 3
    assert [what[0] for _, what in bystanders if isinstance(what, tuple)] == ["stop"]


async def slow_crashes() -> None:
    """The budget is for a while: failures far enough apart go on for ever."""
    starts: list[float] = []
    async with ActorSystem() as system:
        specs = [child(_crasher(starts), name="crasher")]
        await system.spawn(Supervisor, specs, Supervision(max_restarts=1, within=1.0))
        crasher = system.lookup("/Supervisor-1/crasher")
        for number in range(2, 6):
            await crasher.send("boom")
            await until(lambda: len(starts) == number)  # noqa: B023
            await asyncio.sleep(A_WHILE)


def _crasher(starts: list[float], *, at_start: bool = False) -> Any:
    return lambda: Crasher(starts, at_start=at_start)


async def root_gives_up() -> None:
    """When the top gives up, the body is cancelled and the block raises the cause."""
    starts: list[float] = []
    reached = False
    try:
        async with ActorSystem() as system:
            ref = await system.spawn(_crasher(starts, at_start=random.random() < 0.5), name="crasher")
            await ref.send("boom")
            with contextlib.suppress(ActorStoppedError):
                for _ in range(8):
                    await ref.send("boom")
            await asyncio.sleep(3_600)
            reached = True
    except BaseExceptionGroup as group:
        (error,) = group.exceptions
        assert isinstance(error, RestartLimitError)
        assert isinstance(error.__cause__, Boom)
    assert not reached
    assert len(starts) == 4


async def backoff() -> None:
    """Restarts wait, each longer; a stop in the pause ends it at once."""
    starts: list[float] = []
    supervision = Supervision(max_restarts=20, backoff=Backoff(0.01, 0.1, factor=2, jitter=0))
    async with ActorSystem() as system:
        specs = [child(_crasher(starts, at_start=True), name="crasher")]
        top = await system.spawn(Supervisor, specs, supervision)
        await system.lookup("/Supervisor-1/crasher").send("boom")
        await until(lambda: len(starts) == 5, timeout=30)
        pauses = [after - before for before, after in itertools.pairwise(starts)]
        assert all(
            0.0 <= pause - wanted < 0.005
            for pause, wanted in zip(pauses, (0.01, 0.02, 0.04, 0.08), strict=True)
        )
        top.stop()
        await top.join()
        assert asyncio.get_running_loop().time() - starts[-1] < 0.05


async def leaving() -> None:
    """Leaving the block ends all in reverse order, children before parents, and handles what was accepted."""
    diary: list[Any] = []
    async with ActorSystem() as system:
        parent = await system.spawn(Parent, name="parent")
        kids = [await parent.ask(_spawning(diary, name)) for name in ("kid-1", "kid-2")]
        top = [await system.spawn(Member, diary, name=f"top-{number}") for number in (1, 2)]
        for ref in (*kids, *top):
            await ref.send("mail")
    assert [who for what, who in diary if what == "stop"] == ["top-2", "top-1", "kid-2", "kid-1"]
    assert sorted(who for what, who in diary if what == "mail") == ["kid-1", "kid-2", "top-1", "top-2"]


def _spawning(diary: list[Any], name: str) -> Any:
    async def spawn(context: Any) -> ActorRef[Any]:
        ref: ActorRef[Any] = await context.spawn(Member, diary, name=name)
        return ref

    return spawn


async def cancelled_block() -> None:
    """A cancel of the block ends everything in order and comes out again; each `on_stop` has run."""
    diary: list[Any] = []
    entered = asyncio.Event()

    async def block() -> None:
        async with ActorSystem() as system:
            parent = await system.spawn(Parent, name="parent")
            for name in ("a", "b"):
                ref = await parent.ask(_spawning(diary, name))
                await ref.send("mail")
            entered.set()
            await asyncio.sleep(3_600)

    task = asyncio.create_task(block(), name="block")
    await entered.wait()
    for _ in range(random.randint(0, 5)):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert [who for what, who in diary if what == "stop"] == ["b", "a"]


async def shutdown_from_inside() -> None:
    """A handler may end the system; mail that was accepted is handled."""
    diary: list[Any] = []
    async with ActorSystem() as system:
        refs = [await system.spawn(Member, diary, name=f"top-{number}") for number in range(2)]
        parent = await system.spawn(Parent)
        await together(
            *(ref.send("mail") for ref in refs), parent.send(lambda context: context.system.shutdown())
        )
        for ref in refs:
            await ref.join()
    assert sorted(who for what, who in diary if what == "mail") == ["top-0", "top-1"]


async def supervisors() -> None:
    """Children by specification: started, terminated, restarted, deleted, while mail and stops go on."""
    async with ActorSystem() as system:
        top = await system.spawn(Supervisor)
        spec = child(Life, [], name="life", restart=Restart.TRANSIENT)
        both = [
            asyncio.create_task(outcome(top.call(Supervisor.start_child, spec)), name=f"starter-{number}")
            for number in range(2)
        ]
        answers = [await task for task in both]
        assert sum(isinstance(answer, ActorRef) for answer in answers) == 1
        assert sum(isinstance(answer, ChildError) for answer in answers) == 1
        await top.call(Supervisor.terminate_child, "life")
        assert (await top.call(Supervisor.count_children)).active == 0
        again = await top.call(Supervisor.restart_child, "life")
        getattr(again, random.choice(["stop", "kill"]))()
        await again.join()
        await top.call(Supervisor.delete_child, "life")
        assert await top.call(Supervisor.which_children) == ()


async def significant() -> None:
    """The end of a significant child ends its supervisor, in order."""
    diary: list[Any] = []
    rule = Supervision(auto_shutdown=AutoShutdown.ANY_SIGNIFICANT)
    specs = [
        child(Member, diary, name="other"),
        child(_leaver, name="main", restart=Restart.TRANSIENT, significant=True),
    ]
    async with ActorSystem() as system:
        top = await system.spawn(Supervisor, specs, rule, restart=Restart.TEMPORARY)
        await system.lookup("/Supervisor-1/main").send("leave")
        assert (await top.join()).reason is ExitReason.SHUTDOWN
    assert diary[-1] == ("stop", "other")


class _Leaver(Actor[Any]):
    async def receive(self, message: Any) -> None:
        self.context.stop()


def _leaver() -> _Leaver:
    return _Leaver()


async def storms() -> None:
    """Kills and failures at random all over a tree: it ends in order all the same."""
    supervision = Supervision(Strategy.REST_FOR_ONE, max_restarts=100)
    async with ActorSystem() as system:
        refs: list[ActorRef[Any]] = []
        for number in range(3):
            specs = [child(Life, [], name=name) for name in "abc"]
            await system.spawn(
                Supervisor, specs, supervision, name=f"top-{number}", restart=Restart.TEMPORARY
            )
            refs += [system.lookup(f"/top-{number}/{name}") for name in "abc"]
        for _ in range(8):
            ref = random.choice(refs)
            what = random.choice(["boom", "boom", "mail", "kill", "stop"])
            if what in ("kill", "stop"):
                getattr(ref, what)()
            else:
                await outcome(ref.send(what))
            await asyncio.sleep(random.choice([0, 0, 0.001]))


SCENARIOS = [
    one_for_all,
    rest_for_one,
    one_for_one,
    two_failures,
    budgets,
    slow_crashes,
    root_gives_up,
    backoff,
    leaving,
    cancelled_block,
    shutdown_from_inside,
    supervisors,
    significant,
    storms,
]
