"""The log of actorio: one logger, whose records say whose they are, and which never does any harm."""

from __future__ import annotations

import logging
import sys
import traceback
from typing import Any

__all__ = ["is_logged", "log"]

_logger = logging.getLogger("actorio")


def is_logged(level: int) -> bool:
    """Tell whether records of that level are wanted."""
    return _logger.isEnabledFor(level)


def log(level: int, text: str, *details: Any, error: BaseException | None = None, **extra: Any) -> None:
    """Log a record with these attributes of its own.

    Whatever a handler or a filter raises is printed, as `logging` prints what its own handlers raise, and goes no
    further: the log is told of failures in the middle of what has to go on.
    """
    if not _logger.isEnabledFor(level):
        return
    try:
        _logger.log(level, text, *details, exc_info=error, extra=extra, stacklevel=2)
    except Exception:
        if logging.raiseExceptions and sys.stderr is not None:
            sys.stderr.write(
                f"--- a handler of the logger actorio has failed; it was told: {text % details}\n"
            )
            traceback.print_exc()
