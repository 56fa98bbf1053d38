"""The `Supervisor`: static children, operations on them, and its end with the significant ones."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorRef,
    ActorSystem,
    AutoShutdown,
    Backoff,
    ChildCounts,
    ChildError,
    ChildInUseError,
    ChildNotFoundError,
    ChildSpec,
    ExitReason,
    Mailbox,
    NameInUseError,
    NameNotFoundError,
    Restart,
    RestartLimitError,
    Strategy,
    Supervision,
    Supervisor,
    Terminated,
    child,
)
from tests.stage import NEVER, Boom, Diary, Gate, Puppet, in_virtual_time, now, ticks, until

ANY = Supervision(auto_shutdown=AutoShutdown.ANY_SIGNIFICANT)
ALL = Supervision(auto_shutdown=AutoShutdown.ALL_SIGNIFICANT)


def puppet(name: str, diary: Diary | None = None, **options: Any) -> ChildSpec:
    return child(Puppet, diary, name=name, **options)


@asynccontextmanager
async def supervised(
    *specs: ChildSpec, supervision: Supervision | None = None, restart: Restart = Restart.TEMPORARY
) -> AsyncIterator[tuple[ActorSystem, ActorRef[Supervisor]]]:
    """A system with one supervisor, called `sup`."""
    async with ActorSystem() as system:
        yield (
            system,
            await system.spawn(Supervisor, specs, supervision or Supervision(), name="sup", restart=restart),
        )


async def states(sup: ActorRef[Supervisor]) -> dict[str, str]:
    return {info.name: info.state for info in await sup.call(Supervisor.which_children)}


# -- static children -------------------------------------------------------------------------------


async def test_static_children_start_in_order_and_stop_in_reverse() -> None:
    diary: Diary = []
    async with supervised(*(puppet(name, diary) for name in "abc")) as (system, sup):
        assert [system.lookup(f"/sup/{name}").is_alive for name in "abc"] == [True] * 3
        assert await states(sup) == dict.fromkeys("abc", "running")
    assert [entry[:2] for entry in diary] == [
        *((name, "start") for name in "abc"),
        *((name, "stop") for name in "cba"),
    ]


async def test_a_child_that_does_not_start_takes_back_those_before_it_and_is_named() -> None:
    diary: Diary = []

    class Fails(Actor[Any]):
        async def on_start(self) -> None:
            raise Boom("no")

    async with ActorSystem() as system:
        specs = [puppet("a", diary), puppet("b", diary), child(Fails, name="bad"), puppet("z", diary)]
        with pytest.raises(ChildError, match="'bad' failed to start") as failed:
            await system.spawn(Supervisor, specs, name="sup")
        assert isinstance(failed.value.__cause__, Boom)
        assert len(system.snapshot()) == 0
        await system.spawn(Supervisor, [puppet("a")], name="sup")
    assert [entry[:2] for entry in diary] == [("a", "start"), ("b", "start"), ("b", "stop"), ("a", "stop")]


async def test_static_children_come_back_with_a_restart_of_the_supervisor() -> None:
    diary: Diary = []
    supervision = Supervision(max_restarts=0)
    async with supervised(
        puppet("a", diary), puppet("b", diary), supervision=supervision, restart=Restart.PERMANENT
    ) as (system, sup):
        first = system.lookup("/sup/a")
        await sup.call(Supervisor.start_child, puppet("added"))
        first.send_nowait(Boom())
        await until(lambda: sup.statistics().restarts == 1 and sup.state == "running")
        assert await states(sup) == {"a": "running", "b": "running"}
        assert system.lookup("/sup/a") is not first


async def test_unnamed_children_get_names_of_their_own() -> None:
    async with supervised(child(Puppet), child(Puppet), child(Supervisor)) as (_, sup):
        assert list(await states(sup)) == ["Puppet-1", "Puppet-2", "Supervisor-1"]
        added = await sup.call(Supervisor.start_child, child(Puppet))
        assert added.name == "Puppet-3"


async def test_supervisors_nest() -> None:
    inner = child(Supervisor, [puppet("leaf")], name="inner")
    async with supervised(child(Supervisor, [inner], name="outer")) as (system, _):
        assert await system.lookup("/sup/outer/inner/leaf").ask("deep") == "deep"


# -- operations ------------------------------------------------------------------------------------


async def test_a_started_child_is_supervised_and_listed_in_order() -> None:
    async with supervised(puppet("a")) as (system, sup):
        added = await sup.call(Supervisor.start_child, puppet("b"))
        assert added is system.lookup("/sup/b")
        added.send_nowait(Boom())
        assert await added.ask(lambda me: me.context.incarnation) == 1
        assert list(await states(sup)) == ["a", "b"]


async def test_a_child_is_added_once() -> None:
    async with supervised(puppet("a")) as (system, sup):
        with pytest.raises(ChildInUseError, match="is there already, and is running"):
            await sup.call(Supervisor.start_child, puppet("a"))
        await sup.call(Supervisor.terminate_child, "a")
        with pytest.raises(NameInUseError, match="is there already, and is ended"):
            await sup.call(Supervisor.start_child, puppet("a"))
        assert not system.lookup("sup").statistics().restarts


async def test_a_child_that_fails_to_start_is_not_added() -> None:
    class Fails(Actor[Any]):
        async def on_start(self) -> None:
            raise Boom

    async with supervised() as (_, sup):
        for _ in range(2):
            with pytest.raises(Boom):
                await sup.call(Supervisor.start_child, child(Fails, name="x"))
        assert await states(sup) == {}
        await sup.call(Supervisor.start_child, puppet("x"))


async def test_the_life_of_a_specification() -> None:
    """Running, terminated, restarted, terminated, deleted: what fits is done, what does not is refused."""
    async with supervised(puppet("a")) as (system, sup):
        first = system.lookup("/sup/a")
        for operation in (Supervisor.restart_child, Supervisor.delete_child):
            with pytest.raises(ChildError, match="'a' is running"):
                await sup.call(operation, "a")
        await sup.call(Supervisor.terminate_child, "a")
        assert (await first.join()).reason is ExitReason.SHUTDOWN
        (info,) = await sup.call(Supervisor.which_children)
        assert (info.name, info.ref, info.state) == ("a", None, "ended")
        again = await sup.call(Supervisor.restart_child, "a")
        assert again is not first
        assert again is system.lookup("/sup/a")
        await sup.call(Supervisor.terminate_child, "a")
        await sup.call(Supervisor.terminate_child, "a")
        await sup.call(Supervisor.delete_child, "a")
        assert await states(sup) == {}


@pytest.mark.parametrize(
    "operation", [Supervisor.terminate_child, Supervisor.restart_child, Supervisor.delete_child]
)
async def test_an_unknown_child_is_an_error_and_not_a_failure(operation: Any) -> None:
    async with supervised() as (_, sup):
        with pytest.raises(ChildError, match="no child 'nobody'"):
            await sup.call(operation, "nobody")
        assert sup.statistics().restarts == 0


async def test_start_order_survives_restarts_and_additions() -> None:
    async with supervised(*(puppet(name) for name in "abc")) as (system, sup):
        for name in "ca":
            system.lookup(f"/sup/{name}").send_nowait(Boom())
        await sup.call(Supervisor.terminate_child, "b")
        await sup.call(Supervisor.start_child, puppet("d"))
        await sup.call(Supervisor.restart_child, "b")
        assert list(await states(sup)) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("restart", "state"),
    [(Restart.TRANSIENT, {"a": "ended"}), (Restart.TEMPORARY, {}), (Restart.PERMANENT, {"a": "running"})],
)
async def test_what_is_left_of_a_child_that_ends_normally(restart: Restart, state: dict[str, str]) -> None:
    async with supervised(puppet("a", restart=restart)) as (system, sup):
        actor = system.lookup("/sup/a")
        actor.send_nowait(lambda me: me.context.stop())
        if restart is Restart.PERMANENT:
            await actor.ask("up again")
        else:
            await actor.join()
        assert await states(sup) == state
        if restart is Restart.TRANSIENT:
            assert await (await sup.call(Supervisor.restart_child, "a")).ask("up") == "up"


async def test_a_child_is_not_forgotten_when_a_namesake_elsewhere_ends() -> None:
    class Watching(Supervisor):
        async def watch(self, ref: ActorRef[Any]) -> None:
            self.context.watch(ref)

        async def on_terminated(self, event: Terminated) -> None:
            await super().on_terminated(event)
            told.set()

    told = asyncio.Event()
    async with ActorSystem() as system:
        elsewhere = await system.spawn(Puppet, name="db")
        children = [child(Puppet, name="db", restart=Restart.TEMPORARY)]
        ref = await system.spawn(Watching, children)
        await ref.call(Watching.watch, elsewhere)
        elsewhere.stop()
        await told.wait()
        assert [info.state for info in await ref.call(Supervisor.which_children)] == ["running"]


async def test_a_temporary_child_terminated_by_hand_is_forgotten() -> None:
    async with supervised(puppet("a", restart=Restart.TEMPORARY)) as (_, sup):
        await sup.call(Supervisor.terminate_child, "a")
        assert await states(sup) == {}
        await sup.call(Supervisor.start_child, puppet("a", restart=Restart.TEMPORARY))
        assert await states(sup) == {"a": "running"}


@in_virtual_time
async def test_terminate_child_keeps_to_the_shutdown_time() -> None:
    for shutdown, expected in ((2.0, 2.0), (0, 0.0)):
        async with supervised(puppet("a", shutdown=shutdown)) as (system, sup):
            actor, gate, begun = system.lookup("/sup/a"), Gate(), now()
            actor.send_nowait(gate.hold)
            await gate.reached()
            await sup.call(Supervisor.terminate_child, "a")
            assert (await actor.join()).reason is ExitReason.KILLED
            assert now() - begun == expected


@in_virtual_time
async def test_terminate_child_ends_a_child_that_waits_for_its_restart() -> None:
    supervision = Supervision(backoff=Backoff(NEVER, NEVER, jitter=0))
    async with supervised(puppet("a"), supervision=supervision) as (system, sup):
        system.lookup("/sup/a").send_nowait(Boom())
        await ticks()
        assert await states(sup) == {"a": "restarting"}
        for operation in (Supervisor.restart_child, Supervisor.delete_child):
            with pytest.raises(ChildError, match="'a' is restarting"):
                await sup.call(operation, "a")
        await sup.call(Supervisor.terminate_child, "a")
        assert await states(sup) == {"a": "ended"}
        assert now() == 0


@in_virtual_time
async def test_terminate_child_ends_one_that_waits_for_an_answer_of_its_supervisor() -> None:
    """The child asks behind the operation that stops it: nothing hangs for longer than its time."""
    async with supervised(puppet("a", shutdown=1.0)) as (system, sup):
        actor = system.lookup("/sup/a")
        terminated = asyncio.ensure_future(sup.call(Supervisor.terminate_child, "a"))
        actor.send_nowait(lambda _: sup.call(Supervisor.count_children))
        await terminated
        assert not actor.is_alive
        assert now() <= 1.0
        assert await states(sup) == {"a": "ended"}


@in_virtual_time
async def test_a_terminated_child_that_waits_for_its_supervisor_no_longer_ends_in_order() -> None:
    async def ask_for_a_second(_: Puppet) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await sup.call(Supervisor.count_children)

    diary: Diary = []
    async with supervised(puppet("a", diary, shutdown=2.0)) as (system, sup):
        gate = Gate()
        held = asyncio.ensure_future(sup.submit(gate.hold))
        await gate.reached()
        terminated = asyncio.ensure_future(sup.call(Supervisor.terminate_child, "a"))
        await ticks()
        system.lookup("/sup/a").send_nowait(ask_for_a_second)
        await ticks()
        gate.open()
        await held
        await terminated
        assert now() == 1.0
        assert diary[-1] == ("a", "stop", ExitReason.SHUTDOWN)


async def test_counts() -> None:
    async with supervised(puppet("a"), child(Supervisor, name="inner")) as (system, sup):
        counts = [await sup.call(Supervisor.count_children)]
        await sup.call(Supervisor.start_child, puppet("b"))
        counts.append(await sup.call(Supervisor.count_children))
        await sup.call(Supervisor.terminate_child, "a")
        counts.append(await sup.call(Supervisor.count_children))
        await sup.call(Supervisor.delete_child, "a")
        counts.append(await sup.call(Supervisor.count_children))
        assert system.lookup("/sup/b").is_alive
    assert counts == [ChildCounts(2, 2, 1, 1), ChildCounts(3, 3, 1, 2), ChildCounts(3, 2, 1, 2),
                      ChildCounts(2, 2, 1, 1)]  # fmt: skip


@in_virtual_time
async def test_a_child_that_waits_for_its_restart_is_specified_but_not_active() -> None:
    supervision = Supervision(backoff=Backoff(10, 10, jitter=0))
    async with supervised(puppet("a"), puppet("b"), supervision=supervision) as (system, sup):
        system.lookup("/sup/a").send_nowait(Boom())
        await ticks()
        assert await sup.call(Supervisor.count_children) == ChildCounts(2, 1, 0, 2)
        (info, _) = await sup.call(Supervisor.which_children)
        assert (info.state, info.ref) == ("restarting", system.lookup("/sup/a"))
        await system.lookup("/sup/a").ask("up")
        assert await sup.call(Supervisor.count_children) == ChildCounts(2, 2, 0, 2)


async def test_an_operation_with_something_else_than_a_specification_is_a_type_error() -> None:
    async with supervised() as (_, sup):
        with pytest.raises(TypeError, match=r"child\(\.\.\.\)"):
            await sup.call(Supervisor.start_child, Puppet)  # type: ignore[call-overload]


# -- many dynamic children ------------------------------------------------------------------------


async def test_memory_stays_flat_over_many_temporary_children() -> None:
    class Big:
        """An argument to be let go."""

    kept: weakref.WeakSet[Big] = weakref.WeakSet()
    async with supervised() as (_, sup):
        for _ in range(300):
            argument = Big()
            kept.add(argument)
            actor = await sup.call(
                Supervisor.start_child, child(lambda _: Puppet(), argument, restart=Restart.TEMPORARY)
            )
            actor.stop()
            await actor.join()
        del argument, actor
        await sup.call(Supervisor.count_children)
        gc.collect()
        assert len(kept) <= 1
        assert not sup._cell.watching
        assert await states(sup) == {}


@in_virtual_time
async def test_dynamic_children_stop_together_under_one_deadline() -> None:
    async with supervised() as (_, sup):
        gates = []
        for number in range(200):
            actor = await sup.call(Supervisor.start_child, puppet(f"c{number}", shutdown=3.0))
            gates.append(Gate())
            actor.send_nowait(gates[-1].hold)
            await gates[-1].reached()
        sup.stop()
        await sup.join()
        assert now() == 3.0


@in_virtual_time
async def test_static_children_stop_one_after_the_other() -> None:
    async with supervised(*(puppet(name, shutdown=3.0) for name in "abc")) as (system, sup):
        for name in "abc":
            gate = Gate()
            system.lookup(f"/sup/{name}").send_nowait(gate.hold)
            await gate.reached()
        sup.stop()
        await sup.join()
        assert now() == 9.0


# -- automatic shutdown ----------------------------------------------------------------------------


def leave(me: Puppet) -> None:
    me.context.stop()


@pytest.mark.parametrize("how", ["normal", "crash"])
async def test_any_significant_end_stops_the_rest_in_reverse_and_the_supervisor(how: str) -> None:
    diary: Diary = []
    significant = puppet("s", diary, significant=True, restart=Restart.TEMPORARY)
    async with supervised(puppet("a", diary), significant, puppet("b", diary), supervision=ANY) as (
        system,
        sup,
    ):
        system.lookup("/sup/s").send_nowait(Boom() if how == "crash" else leave)
        ended = await sup.join()
    assert (ended.reason, ended.error) == (ExitReason.SHUTDOWN, None)
    assert [entry[0] for entry in diary if entry[1] == "stop"] == ["s", "b", "a"]


async def test_all_significant_waits_for_the_last_of_them() -> None:
    specs = [puppet(name, significant=True, restart=Restart.TRANSIENT) for name in "st"]
    async with supervised(*specs, puppet("other"), supervision=ALL) as (system, sup):
        for name in "st":
            assert sup.is_alive
            actor = system.lookup(f"/sup/{name}")
            actor.send_nowait(leave)
            await actor.join()
            await ticks()
        assert (await sup.join()).reason is ExitReason.SHUTDOWN


async def test_a_significant_child_that_is_restarted_has_not_ended() -> None:
    significant = puppet("s", significant=True, restart=Restart.TRANSIENT)
    async with supervised(significant, supervision=ANY) as (system, sup):
        system.lookup("/sup/s").send_nowait(Boom())
        assert await system.lookup("/sup/s").ask(lambda me: me.context.incarnation) == 1
        assert await states(sup) == {"s": "running"}


@pytest.mark.parametrize("how", ["close", "stop", "kill", "terminate_child"])
async def test_an_end_by_hand_is_not_significant(how: str) -> None:
    significant = puppet("s", significant=True, restart=Restart.TRANSIENT)
    async with supervised(significant, puppet("other"), supervision=ANY) as (system, sup):
        actor = system.lookup("/sup/s")
        if how == "terminate_child":
            await sup.call(Supervisor.terminate_child, "s")
        else:
            getattr(actor, how)()
        await actor.join()
        await ticks()
        assert (await states(sup))["other"] == "running"


async def test_an_end_by_a_siblings_restart_is_not_significant() -> None:
    supervision = Supervision(Strategy.ONE_FOR_ALL, auto_shutdown=AutoShutdown.ANY_SIGNIFICANT)
    significant = puppet("s", significant=True, restart=Restart.TEMPORARY)
    async with supervised(significant, puppet("other"), supervision=supervision) as (system, sup):
        actor, other = system.lookup("/sup/s"), system.lookup("/sup/other")
        other.send_nowait(Boom())
        await actor.join()
        assert await other.ask(lambda me: me.context.incarnation) == 1
        assert await states(sup) == {"other": "running"}


async def test_a_start_that_fails_is_not_significant() -> None:
    class Fails(Actor[Any]):
        async def on_start(self) -> None:
            raise Boom

    async with supervised(puppet("a"), supervision=ANY) as (_, sup):
        with pytest.raises(Boom):
            await sup.call(Supervisor.start_child, child(Fails, significant=True, restart=Restart.TEMPORARY))
        await ticks()
        assert await states(sup) == {"a": "running"}


async def test_an_automatic_shutdown_is_decided_upon_like_any_end_in_order() -> None:
    """A permanent supervisor is started again by its own, a transient one is not."""
    for restart, again in ((Restart.PERMANENT, True), (Restart.TRANSIENT, False)):
        significant = puppet("s", significant=True, restart=Restart.TRANSIENT)
        async with supervised(significant, supervision=ANY, restart=restart) as (system, sup):
            system.lookup("/sup/s").send_nowait(leave)
            if again:
                await until(lambda sup=sup: sup.statistics().restarts == 1 and sup.state == "running")
                assert await states(sup) == {"s": "running"}
            else:
                assert (await sup.join()).reason is ExitReason.SHUTDOWN


async def test_a_budget_that_is_spent_fails_a_supervisor_with_significant_children() -> None:
    supervision = Supervision(max_restarts=0, auto_shutdown=AutoShutdown.ANY_SIGNIFICANT)
    significant = puppet("s", significant=True, restart=Restart.TRANSIENT)
    async with supervised(significant, supervision=supervision) as (system, sup):
        system.lookup("/sup/s").send_nowait(Boom())
        ended = await sup.join()
    assert ended.reason is ExitReason.CRASHED
    assert isinstance(ended.error, RestartLimitError)


# -- specifications that contradict themselves ----------------------------------------------------


def test_a_permanent_child_cannot_be_significant() -> None:
    with pytest.raises(ValueError, match="permanent child cannot be significant"):
        child(Puppet, None, significant=True)


async def test_a_significant_child_needs_a_rule_at_the_start_and_when_added() -> None:
    significant = child(Puppet, None, name="s", significant=True, restart=Restart.TEMPORARY)
    with pytest.raises(ValueError, match="auto_shutdown is NEVER"):
        Supervisor([significant])
    async with supervised() as (_, sup):
        with pytest.raises(ValueError, match="auto_shutdown is NEVER"):
            await sup.call(Supervisor.start_child, significant)
        assert await states(sup) == {}


def test_two_children_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two children are called 'a'"):
        Supervisor([puppet("a"), puppet("a")])


BAD = [
    ({"restart": "permanent"}, TypeError),
    ({"name": ""}, ValueError),
    ({"name": "a/b"}, ValueError),
    ({"name": 3}, TypeError),
    ({"mailbox": 10}, TypeError),
    ({"shutdown": -1}, ValueError),
    ({"shutdown": float("nan")}, ValueError),
    ({"shutdown": True}, TypeError),
    ({"shutdown": "5"}, TypeError),
]


@pytest.mark.parametrize(("options", "error"), BAD, ids=[repr(options) for options, _ in BAD])
def test_bad_options_are_refused_at_construction(options: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        child(Puppet, **options)


@pytest.mark.parametrize("factory", [3, "Puppet", None])
def test_a_child_is_made_by_something_callable(factory: Any) -> None:
    with pytest.raises(TypeError):
        child(factory)


def test_an_instance_is_no_factory() -> None:
    with pytest.raises(TypeError, match="child takes a class"):
        child(Puppet())  # type: ignore[arg-type]


def test_a_supervisor_takes_specifications_and_a_supervision() -> None:
    with pytest.raises(TypeError, match=r"child\(\.\.\.\)"):
        Supervisor([Puppet])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="must be a Supervision"):
        Supervisor([], Strategy.ONE_FOR_ALL)  # type: ignore[arg-type]


@pytest.mark.parametrize("used_up", [iter, lambda children: (each for each in children)])
async def test_children_that_would_be_used_up_at_a_restart_are_refused(used_up: Any) -> None:
    async with ActorSystem() as system:
        with pytest.raises(TypeError, match="children must be a list or a tuple, not a"):
            await system.spawn(Supervisor, used_up([puppet("a")]))


async def test_a_specification_can_be_used_again() -> None:
    spec = puppet("a", mailbox=Mailbox(1))
    async with ActorSystem() as system:
        for name in ("one", "two"):
            await system.spawn(Supervisor, [spec], name=name)
        one, two = system.lookup("/one/a"), system.lookup("/two/a")
        assert one._mailbox is not two._mailbox


@pytest.mark.parametrize("operation", ["terminate_child", "restart_child", "delete_child"])
async def test_an_operation_on_a_child_that_is_not_there_raises_what_a_lookup_does(operation: str) -> None:
    async with ActorSystem() as system:
        supervisor = await system.spawn(Supervisor)
        for kind in (ChildError, ChildNotFoundError, NameNotFoundError, LookupError):
            with pytest.raises(kind, match="no child 'nobody'"):
                await supervisor.call(getattr(Supervisor, operation), "nobody")
