"""A progress bar for `pool.map`, drawn by rich.

    with ProgressBar("surveying") as bar:
        async for facts in pool.map(survey_file, paths, progress=bar):
            ...

rich comes with the extra `cli`.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console

__all__ = ["ProgressBar"]


class ProgressBar:
    """A line with a bar, a count and the time taken, on stderr; nothing where that is no terminal.

    One bar is for one mapping at a time: call it with how many are done and how many there are, None while that
    is not known.

    Args:
        description: stands before the bar.
        console: where to draw instead.
        transient: whether the line goes away at the end.

    Raises:
        ModuleNotFoundError: rich is not installed.
    """

    def __init__(
        self, description: str = "", *, console: Console | None = None, transient: bool = False
    ) -> None:
        if importlib.util.find_spec("rich") is None:
            raise ModuleNotFoundError("ProgressBar needs rich: pip install 'actorio-py[cli]'", name="rich")
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        console = console or Console(stderr=True)
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        self._bar = Progress(*columns, console=console, disable=not console.is_terminal, transient=transient)
        self._task = self._bar.add_task(description, total=None)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, done: int, total: int | None) -> None:
        """Draw how far it has come."""
        self._bar.update(self._task, completed=done, total=total)
