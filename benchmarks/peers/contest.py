"""Run the tasks with a peer and with actorio, within the same minute, and put the two beside each other."""

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.harness.measure import run_once
from benchmarks.harness.workload import AnyWorkload, WrongAnswerError
from benchmarks.peers.environments import UnavailableError, python_with
from benchmarks.peers.roster import Numbers, Peer, Task

__all__ = ["Bout", "contest", "run_lines"]

ROOT = Path(__file__).parents[2]
TIMEOUT = 600.0  # seconds for all tasks of one peer


@dataclass(slots=True)
class Bout:
    """One task, or one workload, done by a peer and by us; `missing` says why the peer has no figures.

    `seconds` are the peer's repetitions; `own` the fastest of each of our programs, at the same size.
    """

    peer: str
    task: str
    messages: int = 0
    size: Numbers = field(default_factory=dict)
    seconds: Sequence[float] = ()
    own: Mapping[str, float] = field(default_factory=dict)
    missing: str | None = None

    def times_faster(self, program: str = "actorio") -> float:
        """Tell how many times faster one of our programs is than the peer, fastest against fastest."""
        return min(self.seconds) / self.own[program]


def contest(peer: Peer, tasks: Sequence[Task], *, quick: bool, repetitions: int, loop: str) -> list[Bout]:
    """Let a peer and actorio do the tasks; a peer that cannot is one bout that says why."""
    try:
        python = python_with(peer.name)
        version = _version(python, peer.name)
        found = {
            line["workload"]: line for line in _perform(python, peer, tasks, quick=quick, times=repetitions)
        }
    except UnavailableError as error:
        return [Bout(peer.name, "", missing=str(error))]
    bouts = []
    for task in tasks:
        numbers = peer.numbers(task, quick=quick)
        bout = Bout(
            f"{peer.name} {version} {peer.variant}".rstrip(), task.name, task.messages(numbers), numbers
        )
        _take_in(bout, task, found.get(task.name, {"failed": "it printed nothing"}))
        if bout.missing is None:
            bout.own = own_times(task.workload, task.size_of(**numbers), repetitions, loop)
        bouts.append(bout)
    return bouts


def own_times(workload: AnyWorkload, size: object, repetitions: int, loop: str) -> dict[str, float]:
    """Give the seconds of the fastest of some runs of each of our programs, run in turn."""
    runs = [
        {name: run_once(workload, name, size, loop)[0] for name in workload.programs}
        for _ in range(repetitions)
    ]
    return {name: min(run[name] for run in runs) for name in workload.programs}


def _take_in(bout: Bout, task: Task, found: Mapping[str, Any]) -> None:
    bout.missing = found.get("skipped") or found.get("failed")
    if bout.missing is not None:
        return
    try:
        for answer in found["answers"]:
            task.check(bout.size, answer)
    except WrongAnswerError as error:
        bout.missing = f"wrong answer: {error}"
    else:
        bout.seconds = found["seconds"]


def _perform(
    python: Path, peer: Peer, tasks: Sequence[Task], *, quick: bool, times: int
) -> list[dict[str, Any]]:
    jobs = [
        {"workload": task.name, "size": peer.numbers(task, quick=quick), "repetitions": times}
        for task in tasks
    ]
    module = f"benchmarks.peers.programs.{peer.module}"
    return run_lines(
        [str(python), "-m", module, json.dumps(jobs)],
        env={**os.environ, **peer.environment, "PYTHONPATH": str(ROOT)},
    )


def run_lines(
    command: Sequence[str], env: Mapping[str, str] | None = None, timeout: float = TIMEOUT
) -> list[dict[str, Any]]:
    """Run a program that prints lines of JSON, and give what they hold; other lines are passed over.

    Raises:
        UnavailableError: The program failed or took longer than `timeout` seconds. Processes that it has made
            are ended with it.
    """
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, env=env, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    ) as process:
        try:
            output, errors = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as expired:
            os.killpg(process.pid, signal.SIGKILL)
            raise UnavailableError(f"it took longer than {timeout:.0f} s") from expired
    if process.returncode:
        last = (errors or output).strip().splitlines()[-1:]
        raise UnavailableError(f"it ended with status {process.returncode}: {''.join(last)}")
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def _version(python: Path, name: str) -> str:
    code = f"from importlib.metadata import version; print(version({name!r}))"
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
