"""The digest of the sources of the compiled core: another after any change, and of all that has to do with it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import actorio
from actorio._core import source_digest as sources
from actorio._core.source_digest import COMPILED, PURE, source_digest


def test_the_digest_is_of_each_module_that_has_to_do_with_the_compiled_form() -> None:
    package = Path(actorio.__file__).parent
    marked = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if re.search(r"^(@accelerated|if compiled is not None)", path.read_text(), re.MULTILINE)
    }
    assert marked <= set(PURE)
    assert all((package / name).is_file() for name in PURE)


def test_the_digest_is_another_after_any_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = (COMPILED, *PURE)
    monkeypatch.setattr(sources, "PACKAGE", tmp_path)
    assert source_digest() is None  # as in a wheel
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("one\n")
    digests = {source_digest()}
    for name in names:
        (tmp_path / name).write_text("two\n")
        digests.add(source_digest())
    assert len(digests) == len(names) + 1
    before = source_digest()
    (tmp_path / names[0]).write_bytes(b"two\r\n")
    assert source_digest() == before
