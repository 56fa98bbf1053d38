"""The peers: how their programs are run, what is refused, and what is said when one cannot run."""

import shutil
import sys

import pytest

from benchmarks.harness.workload import WrongAnswerError
from benchmarks.peers.beam import CORE, beam_bouts
from benchmarks.peers.contest import Bout, run_lines
from benchmarks.peers.environments import UnavailableError, reason_of_failure
from benchmarks.peers.report import bouts_as_markdown, mean_against_beam
from benchmarks.peers.roster import PEERS, TASKS
from benchmarks.peers.stage import Clock, run


def test_a_stage_times_what_the_program_puts_in_the_clock() -> None:
    def program(clock: Clock, rounds: int) -> int:
        with clock:
            return rounds

    found = run(program, {"rounds": 7}, 3)
    assert found["answers"] == [7, 7, 7]
    assert len(found["seconds"]) == 3


def test_a_stage_runs_coroutine_functions_on_a_loop_of_their_own() -> None:
    async def program(clock: Clock, rounds: int) -> int:
        with clock:
            return rounds

    assert run(program, {"rounds": 7}, 2)["answers"] == [7, 7]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_task_takes_the_right_answer_and_refuses_another(task: object) -> None:
    numbers = task.quick  # type: ignore[attr-defined]
    task.check(numbers, task.answer(numbers))  # type: ignore[attr-defined]
    with pytest.raises(WrongAnswerError):
        task.check(numbers, None)  # type: ignore[attr-defined]


def test_every_peer_has_a_size_for_every_task() -> None:
    for peer in PEERS:
        for task in TASKS:
            assert peer.numbers(task, quick=False).keys() == task.full.keys()


def test_lines_that_are_not_json_are_passed_over() -> None:
    code = "print('hello'); print('{\"a\": 1}')"
    assert run_lines([sys.executable, "-c", code]) == [{"a": 1}]


def test_a_program_that_fails_is_unavailable_with_its_last_line() -> None:
    with pytest.raises(UnavailableError, match=r"status 1: ZeroDivisionError"):
        run_lines([sys.executable, "-c", "1 / 0"])


def test_a_program_that_hangs_is_unavailable() -> None:
    with pytest.raises(UnavailableError, match="longer than"):
        run_lines([sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.2)


def test_the_reason_names_the_python_that_a_peer_needs() -> None:
    errors = (
        "ERROR: Ignored the following versions that require a different python version: "
        "0.1.0 Requires-Python >=3.11; 0.2.0 Requires-Python >=3.12\n"
        "ERROR: No matching distribution found for peer\n"
    )
    assert reason_of_failure("peer", errors) == "needs Python >=3.12"
    assert reason_of_failure("peer", "ERROR: no space left\n") == "ERROR: no space left"


def test_a_peer_that_is_missing_is_shown_with_its_reason() -> None:
    assert "| casty |  |  | needs Python >=3.12 |" in bouts_as_markdown(
        [Bout("casty", "", missing="needs Python >=3.12")]
    )


def test_the_mean_against_beam_is_of_beam_alone() -> None:
    bouts = [
        Bout("BEAM", "pingpong", 10, {}, [1.0], {"actorio": 4.0}),
        Bout("BEAM", "big", 10, {}, [1.0], {"actorio": 9.0}),
        Bout("pykka", "ask", 10, {}, [1.0], {"actorio": 1.0}),
    ]
    assert mean_against_beam(bouts) == pytest.approx(6.0)
    assert mean_against_beam(bouts[2:]) is None


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("erlc") is None, reason="there is no Erlang here")
def test_beam_does_the_core_workloads() -> None:
    bouts = beam_bouts(quick=True, repetitions=1, loop="asyncio")
    assert [bout.task for bout in bouts] == [workload.name for workload in CORE]
    assert all(bout.missing is None for bout in bouts)
