"""One run of an async program from a tape: `simulate`.

The promise: the same program, seed, policy and settings give the same run, byte for byte of its event log, in
every process and on every supported Python.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from actorio._core.checks import check_callable, check_instance, check_whole
from actorio.errors import describe
from actorio.testing._simulation.entropy import virtual_clocks, virtual_randomness
from actorio.testing._simulation.heap import steady_heap
from actorio.testing._simulation.identity import numbered_refs
from actorio.testing._simulation.loop import SimLoop
from actorio.testing._simulation.outside import walled
from actorio.testing._simulation.policy import PolicyName, check_policy
from actorio.testing._simulation.tamed_anyio import tamed_anyio
from actorio.testing._simulation.tape import Recorder, Tape
from actorio.testing.failures import SimUnhandled
from actorio.testing.faults import Fault
from actorio.testing.settings import SimulationSettings, settings_or_default

__all__ = ["SimulationResult", "simulate"]

T = TypeVar("T")

_KEPT_LINES = 40
_STEPS_TO_CLEAR = 100_000
_ROUNDS_TO_CLEAR = 3
_PATIENCE = 60.0  # virtual seconds


@dataclass(frozen=True, slots=True)
class SimulationResult(Generic[T]):
    """The outcome of one run.

    Attributes:
        value: what main returned; None when it failed.
        error: what the run failed with; None when it passed.
        seed: the seed it was drawn from; without meaning for a replay of a tape.
        policy: how the next callback was chosen; without meaning for a replay of a tape.
        tape: every choice; `simulate(main, tape=result.tape)` is the same run again.
        digest: of the event log; equal for equal runs. It is of what ran, and when, not of values: runs with equal
            digests may still have other results.
        steps: callbacks run.
        elapsed: virtual seconds.
        trace: the last lines of the event log, all of them with `trace=True`.
        story: the last things that happened to actors, all of them with `trace=True`.
        faults: what was put into actors, in order.
        missed: paths (and the pattern) that the settings have faults for, and no actor of the run had.
        leftovers: names of the tasks that were unfinished when main ended; they have been cancelled.
    """

    value: T | None
    error: BaseException | None
    seed: int
    policy: PolicyName
    tape: Tape
    digest: str
    steps: int
    elapsed: float
    trace: tuple[str, ...]
    story: tuple[str, ...]
    faults: tuple[Fault, ...]
    missed: tuple[str, ...]
    leftovers: tuple[str, ...]

    def unwrap(self) -> T:
        """Return the value of a run that passed.

        Raises:
            BaseException: what the run failed with.
        """
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]  # None only if T is


def simulate(
    main: Callable[[], Coroutine[Any, Any, T]],
    *,
    seed: int = 0,
    policy: PolicyName = "random",
    tape: Tape | str | None = None,
    settings: SimulationSettings | None = None,
    trace: bool = False,
) -> SimulationResult[T]:
    """Run `await main()` in the simulation, and say what came of it.

    The run fails with what main raises, with a `SimulationError`, or with `Escaped`. Tasks that main has left
    are cancelled, in order of birth, and given a virtual minute to end. Oracles watch each actor system of
    the run: a guarantee that they see broken fails it. The log of actorio is silent meanwhile.

    Args:
        main: an async callable; called once, inside the run.
        seed: draws every choice.
        policy: who runs next: `fifo`, `random` or `pct`.
        tape: replay this recording (or its text) in place of seed and policy.
        settings: conditions of the run; None: the defaults.
        trace: keep the whole event log, not just its last lines.

    Raises:
        KeyboardInterrupt: the person at the keyboard, or the program, asked for it.
        TypeError: an argument is not of its kind.
        ValueError: no such policy, or not a tape.
        RuntimeError: called from within an event loop.
    """
    if asyncio._get_running_loop() is not None:
        raise RuntimeError("a simulation has an event loop of its own: run it from a plain function")
    check_callable("simulate", main)
    check_whole("seed", seed)
    check_policy(policy)
    settings = settings_or_default(
        settings
    )  # all of it before there is a loop, which would have to be closed
    if tape is not None:
        tape = Tape.parse(tape) if isinstance(tape, str) else check_instance("tape", tape, Tape)
    recorder = Recorder(seed, tape)
    loop = SimLoop(recorder, policy, settings, keep=None if trace else _KEPT_LINES)
    with _closed_world(loop):
        value, error = _run(loop, main)
        result = SimulationResult(
            value=value,
            error=error,
            seed=seed,
            policy=policy,
            tape=recorder.recording(),
            digest=loop.log.digest,
            steps=loop.steps,
            elapsed=loop.time(),
            trace=loop.log.lines,
            story=loop.story.lines,
            faults=tuple(loop.injection.done),
            missed=tuple(loop.injection.missed),
            leftovers=tuple(task.get_name() for task in _unfinished(loop)),
        )
        told, births = len(loop.unhandled), (loop.next_task(), loop.next_future())
        _clear_away(loop)
        gc.collect()  # a failed task that nobody looked at is reported when it is collected
        reports = loop.unhandled[:told] + [
            report for report in loop.unhandled[told:] if _is_of_before(report, births)
        ]
        if error is None and reports:
            result = replace(result, value=None, error=_unhandled(reports))
    return result


def _run(loop: SimLoop, main: Callable[[], Coroutine[Any, Any, T]]) -> tuple[T | None, BaseException | None]:
    try:
        value = loop.run_until_complete(loop.create_task(main(), name="main"))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit and CancelledError too are what came of the run
        return None, loop.verdict or error
    return (None, loop.verdict) if loop.verdict else (value, None)


@contextmanager
def _closed_world(loop: SimLoop) -> Iterator[None]:
    """Bring heap, clocks, randomness, threads and sockets under the loop's rule, and close it at the end."""
    with contextlib.ExitStack() as stack:
        stack.callback(loop.close)
        stack.enter_context(steady_heap())
        stack.enter_context(_silent_log())
        for rule in (virtual_clocks, virtual_randomness, numbered_refs, tamed_anyio, walled):
            stack.enter_context(rule(loop))
        yield


@contextmanager
def _silent_log() -> Iterator[None]:
    """Keep the failures of a thousand runs out of the log: the story of a run tells them."""
    logger = logging.getLogger("actorio")
    disabled, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = disabled


def _clear_away(loop: SimLoop) -> None:
    """Cancel what main has left, as `asyncio.run` does; the tape and the log of the run stay as they are."""
    loop.calm(_STEPS_TO_CLEAR)
    for _ in range(_ROUNDS_TO_CLEAR):
        if _unfinished(loop):
            _drive(loop, _cancel_all(loop))
    _drive(loop, loop.shutdown_asyncgens())
    for task in _unfinished(
        loop
    ):  # it ignores its cancellation: among the leftovers, not to be reported again
        task._log_destroy_pending = False  # type: ignore[attr-defined]


def _unfinished(loop: SimLoop) -> list[asyncio.Task[Any]]:
    return sorted(asyncio.all_tasks(loop), key=lambda task: getattr(task, "birth", 0))


async def _cancel_all(loop: SimLoop) -> None:
    me = asyncio.current_task()
    tasks = [task for task in _unfinished(loop) if task is not me]
    for task in tasks:
        task.cancel()
    done, _ = await asyncio.wait(tasks, timeout=_PATIENCE)
    for task in done:
        if not task.cancelled():
            task.exception()  # looked at: what breaks while being cleared away is not what the run is about


def _drive(loop: SimLoop, clearing: Coroutine[Any, Any, None]) -> None:
    """Run to the end, come what may: the run is over, its result stands."""
    task = loop.create_task(clearing)
    with contextlib.suppress(Exception, SystemExit, asyncio.CancelledError):
        loop.run_until_complete(task)
    task.cancel()


def _is_of_before(report: dict[str, Any], births: tuple[int, int]) -> bool:
    """Tell whether a report that came while the run was cleared away is of what there was before.

    Args:
        report: of a failure.
        births: the numbers of the first task and the first future that were made after the run.
    """
    future = report.get("task") or report.get("future")
    if future is None:
        return "handle" not in report  # a callback has failed just now
    return getattr(future, "birth", 0) < births[0 if isinstance(future, asyncio.Task) else 1]


def _unhandled(reports: list[dict[str, Any]]) -> SimUnhandled:
    described = map(_describe_report, reports)
    error = SimUnhandled("main has returned, but nobody has handled:\n" + "\n".join(described))
    error.__cause__ = next((report["exception"] for report in reports if report.get("exception")), None)
    return error


def _describe_report(report: dict[str, Any]) -> str:
    task = report.get("task") or report.get("future")
    who = f"{task.get_name()}: " if isinstance(task, asyncio.Task) else ""
    exception = report.get("exception")
    what = f": {describe(exception)}" if exception is not None else ""
    return f"  {who}{report.get('message', '')}{what}"
