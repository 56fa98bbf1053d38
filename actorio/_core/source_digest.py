"""Tell of which sources a compiled core is, so that one of older sources is never used.

The build has the digest compiled in. What is digested is the source of the compiled classes and that of their pure
form: with one of those changed alone, the two would differ. A wheel is without the former, and nothing changes there.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

__all__ = ["source_digest"]

PACKAGE = Path(__file__).parents[1]
COMPILED = "_core/_compiled.pyx"
PURE = (
    "_cell/cell.py",
    "_cell/mailbox_loop.py",
    "_cell/state.py",
    "_core/acceleration.py",
    "_core/ask_core.py",
    "_core/ask_timeout.py",
    "_core/envelope.py",
    "_core/mailbox.py",
    "_core/request.py",
    "_core/ring.py",
    "_core/run_queue.py",
    "_core/store.py",
    "ref.py",
)
"""The modules that have a class with a compiled form, or build on one."""


def source_digest() -> str | None:
    """Return the digest of the sources, None where they are not there to be changed."""
    try:
        parts = [(PACKAGE / name).read_bytes() for name in (COMPILED, *PURE)]
    except OSError:
        return None
    # An editor or a checkout may have changed how lines end.
    return hashlib.sha256(b"\0".join(part.replace(b"\r\n", b"\n") for part in parts)).hexdigest()
