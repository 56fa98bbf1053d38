"""What an observatory sees of a system: counters, waits, what needs attention, failures, lost letters."""

import asyncio
import subprocess
import sys
import threading
from typing import Any

import pytest

from actorio import (
    Actor,
    ActorError,
    ActorSystem,
    Mailbox,
    Overflow,
    Restart,
    core_is_compiled,
    interleave,
)
from actorio.observability import ActorRow, Observatory, pace
from tests.observability.actors import Asker, Gate, Keeper, observed, seen, until

# -- O1: free when off -----------------------------------------------------------------------------


def test_o1_import_actorio_imports_nothing_of_this() -> None:
    program = "import actorio, sys; print([name for name in sys.modules if name.startswith({!r})])"
    unwanted = (
        *("actorio.observability", "actorio.inspection", "starlette", "uvicorn", "prometheus_client"),
        *("httpx", "textual", "opentelemetry"),
    )
    ran = subprocess.run(
        [sys.executable, "-c", program.format(unwanted)], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"


async def test_o1_with_it_and_afterwards_nobody_is_told_of_messages() -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Gate)
        cell = ref._cell
        await ref.ask(0)
        before = cell.mailbox.limit, cell.observers.begun, cell.observers.turns, cell.observers.arrivals
        async with Observatory(system, socket=False):
            await ref.ask(1)
            assert (
                cell.mailbox.limit,
                cell.observers.begun,
                cell.observers.turns,
                cell.observers.arrivals,
            ) == before
        async with Observatory(system, socket=False, timing=True):
            await ref.ask(2)
            assert cell.observers.turns
            assert cell.mailbox.limit == before[0]
        await ref.ask(3)
        assert (
            cell.mailbox.limit,
            cell.observers.begun,
            cell.observers.turns,
            cell.observers.arrivals,
        ) == before
        assert system._runtime.turn_clock is None


# -- how it is entered -----------------------------------------------------------------------------


async def test_it_is_entered_inside_of_the_block_and_once() -> None:
    system = ActorSystem()
    with pytest.raises(ActorError, match="not running"):
        async with Observatory(system, socket=False):
            pass
    async with system:
        async with Observatory(system, socket=False):
            with pytest.raises(ActorError, match="already"):
                async with Observatory(system, socket=False):
                    pass
        async with Observatory(system, socket=False) as again:
            assert (await again.overview()).name == "actorio"
            assert (await again.overview()).core == ("compiled" if core_is_compiled else "pure")


@pytest.mark.parametrize("host", ["0.0.0.0", "example.org", "::", "10.0.0.1"])
def test_o11_only_the_loopback_is_a_host(host: str) -> None:
    with pytest.raises(ValueError, match="SSH tunnel"):
        Observatory(ActorSystem(), host=host)


@pytest.mark.parametrize(
    ("page", "error"), [(-1, ValueError), (65536, ValueError), ("8080", TypeError), (True, TypeError)]
)
def test_a_page_is_a_port(page: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="page"):
        Observatory(ActorSystem(), page=page)


async def test_without_doors_it_has_no_address() -> None:
    async with observed() as (_, observatory):
        assert (observatory.url, observatory.port, observatory.token, observatory.socket) == (None,) * 4


async def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [
        name
        for name in sys.modules
        if name.startswith(("actorio.observability.doors", "actorio.observability.app"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    async with ActorSystem() as system:
        with pytest.raises(ImportError, match=r"pip install 'actorio-py\[web\]'"):
            async with Observatory(system, page=0):
                pass
        async with Observatory(system, socket=False):
            pass


# -- O4: exact counters ----------------------------------------------------------------------------


async def test_o4_totals_are_exact_over_restarts_and_ends() -> None:
    async with observed() as (system, observatory):
        keeper = await system.spawn(Keeper)
        child = system.lookup(f"{keeper.path}/child")
        totals = []
        for number in range(3):
            for message in ("one", "fail", "two"):
                await child.send(message)
            await child.ask("three")
            short = await system.spawn(Gate, name=f"short-{number}")
            await short.ask("four")
            await short.send("five")
            short.close()
            await short.join()
            overview = await observatory.overview()
            totals.append(
                (overview.failures, overview.restarts, sum(row.handled for row in overview.classes))
            )
        assert totals == sorted(totals)
        keeper.stop()
        await keeper.join()
        await until(lambda: _is_empty(observatory))
        overview = await observatory.overview()
        rows = {row.cls.rpartition(".")[2]: row for row in overview.classes}
        assert (overview.failures, overview.restarts, overview.actors) == (3, 3, 0)
        assert (rows["Gate"].handled, rows["Gate"].failed, rows["Gate"].restarts) == (15, 3, 3)
        assert rows["Gate"].actors == 0


async def _is_empty(observatory: Observatory) -> bool:
    return (await observatory.overview()).actors == 0


async def test_o4_actors_that_live_between_two_censuses_are_counted() -> None:
    async with observed() as (system, observatory):
        for _ in range(20):
            ref = await system.spawn(Gate)
            await ref.ask(1)
            ref.stop()
            await ref.join()
        await asyncio.sleep(0.05)
        await asyncio.sleep(0.05)
        overview = await until(
            lambda: _with(observatory, lambda seen: seen.classes and seen.classes[0].handled == 20)
        )
        assert overview.classes[0].actors == 0


async def _with(observatory: Observatory, condition: Any) -> Any:
    overview = await observatory.overview()
    return overview if condition(overview) else None


async def test_o4_what_is_made_while_a_census_walks_is_counted_by_it() -> None:
    async with observed() as (system, observatory):
        for _ in range(3000):
            await system.spawn(Gate)
        census = observatory.census
        taking = asyncio.ensure_future(census.take())
        for _ in range(3):
            await asyncio.sleep(0)
        late = [await system.spawn(Gate) for _ in range(50)]
        await taking
        assert all(ref._cell in census.rows for ref in late)
        assert census.classes[next(iter(census.classes))].actors == 3050


async def test_o4_errors_that_are_answers_are_no_failures_of_actors() -> None:
    async with observed() as (system, observatory):
        ref = await system.spawn(Gate)
        with pytest.raises(ValueError, match="told to"):
            await ref.ask("fail")
        overview = await _settled(observatory)
        assert overview.failures == 0
        assert overview.classes[0].failed == 1


async def _settled(observatory: Observatory) -> Any:
    await asyncio.sleep(0.05)
    for _ in range(4):
        await asyncio.sleep(0.05)
    return await observatory.overview()


# -- O9: a hundred thousand actors ---------------------------------------------------------------


class Processor:
    """Processor time that goes by steps: each actor that is read takes 5 microseconds."""

    reads = 0

    def thread_time(self) -> float:
        return self.reads * 5e-6


@pytest.mark.parametrize("deep", [False, True])
async def test_o9_a_census_lets_others_run_after_a_millisecond_at_most(
    deep: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Parent(Actor[Any]):
        async def on_start(self) -> None:
            for _ in range(10):
                await self.context.spawn(Gate)

    async with observed() as (system, observatory):
        for _ in range(200 if deep else 2000):
            await system.spawn(Parent if deep else Gate)
        processor, census = Processor(), observatory.census
        monkeypatch.setattr(pace, "time", processor)
        read = census._read_cells

        def counted(cells: Any, tables: Any) -> None:
            processor.reads += len(cells)
            read(cells, tables)

        monkeypatch.setattr(census, "_read_cells", counted)
        taking = asyncio.ensure_future(census.take())
        passes = [processor.reads]  # an eager task has had its first pass
        while not taking.done():
            before = processor.reads
            await asyncio.sleep(0)
            passes.append(processor.reads - before)
        assert sum(passes) >= 2000
        assert max(passes) * 5e-6 <= 0.001
        assert census.scan_seconds == processor.reads * 5e-6


# -- O8: true waits --------------------------------------------------------------------------------


async def test_o8_a_stuck_actor_is_one_line_with_all_who_wait_for_it() -> None:
    async with observed(stuck_after=0.1) as (system, observatory):
        gate = await system.spawn(Gate, name="gate")
        askers = [
            await system.spawn(Asker, name=f"asker-{number}", mailbox=Mailbox(4)) for number in range(3)
        ]
        last: Any = await system.spawn(Asker, name="last")
        for asker in askers:
            await asker.send([gate])
        await last.send([askers[0]])
        for _ in range(4):
            await askers[1].send([gate])  # full, and behind a stuck one
        line = await until(lambda: _line_with(observatory, "stuck", 4))
        assert (line.path, line.waiters) == ("/gate", 4)
        assert line.behind == gate.statistics().depth + 4 + 1
        assert line.text.startswith("in one turn for")
        assert "4 actors wait for it" in line.text
        overview = await observatory.overview()
        assert [line.kind for line in overview.attention] == ["stuck"]
        culprits = await observatory.waits()
        assert [(one.path, one.waiters, one.direct) for one in culprits] == [("/gate", 4, 3)]
        assert culprits[0].at is not None
        assert culprits[0].at.code == "await self.open.wait()"
        rows = {row.path: row for row in await observatory.top("waiters")}
        assert (rows["/gate"].waiters, rows["/asker-0"].waiters, rows["/last"].waits_for) == (
            4,
            1,
            "/asker-0",
        )
        gate._cell.instance.open.set()
        for ref in (gate, last, *askers):
            ref.kill()


async def _line_with(observatory: Observatory, kind: str, waiters: int) -> Any:
    lines = (await observatory.overview()).attention
    return next((line for line in lines if line.kind == kind and line.waiters == waiters), None)


async def test_o8_who_waits_for_an_actor_is_not_stuck_and_neither_is_an_own_loop_between_messages() -> None:
    class Loop(Actor[Any]):
        async def run(self) -> None:
            await asyncio.Event().wait()

    async with observed(stuck_after=0.05) as (system, observatory):
        await system.spawn(Loop, name="loop")
        gate = await system.spawn(Gate, name="gate")
        asker: Any = await system.spawn(Asker, name="asker")
        await asker.send([gate])
        await seen(observatory, "stuck", "/gate")
        await asyncio.sleep(0.05)
        assert {line.path for line in (await observatory.overview()).attention} == {"/gate"}
        gate._cell.instance.open.set()
        system.lookup("loop").kill()


async def test_o8_those_who_ask_a_pool_wait_for_its_routees() -> None:
    async with observed(stuck_after=0.05) as (system, observatory):
        pool = await system.spawn_pool(Gate, size=1, name="pool")
        asker: Any = await system.spawn(Asker, name="asker")
        await asker.send([pool])
        line = await until(lambda: _line_with(observatory, "stuck", 1))
        assert line.path == pool.routees[0].path
        pool.routees[0]._cell.instance.open.set()


async def test_o8_calls_beside_a_turn_do_not_make_it_look_new() -> None:
    class Beside(Gate):
        @interleave
        async def look(self) -> int:
            return 1

    async with observed(stuck_after=0.3) as (system, observatory):
        ref = await system.spawn(Beside, name="beside")
        await ref.send("wait")

        async def look() -> bool:
            await ref.call(Beside.look)
            return any(line.kind == "stuck" for line in (await observatory.overview()).attention)

        await until(look)
        ref._cell.instance.open.set()


# -- attention -------------------------------------------------------------------------------------


async def test_a_full_mailbox_needs_attention() -> None:
    async with observed() as (system, observatory):
        ref = await system.spawn(Gate, name="full", mailbox=Mailbox(10, overflow=Overflow.FAIL))
        await ref.send("wait")
        for _ in range(8):
            await ref.send("more")
        line = await seen(observatory, "full")
        assert (line.path, line.behind) == ("/full", 8)
        assert "8 of 10" in line.text
        ref._cell.instance.open.set()


async def test_a_loop_of_crashes_needs_attention() -> None:
    async with observed() as (system, observatory):
        keeper = await system.spawn(Keeper)
        child = system.lookup(f"{keeper.path}/child")
        for _ in range(3):
            await child.send("fail")
        line = await seen(observatory, "restarting")
        assert (line.path, line.cls.rpartition(".")[2]) == (child.path, "Gate")


async def test_a_suspended_actor_needs_attention_and_comes_last() -> None:
    async with observed(stuck_after=0.05) as (system, observatory):
        ref = await system.spawn(Gate, name="paused")
        await system.inspect(ref).suspend()
        await ref.send(1)
        gate = await system.spawn(Gate, name="gate")
        await gate.send("wait")
        await seen(observatory, "stuck")
        lines = (await observatory.overview()).attention
        assert [(line.kind, line.path, line.behind) for line in lines] == [
            ("stuck", "/gate", 0),
            ("suspended", "/paused", 1),
        ]
        gate._cell.instance.open.set()


# -- top, failures, letters ------------------------------------------------------------------------


async def test_top_sorts_by_each_key_and_refuses_others() -> None:
    async with observed(timing=True) as (system, observatory):
        one = await system.spawn(Gate, name="one")
        two = await system.spawn(Gate, name="two")
        for _ in range(3):
            await one.ask(1)
        with pytest.raises(ValueError, match="told to"):
            await two.ask("fail")
        await asyncio.sleep(0.05)
        for by, first in (("handled", "/one"), ("failed", "/two"), ("time", None)):
            rows = await until(lambda by=by, first=first: _top(observatory, by, first))  # type: ignore[misc]
            assert len(rows) == 2
        rows = {row.path: row for row in await observatory.top("time")}
        mean, longest = rows["/one"].mean_seconds, rows["/one"].max_seconds
        assert mean is not None
        assert longest is not None
        assert 0 < mean <= longest
        assert len(await observatory.top(limit=1)) == 1
        with pytest.raises(ValueError, match="by must be one of"):
            await observatory.top("beauty")


async def _top(observatory: Observatory, by: str, first: str | None) -> list[ActorRow] | None:
    rows = await observatory.top(by)
    return rows if len(rows) == 2 and (first is None or rows[0].path == first) else None


async def test_top_by_time_needs_timing() -> None:
    async with observed() as (_, observatory):
        with pytest.raises(ValueError, match="timing=True"):
            await observatory.top("time")


async def test_failures_and_letters_are_kept_newest_first() -> None:
    async with observed() as (system, observatory):
        ref = await system.spawn(Gate, name="gate", restart=Restart.TEMPORARY)
        await ref.send("fail")
        await ref.send("lost")
        await ref.join()
        failure = observatory.failures()[0]
        assert (failure.path, failure.error, failure.text, failure.message_type, failure.incarnation) == (
            *("/gate", "ValueError", "it was told to", "str"),
            0,
        )
        assert failure.frames[-1].function == "Gate.receive"
        assert failure.frames[-1].code == 'raise ValueError("it was told to")'
        assert [(letter.path, letter.type, letter.reason) for letter in observatory.letters()] == [
            ("/gate", "str", "stopped")
        ]


async def test_o2_rings_are_bounded() -> None:
    async with observed() as (system, observatory):
        keeper = await system.spawn(Keeper)
        child = system.lookup(f"{keeper.path}/child")
        for _ in range(250):
            await child.send("fail")
        for number in range(250):
            gone = await system.spawn(Gate, name=f"gone-{number}")
            await system.inspect(gone).suspend()
            await gone.send("lost")
            gone.stop()
            await gone.join()
        assert len(observatory.letters()) == 200
        await until(lambda: len(observatory.failures()) == 200)
        assert await until(lambda: _with(observatory, lambda seen: seen.dead_letters == 250))


async def test_turn_seconds_of_an_inspector_are_those_of_the_observatory() -> None:
    async with observed() as (system, observatory):
        gate = await system.spawn(Gate)
        await gate.send("wait")
        inspector = system.inspect(gate)
        assert inspector.info().turn_seconds is None
        await asyncio.sleep(0.05)

        async def known() -> Any:
            await observatory.overview()
            return inspector.info().turn_seconds

        assert await until(known) > 0
        gate._cell.instance.open.set()


# -- O17 -------------------------------------------------------------------------------------------


async def test_o17_an_entry_that_is_cancelled_in_its_first_census_is_cancelled_and_leaves_nothing() -> None:
    async with ActorSystem() as system:
        observatory = Observatory(system, socket=False)
        await observatory._lock.acquire()  # so that the census does not begin
        entering = asyncio.ensure_future(observatory.__aenter__())
        await asyncio.sleep(0)
        entering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await entering
        async with Observatory(system, socket=False) as other:
            assert (await other.overview()).actors == 0


async def test_o17_nothing_is_left() -> None:
    before = set(threading.enumerate())
    tasks = asyncio.all_tasks()
    async with ActorSystem() as system:
        observatory = Observatory(system, page=0, timing=True)
        async with observatory:
            path, port = observatory.socket, observatory.port
            assert path is not None
            assert path.exists()
        assert {
            thread for thread in threading.enumerate() if thread not in before and "actorio" in thread.name
        } == set()
        assert not path.exists()
        assert observatory.url is None
        with pytest.raises(ConnectionError):
            await asyncio.open_connection("127.0.0.1", port)
    assert asyncio.all_tasks() == tasks
