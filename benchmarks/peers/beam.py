"""Run the seven core workloads on BEAM, one scheduler, and put actorio beside it."""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from benchmarks.harness.workload import AnyWorkload, expect
from benchmarks.peers.contest import Bout, own_times, run_lines
from benchmarks.peers.environments import UnavailableError
from benchmarks.workloads.big import BIG
from benchmarks.workloads.chameneos import CHAMENEOS
from benchmarks.workloads.counting import COUNTING
from benchmarks.workloads.fjcreate import FJCREATE
from benchmarks.workloads.fjthrput import FJTHRPUT
from benchmarks.workloads.pingpong import PINGPONG
from benchmarks.workloads.threadring import THREADRING

__all__ = ["CORE", "beam_bouts"]

SOURCE = Path(__file__).parent / "programs" / "beam.erl"

CORE: tuple[AnyWorkload, ...] = (PINGPONG, COUNTING, FJTHRPUT, FJCREATE, THREADRING, CHAMENEOS, BIG)


def beam_bouts(*, quick: bool, repetitions: int, loop: str) -> list[Bout]:
    """Run the core workloads on Erlang and here; where there is no `erl`, one bout says so."""
    if not (shutil.which("erl") and shutil.which("erlc")):
        return [Bout("BEAM", "", missing="there is no erl here (Debian: erlang-base)")]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["erlc", "-o", folder, str(SOURCE)], check=True, capture_output=True)
        jobs = [_job(workload, quick=quick, repetitions=repetitions) for workload in CORE]
        command = ["erl", "+S", "1", "-noshell", "-pa", folder, "-s", "beam", "main", *jobs]
        try:
            found = {line["workload"]: line for line in run_lines(command)}
        except UnavailableError as error:
            return [Bout("BEAM", "", missing=str(error))]
    return [
        _bout(workload, found[workload.name], quick=quick, repetitions=repetitions, loop=loop)
        for workload in CORE
    ]


def _job(workload: AnyWorkload, *, quick: bool, repetitions: int) -> str:
    numbers = asdict(workload.size(quick=quick)).values()
    return ",".join(map(str, (workload.name, *numbers, repetitions)))


def _bout(
    workload: AnyWorkload, found: Mapping[str, list[float]], *, quick: bool, repetitions: int, loop: str
) -> Bout:
    size = workload.size(quick=quick)
    for answer in found["answers"]:
        expect(f"{workload.name} on BEAM", answer, _answer(workload, asdict(size)))
    return Bout(
        "BEAM",
        workload.name,
        workload.messages(size, None),  # of a core workload the size alone says how many
        asdict(size),
        found["seconds"],
        own_times(workload, size, repetitions, loop),
    )


def _answer(workload: AnyWorkload, numbers: Mapping[str, int]) -> int:
    """Give the one number that the program in Erlang prints for a right run."""
    answers: dict[str, Callable[..., int]] = {
        "pingpong": lambda rounds: rounds,
        "counting": lambda increments: increments,
        "fjthrput": lambda actors, messages: actors * messages,
        "fjcreate": lambda actors: actors,
        "threadring": lambda actors, hops: hops % actors,
        "chameneos": lambda creatures, meetings: 2 * meetings,
        "big": lambda workers, pings: workers * pings,
    }
    return answers[workload.name](**numbers)
