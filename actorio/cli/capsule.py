"""`actorio capsule`: list the capsules of a folder, show one, make a regression test of one.

`list` and `show` import nothing of the program; `test` imports what the capsule names.
"""

import importlib
import json as json_format
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from actorio._core.redaction import inert
from actorio.capsule import CapsuleError, IncompleteCapsuleError, read
from actorio.testing import Replay, replay
from actorio.testing.replaying import is_known

__all__ = ["capsules"]

_FAILED, _USAGE = 1, 2
_NAMED = ("object", "dataclass", "enum", "namedtuple", "struct", "exception", "own")
_LONGEST_LINE = 1600
_NO_QUOTES = str.maketrans({"\\": "/", '"': "'"})

capsules = typer.Typer(no_args_is_help=True, help="Capsules: what failed actors took, to be replayed.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
File = Annotated[Path, typer.Argument(help="A capsule: *.capsule.json.")]


@capsules.command("list")
def list_(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where a recorder has written them.")],
    *,
    json: Json = False,
) -> None:
    """List the capsules of a folder, the oldest first."""
    if not folder.is_dir():
        _refuse(f"no such folder: {folder}")
    rows = [_row(path) for path in sorted(folder.glob("*.capsule.json"))]
    if json:
        print(json_format.dumps(rows))  # noqa: T201
        return
    for row in rows:
        if "refused" in row:
            _say(f"{row['file']}  {row['refused']}")
        else:
            _say(f"{row['file']}  {row['path']}  {row['error']}  {row['inputs']} inputs from {row['begins']}")


@capsules.command()
def show(
    file: File,
    *,
    inputs: Annotated[int, typer.Option("--inputs", min=0, help="How many of the last inputs.")] = 10,
    json: Json = False,
) -> None:
    """Show a capsule."""
    content = _read(file)
    if json:
        print(json_format.dumps(content))  # noqa: T201
        return
    for line in _lines(content, inputs):
        _say(line)


@capsules.command("test")
def make_test(
    file: File,
    *,
    output: Annotated[
        Path | None, typer.Option("--output", help="The test file. Default: in the current folder.")
    ] = None,
    json: Json = False,
) -> None:
    """Write a test that replays a capsule, and run it once.

    It is red until the bug is mended, and a regression test from then on. Exit status: 0 the failure was reproduced.
    """
    content = _read(file)
    target = output or Path(_test_name(content))
    if target.exists():
        _fail(f"{target} exists already: run it with pytest, or give another by --output")
    sys.path.insert(0, os.getcwd())  # noqa: PTH109 - sys.path holds strings
    imports, types, lost = _imports(content)
    again, missing, why = _run(file, list(types.values()), lost)
    try:
        target.write_text(_source(content, file, target, imports, list(types), missing))
    except OSError as error:
        _fail(f"the test cannot be written: {error}")
    reproduced = again is not None and again.reproduced
    if json:
        print(json_format.dumps({"test": str(target), "reproduced": reproduced, "why": why}))  # noqa: T201
    else:
        _say(f"wrote {target}")
        _say(why)
    raise typer.Exit(0 if reproduced else _FAILED)


# --- list and show ------------------------------------------------------------------------------------


def _row(path: Path) -> dict[str, Any]:
    try:
        content = read(path)
    except (CapsuleError, OSError) as error:
        return {"file": path.name, "refused": str(error)}
    return {
        "file": path.name,
        "written": content["written"],
        "path": content["path"],
        "class": content["class"],
        "reason": content["reason"],
        "error": _where(content),
        "begins": content["begins"].partition(":")[0],
        "inputs": len(content["inputs"]),
        "missing": len(content["missing"]),
    }


def _where(content: dict[str, Any]) -> str:
    error = content["error"]
    if error is None:
        return str(content["reason"])
    name = error["type"].rpartition(".")[2]
    own = [frame for frame in error["frames"] if frame.get("own", True)] or error["frames"]
    return f"{name} at {Path(own[-1]['file']).name}:{own[-1]['line']}" if own else name


def _lines(content: dict[str, Any], most: int) -> Iterator[str]:
    yield f"{content['path']}  {content['class']}  incarnation {content['incarnation']}"
    yield f"written {content['written']} by actorio {content['actorio']} on Python {content['python']}"
    if (durable := content.get("durable")) is not None:
        yield f"durable {durable['id']} at sequence {durable['sequence']}"
    yield f"reason  {content['reason']}"
    if (error := content["error"]) is not None:
        yield f"error   {_where(content)}: {error['text']}"
        for frame in error["frames"]:
            yield f"        {frame['file']}:{frame['line']} in {frame['function']}: {frame['code']}"
    yield f"begins  {content['begins']}"
    if content["missing"]:
        yield f"missing {', '.join(map(str, content['missing']))}"
    if content["waits_for"]:
        yield f"waits   {' -> '.join(map(str, content['waits_for']))}"
    shown = content["inputs"][max(0, len(content["inputs"]) - most) :]
    yield f"inputs  {len(content['inputs'])}, the last {len(shown)}:"
    for one in shown:
        outcome = f" -> {json_format.dumps(one.get('value'))}" if one["kind"] == "answer" else ""
        whom = one.get("from") or one.get("of") or ""
        what = json_format.dumps(one.get("message"))
        yield f"  {one['n']:>4}  {one['at']:.6f}  {one['kind']:<7} {whom} {what}{outcome}"
    for name, value in (content["state"] or {}).items():
        yield f"state   {name} = {json_format.dumps(value)}"
    for neighbour in content["neighbours"]:
        yield f"beside  {neighbour['path']}  {neighbour.get('class')}  {neighbour.get('state')}"


# --- test ---------------------------------------------------------------------------------------------


def _test_name(content: dict[str, Any]) -> str:
    parts = (content["class"], content["reason"] if content["error"] is None else content["error"]["type"])
    return f"test_{'_'.join(_identifier(part.rpartition('.')[2]) for part in parts)}.py"


def _identifier(text: str) -> str:
    return "".join(one if one.isalnum() and one.isascii() else "_" for one in text) or "_"


def _names_in(value: Any) -> Iterator[str]:
    """Yield the names of all classes and functions that a replay needs."""
    if isinstance(value, list):
        for one in value:
            yield from _names_in(one)
    elif isinstance(value, dict):
        tag = value.get("$")
        name = (
            value.get("type")
            if tag in _NAMED
            else value.get("name")
            if tag in ("class", "function")
            else None
        )
        if isinstance(name, str):
            yield name
        for one in value.values():
            yield from _names_in(one)


def _imports(content: dict[str, Any]) -> tuple[dict[str, list[str]], dict[str, Any], list[str]]:
    """Import what the capsule names: what to import from which module, the types by their names in the test."""
    parts = [content["inputs"]]
    parts += (
        [content.get("factory"), content["args"]] if content["begins"] == "start" else [content["checkpoint"]]
    )
    imports: dict[str, list[str]] = {}
    types: dict[str, Any] = {}
    lost: list[str] = []
    for name in dict.fromkeys([content["class"], *_names_in(parts)]):
        if is_known(name):
            continue
        found = _find(name)
        if found is None:
            lost.append(name)
            continue
        module, top, thing = found
        alias = top
        while alias in types and types[alias] is not thing:
            alias += "_"
        types[alias] = thing
        line = top if alias == top else f"{top} as {alias}"
        if line not in imports.setdefault(module, []):
            imports[module].append(line)
    return imports, types, lost


def _find(name: str) -> tuple[str, str, Any] | None:
    """Import the module of a name: the module, the name in it, and what has that name."""
    parts = name.split(".")
    for end in range(len(parts) - 1, 0, -1):
        module_name = ".".join(parts[:end])
        try:
            module = importlib.import_module(module_name)
        except ImportError:
            continue
        thing = getattr(module, parts[end], None)
        if thing is not None:
            return module_name, parts[end], thing
    return None


def _run(file: Path, types: list[Any], lost: list[str]) -> tuple[Replay | None, list[str], str]:
    """Replay it once: what came of it, the places to provide, and the outcome in words."""
    try:
        again = replay(file, types=types)
    except IncompleteCapsuleError as error:
        if lost:
            return None, [], f"not reproduced: cannot import {', '.join(lost)}"
        return None, error.missing, f"not reproduced: {error}"
    except CapsuleError as error:
        return None, [], f"not reproduced: {error}"
    if again.reproduced:
        return again, [], f"reproduced {again.expected}"
    if again.error is None:
        return again, [], "not reproduced: the actor did not fail"
    return again, [], f"not reproduced: it failed with {type(again.error).__name__}: {again.error}"


def _source(
    content: dict[str, Any],
    file: Path,
    target: Path,
    imports: dict[str, list[str]],
    types: list[str],
    missing: list[str],
) -> str:
    """Return the text of the test."""
    folder = target.resolve().parent
    where = os.path.relpath(file.resolve(), folder)
    is_here = not where.startswith(os.pardir)
    path = f"Path(__file__).parent / {_quoted(where)}" if is_here else f"Path({_quoted(str(file.resolve()))})"
    elsewhere = folder != Path.cwd()
    what = f"{_where(content)}, of {content['path']}: red until it is mended, then a regression test."
    name = target.stem if target.stem.isidentifier() and target.stem.startswith("test") else "test_capsule"
    lines = [
        f'"""{inert(what, 110).translate(_NO_QUOTES)}"""',
        "",
        *(["import sys"] if elsewhere else []),
        "from pathlib import Path",
        "",
        "from actorio.testing import replay",
        *([f"\nsys.path.insert(0, {os.getcwd()!r})\n"] if elsewhere else []),  # noqa: PTH109
        *(f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(imports.items())),
        "",
        f"CAPSULE = {path}",
        "",
        "",
        f"def {name}() -> None:",
    ]
    provide = f", provide={{{', '.join(f'{place!r}: ...' for place in missing)}}}" if missing else ""
    lines.append(f"    replay(CAPSULE, types=[{', '.join(sorted(types))}]{provide}).unwrap()")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return json_format.dumps(text, ensure_ascii=False)


# --- words --------------------------------------------------------------------------------------------


def _read(file: Path) -> dict[str, Any]:
    if not file.is_file():
        _refuse(f"no such file: {file}")
    try:
        return read(file)
    except (CapsuleError, OSError) as error:
        _fail(str(error))


def _say(text: str) -> None:
    print(inert(text, _LONGEST_LINE))  # noqa: T201


def _fail(why: str) -> NoReturn:
    print(f"actorio: {inert(why)}", file=sys.stderr)  # noqa: T201
    raise typer.Exit(_FAILED)


def _refuse(why: str) -> NoReturn:
    print(f"actorio: {inert(why)}", file=sys.stderr)  # noqa: T201
    raise typer.Exit(_USAGE)
