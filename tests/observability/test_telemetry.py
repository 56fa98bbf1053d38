"""O13, one trace: the sender's OpenTelemetry context is current in the handler; spans and metrics, by the real SDK."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from opentelemetry import baggage, context, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode

from actorio import (
    Actor,
    ActorError,
    ActorRef,
    ActorSystem,
    Directive,
    Mailbox,
    Supervision,
    Worker,
    interleave,
)
from actorio.observability import Observatory, Recorder, Telemetry
from actorio.testing import until


class Tracing(NamedTuple):
    provider: TracerProvider
    exporter: InMemorySpanExporter
    tracer: trace.Tracer

    def spans(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.exporter.get_finished_spans() if span.name == name]

    def span(self, name: str) -> ReadableSpan:
        (span,) = self.spans(name)
        return span


@pytest.fixture
def tracing() -> Tracing:
    provider, exporter = TracerProvider(shutdown_on_exit=False), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Tracing(provider, exporter, provider.get_tracer("tests"))


def trace_id() -> int:
    return trace.get_current_span().get_span_context().trace_id


class Hit(Exception):
    pass


class Sees(Actor[Any]):
    """Notes in which trace its code runs."""

    def __init__(self, seen: list[int]) -> None:
        self.seen = seen

    async def receive(self, message: Any) -> Any:
        await asyncio.sleep(0)
        self.seen.append(trace_id())
        if message == "timer":
            self.context.send_after(0, "tick")
        elif message == "pipe":
            self.context.pipe(asyncio.sleep(0, "piped"))
        elif message == "start_soon":
            self.context.start_soon(self.note)
        elif message == "source":
            self.context.add_source(self.items())
        elif message == "self":
            await self.context.ref.send("to itself")
        elif message == "stash":
            self.context.stash(message)
        elif message == "unstash":
            self.context.unstash_all()

    async def note(self) -> None:
        await asyncio.sleep(0)
        self.seen.append(trace_id())

    def plain(self) -> None:
        self.seen.append(trace_id())

    @interleave
    async def beside(self) -> None:
        await asyncio.sleep(0)
        self.seen.append(trace_id())

    async def items(self) -> AsyncIterator[str]:
        self.seen.append(trace_id())
        yield "item"

    async def replies(self) -> AsyncIterator[int]:
        self.seen.append(trace_id())
        yield 1


class Asks(Actor[Any]):
    def __init__(self, other: ActorRef[Sees]) -> None:
        self.other = other

    async def receive(self, message: Any) -> None:
        if message == "ask":
            await self.other.ask(message)
        else:
            await self.other.send(message)


Way = Callable[[ActorSystem, ActorRef[Sees], list[int]], Awaitable[object]]


async def _in_thread(work: Callable[[], Any]) -> None:
    """Call it in a thread that has the contextvars of here."""
    await asyncio.to_thread(work)


async def _stream(ref: ActorRef[Sees]) -> None:
    async with ref.stream(Sees.replies) as replies:
        async for _ in replies:
            pass


async def _pool(system: ActorSystem, seen: list[int]) -> None:
    pool = await system.spawn_pool(Sees, seen, size=2)
    await pool.ask(1)


async def _map(system: ActorSystem, seen: list[int]) -> None:
    pool = await system.spawn_pool(Worker, "loop", size=2)
    await pool.submit(lambda: seen.append(trace_id()))


async def _through(system: ActorSystem, ref: ActorRef[Sees], message: str) -> None:
    between = await system.spawn(Asks, ref)
    await between.ask(message)


async def _full(system: ActorSystem, seen: list[int]) -> None:
    small = await system.spawn(Sees, seen, mailbox=Mailbox(1))
    await asyncio.gather(*(small.send(number) for number in range(3)))


async def _worker(system: ActorSystem, kind: str, seen: list[int]) -> None:
    worker = await system.spawn(Worker, kind)
    await worker.submit(lambda: seen.append(trace_id()))


async def _submitted_coroutine(ref: ActorRef[Sees], seen: list[int]) -> None:
    async def work() -> None:
        await asyncio.sleep(0)
        seen.append(trace_id())

    await ref.submit(work)


WAYS: dict[str, Way] = {
    "send": lambda _, ref, seen: ref.send(1),
    "send_nowait": lambda _, ref, seen: asyncio.sleep(0, ref.send_nowait(1)),  # type: ignore[func-returns-value]
    "ask": lambda _, ref, seen: ref.ask(1),
    "ask with a timeout": lambda _, ref, seen: ref.ask(1, timeout=10),
    "call": lambda _, ref, seen: ref.call(Sees.note),
    "call of a plain method": lambda _, ref, seen: ref.call(Sees.plain),
    "cast": lambda _, ref, seen: ref.cast(Sees.note),
    "submit": lambda _, ref, seen: ref.submit(lambda: seen.append(trace_id())),
    "submit of a coroutine function": lambda _, ref, seen: _submitted_coroutine(ref, seen),
    "submit to a worker on the loop": lambda system, _, seen: _worker(system, "loop", seen),
    "submit to a worker's thread": lambda system, _, seen: _worker(system, "thread", seen),
    "stream": lambda _, ref, seen: _stream(ref),
    "pool": lambda system, _, seen: _pool(system, seen),
    "pool of workers": lambda system, _, seen: _map(system, seen),
    "pipe": lambda _, ref, seen: ref.send("pipe"),
    "start_soon": lambda _, ref, seen: ref.send("start_soon"),
    "a source's own code": lambda _, ref, seen: ref.send("source"),
    "to itself": lambda _, ref, seen: ref.send("self"),
    "interleaved call": lambda _, ref, seen: ref.call(Sees.beside),
    "interleaved cast": lambda _, ref, seen: ref.cast(Sees.beside),
    "send_threadsafe": lambda _, ref, seen: _in_thread(lambda: ref.send_threadsafe(1)),
    "submit_threadsafe": lambda _, ref, seen: _in_thread(
        lambda: ref.submit_threadsafe(lambda: seen.append(trace_id())).result(10)
    ),
    "ask through another": lambda system, ref, seen: _through(system, ref, "ask"),
    "send through another": lambda system, ref, seen: _through(system, ref, "send"),
    "a mailbox that is full": lambda system, _, seen: _full(system, seen),
}


@pytest.mark.parametrize("roots", [False, True], ids=["", "roots"])
@pytest.mark.parametrize("way", WAYS)
async def test_o13_the_senders_trace_is_current_in_the_handler(
    way: str, roots: bool, tracing: Tracing
) -> None:
    seen: list[int] = []
    async with (
        ActorSystem() as system,
        Telemetry(system, tracer_provider=tracing.provider, metrics=False, roots=roots),
    ):
        ref = await system.spawn(Sees, seen, name="sees")
        with tracing.tracer.start_as_current_span("client") as client:
            await WAYS[way](system, ref, seen)
        brings = way in ("pipe", "start_soon", "a source's own code", "to itself")
        await until(lambda: len(seen) > brings + (way == "a source's own code"))
        await ref.ask("the last one")
    wanted = client.get_span_context().trace_id
    turns = [span for span in tracing.exporter.get_finished_spans() if span.name != "client"]
    own = [span for span in turns if span.context is not None and span.context.trace_id == wanted]
    assert own
    assert all(span.parent is not None for span in own)
    linked = [span.context.trace_id for span in turns if span.links and span.context is not None]
    assert linked if way == "a source's own code" else not linked
    assert wanted in seen
    assert set(seen[:-1]) == {wanted, *linked}
    assert bool(seen[-1]) is roots, "the last ask belongs to no trace"
    assert len(turns) == len(own) + len(linked) + roots


async def test_o13_a_span_has_the_names_of_the_contract(tracing: Tracing) -> None:
    seen: list[int] = []
    async with (
        ActorSystem("shop") as system,
        Telemetry(system, tracer_provider=tracing.provider, metrics=False),
    ):
        ref = await system.spawn(Sees, seen, name="sees")
        with tracing.tracer.start_as_current_span("client") as client:
            await ref.ask(Hit("canary"))
            await ref.call(Sees.plain)
        await ref.ask("untraced")
    span, call = tracing.span("Sees Hit"), tracing.span("Sees plain")
    assert (span.kind, span.status.status_code) == (SpanKind.CONSUMER, StatusCode.UNSET)
    assert span.parent == call.parent == client.get_span_context()
    assert dict(span.attributes or {}) == {
        "messaging.system": "actorio",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "/sees",
        "actorio.system": "shop",
        "actorio.actor.class": f"{__name__}.Sees",
        "actorio.actor.incarnation": 0,
        "actorio.message.kind": "ask",
        "actorio.message.type": "Hit",
        "actorio.mailbox.depth": 0,
    }
    assert (call.attributes or {})["actorio.message.kind"] == "call"
    assert (call.attributes or {})["actorio.message.type"] == "Sees.plain"
    assert len(tracing.exporter.get_finished_spans()) == 3, "the last ask belongs to no trace"
    assert "canary" not in str([span.to_json() for span in tracing.exporter.get_finished_spans()])


async def test_o13_baggage_comes_along(tracing: Tracing) -> None:
    class Carries(Actor[Any]):
        def receive(self, message: Any) -> Any:
            return baggage.get_baggage("customer")

    async with ActorSystem() as system, Telemetry(system, tracer_provider=tracing.provider, metrics=False):
        ref = await system.spawn(Carries)
        with tracing.tracer.start_as_current_span("client"):
            token = context.attach(baggage.set_baggage("customer", "42"))
            assert await ref.ask(1) == "42"
            context.detach(token)


async def test_o13_a_tick_and_an_item_begin_a_trace_with_a_link_to_who_set_them(tracing: Tracing) -> None:
    seen: list[int] = []
    async with ActorSystem() as system, Telemetry(system, tracer_provider=tracing.provider, metrics=False):
        ref = await system.spawn(Sees, seen)
        with tracing.tracer.start_as_current_span("client") as client:
            await ref.ask("timer")
            await ref.ask("source")
        await until(lambda: len(seen) == 5)
        await ref.ask(None)
    ids = client.get_span_context().trace_id
    linked = [span for span in tracing.exporter.get_finished_spans() if span.links]
    assert sorted((span.attributes or {})["actorio.message.kind"] for span in linked) == ["item", "tick"]  # type: ignore[type-var]
    for span in linked:
        assert span.parent is None
        assert span.context is not None
        assert span.context.trace_id != ids
        assert [link.context.trace_id for link in span.links] == [ids]
        assert span.context.trace_id in seen


async def test_o13_the_256th_send_in_a_row_begins_a_trace(tracing: Tracing) -> None:
    class Passes(Actor[Any]):
        async def receive(self, message: Any) -> None:
            if message:
                await self.context.ref.send(message - 1)

    async with ActorSystem() as system, Telemetry(system, tracer_provider=tracing.provider, metrics=False):
        ref = await system.spawn(Passes)
        with tracing.tracer.start_as_current_span("client") as client:
            await ref.send(599)
        await until(lambda: ref.statistics().handled == 600)
    spans = tracing.spans(f"{Passes.__qualname__} int")
    split = [number for number, span in enumerate(spans, 1) if span.links]
    assert (len(spans), split) == (600, [256, 512])
    assert all((spans[number - 1].attributes or {})["actorio.trace.split"] is True for number in split)
    traces = [span.context.trace_id for span in spans if span.context is not None]
    assert len(set(traces)) == 3
    assert traces[:255] == [client.get_span_context().trace_id] * 255


async def test_o13_what_is_not_sampled_has_no_span_and_keeps_its_trace() -> None:
    provider, exporter = TracerProvider(ALWAYS_OFF, shutdown_on_exit=False), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    seen: list[int] = []
    async with (
        ActorSystem() as system,
        Telemetry(system, tracer_provider=provider, metrics=False, roots=True),
    ):
        ref = await system.spawn(Sees, seen)
        with provider.get_tracer("tests").start_as_current_span("client") as client:
            await ref.ask(1)
    assert (exporter.get_finished_spans(), seen) == ((), [client.get_span_context().trace_id])


@pytest.mark.parametrize("where", ["on_start", "on_end"])
async def test_o3_a_processor_of_spans_that_raises_harms_no_turn(
    where: str, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(SpanProcessor):
        def on_start(self, span: Any, parent_context: Any = None) -> None:
            self.fail("on_start", span)

        def on_end(self, span: Any) -> None:
            self.fail("on_end", span)

        def fail(self, now: str, span: Any) -> None:
            if now == where and "Plain" in span.name:
                raise RuntimeError("broken")

    class Plain(Actor[int]):
        async def receive(self, message: int) -> int:
            return message

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Broken())
    async with ActorSystem() as system, Telemetry(system, tracer_provider=provider, metrics=False):
        ref = await system.spawn(Plain)
        with provider.get_tracer("test").start_as_current_span("asks"):
            async with asyncio.timeout(10):
                assert [await ref.ask(number) for number in range(3)] == [0, 1, 2]
    told = [record for record in caplog.records if "a span could not be" in record.getMessage()]
    assert len(told) == 1


class Fails(Actor[Any]):
    reply_errors = (KeyError,)

    async def receive(self, message: Any) -> Any:
        if message == "wait":
            await asyncio.Event().wait()
        raise message

    @interleave
    async def beside(self, error: Exception) -> None:
        await asyncio.sleep(0)
        raise error


async def test_o13_the_span_of_a_failure_after_which_the_actor_goes_on_ends_with_its_turn(
    tracing: Tracing,
) -> None:
    class Fails(Actor[Any]):
        async def receive(self, message: Any) -> None:
            if message == "fail":
                raise Hit

    resume = Supervision(decide={Hit: Directive.RESUME})
    async with ActorSystem(supervision=resume) as system, Telemetry(system, tracer_provider=tracing.provider):
        ref = await system.spawn(Fails)
        with tracing.tracer.start_as_current_span("outer"):
            for message in ("fail", "next"):
                await ref.send(message)
        await until(lambda: ref.statistics().handled == 1)
        failed, following = [span for span in tracing.exporter.get_finished_spans() if span.name != "outer"]
        assert (failed.status.status_code, following.status.status_code) == (
            StatusCode.ERROR,
            StatusCode.UNSET,
        )


@pytest.mark.parametrize("way", ["send", "ask", "answer", "call", "cast"])
async def test_o13_a_failure_and_an_error_as_answer_are_an_error_of_the_span(
    way: str, tracing: Tracing
) -> None:
    error = KeyError("gone") if way in ("answer", "call") else Hit("gone")
    async with ActorSystem() as system, Telemetry(system, tracer_provider=tracing.provider, metrics=False):
        ref = await system.spawn(Fails)
        with tracing.tracer.start_as_current_span("client"):
            if way == "send":
                await ref.send(error)
            elif way == "cast":
                await ref.cast(Fails.beside, error)
            else:
                asked = ref.call(Fails.beside, error) if way == "call" else ref.ask(error)
                with pytest.raises(type(error)):
                    await asked
        await until(lambda: ref.statistics().failed)
    (span,) = (span for span in tracing.exporter.get_finished_spans() if span.name != "client")
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == (
        "KeyError" if isinstance(error, KeyError) else f"{__name__}.Hit"
    )
    assert [event.name for event in span.events] == ["exception"]


async def test_o13_a_kill_is_an_error_of_the_span(tracing: Tracing) -> None:
    async with ActorSystem() as system, Telemetry(system, tracer_provider=tracing.provider, metrics=False):
        ref = await system.spawn(Fails)
        with tracing.tracer.start_as_current_span("client"):
            await ref.send("wait")
        await until(lambda: ref._cell.message == "wait")
        ref.kill()
        await ref.join()
    span = tracing.span("Fails str")
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "killed"


async def test_o17_after_the_block_nothing_is_told_and_open_spans_have_ended(tracing: Tracing) -> None:
    async with ActorSystem() as system:
        ref = await system.spawn(Fails)
        async with Telemetry(system, tracer_provider=tracing.provider):
            with tracing.tracer.start_as_current_span("client"):
                await ref.send("wait")
            await until(lambda: ref._cell.message == "wait")
        assert len(tracing.spans("Fails str")) == 1
        assert not system._runtime.observers.turns
        ref.kill()


async def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(TypeError):
        Telemetry("system")  # type: ignore[arg-type]
    system = ActorSystem()

    with pytest.raises(ActorError, match="not running"):
        async with Telemetry(system):
            pass


# --- metrics ------------------------------------------------------------------------------------------


Points = dict[str, dict[tuple[tuple[str, object], ...], Any]]


def points_of(reader: InMemoryMetricReader) -> Points:
    data = reader.get_metrics_data()
    found: Points = {}
    for resource in () if data is None else data.resource_metrics:
        for scope in resource.scope_metrics:
            assert scope.scope.name == "actorio"
            for metric in scope.metrics:
                found[metric.name] = {
                    tuple(sorted((point.attributes or {}).items())): point
                    for point in metric.data.data_points
                }
    return found


def values(points: Points, name: str, **labels: object) -> list[Any]:
    wanted = {key.replace("_", "."): value for key, value in labels.items()}.items()
    return [point.value for key, point in points.get(name, {}).items() if wanted <= dict(key).items()]


@pytest.mark.parametrize("from_thread", [False, True], ids=["on the loop", "from a thread"])
async def test_o4_metrics_are_exact_whenever_they_are_collected(from_thread: bool) -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)

    async def collect() -> Points:
        return await asyncio.to_thread(points_of, reader) if from_thread else points_of(reader)

    cls = f"{__name__}.Fails"
    async with ActorSystem("shop") as system, Telemetry(system, meter_provider=provider, spans=False):
        refs = [await system.spawn(Fails, mailbox=Mailbox(1)) for _ in range(3)]
        for ref in refs:
            with pytest.raises(KeyError):
                await ref.ask(KeyError())
        await refs[0].send("wait")
        await until(lambda: refs[0]._cell.message == "wait")
        waiting = [asyncio.ensure_future(refs[0].send(number)) for number in range(3)]
        await refs[1].send(Hit())
        await until(lambda: refs[1].statistics().restarts)
        refs[2].stop()
        await refs[2].join()
        refs[2].send("too late")
        points = await collect()
        for sending in waiting:
            sending.cancel()
        refs[0].kill()
    label = {"actorio_system": "shop", "actorio_actor_class": cls}
    assert values(points, "actorio.actors", **label) == [2]
    assert values(points, "actorio.messages.handled", **label) == [3]
    assert values(points, "actorio.actor.failures", **label) == [4]
    assert values(points, "actorio.actor.restarts", **label) == [1]
    assert values(points, "actorio.mailbox.depth", **label) == [1]
    assert values(points, "actorio.mailbox.deepest", **label) == [1]
    assert values(points, "actorio.mailbox.senders", **label) == [2]
    assert values(points, "actorio.actors.stuck", **label) == [0]
    assert values(points, "actorio.dead_letters", actorio_system="shop", actorio_reason="unsent") == [1]
    assert len(values(points, "actorio.loop.lag", actorio_system="shop")) == 1
    assert values(points, "actorio.loop.blocked", actorio_system="shop") == [0]
    assert "path" not in str(points)
    assert "/Fails" not in str(points)
    after = points_of(reader)
    assert values(after, "actorio.messages.handled", **label)[0] >= 3, "totals outlive the block"


async def test_one_turn_in_64_is_timed() -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    async with (
        ActorSystem() as system,
        Telemetry(system, meter_provider=provider, spans=False, timing=True),
    ):
        ref = await system.spawn(Fails)
        for _ in range(64):
            with pytest.raises(KeyError):
                await ref.ask(KeyError())
    ((key, point),) = points_of(reader)["actorio.turn.duration"].items()
    assert dict(key)["actorio.message.kind"] == "ask"
    assert dict(key)["error.type"] == "KeyError"
    assert (point.count, point.explicit_bounds[:4], point.explicit_bounds[-1]) == (
        1,
        (0.0001, 0.00025, 0.0005, 0.001),
        100.0,
    )


async def test_o3_what_looks_has_no_timer_among_those_of_the_system(tmp_path: Path) -> None:
    async with (
        ActorSystem() as system,
        Telemetry(system, meter_provider=MeterProvider(shutdown_on_exit=False), timing=True),
        Observatory(system, socket=False, timing=True),
        Recorder(system, tmp_path),
    ):
        await system.spawn(Fails)
        assert len(system._runtime.timers) == 0


async def test_o2_two_hundred_classes_have_rows_of_their_own_and_the_rest_is_others() -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    async with ActorSystem() as system, Telemetry(system, meter_provider=provider, spans=False):
        for number in range(205):
            await system.spawn(type(f"Kind{number}", (Fails,), {}))
        points = await asyncio.to_thread(points_of, reader)
    assert len(points["actorio.messages.handled"]) == 201
    assert values(points, "actorio.actors", actorio_actor_class="(others)") == [5]


async def test_o10_a_span_of_a_failure_does_not_quote_a_secret(tracing: Tracing) -> None:
    class Quotes(Actor[Any]):
        def __init__(self, token: str) -> None:
            self.token = token

        def receive(self, message: Any) -> None:
            raise ValueError(f"{self.token} of ada")

    async with (
        ActorSystem() as system,
        Telemetry(system, tracer_provider=tracing.provider, metrics=False),
    ):
        ref = await system.spawn(Quotes, "canary")
        with tracing.tracer.start_as_current_span("client"):
            await ref.send(1)
            with pytest.raises(ValueError, match="canary"):
                await ref.ask(1)
    spans = [span for span in tracing.exporter.get_finished_spans() if span.name.endswith("int")]
    assert [span.status.status_code for span in spans] == [StatusCode.ERROR] * 2
    for span in spans:
        (event,) = span.events
        assert event.attributes is not None
        assert event.attributes["exception.message"] == "<redacted> of ada"
        assert "canary" not in span.to_json()


async def test_o17_an_end_that_is_cancelled_leaves_no_timer() -> None:
    async with ActorSystem() as system:
        telemetry = Telemetry(system, spans=False)
        await telemetry.__aenter__()
        metrics: Any = telemetry._metrics

        async def cancelled() -> None:
            raise asyncio.CancelledError

        assert len(metrics._pulse._timers) == 1
        metrics._look = cancelled
        with pytest.raises(asyncio.CancelledError):
            await telemetry.__aexit__(None, None, None)
        assert len(metrics._pulse._timers) == 0
