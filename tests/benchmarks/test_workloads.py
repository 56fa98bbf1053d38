"""The workloads of the benchmarks: every program finds what it must, and every check can fail."""

import asyncio
import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from actorio.testing import explore
from benchmarks.harness.generator import JavaRandom, Random16
from benchmarks.harness.workload import AnyWorkload, Group, WrongAnswerError
from benchmarks.workloads import ALL, UnknownNameError, select

REAL_TIME = {"latency"}
"""Workloads that measure while they run: in virtual time they measure nothing."""
ONE_LOOP = pytest.mark.asyncio(loop_factories=["asyncio"])


def programs(*groups: Group) -> list[Any]:
    """Give each workload of some groups with the name of each of its programs."""
    return [
        pytest.param(workload, name, id=f"{workload.name}-{name}")
        for workload in ALL
        if workload.group in groups
        for name in workload.programs
    ]


@pytest.mark.parametrize(("workload", "program"), programs(Group.A, Group.B))
async def test_a_program_finds_what_a_correct_run_must_find(workload: AnyWorkload, program: str) -> None:
    await run_checked(workload, program)


@pytest.mark.slow
@ONE_LOOP
@pytest.mark.parametrize(("workload", "program"), programs(Group.C))
async def test_a_program_with_processes_finds_what_a_correct_run_must_find(
    workload: AnyWorkload, program: str
) -> None:
    await run_checked(workload, program)


async def run_checked(workload: AnyWorkload, program: str) -> None:
    async with asyncio.timeout(60):
        outcome = await workload.programs[program](workload.quick)
    workload.check(workload.quick, outcome.answer)
    assert outcome.actors > 0
    assert workload.messages(workload.quick, outcome.answer) >= 0


@pytest.mark.parametrize(
    "workload",
    [w for w in ALL if w.group is not Group.C and w.name not in REAL_TIME],
    ids=lambda workload: workload.name,
)
def test_actors_find_what_they_must_in_whatever_order_they_run(workload: AnyWorkload) -> None:
    async def main() -> None:
        outcome = await workload.programs["actorio"](workload.quick)
        workload.check(workload.quick, outcome.answer)

    explore(main, seeds=range(20))


@ONE_LOOP
@pytest.mark.parametrize("workload", ALL, ids=lambda workload: workload.name)
async def test_a_check_refuses_an_answer_that_is_wrong_in_any_one_part(workload: AnyWorkload) -> None:
    program = next(iter(workload.programs.values()))
    answer = (await program(workload.quick)).answer
    wrong = list(with_one_part_changed(answer))
    assert wrong
    for changed in wrong:
        with pytest.raises(WrongAnswerError):
            workload.check(workload.quick, changed)


def with_one_part_changed(answer: Any) -> Iterator[Any]:
    """Give copies of an answer in which one number, or one member, is another."""
    match answer:
        case bool():
            yield not answer
        case int() | float():
            yield from (answer + 1, answer - 1)
        case str():
            yield answer[:-1]
        case list() | tuple():
            yield answer[:-1]
            yield from ([changed, *answer[1:]] for changed in with_one_part_changed(answer[0]))
        case _:
            for field in dataclasses.fields(answer):
                for changed in with_one_part_changed(getattr(answer, field.name)):
                    yield dataclasses.replace(answer, **{field.name: changed})


def test_names_and_groups_select_workloads() -> None:
    assert select([]) == list(ALL)
    assert [workload.name for workload in select(["threadring", "counting"])] == ["counting", "threadring"]
    assert {workload.group.value for workload in select(["A"])} == {"A"}
    with pytest.raises(UnknownNameError, match="nothing"):
        select(["nothing"])


def test_names_of_workloads_are_unique() -> None:
    assert len({workload.name for workload in ALL}) == len(ALL)


def test_the_generator_of_savina_gives_its_numbers() -> None:
    random = Random16()
    assert [random.next_int() for _ in range(3)] == [22896, 34761, 34014]


def test_the_generator_of_java_gives_its_numbers() -> None:
    random = JavaRandom(42)
    assert [random.next_int() for _ in range(3)] == [-1170105035, 234785527, -1360544799]
    random = JavaRandom(42)
    assert [random.next_below(10) for _ in range(3)] == [0, 3, 8]
