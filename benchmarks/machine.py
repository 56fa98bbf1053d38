"""What a figure was measured on: without it a figure means nothing."""

import os
import platform
import sys
import sysconfig
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["Machine", "describe"]


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
