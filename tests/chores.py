"""Work for the processes of workers: each of these is found by its name in a fresh interpreter."""

import os
import signal
import sys
import time
from typing import Any, NoReturn


def pid() -> int:
    return os.getpid()


def echo(*args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return args, kwargs


def die() -> NoReturn:
    os._exit(7)


def be_killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leave() -> NoReturn:
    sys.exit(3)


def fail(message: str) -> NoReturn:
    raise LookupError(message)


def fail_oddly() -> NoReturn:
    raise Odd(1, 2)


def inmost(error: Exception) -> NoReturn:
    raise error


def fail_deep() -> NoReturn:
    inmost(LookupError("deep"))


def fail_oddly_deep() -> NoReturn:
    inmost(Odd(1, 2))


def give_a_lock() -> Any:
    import threading

    return threading.Lock()


def give_a_trap() -> Any:
    return Trap(os.getpid())


def take(value: Any) -> None:
    return None


def answer_at_length(marker: str) -> bytes:
    """Write a file to say that it is about to answer, by more than a pipe holds."""
    with open(marker, "w") as file:  # noqa: PTH123 (nothing but the file)
        file.write(str(os.getpid()))
    return bytes(300_000_000)


def leave_a_child(marker: str, how: str) -> Any:
    """Start a process that lives on, and write its id to a file; then answer by its id, or die."""
    if how == "by system":
        os.system(f"sleep 60 & echo $! > {marker}")
    elif not (child := os.fork()):
        signal.pause()
        os._exit(0)
    else:
        with open(marker, "w") as file:  # noqa: PTH123 (nothing but the file)
            file.write(str(child))
    return Dying() if how != "and answer" else os.getpid()


def answer_twice() -> int:
    """Fork, and return in both processes."""
    os.fork()
    return os.getpid()


class Dying:
    """A value in whose middle the process that packs it dies."""

    def __reduce__(self) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("never")


def give_dying() -> Any:
    return Dying()


def stay(marker: str) -> NoReturn:
    """Write a file to say that it runs, and never end."""
    with open(marker, "w") as file:  # noqa: PTH123 (nothing but the file)
        file.write(str(os.getpid()))
    while True:
        time.sleep(0.01)


class Odd(Exception):
    """An exception that can be packed, and not unpacked: its arguments are not those of its constructor."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"odd {one} {two}")


class Trap:
    """A value that can be packed, and is unpacked only in the process that has packed it."""

    def __init__(self, home: int) -> None:
        self.home = home

    def __reduce__(self) -> Any:
        return _spring, (self.home,)


def _spring(home: int) -> Trap:
    if home != os.getpid():
        raise ImportError("not here")
    return Trap(home)
