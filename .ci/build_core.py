"""Compile the hot path into a wheel or an editable install, where that is asked for; else leave it pure.

The hook of hatchling's, and a command: `python .ci/build_core.py` compiles in place, and fails where a build does not;
`python .ci/build_core.py --clean` takes that away again.

- ACTORIO_EXTENSIONS=1 asks for the compiled form: a wheel for this platform.
- ACTORIO_NO_EXTENSIONS=1 leaves the pure form whatever else is set: a wheel for every platform.
- ACTORIO_STRICT_EXTENSIONS=1 fails where the compiled form cannot be made, and takes a warning of the compiler for an
  error.
"""

import os
import runpy
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # as a command
    BuildHookInterface = object

ROOT = Path(__file__).resolve().parents[1]
SOURCE = Path("actorio", "_core", "_compiled.pyx")
BUILT = Path("build", "compiled")


def why_not() -> str | None:
    """Return why the pure form is wanted, or is all that can be had; None when the compiled one is to be made."""
    if os.environ.get("ACTORIO_NO_EXTENSIONS"):
        return "ACTORIO_NO_EXTENSIONS is set"
    if not os.environ.get("ACTORIO_EXTENSIONS"):
        return "ACTORIO_EXTENSIONS=1 asks for that one"
    if sys.implementation.name != "cpython":
        return f"it is for CPython, and this is {sys.implementation.name}"
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "it needs the GIL"
    if sys.platform in ("emscripten", "wasi"):
        return f"there is no compiler for {sys.platform}"
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "")
    if (
        compiler and shutil.which(compiler[0]) is None
    ):  # on Windows none is named, and setuptools looks for one
        return f"there is no C compiler {compiler[0]!r}"
    return None


def compile_core(*, strict: bool, in_place: bool) -> Path:
    """Compile, beside the source or into `BUILT`, and return what was made."""
    from Cython.Build import cythonize
    from setuptools import Distribution, Extension

    windows = sys.platform == "win32"
    arguments = ["/O2"] if windows else ["-O2"]
    if strict:
        arguments += ["/WX"] if windows else ["-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter"]
    digest = runpy.run_path(str(SOURCE.with_name("source_digest.py")))["source_digest"]()
    extension = Extension(
        "actorio._core._compiled",
        [str(SOURCE)],
        define_macros=[("ACTORIO_SOURCE", f'"{digest}"')],
        extra_compile_args=arguments,
    )
    modules = cythonize([extension], build_dir="build", quiet=True, force=True)
    distribution = Distribution({"name": "actorio", "ext_modules": modules, "packages": []})
    command: Any = distribution.get_command_obj("build_ext")
    command.inplace = in_place
    command.force = True
    command.build_temp = str(Path("build", "temp"))
    command.build_lib = str(BUILT)
    command.ensure_finalized()
    command.run()
    (made,) = command.get_outputs()
    return Path(made)


def name_here() -> str:
    """Return the name of the compiled module for this interpreter: two of other ones may lie beside it."""
    return SOURCE.stem + (sysconfig.get_config_var("EXT_SUFFIX") or ".so")


def clean() -> None:
    """Take away what an earlier build has left for this interpreter: it would be found before the pure form."""
    (ROOT / SOURCE).with_name(name_here()).unlink(missing_ok=True)


class CoreBuildHook(BuildHookInterface):  # type: ignore[misc]
    """Hatchling's hook: for the wheel, and for an editable install, whose compiled module lies in the sources."""

    def dependencies(self) -> list[str]:
        """Return what the build needs besides hatchling."""
        return [] if why_not() else ["cython>=3.1,<3.4", "setuptools>=77"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile in a process of its own, so that a compiler's failure is a line and no end."""
        in_place = version == "editable"
        if in_place:
            clean()
        reason = why_not()
        if reason is None:
            command = [sys.executable, "-W", "ignore", __file__, *([] if in_place else ["--wheel"])]
            made = subprocess.run(command, cwd=ROOT, stdout=sys.stderr, check=False)
            if made.returncode == 0:
                build_data["pure_python"] = False
                build_data["infer_tag"] = True
                if not in_place:
                    inside = f"actorio/_core/{name_here()}"
                    build_data["force_include"][str(ROOT / BUILT / inside)] = inside
                self.app.display_info("actorio: with the compiled core")
                return
            reason = "it could not be compiled, see above"
        if os.environ.get("ACTORIO_STRICT_EXTENSIONS"):
            raise RuntimeError(f"actorio: no compiled core: {reason}")
        self.app.display_info(f"actorio: pure Python, without the compiled core: {reason}")


if __name__ == "__main__":
    os.chdir(ROOT)
    if "--clean" in sys.argv:
        clean()
        sys.exit()
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        sys.exit("the compiled core needs the GIL; actorio runs in its pure form here")
    try:
        compile_core(
            strict=bool(os.environ.get("ACTORIO_STRICT_EXTENSIONS")), in_place="--wheel" not in sys.argv
        )
    except Exception as error:
        sys.exit(f"{type(error).__name__}: {error}")
