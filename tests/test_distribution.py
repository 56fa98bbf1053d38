"""What is built installs into an empty environment, and works there: typed, with its extras, without tests."""

import email
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from importlib import util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

PROGRAM = """
import asyncio
from actorio import Actor, ActorSystem, Ask, Worker


class Get(Ask[int]):
    pass


class Till(Actor[Get]):
    async def receive(self, message: Get) -> int:
        return 5


def double(number: int) -> int:
    return 2 * number


async def main() -> None:
    async with ActorSystem() as system:
        till = await system.spawn(Till)
        worker = await system.spawn(Worker)
        number: int = await till.ask(Get())
        print(await worker.submit(double, number))


asyncio.run(main())
"""

pytestmark = pytest.mark.slow


def run(
    *command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, env=env or {}, capture_output=True, text=True, timeout=600, check=False
    )


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build both, from the sources as they are."""
    pytest.importorskip("pip")
    dist = tmp_path_factory.mktemp("dist")
    maker = tmp_path_factory.mktemp("maker")
    venv.create(maker, with_pip=True)
    installed = run(maker / "bin" / "pip", "install", "-q", "build", cwd=dist)
    if installed.returncode:
        pytest.skip(f"no package index: {installed.stderr.splitlines()[-1]}")
    made = run(maker / "bin" / "python", "-m", "build", "--outdir", dist, ROOT, cwd=dist)
    assert made.returncode == 0, made.stdout + made.stderr
    return dist


def test_the_wheel_has_the_package_and_no_tests(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    assert wheel.name.startswith("actorio_py-")
    names = zipfile.ZipFile(wheel).namelist()
    assert "actorio/py.typed" in names
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"actorio", "actorio_py"}
    assert not [name for name in names if "test_" in name or "/tests/" in name]


def test_the_metadata_has_the_extras_of_the_project(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as files:
        (path,) = (name for name in files.namelist() if name.endswith("dist-info/METADATA"))
        metadata = email.message_from_bytes(files.read(path))
    assert metadata["Name"] == "actorio-py"
    assert set(metadata.get_all("Provides-Extra", ())) == set(PROJECT["optional-dependencies"])
    needed = [line for line in metadata.get_all("Requires-Dist", ()) if "extra ==" not in line]
    assert sorted(line.partition(">")[0] for line in needed) == ["anyio", "typing-extensions"]


def test_the_sdist_has_what_it_is_built_from(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as files:
        tops = {Path(name).parts[1] for name in files.getnames() if len(Path(name).parts) > 1}
    assert {"actorio", "pyproject.toml", "README.md", "LICENSE"} <= tops


@pytest.mark.parametrize("kind", ["*.whl", "*.tar.gz"])
def test_it_installs_into_an_empty_environment_and_works_there(
    built: Path, kind: str, tmp_path: Path
) -> None:
    (package,) = built.glob(kind)
    venv.create(tmp_path / "empty", with_pip=True)
    python = tmp_path / "empty" / "bin" / "python"
    installed = run(python, "-m", "pip", "install", "-q", package, cwd=tmp_path)
    assert installed.returncode == 0, installed.stderr
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    ran = run(python, "-W", "error", program, cwd=tmp_path)
    assert (ran.stdout, ran.stderr) == ("10\n", "")
    wanting = run(python, "-m", "actorio", "--version", cwd=tmp_path)
    assert wanting.returncode == 1
    assert "pip install 'actorio-py[cli]'" in wanting.stderr
    if util.find_spec("mypy"):  # It is in the dev extra: .ci/run comes by once more with it.
        typed = run(
            sys.executable, "-m", "mypy", "--strict", "--python-executable", python, program, cwd=tmp_path
        )
        assert typed.returncode == 0, typed.stdout


def test_the_commands_of_the_page_make_a_wheel_for_here_and_one_for_all(tmp_path: Path) -> None:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    page = (ROOT / "docs" / "design" / "working-on-it.md").read_text()
    commands = re.findall(r"^(ACTORIO_\w+)=1 pip (wheel [^#\n]+?)\s+#", page, re.MULTILINE)
    assert [variable for variable, _ in commands] == ["ACTORIO_EXTENSIONS", "ACTORIO_NO_EXTENSIONS"]
    python = sys.executable
    pytest.importorskip("pip")
    found = run(python, "-m", "pip", "download", "-q", "--no-deps", "-d", tmp_path, "hatchling", cwd=tmp_path)
    if found.returncode:
        pytest.skip(f"no package index: {found.stderr.splitlines()[-1]}")
    source = tmp_path / "source"  # others build here as well
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns("build", "*.so", ".git", ".venv*", "_build"))
    for variable, command in commands:
        made = run(
            python,
            "-m",
            "pip",
            *shlex.split(command),
            cwd=source,
            env={"PATH": os.environ["PATH"], variable: "1"},
        )
        assert made.returncode == 0, made.stderr
    dist = source / "dist"
    pure, fast = sorted(dist.glob("*.whl"), key=lambda wheel: not wheel.name.endswith("-py3-none-any.whl"))
    assert pure.name.endswith("-py3-none-any.whl")
    assert f"-cp{sys.version_info[0]}{sys.version_info[1]}-" in fast.name
    for wheel, is_compiled in ((pure, False), (fast, True)):
        inside = tmp_path / wheel.stem
        zipfile.ZipFile(wheel).extractall(inside)
        program = "import actorio; print(actorio.core_is_compiled, actorio.__file__)"
        ran = run(python, "-W", "error", "-c", program, cwd=tmp_path, env={"PYTHONPATH": str(inside)})
        assert ran.stdout == f"{is_compiled} {inside / 'actorio' / '__init__.py'}\n", ran.stderr
