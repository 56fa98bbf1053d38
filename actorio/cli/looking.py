"""The commands that look into running systems, and act on their actors."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from typing import Annotated, Any, NoReturn

import typer

from actorio.cli.plain import COLUMNS, attention_lines, duration, number, row_of, shown, table
from actorio.cli.targets import Gone, NoTarget, Refused, System, find, running
from actorio.errors import ActorError

__all__ = ["add_commands"]

USAGE_ERROR = 2
RIGHT = range(3, 10)
SORTS = ("depth", "rate", "failed", "restarts", "turn", "waiters", "handled", "time")

TargetArgument = Annotated[
    str | None, typer.Argument(help="A pid, a system's name, or a socket. Default: the only one.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ActorArguments = Annotated[
    list[str],
    typer.Argument(metavar="[TARGET] PATH", help="A system, if there is more than one, and an actor's path."),
]


def add_commands(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for command in (ps, top, inspect, waits, trace, page):
        app.command()(command)
    for name, words in (
        ("suspend", "Have an actor begin no turn for a minute, or until it is resumed."),
        ("resume", "Have a suspended actor go on."),
        ("stop", "Have an actor end after its current message."),
        ("kill", "Cancel an actor in the middle of what it does."),
    ):
        app.command(name, help=words)(_action(name))


@contextlib.contextmanager
def _answered() -> Iterator[None]:
    """Leave with the status that says what went wrong, and one line."""
    try:
        yield
    except NoTarget as error:
        _leave(str(error), error.status)
    except (Gone, Refused, ActorError) as error:
        _leave(str(error), 1)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _leave(why: str, status: int) -> NoReturn:
    lines = "\n".join(map(shown, why.split("\n")))
    print(f"actorio: {lines}", file=sys.stderr)  # noqa: T201
    raise typer.Exit(status)


def _split(arguments: list[str]) -> tuple[str | None, str]:
    if len(arguments) > 2:
        _leave("one system and one path are enough", USAGE_ERROR)
    return (None, arguments[0]) if len(arguments) == 1 else (arguments[0], arguments[1])


# -- all systems -----------------------------------------------------------------------------------


def ps(*, as_json: JsonOption = False) -> None:
    """List the running systems of this user that can be looked into."""
    with _answered():
        systems, silent = running()
    for line in silent:
        print(f"actorio: {shown(line)}", file=sys.stderr)  # noqa: T201
    rows = [(one.pid, one.name, one.overview) for one in systems]
    if as_json:
        typer.echo(json.dumps([_of_ps(system) for system in systems]))
        return
    cells = [
        (pid, name, number(seen["actors"]), number(seen["rate"]), duration(seen["uptime"]), _worst(seen))
        for pid, name, seen in rows
    ]
    typer.echo(table(("pid", "name", "actors", "msg/s", "up", "attention"), cells, right=(0, 2, 3, 4)))


def _of_ps(system: System) -> dict[str, Any]:
    kept = ("pid", "name", "actors", "rate", "uptime", "attention")
    return {**{name: system.overview[name] for name in kept}, "socket": str(system.socket)}


def _worst(overview: dict[str, Any]) -> str:
    lines = overview["attention"]
    if not lines:
        return "-"
    more = f" and {len(lines) - 1} more" if len(lines) > 1 else ""
    return f"{lines[0]['kind']} {lines[0]['path']}{more}"


# -- one system ------------------------------------------------------------------------------------


def top(
    target: TargetArgument = None,
    *,
    sort: Annotated[str, typer.Option("--sort", help=f"One of {', '.join(SORTS)}.")] = "depth",
    once: Annotated[bool, typer.Option("--once", help="Print one plain table.")] = False,
) -> None:
    """Show what needs attention and the busiest actors; keys: d r f s t w sort, / filters, Enter opens, q leaves."""
    if sort not in SORTS:
        _leave(f"--sort must be one of {', '.join(SORTS)}", USAGE_ERROR)
    with _answered():
        system = find(target)
        if not once and sys.stdin.isatty() and sys.stdout.isatty():
            from actorio.cli.top import Top

            reason = Top(system, sort).run()
            if reason:
                _leave(reason, 1)
            return
        answer = system.get("/api/actors", sort=sort, limit=50)
    typer.echo(summary(system.overview))
    for line in attention_lines(system.overview["attention"]):
        typer.echo(line)
    typer.echo()
    typer.echo(table(COLUMNS, [row_of(row) for row in answer["rows"]], right=RIGHT))


def summary(seen: dict[str, Any]) -> str:
    """Return a system in a line."""
    blocked = seen["blocked"]
    state = "running" if blocked is None else f"LOOP BLOCKED for {duration(blocked['seconds'])}"
    return (
        f"{shown(seen['name'])} (pid {seen['pid']}) {state}: {number(seen['actors'])} actors, "
        f"{number(seen['rate'])} messages/s, {number(seen['depth'])} waiting, {number(seen['failures'])} failures, "
        f"{number(seen['dead_letters'])} dead letters, up {duration(seen['uptime'])}"
    )


def waits(target: TargetArgument = None, *, as_json: JsonOption = False) -> None:
    """Show who is waited for and waits for nobody, each with those that wait for it."""
    with _answered():
        answer = find(target).get("/api/waits")
    if as_json:
        typer.echo(json.dumps(answer))
        return
    if not answer["rows"]:
        typer.echo("no actor waits for another one")
    for row in answer["rows"]:
        turn = "" if row["turn_seconds"] is None else f"; in one turn for {duration(row['turn_seconds'])}"
        typer.echo(
            f"{shown(row['path'])}  {shown(row['cls'])}: {row['waiters']} waiting, {row['direct']} directly{turn}"
        )
        if row["at"] is not None:
            at = row["at"]
            typer.echo(
                f"  at {shown(at['file'])}:{at['line']} in {shown(at['function'])}: {shown(at['code'])}"
            )
        for line in _tree(row["path"], row["waiting"], 1):
            typer.echo(line)


def _tree(path: str, waiting: list[dict[str, Any]], level: int) -> Iterator[str]:
    for one in waiting:
        if one["for"] == path:
            mail = f" ({one['depth']} in its mailbox)" if one["depth"] else ""
            yield f"{'  ' * level}<- {shown(one['path'])}{mail}"
            if level < 12:
                yield from _tree(one["path"], waiting, level + 1)


def page(target: TargetArgument = None, *, as_json: JsonOption = False) -> None:
    """Ask the running system to open its page on the loopback, and print the link."""
    with _answered():
        answer = find(target).post("/api/page", {})
    typer.echo(json.dumps(answer) if as_json else answer["url"])


# -- one actor -------------------------------------------------------------------------------------


def inspect(arguments: ActorArguments, *, as_json: JsonOption = False) -> None:
    """Show all that is known of an actor: its figures, where its turn stands, its mail."""
    target, path = _split(arguments)
    with _answered():
        answer = find(target).get("/api/actor", path=path)
    if as_json:
        typer.echo(json.dumps(answer))
        return
    for name, value in answer["info"].items():
        typer.echo(f"{name:>16}  {_value(value)}")
    _section("where its turn stands", [_frame(frame) for frame in answer["stack"]])
    _section("next in its mailbox", [_letter(letter) for letter in answer["peek"]])
    _section("state", [_attribute(one) for one in answer["attributes"]])


def _section(title: str, lines: list[str]) -> None:
    typer.echo(f"\n{title}:")
    for line in lines or ["nothing"]:
        typer.echo(f"  {line}")


def _value(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(shown, value)) or "-"
    if isinstance(value, dict):
        return _letter(value)
    if isinstance(value, float):
        return duration(value)
    return "-" if value is None else shown(value)


def _frame(frame: dict[str, Any]) -> str:
    mark = "*" if frame["own"] else " "
    return (
        f"{mark} {shown(frame['file'])}:{frame['line']} in {shown(frame['function'])}: {shown(frame['code'])}"
    )


def _letter(letter: dict[str, Any]) -> str:
    text = "" if letter["text"] is None else f"  {shown(letter['text'])}"
    return f"{shown(letter['kind'])} {shown(letter['type'])}{text}"


def _attribute(one: dict[str, Any]) -> str:
    return f"{shown(one['name'])}: {shown(one['type'])}" + (
        "" if one["text"] is None else f" = {shown(one['text'])}"
    )


def trace(
    arguments: ActorArguments,
    *,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=100_000, help="Events after which it ends.")
    ] = 1000,
    seconds: Annotated[int, typer.Option("--for", min=1, max=3600, help="Seconds after which it ends.")] = 60,
    as_json: JsonOption = False,
) -> None:
    """Show what happens to an actor, a line an event."""
    target, path = _split(arguments)
    with _answered():
        system = find(target)
        began: float | None = None
        for event in _events(system.lines("/api/trace", path=path, limit=limit, **{"for": seconds})):
            if as_json:
                typer.echo(json.dumps(event))
            else:
                began = event["at"] if began is None else began
                typer.echo(
                    f"{event['at'] - began:10.3f} s  {shown(event['kind']):<11} {shown(event['text'])}"
                )
            sys.stdout.flush()


def _events(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    kind = ""
    for line in lines:
        if line.startswith("event: "):
            kind = line.removeprefix("event: ")
        elif line.startswith("data: ") and kind == "trace":
            yield json.loads(line.removeprefix("data: "))
        elif line.startswith("data: ") and kind == "end":
            return


def _action(name: str) -> Any:
    def act(arguments: ActorArguments, *, as_json: JsonOption = False) -> None:
        target, path = _split(arguments)
        with _answered():
            answer = find(target).post(f"/api/{name}", {"path": path})
        if as_json:
            typer.echo(json.dumps(answer))

    return act
