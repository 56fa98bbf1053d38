"""What goes to the process of a worker and comes back: what cannot is named, and exceptions keep their traceback."""

from __future__ import annotations

import multiprocessing
import sys
from typing import Any

import pytest

from actorio import WorkerError
from actorio.work.chunk import run
from actorio.work.packing import RemoteTraceback, name_of, pack, run_packed, unpack


def double(number: int) -> int:
    return 2 * number


def fail(text: str) -> None:
    raise ValueError(text)


def leave() -> None:
    sys.exit(3)


def give_a_lambda() -> Any:
    return lambda: None


class Unpicklable(Exception):
    """One whose copy cannot be made from its text."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__(f"{a} and {b}")


def fail_unpicklably() -> None:
    raise Unpicklable(1, 2)


def there_and_back(func: Any, *args: Any) -> Any:
    return unpack(func, run_packed(pack(func, args, {})))


def test_a_value_comes_back() -> None:
    assert there_and_back(double, 21) == 42


@pytest.mark.parametrize(
    ("args", "kwargs", "part"),
    [((lambda: None,), {}, "argument 0"), ((), {"key": lambda: None}, "argument 'key'")],
)
def test_an_argument_that_cannot_be_sent_is_named(
    args: tuple[Any, ...], kwargs: dict[str, Any], part: str
) -> None:
    with pytest.raises(WorkerError, match=f"{part} of double cannot be sent to a process"):
        pack(double, args, kwargs)


def test_a_function_that_cannot_be_sent_is_named() -> None:
    with pytest.raises(WorkerError, match=r"the function of .*<lambda> cannot be sent to a process"):
        pack(lambda: None, (), {})


def test_an_exception_comes_back_as_itself_caused_by_the_text_of_its_traceback() -> None:
    with pytest.raises(ValueError, match="no") as caught:
        there_and_back(fail, "no")
    cause = caught.value.__cause__
    assert isinstance(cause, RemoteTraceback)
    assert "in fail" in str(cause)


@pytest.mark.parametrize("func", [fail_unpicklably, leave])
def test_an_exception_that_cannot_or_must_not_come_back_comes_as_a_worker_error(func: Any) -> None:
    with pytest.raises(WorkerError) as caught:
        there_and_back(func)
    assert f"in {func.__name__}" in str(caught.value.__cause__)


def test_a_result_that_cannot_be_sent_back_is_named() -> None:
    with pytest.raises(WorkerError, match="the result of give_a_lambda cannot be sent back"):
        there_and_back(give_a_lambda)


def test_bytes_that_cannot_be_read_are_an_error_on_both_sides() -> None:
    with pytest.raises(WorkerError, match="what was sent to the process cannot be read"):
        unpack(double, run_packed(b"no pickle"))
    with pytest.raises(WorkerError, match="what double gave back cannot be read"):
        unpack(double, (True, b"no pickle"))


def test_what_has_no_name_is_described() -> None:
    assert name_of(double) == "double"
    assert "3" in name_of(3)


def lambda_of_zero(number: int) -> Any:
    return number or (lambda: None)


def test_a_value_that_cannot_be_sent_back_does_not_take_its_chunk_along() -> None:
    good, packed = run_packed(pack(run, (lambda_of_zero, [1, 0, 2]), {}))
    first, second, third = unpack(run, (good, packed))
    assert (first, third) == ((True, 1), (True, 2))
    assert not second[0]
    with pytest.raises(WorkerError, match="cannot be sent back"):
        raise second[1]


def fail_in_many_ways(number: int) -> int:
    if number == 1:
        raise ValueError("no")
    if number == 2:
        raise Unpicklable(1, 2)
    return number


def test_the_exceptions_of_a_chunk_come_back_as_one_alone_does() -> None:
    good, packed = run_packed(pack(run, (fail_in_many_ways, [0, 1, 2, 3]), {}))
    outcomes = unpack(run, (good, packed))
    assert [outcome[0] for outcome in outcomes] == [True, False, False, True]
    errors = [error for good, error in outcomes if not good]
    assert [type(error) for error in errors] == [ValueError, WorkerError]
    for error in errors:
        assert isinstance(error.__cause__, RemoteTraceback)
        assert "in fail_in_many_ways" in str(error.__cause__)


def _outcomes_in_a_child(pipe: Any) -> None:
    pipe.send([(good, type(value).__name__) for good, value in run(fail_in_many_ways, [1, 2, 3])])


def test_what_fails_on_the_loop_of_a_child_process_is_the_exception_itself() -> None:
    """It has no process to get out of."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=_outcomes_in_a_child, args=(theirs,))
    child.start()
    assert ours.recv() == [(False, "ValueError"), (False, "Unpicklable"), (True, "int")]
    child.join()
