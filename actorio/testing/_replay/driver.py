"""Hands a replayed actor its inputs: in order, each at its time, when all that the one before has set off is done."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import functools
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from actorio._cell.frames import in_turn
from actorio._cell.overrides import Hooks
from actorio._cell.owned.interleave import runs_interleaved
from actorio._cell.states import Intent, Options
from actorio._core.envelope import Delivery, Tick
from actorio._core.mailbox import Mailbox
from actorio.actor import Actor
from actorio.capsule.decoding import Decoder, put
from actorio.policy import Restart
from actorio.ref import ActorRef
from actorio.testing._replay.stage import Stage
from actorio.testing._replay.stored import give_store

__all__ = ["Driver"]

_PATIENCE = 3600.0
"""Virtual seconds in which the last turn has to come to its failure."""
_MESSAGES = ("send", "ask", "call", "cast", "submit", "tick", "item", "notice")
_ASKS = ("ask", "call", "submit")


class Driver:
    """Drives one replay.

    Args:
        capsule: its content.
        stage: where it is replayed.
        decoder: makes its values.
    """

    def __init__(self, capsule: Mapping[str, Any], stage: Stage, decoder: Decoder) -> None:
        self._capsule = capsule
        self._stage = stage
        self._decoder = decoder
        self._asks: list[asyncio.Task[Any]] = []
        self.outcome: BaseException | None = None
        """What the last ask was answered by, if that was an exception."""

    async def run(self) -> None:
        """Run it to the failure, or to the end of all that there is."""
        capsule, stage = self._capsule, self._stage
        inputs = capsule["inputs"]
        loop: Any = asyncio.get_running_loop()
        if inputs:
            loop.now_ns = max(loop.now_ns, round(inputs[0]["at"] * 1e9))
        async with stage.system:
            stage.system._runtime.observe(stage)
            start = asyncio.ensure_future(self._start())
            try:
                await self._quiet()
                await self._take(inputs)
                await self._until_over()
            finally:
                await self._end(start)

    async def _start(self) -> None:
        """Make the actor; what its `on_start` raises is its failure."""
        stage, capsule = self._stage, self._capsule
        at_start = not capsule["begins"].startswith("checkpoint")
        factory: Callable[..., Any]
        if at_start:
            factory = self._decoder.decode(capsule["factory"], "factory")
            args = self._decoder.arguments(capsule["args"], "args")
        else:
            kind = self._decoder.named(capsule["class"], "class")
            factory, args = functools.partial(object.__new__, kind), []
        stage.on_constructed = self._constructed if at_start else self._restore
        name = capsule["path"].rpartition("/")[2]
        table = stage.table_of_subject()
        cell = table.start(factory, tuple(args), name, Mailbox(None), Options(Restart.TEMPORARY, None))
        if cell.starter is not None:
            await cell.siblings.until_started(cell, None)

    def _constructed(self, cell: Any) -> None:
        """Set the answers out: `on_start` may ask at once."""
        self._decoder.root = cell.instance
        self._add_answers()

    def _restore(self, cell: Any) -> None:
        """Put the checkpoint in: neither the constructor nor `on_start` runs."""
        self._decoder.root = cell.instance
        checkpoint = self._capsule["checkpoint"]
        put(
            cell.instance,
            {name: self._decoder.decode(value, f"checkpoint.{name}") for name, value in checkpoint.items()},
        )
        give_store(cell.instance, self._stage.answers)
        cell.hooks = copy.copy(Hooks.of(cell.instance, Actor))
        cell.hooks.on_start = False
        self._add_answers()

    def _add_answers(self) -> None:
        for number, one in enumerate(self._capsule["inputs"]):
            if one["kind"] == "answer":
                value = self._decoder.decode(one.get("value"), f"inputs[{number}].value")
                self._stage.answers.add(number, one, value)

    async def _take(self, inputs: list[dict[str, Any]]) -> None:
        stage, answers = self._stage, self._stage.answers
        last = max((number for number, one in enumerate(inputs) if one["kind"] in _MESSAGES), default=-1)
        answers.is_last_turn = last < 0
        for number, one in enumerate(inputs):
            await asyncio.sleep(one["at"] - asyncio.get_running_loop().time())
            await self._quiet()
            if stage.errors or stage.subject is None or stage.subject.has_ended:
                return
            if one["kind"] == "answer":
                answers.release(number)
            else:
                answers.is_last_turn = answers.is_last_turn or number >= last
                self._deliver(number, one)
            await self._quiet()

    def _deliver(self, number: int, one: dict[str, Any]) -> None:
        cell: Any = self._stage.subject
        ref, kind, place = cell.ref, one["kind"], f"inputs[{number}].message"
        if kind in ("call", "cast", "submit"):
            func, args, kwargs = self._decoder.call(one["message"], place)
            if kind == "cast":
                ActorRef.cast(ref, func, *args, **kwargs)
            elif kind == "submit":
                self._ask(_result_of(ActorRef.submit(ref, func, *args, **kwargs)))
            else:
                self._ask(ActorRef.call(ref, func, *args, **kwargs))
            return
        message = self._decoder.decode(one["message"], place)
        if kind == "ask":
            self._ask(ActorRef.ask(ref, message))
        elif kind == "send":
            ActorRef.send_nowait(ref, message)
        elif kind == "tick":
            cell.post_tick(Tick(message, None, None))
        elif kind == "item":
            cell.post_tick(Delivery(cell.run_queue, message, None))
        else:
            ActorRef.cast(ref, _written(type(cell.instance), "on_terminated"), message)

    def _ask(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.ensure_future(work)
        task.add_done_callback(self._answered)
        self._asks.append(task)

    def _answered(self, task: asyncio.Task[Any]) -> None:
        self.outcome = None if task.cancelled() else task.exception()

    async def _until_over(self) -> None:
        """Wait for the end of the turn that is at work; an ask without an answer has diverged."""
        stage = self._stage
        while stage.subject is not None and not stage.errors and _is_at_work(stage.subject):
            stage.moved.clear()
            await self._quiet()
            if stage.answers.give_up():
                continue
            if stage.answers.is_past:
                return
            try:
                async with asyncio.timeout(_PATIENCE):
                    await stage.moved.wait()
            except TimeoutError:
                return
        await self._quiet()

    async def _end(self, start: asyncio.Future[None]) -> None:
        stage = self._stage
        if not start.done():
            start.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            try:
                await start
            except Exception as error:
                if not stage.errors:
                    stage.errors.append(error)
        for task in self._asks:
            task.cancel()
        for cell in tuple(stage.system._runtime.root.table.values()):
            cell.request(Intent.KILL)
        await self._quiet()

    @staticmethod
    async def _quiet() -> None:
        """Wait until nothing is ready to run."""
        loop: Any = asyncio.get_running_loop()
        await asyncio.sleep(0)
        while loop._ready:  # noqa: ASYNC110 - there is no event for that: all others have run
            await asyncio.sleep(0)


def _is_at_work(cell: Any) -> bool:
    """Tell whether a turn runs, or messages wait for one."""
    return not cell.has_ended and (in_turn(cell) or bool(cell.mailbox.items) or runs_interleaved(cell))


async def _result_of(result: Any) -> Any:
    return await result


def _written(kind: type[Any], name: str) -> Any:
    return next(base.__dict__[name] for base in kind.__mro__ if name in base.__dict__)
