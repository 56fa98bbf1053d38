"""Where the sockets of this user's systems are: a folder that is of this user alone, or nothing is trusted in it."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import tempfile
from pathlib import Path

from actorio.errors import ActorError

__all__ = ["socket_folder", "socket_name"]

_LONGEST_PATH, _LONGEST_NAME = 103, 40


def socket_folder(*, make: bool = False) -> Path:
    """Return the folder of this user's sockets.

    Raises:
        ActorError: it is not of this user alone, or a link.
    """
    runtime_dir = os.environ.get("XDG_RUNTIME_DIR")
    if runtime_dir and Path(runtime_dir).is_dir():
        folder = Path(runtime_dir) / "actorio"
    else:
        folder = Path(tempfile.gettempdir()) / f"actorio-{os.getuid()}"
    if make:
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
    elif not os.path.lexists(folder):
        return folder
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) != 0o700:
        raise ActorError(
            f"the folder {folder} must be a folder of this user alone (mode 0700) and no link: remove it, or see who "
            "has made it"
        )
    return folder


def socket_name(name: str, folder: Path, number: int = 1) -> str:
    """Return the name of a socket: of the process and the system, cut to what the operating system takes.

    Further systems of one name have a number.

    Raises:
        ActorError: the path of the folder is too long.
    """
    before, after = f"{os.getpid()}-", ".sock" if number == 1 else f"-{number}.sock"
    room = _LONGEST_PATH - len(os.fsencode(folder / before)) - len(after)
    if room < 1:
        raise ActorError(f"the path of the folder {folder} is too long for a socket in it")
    return before + re.sub(r"[^A-Za-z0-9_.-]", "_", name)[: min(room, _LONGEST_NAME)] + after
