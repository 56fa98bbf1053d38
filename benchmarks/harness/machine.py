"""The machine under a figure, without which it means nothing, and the memory that this process holds of it."""

import os
import platform
import resource
import sys
import sysconfig
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["Machine", "describe", "peak_resident", "resident"]

_STATUS = Path("/proc/self/status")


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine, the interpreter and the versions of one invocation."""

    processor: str
    cores: int
    memory: int
    system: str
    python: str
    build: str
    loop: str
    versions: dict[str, str]


def describe(loop: str) -> Machine:
    """Describe this machine and this interpreter; `loop` is the name of the event loop in use."""
    return Machine(
        processor=_processor(),
        cores=os.cpu_count() or 1,
        memory=_memory(),
        system=f"{platform.system()} {platform.release()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        build=_build(),
        loop=loop,
        versions={name: _version(name) for name in ("actorio", "anyio", "uvloop")},
    )


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory() -> int:
    """Give the bytes of memory of the machine; 0 where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0


def _build() -> str:
    """Name what makes one build of an interpreter faster than another of the same version."""
    options = sysconfig.get_config_var("CONFIG_ARGS") or ""
    traits = [
        name
        for name, option in (("PGO", "--enable-optimizations"), ("LTO", "--with-lto"))
        if option in options
    ]
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        traits.append("free-threaded")
    if hasattr(sys, "gettotalrefcount"):
        traits.append("debug")
    return " ".join(traits) or "plain"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def resident() -> int:
    """Give the bytes of memory that this process holds now."""
    return _status("VmRSS") if _STATUS.exists() else _high_water()


def peak_resident() -> int:
    """Give the most bytes of memory that this process has held."""
    # Linux hands the high-water mark of `getrusage` down from parent to child; /proc has the process's own.
    return _status("VmHWM") if _STATUS.exists() else _high_water()


def _status(field: str) -> int:
    for line in _STATUS.read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) * 1024
    raise LookupError(f"{_STATUS} has no {field}")


def _high_water() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
