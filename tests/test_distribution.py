"""What is built installs into an empty environment, and works there: typed, with its extras, without tests."""

import email
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


def run(*command: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, env={}, capture_output=True, text=True, timeout=600, check=False)


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
