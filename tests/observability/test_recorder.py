"""O15, the flight recorder: what it keeps, when it writes, and that nobody is held up or told a secret."""

import asyncio
import datetime
import gc
import json
import logging
import stat
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from actorio import Actor, ActorError, ActorRef, ActorSystem, Mailbox, NameNotFoundError, interleave
from actorio._core.redaction import REDACTED
from actorio.capsule import encoding, read
from actorio.observability import Observatory, Recorder, capsules
from actorio.persistence import EventSourced, MemoryStore
from actorio.testing import until


@dataclass(frozen=True)
class Login:
    user: str
    password: str = "canary-in-a-message"


class Till(Actor[Any]):
    reply_errors = (LookupError,)

    def __init__(self, token: str = "canary-in-an-argument", other: ActorRef[Any] | None = None) -> None:
        self.token = token
        self.other = other
        self.seen = 0

    async def receive(self, message: Any) -> Any:
        self.seen += 1
        if message == "ask" and self.other is not None:
            return await self.other.ask(Login("ada"))
        if message == "fail":
            raise ValueError("it was told to")
        if message == "fail elsewhere":
            raise ValueError("it was told to")
        if message == "type":
            raise TypeError("it was told to")
        if message == "answer":
            raise LookupError("an answer")
        return Login("bob")

    def login(self, user: str, secret: str) -> None:
        pass


async def fails(ref: ActorRef[Any], message: Any = "fail") -> None:
    before = ref.statistics().failed
    await ref.send(message)
    await until(lambda: ref.statistics().failed > before)


async def written(recorder: Recorder, count: int = 1) -> list[Path]:
    await until(lambda: len(recorder.capsules) >= count)
    return recorder.capsules


async def test_o15_a_failure_writes_a_file_that_its_user_alone_can_read(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "crashes"
    async with ActorSystem("shop") as system, Recorder(system, folder) as recorder:
        await fails(await system.spawn(Till, name="till"))
        (path,) = await written(recorder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in folder.iterdir()] == [path.name]
    assert path.name.endswith("-Till-ValueError.capsule.json")
    content = read(path)
    assert set(content) >= {
        *("capsule", "actorio", "python", "system", "written", "reason", "path", "class", "factory", "args"),
        *("options", "incarnation", "restarts", "error", "message", "asker", "begins", "checkpoint", "state"),
        *("inputs", "mailbox", "waits_for", "neighbours", "missing"),
    }
    assert (content["system"], content["reason"], content["path"]) == ("shop", "failed", "/till")
    assert content["class"] == f"{__name__}.Till"
    assert (content["error"]["type"], content["error"]["text"]) == ("builtins.ValueError", "it was told to")
    frame = content["error"]["frames"][-1]
    assert (frame["function"], frame["code"]) == ("Till.receive", 'raise ValueError("it was told to")')
    assert content["message"]["message"] == "fail"


async def test_o10_no_secret_is_in_a_capsule(tmp_path: Path) -> None:
    async with ActorSystem() as system, Recorder(system, tmp_path) as recorder:
        other = await system.spawn(Till, "canary-by-position", name="other")
        till = await system.spawn(Till, "canary-by-position", other, name="till")
        await till.ask(Login("ada"))
        await till.call(Till.login, "ada", "canary-in-a-call")
        await till.cast(Till.login, "ada", secret="canary-in-a-cast")
        await till.ask("ask")
        await fails(till)
        (path,) = await written(recorder)
    text = path.read_text()
    assert "canary" not in text
    assert {"args[0]", "state.token"} <= set(read(path)["missing"])
    assert "ada" in text


async def test_o10_a_redaction_of_ones_own_is_asked_and_one_that_raises_hides(tmp_path: Path) -> None:
    def redact(name: str, value: object) -> object:
        if name == "user":
            raise ValueError(name)
        return REDACTED if name == "seen" else value

    async with ActorSystem() as system, Recorder(system, tmp_path, redact=redact) as recorder:
        till = await system.spawn(Till)
        await till.ask(Login("nobody-sees-this"))
        await fails(till)
        (path,) = await written(recorder)
    assert "nobody-sees-this" not in path.read_text()
    assert "canary-in-a-message" in path.read_text()
    assert read(path)["state"]["seen"] == {"$": "redacted"}


class Refuses(Exception):
    def __init__(self, text: str, token: str) -> None:
        super().__init__(text)
        self.token = token


class Quotes(Actor[Any]):
    """Its failures quote what they must not."""

    def __init__(self, token: str) -> None:
        self.token = token

    async def receive(self, message: Any) -> None:
        match message:
            case "state":
                raise ValueError(f"{self.token!r} is too old; ada")
            case Login():
                raise ValueError(f"bad: {message.__dict__}")
            case "error":
                token = "-".join(["canary", "of", "the", "error"])
                raise Refuses(f"it was {token}", token)
            case ActorRef():
                try:
                    await message.ask(Login("ada", "-".join(["canary", "of", "an", "answer"])))
                except ValueError as error:
                    raise LookupError("chained; ada") from error

    def login(self, *, password: str) -> None:
        raise ValueError(f"{password} of ada")


@pytest.mark.parametrize("message", ["state", Login("ada", "canary \n'1'"), "error", "ref", "call"], ids=str)
async def test_o10_a_text_of_an_exception_that_quotes_a_secret_is_without_it(
    message: Any, tmp_path: Path
) -> None:
    async with (
        ActorSystem() as system,
        Observatory(system, socket=False) as observatory,
        Recorder(system, tmp_path, every=0) as recorder,
    ):
        ref = await system.spawn(Quotes, "canary-of-the-state")
        if message == "ref":
            message = await system.spawn(Quotes, "canary-of-another")
        if message == "call":
            await ref.cast(Quotes.login, password="canary-of-a-call")
            await until(lambda: ref.statistics().failed)
        else:
            await fails(ref, message)
        capsules = await written(recorder)
        texts = [read(path)["error"]["text"] for path in capsules]
        texts += [failure.text for failure in observatory.failures()]
    assert not [path for path in capsules if "canary" in path.read_text()]
    assert len(texts) == 2
    for text in texts:
        assert "canary" not in text
        assert "ada" in text or text == "it was <redacted>"


async def test_o10_a_redaction_of_ones_own_decides_about_texts_of_exceptions_too(tmp_path: Path) -> None:
    def redact(name: str, value: object) -> object:
        return value if name == "seen" else REDACTED

    async with ActorSystem() as system, Recorder(system, tmp_path, redact=redact) as recorder:
        await fails(await system.spawn(Till))
        (path,) = await written(recorder)
    assert read(path)["error"]["text"] == "<redacted>"


async def test_a_method_of_an_actor_that_is_submitted_to_another_is_not_kept_with_all_of_its_actor(
    tmp_path: Path,
) -> None:
    class Works(Actor[Any]):
        def receive(self, message: Any) -> None:
            pass

    class Sends(Actor[Any]):
        def __init__(self, worker: ActorRef[Works]) -> None:
            self.worker = worker
            self.rows = ["canary"] * 1000

        async def receive(self, message: Any) -> Any:
            return await self.worker.submit(self.work, message)

        def work(self, message: Any) -> Any:
            return message

    async with ActorSystem() as system, Recorder(system, tmp_path) as recorder:
        worker = await system.spawn(Works, name="works")
        sends = await system.spawn(Sends, worker)
        gc.collect()
        for number in range(10):
            assert await sends.ask(number) == number
        assert gc.collect() == 0
        path = await recorder.write(worker)
    assert "canary" not in path.read_text()
    assert "inputs[0].message.func.__self__" in read(path)["missing"]


async def test_the_neighbours_are_who_asked_who_was_asked_parent_and_children(tmp_path: Path) -> None:
    class Parent(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            if isinstance(message, ActorRef):
                self.till = await self.context.spawn(Till, "", message, name="till")
                return self.till
            return await self.till.ask(message)

    async with ActorSystem() as system, Recorder(system, tmp_path) as recorder:
        other = await system.spawn(Till, name="other")
        parent = await system.spawn(Parent, name="parent")
        await parent.ask(other)
        await parent.ask("ask")
        with pytest.raises(ValueError, match="told to"):
            await parent.ask("fail")
        (path,) = await written(recorder)
    content = read(path)
    assert [one["path"] for one in content["neighbours"]] == ["/parent", "/other"]
    assert content["neighbours"][1]["last"] == ["ask Login(user='ada', password=<redacted>)"]
    assert content["asker"] == "/parent"


async def test_there_is_one_in_so_many_seconds_for_a_class_an_error_and_a_line(tmp_path: Path) -> None:
    async with ActorSystem() as system, Recorder(system, tmp_path) as recorder:
        for _ in range(3):
            till = await system.spawn(Till)
            for message in ("fail", "fail elsewhere", "type"):
                await fails(till, message)
        await written(recorder, 3)
    assert len(recorder.capsules) == 3


async def test_o2_the_oldest_goes_beyond_so_many_files(tmp_path: Path) -> None:
    stranger = tmp_path / "stranger.txt"
    stranger.write_text("stays")
    async with ActorSystem() as system, Recorder(system, tmp_path, every=0, most=3) as recorder:
        till = await system.spawn(Till, name="till")
        for number in range(5):
            await till.ask(number)
            await recorder.write(till)
        kept = recorder.capsules
    assert [read(path)["state"]["seen"] for path in kept] == [3, 4, 5]
    assert len(list(tmp_path.iterdir())) == 4
    assert stranger.exists()


async def test_o2_an_actor_keeps_what_is_since_its_last_checkpoint_but_one(tmp_path: Path) -> None:
    async with ActorSystem() as system, Recorder(system, tmp_path, keep=10) as recorder:
        till = await system.spawn(Till)
        counts = []
        for number in range(45):
            await till.ask(number)
            journal = recorder._journals[till._cell]
            assert journal is not None
            counts.append(sum(len(segment.inputs) for segment in journal.segments()))
        content = read(await recorder.write(till))
    assert max(counts) == 20
    assert counts[20:] == [*range(11, 21), *range(11, 21), *range(11, 16)]
    assert content["begins"] == "checkpoint"
    assert content["checkpoint"]["seen"] == 30
    assert [one["message"] for one in content["inputs"]] == list(range(30, 45))
    assert [one["n"] for one in content["inputs"]] == list(range(15))


async def test_o2_all_actors_keep_no_more_than_the_total(tmp_path: Path) -> None:
    async with ActorSystem() as system, Recorder(system, tmp_path, keep=50, total=100) as recorder:
        refs = [await system.spawn(Till) for _ in range(30)]
        for number in range(20):
            for ref in refs:
                await ref.ask(number)
            kept = sum(len(segment.inputs) for segment in recorder._segments)
            assert kept == recorder._inputs <= 100
        content = read(await recorder.write(refs[-1]))
        for ref in refs:
            ref.stop()
            await ref.join()
        assert (recorder._inputs, len(recorder._segments), len(recorder._journals)) == (0, 0, 0)
    assert content["begins"].startswith(("checkpoint", "nowhere"))


async def test_o2_calls_beside_the_turns_are_kept_no_longer_than_messages(tmp_path: Path) -> None:
    class Beside(Actor[Any]):
        @interleave
        async def look(self, number: int) -> int:
            return number

    async with ActorSystem() as system, Recorder(system, tmp_path, keep=5, total=100) as recorder:
        refs = [await system.spawn(Beside) for _ in range(10)]
        for number in range(200):
            for ref in refs:
                await ref.call(Beside.look, number)
            assert recorder._inputs == sum(len(segment.inputs) for segment in recorder._segments) <= 100
            assert all(len(segment.inputs) <= 20 for segment in recorder._segments)


async def test_o2_a_turn_that_writes_very_often_keeps_no_more_than_the_total(tmp_path: Path) -> None:
    class Counter(EventSourced[str, int, int]):
        def initial_state(self) -> int:
            return 0

        def apply(self, state: int, event: int) -> int:
            return state + event

        async def receive(self, message: str) -> None:
            for _ in range(300):
                await self.persist(1)

    async with ActorSystem(store=MemoryStore()) as system, Recorder(system, tmp_path, total=100) as recorder:
        ref = await system.get_or_spawn("counter", Counter)
        await ref.ask("count")
        assert recorder._inputs <= 100


@dataclass(frozen=True)
class Unset:
    number: int = field(init=False)


@pytest.mark.parametrize("message", [datetime.datetime(2026, 1, 2, tzinfo=datetime.tzinfo()), Unset()])
async def test_o3_a_message_that_cannot_be_kept_is_handled_all_the_same(
    tmp_path: Path, message: object
) -> None:
    async with ActorSystem() as system, Recorder(system, tmp_path) as recorder:
        till = await system.spawn(Till)
        async with asyncio.timeout(10):
            assert await till.ask(message) == Login("bob")
            await fails(till)
            [path] = await written(recorder)
    assert read(path)["inputs"][0]["message"]["$"] in {"opaque", "dataclass"}


async def test_a_message_that_its_handler_changes_is_kept_as_it_came(tmp_path: Path) -> None:
    class Empties(Actor[Any]):
        def receive(self, message: list[int]) -> None:
            if not message:
                raise ValueError("empty")
            message.clear()

    async with ActorSystem() as system, Recorder(system, tmp_path) as recorder:
        ref = await system.spawn(Empties)
        await ref.ask([1, 2])
        await fails(ref, [])
        (path,) = await written(recorder)
    assert [one["message"] for one in read(path)["inputs"]] == [[1, 2], []]


async def test_o15_a_failure_to_write_is_one_warning_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "crashes"
    async with ActorSystem() as system, Recorder(system, folder, every=0) as recorder:
        folder.rmdir()
        folder.write_text("a file in its place")
        till = await system.spawn(Till)
        for _ in range(3):
            await fails(till)
        await until(lambda: not recorder._writer._pending)
        with pytest.raises(OSError, match="crashes"):
            await recorder.write(till)
    warnings = [record for record in caplog.records if "could not be written" in record.getMessage()]
    assert [record.levelno for record in warnings] == [logging.WARNING]
    assert recorder.capsules == []


async def test_o17_after_the_block_nothing_is_recorded_and_no_thread_is_left(tmp_path: Path) -> None:
    async with ActorSystem() as system:
        till = await system.spawn(Till)
        async with Recorder(system, tmp_path) as recorder:
            await fails(till)
        assert len(recorder.capsules) == 1, "what has failed in the block is written by its end"
        assert not system._runtime.observers.turns
        await fails(till, "type")
        assert len(list(tmp_path.iterdir())) == 1
        with pytest.raises(ActorError):
            await recorder.write(till)
    assert not [thread for thread in threading.enumerate() if "capsules" in thread.name]


async def test_writing_by_hand_finds_actors_by_path_and_refuses_others(tmp_path: Path) -> None:
    async with ActorSystem() as system, ActorSystem() as another, Recorder(system, tmp_path) as recorder:
        till = await system.spawn(Till, name="till")
        assert read(await recorder.write("till"))["reason"] == "manual"
        assert read(await recorder.write("/till", reason="looks odd"))["reason"] == "looks odd"
        with pytest.raises(NameNotFoundError):
            await recorder.write("/nobody")
        with pytest.raises(ValueError, match="another"):
            await recorder.write(await another.spawn(Till))
        till.stop()
        await till.join()
        with pytest.raises(ActorError):
            await recorder.write(till)


async def test_the_mailbox_is_kept_with_what_waits(tmp_path: Path) -> None:
    async with ActorSystem() as system, Recorder(system, tmp_path) as recorder:
        till = await system.spawn(Till)
        await till.send("fail")
        for number in range(60):
            await till.send(number)
        till.cast(Till.login, "ada", "canary")
        (path,) = await written(recorder)
    mailbox = read(path)["mailbox"]
    assert mailbox[:2] == [{"kind": "send", "message": 0}, {"kind": "send", "message": 1}]
    assert len(mailbox) == 50


async def test_what_makes_no_sense_is_refused(tmp_path: Path) -> None:
    system = ActorSystem()
    for options in ({"keep": 0}, {"total": 0}, {"on": "all"}, {"every": -1}, {"most": 0}):
        with pytest.raises(ValueError, match=next(iter(options))):
            Recorder(system, tmp_path, **options)
    with pytest.raises(TypeError):
        Recorder("system", tmp_path)  # type: ignore[arg-type]
    with pytest.raises(ActorError, match="not running"):
        async with Recorder(system, tmp_path):
            pass


async def test_a_huge_state_holds_up_nobody_and_is_cut(tmp_path: Path) -> None:
    class Huge(Actor[Any]):
        def __init__(self) -> None:
            self.rows = [[number] for number in range(100_000)]

        def receive(self, message: Any) -> None:
            if message == "fail":
                raise ValueError("huge")

    async with ActorSystem() as system, Recorder(system, tmp_path, keep=2) as recorder:
        ref = await system.spawn(Huge)
        for number in range(20):
            await ref.ask(number)
        await fails(ref)
        (path,) = await written(recorder)
    content = json.loads(path.read_bytes())
    assert content["begins"].startswith("nowhere")


@pytest.mark.parametrize("is_new", [True, False])
async def test_o15_what_is_encoded_on_the_loop_has_steps_for_5_ms_in_all(
    is_new: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time is that of steps: each node takes 2 microseconds."""

    class Laden(Actor[Any]):
        def __init__(self) -> None:
            self.rows = [[number] for number in range(10_000)]

        async def receive(self, message: Any) -> None:
            await asyncio.sleep(0)

    class Clock:
        steps = 0

        def perf_counter(self) -> float:
            return self.steps * 2e-6

    clock, loop_thread = Clock(), threading.get_ident()
    spend = encoding.Encoder._spend

    def counted(encoder: encoding.Encoder) -> bool:
        clock.steps += threading.get_ident() == loop_thread
        return spend(encoder)

    async with ActorSystem() as system:
        before = None if is_new else await system.spawn(Laden, mailbox=Mailbox(None))
        async with Recorder(system, tmp_path) as recorder:
            ref = before or await system.spawn(Laden, mailbox=Mailbox(None))
            await system.inspect(ref).suspend()
            for _ in range(60):
                ref.send_nowait([[number] for number in range(500)])
            monkeypatch.setattr(encoding.Encoder, "_spend", counted)
            monkeypatch.setattr(encoding, "time", clock)
            monkeypatch.setattr(capsules, "time", clock)
            content = read(await recorder.write(ref))
            monkeypatch.undo()
        ref.kill()
    assert 1000 < clock.steps <= 2500
    assert len(content["mailbox"]) == 50
    assert content["mailbox"][-1]["message"]["why"] == "it is too large"
