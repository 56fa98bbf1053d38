"""Writes the tables of the API pages, for whoever reads them in the repository: `python -m tests.docs.signatures`."""

import enum
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import actorio
import actorio.cluster

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
PAGES = {"api.md": actorio, "cluster.md": actorio.cluster}
_BLOCK = re.compile(
    r"(?:<!-- calls: begin -->\n.*?<!-- calls: end -->\n\n)?(```\{eval-rst\}\n.*?```\n)", re.DOTALL
)
_NAMED = re.compile(
    r"^\.\. auto(?:class|function)\w*:: actorio\.(?:cluster\.)?(\w+)\n(?:   :members:(.*)\n)?", re.MULTILINE
)


def page(name: str) -> str:
    """Return a page with its tables as they have to be."""
    module = PAGES[name]
    return _BLOCK.sub(lambda block: _table(module, block[1]) + block[1], (REFERENCE / name).read_text())


def _table(module: ModuleType, block: str) -> str:
    rows = [row for found in _NAMED.finditer(block) for row in _rows(module, found[1], found[2])]
    if not rows:
        return ""
    lines = [f"| `{call}` | {words} |" for call, words in rows]
    return "\n".join(["<!-- calls: begin -->", "| | |", "|---|---|", *lines, "<!-- calls: end -->", "", ""])


def _rows(module: ModuleType, name: str, members: str | None) -> Iterator[tuple[str, str]]:
    value = getattr(module, name)
    yield _call(name, value), _words(value)
    if not inspect.isclass(value) or issubclass(value, enum.Enum | BaseException) or members is None:
        return
    chosen = [member.strip() for member in members.split(",") if member.strip()]
    for member in chosen or [each for each in vars(value) if not each.startswith("_")]:
        found = inspect.getattr_static(value, member, None)
        if isinstance(found, property):
            yield f"{name}.{member}", _words(found)
        elif callable(found) or isinstance(found, classmethod | staticmethod):
            yield _call(f"{name}.{member}", getattr(value, member)), _words(found)


def _call(name: str, value: Any) -> str:
    try:
        parameters = list(inspect.signature(value).parameters.values())
    except (TypeError, ValueError):
        return name
    if inspect.isclass(value) and (
        issubclass(value, enum.Enum) or getattr(value, "_is_protocol", False) or _is_made_inside(parameters)
    ):
        return name
    given = [_plain(each) for each in parameters if each.name not in ("self", "unknown")]
    awaited = "await " if inspect.iscoroutinefunction(value) else ""
    return f"{awaited}{name}{inspect.Signature(given)}".replace("|", "\\|")


def _is_made_inside(parameters: list[inspect.Parameter]) -> bool:
    return any(
        each.name in ("cell", "system", "bus", "loop", "life", "check_thread") for each in parameters[:1]
    )


def _plain(parameter: inspect.Parameter) -> inspect.Parameter:
    """Return it without its annotation, and without a default that is long to say."""
    default = parameter.default
    if default is ... or (default is not parameter.empty and len(repr(default)) > 20):
        default = _Dots()
    return parameter.replace(annotation=parameter.empty, default=default)


class _Dots:
    def __repr__(self) -> str:
        return "..."


def _words(value: Any) -> str:
    text = inspect.getdoc(value) or ""
    first = " ".join(text.partition("\n\n")[0].split())
    return re.sub(r":\w+:`~?(?:actorio\.)?([^`]+)`", r"`\1`", first).replace("|", "\\|")


if __name__ == "__main__":
    for each in PAGES:
        (REFERENCE / each).write_text(page(each))
