"""`replay`: have the failure of a capsule happen again, in the simulator, in virtual time.

    def test_the_till_pays_out() -> None:
        replay("crashes/20260101T120000.000000Z-Till-ZeroDivisionError.capsule.json", types=[Till, Deposit]).unwrap()

The actor is made from its factory and arguments, or from a checkpoint, and takes its inputs in their order, at their
times. The others are stubs, which swallow what is sent and answer as recorded.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import actorio
from actorio import errors
from actorio._core.checks import check_instance
from actorio.actor import Actor
from actorio.capsule.decoding import Decoder, Names
from actorio.capsule.errors import CapsuleError, IncompleteCapsuleError
from actorio.capsule.naming import type_name
from actorio.capsule.reading import checked, read
from actorio.inspection.rows import Frame, frame_at
from actorio.observability.capsules import lines_of
from actorio.testing._replay.driver import Driver
from actorio.testing._replay.recorded import Answers
from actorio.testing._replay.stage import Stage
from actorio.testing._replay.stored import durable_types
from actorio.testing._simulation.tape import Tape
from actorio.testing.failures import ReplayDiverged
from actorio.testing.settings import SimulationSettings
from actorio.testing.simulation import SimulationResult, simulate

__all__ = ["Expected", "Replay", "is_known", "replay"]

_EXACT = SimulationSettings(quantum=0.0, step_cost=0.0, thread_delay=0.0)
_CALLS = ("call", "cast", "submit")


@dataclass(frozen=True, slots=True)
class Expected:
    """The failure that production had.

    Attributes:
        type: the name of the exception's class, with its module.
        text: what it said.
        file: where it was raised: the path of the file,
        line: the number of the line,
        function: the qualified name of the function,
        code: the text of the line.
    """

    type: str
    text: str
    file: str
    line: int
    function: str
    code: str

    def __str__(self) -> str:
        kind = self.type.rpartition(".")[2]
        return f"{kind} at {os.path.basename(self.file)}:{self.line}" if self.file else kind  # noqa: PTH119


@dataclass(frozen=True, slots=True)
class Replay:
    """The outcome of a replay.

    Attributes:
        error: what the actor has failed with; None when it did not.
        reproduced: whether that is what production has failed with: the type, the function and the text of the line.
        expected: what production has failed with; None for a capsule that was written by hand.
        diverged: the first ask that production did not make, and that had no answer; None when there was none.
        story: what happened, in actor terms.
        result: of the simulation.
    """

    error: BaseException | None
    reproduced: bool
    expected: Expected | None
    diverged: ReplayDiverged | None
    story: tuple[str, ...]
    result: SimulationResult[Any]

    def unwrap(self) -> None:
        """Raise what the actor has failed with; once the bug is mended nothing is raised."""
        if self.error is not None:
            raise self.error


def replay(
    capsule: str | os.PathLike[str] | Mapping[str, Any],
    *,
    types: Iterable[object] = (),
    answers: Mapping[str, Callable[..., Any]] | None = None,
    provide: Mapping[str, object] | None = None,
    settings: SimulationSettings | None = None,
    tape: Tape | str = "",
) -> Replay:
    """Replay a capsule.

    Args:
        capsule: its file, or its content.
        types: the classes and functions that it names; a module stands for all that are written in it. No others are
            made.
        answers: functions that answer the asks to an actor, by its path, in place of what was recorded: called with
            the message, or with the method and its arguments.
        provide: values for what is missing, by its place, such as `args[1]`.
        settings: conditions of the simulation; None: exact times.
        tape: of another order of what happens at the same time.

    Raises:
        CapsuleError: it is no capsule, or one of another format.
        IncompleteCapsuleError: something is missing: give it by `types` or `provide`.
    """
    content = checked(capsule) if isinstance(capsule, Mapping) else read(capsule)
    names = Names(types, _known())
    given = dict(provide or {})
    _check_begins(content)
    redacted = _check_values(content, names, given)
    run = _Run(content, names, given, dict(answers or {}))
    result = simulate(
        run.main,
        policy="fifo",
        tape=tape or None,
        settings=_EXACT if settings is None else check_instance("settings", settings, SimulationSettings),
        trace=True,
    )
    return run.outcome(result, redacted)


class _Run:
    """One replay on its way."""

    def __init__(
        self,
        content: dict[str, Any],
        names: Names,
        provide: dict[str, object],
        answers: dict[str, Callable[..., Any]],
    ) -> None:
        self._content = content
        self._names = names
        self._provide = provide
        self._answers = answers
        self._stage: Stage | None = None
        self._driver: Driver | None = None

    async def main(self) -> None:
        """Run it; in the simulation."""
        content = self._content
        self._stage = stage = Stage(
            content["path"],
            content["incarnation"],
            Answers(self._answers),
            runs_children=content["begins"] == "start",
        )
        decoder = Decoder(self._names, self._provide, stage.ref_of, stage.timer)
        self._driver = Driver(content, stage, decoder)
        await self._driver.run()

    def outcome(self, result: SimulationResult[Any], redacted: list[str]) -> Replay:
        """Say what came of it."""
        stage, driver = self._stage, self._driver
        error = stage.errors[0] if stage is not None and stage.errors else None
        if error is None and self._content["reason"] == "answered" and driver is not None:
            error = driver.outcome
        if error is None:
            error = result.error
        if isinstance(error, CapsuleError):
            raise error
        expected = _expected(self._content)
        answered = [] if stage is None else stage.answers.errors
        reproduced = error is not None and _is_same(error, self._content, answered)
        if not reproduced and redacted and _touches_redacted(error):
            raise IncompleteCapsuleError(
                f"the run needs what was redacted: {', '.join(redacted)}; give provide={{place: value}}",
                redacted,
            ) from error
        diverged = error if isinstance(error, ReplayDiverged) else None
        return Replay(error, reproduced, expected, diverged, result.story, result)


def is_known(name: str) -> bool:
    """Tell whether a replay makes that without being given it: an exception of Python, a class of actorio."""
    return Names((), _known()).find(name) is not None


def _known() -> list[type]:
    """Return the classes of actorio itself, of which a replay may make any."""
    public = (*vars(actorio).values(), *vars(errors).values())
    return [*(one for one in public if isinstance(one, type)), *durable_types()]


def _check_begins(content: dict[str, Any]) -> None:
    begins = content["begins"]
    if begins.startswith("nowhere"):
        raise IncompleteCapsuleError(f"the capsule begins {begins}", ["begins"])
    if begins == "checkpoint" and content["checkpoint"] is None:
        raise CapsuleError("the capsule has no checkpoint")


def _check_values(content: dict[str, Any], names: Names, provide: dict[str, object]) -> list[str]:
    """Make all values once, outside of the simulation, so that one error names all that is missing."""
    decoder = Decoder(names, provide, _Nothing, _Nothing)
    kind = names.find(content["class"])
    decoder.root = object.__new__(kind) if isinstance(kind, type) and issubclass(kind, Actor) else _Nothing()
    if content["begins"] == "start":
        decoder.decode(content.get("factory"), "factory")
        decoder.arguments(content["args"], "args")
    else:
        decoder.named(content["class"], "class")
        for name, value in content["checkpoint"].items():
            decoder.decode(value, f"checkpoint.{name}")
    for number, one in enumerate(content["inputs"]):
        place = f"inputs[{number}]"
        if one["kind"] in _CALLS:
            _check_call(decoder, one.get("message"), f"{place}.message")
        elif one["kind"] == "answer":
            decoder.decode(one.get("value"), f"{place}.value")
        else:
            decoder.decode(one.get("message"), f"{place}.message")
    decoder.check()
    return decoder.redacted


def _check_call(decoder: Decoder, data: Any, place: str) -> None:
    if (
        not isinstance(data, dict)
        or not {"func", "args", "kwargs"} <= data.keys()
        or not isinstance(data["kwargs"], dict)
    ):
        raise CapsuleError(f"{place} is no call")
    decoder.call(data, place)


class _Nothing:
    """Stands for a ref, a timer and the actor while values are only checked."""

    def __init__(self, *of: object) -> None:
        pass


def _expected(content: dict[str, Any]) -> Expected | None:
    error = content["error"]
    if error is None:
        return None
    frame = _innermost(error["frames"]) or {"file": "", "line": 0, "function": "", "code": ""}
    return Expected(
        error["type"], error["text"], frame["file"], frame["line"], frame["function"], frame["code"]
    )


def _innermost(frames: list[dict[str, Any]]) -> dict[str, Any] | None:
    own = [frame for frame in frames if frame.get("own", True)]
    found = own or frames
    return found[-1] if found else None


def _is_same(error: BaseException, content: dict[str, Any], answered: list[BaseException]) -> bool:
    """Tell whether an error has the type, the function and the line of that of production."""
    expected = content["error"]
    if expected is None or type_name(type(error)).rpartition(".")[2] != expected["type"].rpartition(".")[2]:
        return False
    frames = [frame_at(code, line) for code, line in lines_of(error)]
    own = [frame for frame in frames if frame.own] or frames
    wanted = [frame for frame in expected["frames"] if frame.get("own", True)] or expected["frames"]
    if not own or not wanted:
        return not own and not wanted
    if not any(error is one for one in answered):  # else the innermost ones are of who has answered
        wanted = wanted[-1:]
    return any(_is_line(own[-1], frame) for frame in wanted)


def _is_line(frame: Frame, wanted: dict[str, Any]) -> bool:
    return (frame.function, frame.code) == (wanted["function"], wanted["code"])


def _touches_redacted(error: BaseException | None) -> bool:
    return isinstance(error, (TypeError, AttributeError)) and "Redacted" in str(error)
