"""O16, replay: a failure of production happens again from its capsule, deterministically; what is missing is named."""

import asyncio
import enum
import json
import random
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from actorio import Actor, ActorRef, ActorSystem, Supervision, Terminated, interleave
from actorio._core.redaction import REDACTED
from actorio.capsule import CapsuleError, IncompleteCapsuleError, read
from actorio.observability import Recorder
from actorio.testing import ReplayDiverged, replay, until
from tests.testing import shop
from tests.testing.shop import Basket, Prices, Sell, Till

Program = Callable[[ActorSystem, Recorder], Awaitable[Any]]


def record(program: Program, folder: Path, **options: Any) -> list[Path]:
    """Run a program of production, and return the capsules that were written."""

    async def main() -> list[Path]:
        often = Supervision(max_restarts=60)  # a capsule is written by a thread: it may fail again meanwhile
        async with ActorSystem("shop", supervision=often) as system:
            async with Recorder(system, folder, **{"every": 0, **options}) as recorder:
                await program(system, recorder)
            return recorder.capsules

    return asyncio.run(main())


async def failing(ref: ActorRef[Any], times: int = 1) -> None:
    await until(lambda: ref.statistics().failed >= times)


# --- the shop -----------------------------------------------------------------------------------------


def day(seed: int) -> Program:
    async def sell(system: ActorSystem, recorder: Recorder) -> None:
        draw = random.Random(seed)
        prices = await system.spawn(Prices, name="prices")
        till = await system.spawn(Till, prices, draw.choice([50, 200, 10**9]), name="till")
        for _ in range(60):
            await _serve(till, draw)
            if recorder.capsules:
                break
        await asyncio.sleep(0.01)

    return sell


async def _serve(till: ActorRef[Till], draw: random.Random) -> None:
    chance, item = draw.random(), draw.choice(["tea", "bread", "unknown", "milk"])
    try:
        if chance < 0.4:
            await till.ask(Sell(item, draw.randrange(3)))
        elif chance < 0.55:
            await till.send(Basket([Sell("tea", draw.randrange(2)) for _ in range(3)]))
        elif chance < 0.7:
            await till.ask("audit")
        elif chance < 0.85:
            await till.call(Till.refund, item, pieces=draw.randrange(2))
        else:
            await asyncio.sleep(0.003)
    except Exception:
        pass


@pytest.fixture
def mend() -> Iterator[Callable[[], None]]:
    yield lambda: setattr(Till, "mended", True)
    Till.mended = False


def _failures(folder: Path, count: int) -> Iterator[Path]:
    seed = found = 0
    while found < count:
        for capsule in record(day(seed), folder / str(seed), keep=8)[: count - found]:
            found += 1
            yield capsule
        seed += 1


@pytest.mark.parametrize("count", [30, pytest.param(200, marks=pytest.mark.long)])
def test_o16_all_failures_of_a_shop_happen_again_at_the_same_line_and_pass_once_mended(
    count: int, tmp_path: Path, mend: Callable[[], None]
) -> None:
    capsules = list(_failures(tmp_path, count))
    begins = [read(capsule)["begins"] for capsule in capsules]
    assert set(begins) == {"start", "checkpoint"}
    for capsule in capsules:
        again = replay(capsule, types=[shop])
        assert again.reproduced, (capsule, again.error, again.expected)
        assert again.diverged is None
        with pytest.raises(type(again.error)):  # type: ignore[arg-type]
            again.unwrap()
    mend()
    for capsule in capsules:
        mended = replay(capsule, types=[shop])
        assert (mended.error, mended.reproduced) == (None, False)
        mended.unwrap()


def test_o16_a_replay_is_deterministic(tmp_path: Path) -> None:
    (capsule,) = _failures(tmp_path, 1)
    one, other = replay(capsule, types=[shop]), replay(read(capsule), types=[shop])
    assert one.result.digest == other.result.digest
    assert one.story == other.story
    assert any("/till" in line and "ZeroDivisionError" in line for line in one.story)


# --- ways to fail -------------------------------------------------------------------------------------


class Colour(enum.Enum):
    RED = "red"


@dataclass(frozen=True)
class Login:
    user: str
    password: str


@dataclass
class Cart:
    items: list[str] = field(default_factory=list)
    colour: Colour = Colour.RED


class Echo(Actor[Any]):
    async def receive(self, message: Any) -> Any:
        if message == "bad":
            raise LookupError("not here")
        return message


class Sink(Actor[Any]):
    """Fails in as many ways as there are inputs."""

    reply_errors = (LookupError,)

    def __init__(self, *others: ActorRef[Any]) -> None:
        self.others = others
        self.seen: list[Any] = []
        self.me = self
        self.timer: Any = None
        self.started = 0

    async def on_start(self) -> None:
        self.started = len(self.seen) + 1

    async def receive(self, message: Any) -> Any:
        self.seen.append(message)
        if message == "boom" or isinstance(message, Cart):
            raise ValueError(f"boom after {len(self.seen)}: {self.started} {self.me is self}")
        if message == "answer":
            raise LookupError("an answer")
        if message == "sleep":
            await asyncio.sleep(0.02)
            raise ValueError(f"slept after {len(self.seen)}")
        self.use_context(message)
        return await self.use_others(message)

    def use_context(self, message: Any) -> None:
        match message:
            case "timer":
                self.timer = self.context.send_after(0.001, "boom")
            case "pipe":
                self.context.pipe(asyncio.sleep(0, "boom"))
            case "source":
                self.context.add_source(self.items())
            case "watch":
                self.context.watch(self.others[0])
            case "stash" if self.seen.count(message) < 2:
                self.context.stash(message)
            case "unstash":
                self.context.unstash_all()

    async def use_others(self, message: Any) -> Any:
        match message:
            case "ask":
                return await self.others[0].ask(Cart(["tea"]))
            case "ask badly":
                return await self.others[0].ask("bad")
            case "call":
                return await self.others[0].call(Echo.receive, 1)
            case "self":
                await self.context.ref.send("boom")
        return None

    async def items(self) -> Any:
        yield "item"
        yield "boom"

    def fail(self, amount: int, *, why: str) -> None:
        raise ValueError(f"{why} {amount}")

    @interleave
    async def beside(self, number: int) -> None:
        await asyncio.sleep(0)
        raise ValueError(f"beside {number}")

    async def on_terminated(self, event: Terminated) -> None:
        raise ValueError(f"{event.ref.path} has ended: {event.reason}")


def explode() -> None:
    raise ValueError("submitted")


TYPES = [Sink, Echo, Cart, Colour, Login, explode]


async def _sink(system: ActorSystem) -> ActorRef[Sink]:
    return await system.spawn(Sink, await system.spawn(Echo, name="echo"), name="sink")


def _sends(*messages: Any) -> Program:
    async def program(system: ActorSystem, recorder: Recorder) -> None:
        ref = await _sink(system)
        for message in messages:
            await ref.send(message)
        await failing(ref)

    return program


async def _asks(system: ActorSystem, recorder: Recorder) -> None:
    ref = await _sink(system)
    with pytest.raises(ValueError, match="boom"):
        await ref.ask("boom")


async def _calls(system: ActorSystem, recorder: Recorder) -> None:
    ref = await _sink(system)
    with pytest.raises(ValueError, match="much"):
        await ref.call(Sink.fail, 3, why="much")


async def _casts(system: ActorSystem, recorder: Recorder) -> None:
    ref = await _sink(system)
    await ref.cast(Sink.fail, 3, why="much")
    await failing(ref)


async def _submits(system: ActorSystem, recorder: Recorder) -> None:
    ref = await _sink(system)
    with pytest.raises(ValueError, match="submitted"):
        await ref.submit(explode)


async def _submits_a_method(system: ActorSystem, recorder: Recorder) -> None:
    ref = await _sink(system)
    with pytest.raises(ValueError, match="own 1"):
        await ref.submit(ref._cell.instance.fail, 1, why="own")


async def _interleaves(system: ActorSystem, recorder: Recorder) -> None:
    ref = await _sink(system)
    with pytest.raises(ValueError, match="beside"):
        await ref.call(Sink.beside, 7)
    await failing(ref)


async def _watches(system: ActorSystem, recorder: Recorder) -> None:
    ref = await _sink(system)
    await ref.ask("watch")
    system.lookup("echo").stop()
    await failing(ref)


async def _fails_again(system: ActorSystem, recorder: Recorder) -> None:
    ref = await _sink(system)
    await ref.send("boom")
    await failing(ref)
    await ref.send("before")
    await ref.send("boom")
    await failing(ref, 2)


WAYS: dict[str, Program] = {
    "send": _sends(1, "boom"),
    "a mutable message": _sends(Cart(["tea"])),
    "ask": _asks,
    "call": _calls,
    "cast": _casts,
    "submit": _submits,
    "submit of its own method": _submits_a_method,
    "interleaved call": _interleaves,
    "timer": _sends("timer"),
    "pipe": _sends("pipe"),
    "source": _sends("source"),
    "notice": _watches,
    "to itself": _sends("self"),
    "after a sleep": _sends(1, "sleep"),
    "after an answer": _sends("ask", "boom"),
    "after a call": _sends("call", "boom"),
    "the answer is an error that fails": _sends("ask badly"),
    "out of the stash": _sends("stash", 1, "unstash", "boom"),
    "a second incarnation": _fails_again,
}


@pytest.mark.parametrize("keep", [1, 64])
@pytest.mark.parametrize("way", WAYS)
def test_o16_it_happens_again_whatever_has_failed(way: str, keep: int, tmp_path: Path) -> None:
    capsules = record(WAYS[way], tmp_path, keep=keep)
    assert len(capsules) == 1 + (way == "a second incarnation")
    for capsule in capsules:
        again = replay(capsule, types=TYPES)
        assert again.reproduced, (again.error, again.expected, again.story)
        assert str(again.error) == again.expected.text  # type: ignore[union-attr]


def test_o16_an_error_that_was_an_answer_happens_again(tmp_path: Path) -> None:
    async def program(system: ActorSystem, recorder: Recorder) -> None:
        ref = await _sink(system)
        with pytest.raises(LookupError):
            await ref.ask("answer")
        with pytest.raises(LookupError):
            await ref.ask("ask badly")

    capsules = record(program, tmp_path, on="errors")
    assert [read(capsule)["reason"] for capsule in capsules] == ["answered"] * 3
    for capsule in capsules[::2]:
        assert replay(capsule, types=TYPES).reproduced
    assert record(program, tmp_path / "failures") == []


def test_o16_the_line_is_told_by_its_text_and_its_function(tmp_path: Path) -> None:
    (capsule,) = record(_sends("boom"), tmp_path)
    content = read(capsule)
    for frame in content["error"]["frames"]:
        frame["line"] += 100
    assert replay(content, types=TYPES).reproduced
    assert str(replay(content, types=TYPES).expected).startswith("ValueError at test_replaying.py:")
    content["error"]["frames"][-1]["code"] = "raise ValueError"
    assert not replay(content, types=TYPES).reproduced


def test_o16_types_may_be_found_by_their_own_names_and_no_others_are_made(tmp_path: Path) -> None:
    (capsule,) = record(_sends(Cart(["tea"])), tmp_path)
    with pytest.raises(IncompleteCapsuleError) as raised:
        replay(capsule)
    assert raised.value.missing == ["factory", "inputs[0].message", "inputs[0].message.colour"]
    assert f"{__name__}.Cart" in str(raised.value)
    moved = json.loads(capsule.read_text().replace(f'"{__name__}.', '"__elsewhere__.'))
    assert replay(moved, types=TYPES).reproduced


def test_o16_a_redacted_value_counts_as_missing_only_where_the_run_needs_it(tmp_path: Path) -> None:
    class Gate(Actor[Any]):
        def receive(self, message: Any) -> None:
            if isinstance(message, Login):
                self.login = message
            elif message == "check":
                raise ValueError(self.login.password + "!")
            else:
                raise ValueError(self.login.user)

    def program(last: str) -> Program:
        async def send(system: ActorSystem, recorder: Recorder) -> None:
            ref = await system.spawn(Gate, name="gate")
            await ref.send(Login("ada", "canary"))
            await ref.send(last)
            await failing(ref)

        return send

    (untouched,) = record(program("other"), tmp_path / "1")
    (touched,) = record(program("check"), tmp_path / "2")
    assert read(touched)["missing"].count("inputs[0].message.password") == 1
    assert "canary" not in untouched.read_text()
    assert replay(untouched, types=[Gate, Login]).reproduced
    with pytest.raises(IncompleteCapsuleError) as raised:
        replay(touched, types=[Gate, Login])
    assert raised.value.missing == ["inputs[0].message.password"]
    given = {"inputs[0].message.password": "secret"}
    assert replay(touched, types=[Gate, Login], provide=given).reproduced
    assert repr(REDACTED) == "<redacted>"


def test_o16_what_is_opaque_is_named_and_may_be_provided(tmp_path: Path) -> None:
    class Holds(Actor[Any]):
        def __init__(self, lock: Any) -> None:
            self.lock = lock

        def receive(self, message: Any) -> None:
            raise ValueError(type(self.lock).__name__)

    async def program(system: ActorSystem, recorder: Recorder) -> None:
        ref = await system.spawn(Holds, asyncio.Lock(), name="holds")
        await ref.send(1)
        await failing(ref)

    (capsule,) = record(program, tmp_path)
    with pytest.raises(IncompleteCapsuleError) as raised:
        replay(capsule, types=[Holds])
    assert raised.value.missing == ["args[0]"]
    again = replay(capsule, types=[Holds], provide={"args[0]": 3})
    assert (again.reproduced, str(again.error)) == (True, "int")


def test_o16_an_ask_that_production_did_not_make_has_diverged_unless_there_is_an_answer(
    tmp_path: Path,
) -> None:
    (capsule,) = record(_sends("ask", "boom"), tmp_path)
    content = read(capsule)
    content["inputs"] = [one for one in content["inputs"] if one["kind"] != "answer"]
    again = replay(content, types=TYPES)
    assert isinstance(again.error, ReplayDiverged)
    assert (again.diverged, again.reproduced) == (again.error, False)
    assert "/echo" in str(again.error)
    assert replay(content, types=TYPES, answers={"/echo": lambda message: message}).reproduced
    content["inputs"] = content["inputs"][:1]
    assert replay(content, types=TYPES).diverged is not None


def test_o16_nowhere_is_told_with_its_reason(tmp_path: Path) -> None:
    class Own(Actor[Any]):
        async def run(self) -> None:
            while True:
                if await self.recv() is None:
                    raise ValueError("none")

    def program(count: int) -> Program:
        async def send(system: ActorSystem, recorder: Recorder) -> None:
            ref = await system.spawn(Own, name="own")
            for number in range(count):
                await ref.send(number)
            await ref.send(None)
            await failing(ref)

        return send

    (few,) = record(program(5), tmp_path / "few", keep=4)
    assert replay(few, types=[Own]).reproduced
    (many,) = record(program(100), tmp_path / "many", keep=4)
    assert read(many)["begins"].startswith("nowhere: ")
    with pytest.raises(IncompleteCapsuleError, match="nowhere"):
        replay(many, types=[Own])


def test_what_is_no_capsule_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CapsuleError):
        replay({"no": "capsule"})
    with pytest.raises(CapsuleError, match="format 2"):
        replay({"capsule": 2})
    with pytest.raises(TypeError, match="types"):
        replay(record(_sends("boom"), tmp_path)[0], types=["Sink"])


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_o16_a_capsule_that_another_python_has_written_happens_again(
    python: str, mend: Callable[[], None]
) -> None:
    capsule = Path(__file__).parent / "capsules" / f"python-{python}.capsule.json"
    content = read(capsule)
    assert content["python"].startswith(python)
    assert content["begins"] == "checkpoint"
    assert replay(capsule, types=[shop]).reproduced
    mend()
    assert replay(capsule, types=[shop]).error is None
