"""The build's hook: which form it makes, what it says, and that a machine without a compiler has the pure form."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "build_core.py"
SWITCHES = ("ACTORIO_EXTENSIONS", "ACTORIO_NO_EXTENSIONS", "ACTORIO_STRICT_EXTENSIONS", "CC")


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    for name in SWITCHES:
        monkeypatch.delenv(name, raising=False)
    return runpy.run_path(str(SCRIPT))


def built(script: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """Run the hook for a wheel: what it says, and what it tells hatchling."""
    said: list[str] = []
    build: dict[str, Any] = {"force_include": {}}
    script["CoreBuildHook"].initialize(
        SimpleNamespace(app=SimpleNamespace(display_info=said.append)), "standard", build
    )
    return said, build


PURE = {"force_include": {}}


def test_a_machine_without_a_compiler_has_the_pure_form_and_one_line_that_says_so(
    script: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACTORIO_EXTENSIONS", "1")
    monkeypatch.setenv("CC", "no-such-compiler -pthread")
    said, build = built(script)
    assert said == [
        "actorio: pure Python, without the compiled core: there is no C compiler 'no-such-compiler'"
    ]
    assert build == PURE
    assert script["CoreBuildHook"].dependencies(None) == []  # so nothing is fetched either


def test_a_compiler_that_fails_leaves_the_pure_form(
    script: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ACTORIO_EXTENSIONS", "1")
    monkeypatch.setenv("CC", sys.executable)
    monkeypatch.setattr(script["subprocess"], "run", lambda *_, **__: SimpleNamespace(returncode=1))
    said, build = built(script)
    assert said == ["actorio: pure Python, without the compiled core: it could not be compiled, see above"]
    assert build == PURE


def test_a_strict_build_fails_instead(script: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTORIO_EXTENSIONS", "1")
    monkeypatch.setenv("ACTORIO_STRICT_EXTENSIONS", "1")
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(RuntimeError, match="no compiled core: there is no C compiler 'no-such-compiler'"):
        built(script)


def test_the_pure_form_can_be_asked_for(script: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACTORIO_EXTENSIONS", "1")
    monkeypatch.setenv("ACTORIO_NO_EXTENSIONS", "1")
    said, build = built(script)
    assert said == ["actorio: pure Python, without the compiled core: ACTORIO_NO_EXTENSIONS is set"]
    assert build == PURE


def test_a_compiled_wheel_is_for_its_platform_and_has_the_module(
    script: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACTORIO_EXTENSIONS", "1")
    monkeypatch.setenv("CC", sys.executable)  # which is there, and is not called
    monkeypatch.setattr(script["sys"].implementation, "name", "cpython")
    monkeypatch.setattr(script["sysconfig"], "get_config_var", lambda _: None)
    monkeypatch.setattr(script["subprocess"], "run", lambda *_, **__: SimpleNamespace(returncode=0))
    said, build = built(script)
    assert said == ["actorio: with the compiled core"]
    assert (build["pure_python"], build["infer_tag"]) == (False, True)
    ((made, inside),) = build["force_include"].items()
    assert inside == "actorio/_core/_compiled.so"
    assert Path(made).parts[-5:] == ("build", "compiled", "actorio", "_core", "_compiled.so")
