"""Make an environment of its own for each peer, once, and keep it in the cache for the next time."""

import os
import re
import subprocess
import sys
import venv
from pathlib import Path

__all__ = ["UnavailableError", "cache_folder", "python_with", "reason_of_failure"]

INSTALL_TIMEOUT = 600.0  # seconds


class UnavailableError(Exception):
    """A peer cannot run here; the message says why."""


def cache_folder() -> Path:
    """Give the folder of the environments: under `XDG_CACHE_HOME`, or the user's own `.cache`."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "actorio-benchmarks"


def python_with(requirement: str, cache: Path | None = None) -> Path:
    """Give the interpreter of an environment that has a requirement, made if it is not there yet.

    Raises:
        UnavailableError: It does not install on this interpreter.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = (cache or cache_folder()) / f"{requirement}-{version}"
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    ready = folder / "ready"
    if not ready.exists():
        venv.create(folder, clear=True, with_pip=True)
        _install(python, requirement)
        ready.touch()
    return python


def _install(python: Path, requirement: str) -> None:
    command = [str(python), "-m", "pip", "install", "--quiet", requirement]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT, check=False)
    except subprocess.TimeoutExpired as expired:
        raise UnavailableError(
            f"{requirement} took longer than {INSTALL_TIMEOUT:.0f} s to install"
        ) from expired
    if done.returncode:
        raise UnavailableError(reason_of_failure(requirement, done.stderr))


def reason_of_failure(requirement: str, errors: str) -> str:
    """Say in a few words why pip has failed."""
    wanted = re.findall(r"Requires-Python (\S+?)[;\s]", errors)
    if wanted:
        return f"needs Python {wanted[-1]}"
    last = [line for line in errors.splitlines() if line.startswith("ERROR")][-1:]
    return last[0] if last else f"{requirement} does not install"
