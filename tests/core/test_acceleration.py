"""The two forms of the hot path: the same names and signatures, chosen by a variable, and nothing kept for ever."""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
import subprocess
import sys
import weakref
from contextlib import suppress
from contextvars import ContextVar, copy_context
from traceback import extract_tb
from types import SimpleNamespace
from typing import Any

import pytest

import actorio
from actorio import Actor, ActorSystem, Mailbox, Restart
from actorio._cell.handler import BUDGET, CLOCK_EVERY
from actorio._core import acceleration, envelope, run_queue
from actorio._core.acceleration import NO_EXTENSIONS, compiled, core_is_compiled, pure_forms
from actorio._core.deadlines import RING
from actorio._core.envelope import Parcel
from actorio._core.request import Request
from actorio._core.source_digest import source_digest
from actorio.ref import ActorRef
from tests.guarantees.actors import soon

needs_compiled = pytest.mark.skipif(not core_is_compiled, reason="the pure form is in use")
SLOW_PART = {
    "RunQueueCore": {"_run_chosen", "_run_nested", "_set_alarms", "_put_back"},
    "AskCore": {"fail", "_end"},
    "TurnsCore": {"advance", "renew"},
}
"""What the pure class only declares: it is for the class built on it."""
SPECIAL = {"__init__", "__await__"}


def named(kind: type) -> set[str]:
    """The public and private names of a class, without those that every class has, and annotations."""
    return {name for name in vars(kind) if not name.startswith("__") or name in SPECIAL}


@needs_compiled
@pytest.mark.parametrize("name", sorted(pure_forms))
def test_both_forms_have_the_same_names(name: str) -> None:
    pure, fast = pure_forms[name], getattr(compiled, name)
    for member in named(pure) - SLOW_PART.get(name, set()):
        assert hasattr(fast, member), member


@needs_compiled
@pytest.mark.parametrize("name", sorted(pure_forms))
def test_both_forms_have_the_same_signatures(name: str) -> None:
    pure, fast = pure_forms[name], getattr(compiled, name)
    for member in named(pure) - SLOW_PART.get(name, set()) - SPECIAL:
        function = vars(pure)[member]
        if inspect.isfunction(function):
            _, *expected = inspect.signature(function).parameters.values()
            _, *found = inspect.signature(getattr(fast, member)).parameters.values()  # where self has no name
            assert [(one.name, one.kind) for one in found] == [(one.name, one.kind) for one in expected], (
                member
            )


@pytest.mark.parametrize("method", ["send", "send_nowait", "ask"])
def test_a_method_of_the_ref_has_its_documentation_and_signature_in_both_forms(method: str) -> None:
    function = getattr(ActorRef, method)
    assert function.__doc__.strip()
    assert list(inspect.signature(function).parameters) == ["self", "message"] + ["timeout"] * (
        method == "ask"
    )


def test_the_variable_chooses_the_pure_form() -> None:
    found = subprocess.run(
        [sys.executable, "-c", "import actorio; print(actorio.core_is_compiled)"],
        env={**os.environ, NO_EXTENSIONS: "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == "False\n"


@needs_compiled
@pytest.mark.parametrize("kind", sorted([*pure_forms, "Ring", "Asking", "TakeTurns"]))
def test_a_method_of_a_compiled_class_refuses_what_is_no_instance(kind: str) -> None:
    for name, member in vars(getattr(compiled, kind)).items():
        if callable(member) and name != "__new__":
            for wrong in (object(), None, 1):
                with pytest.raises(TypeError):
                    member(wrong, 1)
                with pytest.raises(TypeError):
                    member(wrong)


@needs_compiled
@pytest.mark.filterwarnings("ignore:coroutine 'ActorRef.ask' was never awaited")
@pytest.mark.parametrize("kind", sorted([*pure_forms, "Ring", "Asking", "TakeTurns"]))
def test_an_instance_that_nobody_has_set_up_raises(kind: str) -> None:
    """The collector leaves such ones, and `__new__` makes them: every field is None."""
    made = getattr(compiled, kind)
    for name, member in vars(made).items():
        if callable(member) and name not in {"__new__", "__init__", "__del__", "__repr__"}:
            for arguments in ((), (None,), (1,), (None, None)):
                with suppress(Exception):
                    member(made.__new__(made), *arguments)


@needs_compiled
def test_the_numbers_of_both_forms_are_the_same() -> None:
    pure = {name: getattr(envelope, name) for name in ("QUEUED", "RUNNING", "DEFERRED", "ANSWERED")}
    pure |= {"FAILED": envelope.FAILED, "WITHDRAWN": envelope.WITHDRAWN, "RING": RING}
    pure |= {"MOST_WAKES": run_queue._MOST_WAKES, "LONGEST_TURN": run_queue._LONGEST_TURN}
    pure |= {"CLOCK_EVERY": run_queue._CLOCK_EVERY, "BUDGET": len(BUDGET)}
    assert compiled is not None
    assert pure == compiled.NUMBERS
    assert len(CLOCK_EVERY) == run_queue._CLOCK_EVERY


def test_without_the_gil_the_pure_form_is_the_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NO_EXTENSIONS, raising=False)
    monkeypatch.setattr(
        acceleration.importlib, "import_module", lambda _: SimpleNamespace(DIGEST=source_digest())
    )
    assert acceleration._load() is not None
    monkeypatch.setattr(acceleration.sys, "version", "3.13.0 experimental free-threading build (main)")
    assert acceleration._load() is None


def test_it_is_told_which_form_runs() -> None:
    assert actorio.core_is_compiled is (compiled is not None)


def test_a_compiled_module_of_other_sources_is_never_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NO_EXTENSIONS, raising=False)
    for made in (SimpleNamespace(DIGEST="older"), SimpleNamespace()):
        monkeypatch.setattr(acceleration.importlib, "import_module", lambda _, made=made: made)
        with pytest.warns(RuntimeWarning, match="of other sources than these, so the pure one is used"):
            assert acceleration._load() is None
    made = SimpleNamespace(DIGEST=source_digest())
    monkeypatch.setattr(acceleration.importlib, "import_module", lambda _: made)
    assert acceleration._load() is made
    monkeypatch.setenv(NO_EXTENSIONS, "1")
    assert acceleration._load() is None


class Failing(Actor[int]):
    async def receive(self, message: int) -> float:
        return 1 / message


async def test_a_traceback_has_no_frame_of_the_compiled_module() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Failing, restart=Restart.TEMPORARY)
        with pytest.raises(ZeroDivisionError) as asked:
            await ref.ask(0)
        await ref.send(0)
        ended = await ref.join()
    for error in (asked.value, ended.error):
        assert error is not None
        frames = extract_tb(error.__traceback__)
        assert frames[-1].name == "receive"
        assert [frame.filename for frame in frames if frame.filename.endswith(".pyx")] == []


class Keeper(Actor[Any]):
    """Holds what it is given; answers."""

    async def receive(self, message: Any) -> Any:
        self.held = message
        if message == "wait":
            await asyncio.Event().wait()
        return message


async def test_a_cycle_through_a_mailbox_is_collected() -> None:
    class Thing:
        mailbox: Any

    mailbox: Mailbox[Any] = Mailbox()
    thing = Thing()
    thing.mailbox = mailbox
    mailbox.put_nowait(thing)
    gone = weakref.ref(thing)
    del thing, mailbox
    gc.collect()
    assert gone() is None


async def test_a_cycle_through_a_request_and_a_parcel_is_collected() -> None:
    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Keeper)

        class Thing:
            held: Any

        for make in (lambda thing: Request(ref._cell, thing), lambda thing: Parcel(thing, None)):
            thing = Thing()
            thing.held = make(thing)
            gone = weakref.ref(thing)
            del thing
            gc.collect()
            assert gone() is None


async def test_a_cycle_through_a_handler_that_waits_is_collected_with_its_system() -> None:
    async with soon():
        async with ActorSystem() as system:
            ref = await system.spawn(Keeper)
            await ref.send("wait")
            await asyncio.sleep(0.01)
            instance = weakref.ref(ref._cell.instance)
            ref.kill()
            await ref.join()
        del ref, system
        gc.collect()
        assert instance() is None


async def test_no_reference_is_kept_of_what_was_sent_asked_and_answered() -> None:
    variable: ContextVar[int] = ContextVar("variable")

    class Message:
        pass

    async with soon(), ActorSystem() as system:
        ref = await system.spawn(Keeper)
        message = Message()
        before = sys.getrefcount(message)
        for number in range(50):
            await ref.send(message)
            ref.send_nowait(message)
            assert await ref.ask(message) is message
            assert await ref.ask(message, timeout=5) is message
            if number == 25:
                variable.set(1)
        await ref.ask(None)
        await asyncio.sleep(0.01)
        gc.collect()
        assert sys.getrefcount(message) == before


def test_a_parcel_is_copied_with_contextvars_of_its_own() -> None:
    context = copy_context()
    parcel = Parcel("message", context)
    copied = parcel.copy()
    assert (copied.message, copied.sender is context, type(copied)) == ("message", False, Parcel)
