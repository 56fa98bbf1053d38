"""The view of a task whose coroutine is a cell: for the stacks and `repr` of asyncio, for anyio and debuggers."""

from __future__ import annotations

from types import CoroutineType, FrameType

from actorio._cell.ending import Ending

__all__ = ["ShownTask"]


class ShownTask(Ending):
    """A cell as the coroutine that others see."""

    __slots__ = ()

    @property
    def __name__(self) -> str:
        """The class of the actor, for the task's `repr`."""
        return getattr(self.factory, "__name__", "actor")

    @property
    def cr_frame(self) -> FrameType | None:
        """The outermost frame of what it is at."""
        work = self.work
        return work.cr_frame if type(work) is CoroutineType else getattr(work, "gi_frame", None)

    @property
    def cr_await(self) -> object:
        """The thing that this awaits."""
        work = self.work
        return work.cr_await if type(work) is CoroutineType else getattr(work, "gi_yieldfrom", None)

    @property
    def cr_running(self) -> bool:
        """Tell whether it runs at this moment."""
        return bool(self.run_queue.current is self)

    @property
    def cr_suspended(self) -> bool:
        """Tell whether it has begun, and waits."""
        return self.task is not None and not self.cr_running
