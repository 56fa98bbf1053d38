"""`actorio store`: looks into a store, checks it, moves it. What only reads runs beside the system that writes."""

from __future__ import annotations

import asyncio
import json as json_module
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import asdict
from typing import Annotated, Any, NoReturn

import typer

from actorio._core.redaction import inert
from actorio.errors import StoreError

__all__ = ["store_app"]

PROBLEMS, REFUSED = 1, 2
_PAGE = 1_000

store_app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Look into a store of durable actors, and look after it.",
)

Where = Annotated[str, typer.Argument(metavar="PATH|DSN", help="A file of SQLite, or postgresql://...")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it; it cannot be taken back.")]
Schema = Annotated[str, typer.Option("--schema", help="Of a PostgreSQL store.")]


@store_app.command()
def info(where: Where, *, json: Json = False, schema: Schema = "actorio") -> None:
    """Show how much is stored."""

    async def work(store: Any) -> dict[str, Any]:
        kinds: dict[str, int] = {}
        async for one in _ids(store, None):
            kind = one.partition("/")[0]
            kinds[kind] = kinds.get(kind, 0) + 1
        offsets = {row.projection: row.position for row in await store._reading(store._offsets)}
        return {
            "ids": sum(kinds.values()),
            "position": await store.position(),
            "kinds": kinds,
            "projections": offsets,
        }

    found = _reading(where, schema, work)
    if json:
        _print_json(found)
        return
    typer.echo(f"{found['ids']} ids, position {found['position']}")
    for title in ("kinds", "projections"):
        for name, number in sorted(found[title].items()):
            typer.echo(f"{title[:-1]} {name}: {number}")


@store_app.command("list")
def list_ids(
    where: Where,
    *,
    kind: Annotated[str | None, typer.Option("--kind", help="Only of this kind.")] = None,
    json: Json = False,
    schema: Schema = "actorio",
) -> None:
    """List the durable ids that have something stored."""

    async def work(store: Any) -> list[str]:
        return [one async for one in _ids(store, kind)]

    ids = _reading(where, schema, work)
    if json:
        _print_json(ids)
        return
    for one in ids:
        typer.echo(inert(one))


@store_app.command()
def show(
    where: Where,
    durable_id: Annotated[str, typer.Argument(metavar="ID", help="Like Account/ada.")],
    *,
    after: Annotated[int, typer.Option("--after", min=0, help="Only events behind this sequence.")] = 0,
    json: Json = False,
    schema: Schema = "actorio",
) -> None:
    """Show what is stored under an id, and its events."""

    async def work(store: Any) -> dict[str, Any]:
        actor = asdict(await store.info(durable_id))
        loaded = await store._loaded(durable_id)
        events, last = [], after
        while page := await store._reading(store._read, durable_id, last, _PAGE):
            events += [_row(row) for row in page if row.type]
            last = page[-1].sequence
        return {**actor, "state": _row(loaded.snapshots[0]) if loaded.snapshots else None, "journal": events}

    found = _reading(where, schema, work)
    if json:
        _print_json(found)
        return
    for name in (
        "durable_id",
        "sequence",
        "events",
        "snapshots",
        "reminders",
        "first",
        "last",
        "erased",
        "state",
    ):
        typer.echo(f"{name}: {_plain(found[name])}")
    for event in found["journal"]:
        typer.echo(f"{event['sequence']} {inert(event['type'])} {_plain(event['data'])}")


@store_app.command()
def reminders(
    where: Where,
    *,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only those that were given up after five tries.")
    ] = False,
    json: Json = False,
    schema: Schema = "actorio",
) -> None:
    """List the reminders that are set."""

    async def work(store: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        async for one in _ids(store, None):
            for row in (await store._loaded(one)).reminders:
                if row.next is None or not failed:
                    found.append(_reminder(row))
        return found

    found = _reading(where, schema, work)
    if json:
        _print_json(found)
        return
    for one in found:
        state = "failed" if one["failed"] else f"due {one['due']}"
        about = inert(f"{one['durable_id']} {one['key']}: {one['type']}")
        typer.echo(f"{about} {_plain(one['data'])}, {state}")


@store_app.command()
def verify(where: Where, *, json: Json = False, schema: Schema = "actorio") -> None:
    """Read every row, and say what is wrong. Exit status 1: there are problems."""
    report = _reading(where, schema, lambda store: store.verify())
    if json:
        _print_json(asdict(report))
    else:
        for durable_id, sequence, what in report.problems:
            place = durable_id or "the store"
            typer.echo(inert(f"{place}{'' if sequence is None else f', sequence {sequence}'}: {what}"))
        typer.echo(f"{report.ids} ids, {report.events} events, {len(report.problems)} problems")
    if report.problems:
        raise typer.Exit(PROBLEMS)


@store_app.command()
def compact(where: Where, *, schema: Schema = "actorio") -> None:
    """Give space back to the disk. Not beside a system that writes."""
    _writing(where, schema, lambda store: store.compact())


@store_app.command()
def export(where: Where, *, schema: Schema = "actorio") -> None:
    """Write all that is stored to standard output, as JSON Lines."""

    async def work(store: Any) -> None:
        async for line in store.export_lines():
            typer.echo(line)

    _reading(where, schema, work)


@store_app.command("import")
def import_(where: Where, *, schema: Schema = "actorio") -> None:
    """Read an export from standard input into a store that is empty, or is not there yet."""

    async def lines() -> AsyncIterator[str]:
        while line := await asyncio.to_thread(sys.stdin.readline):
            yield line

    _writing(where, schema, lambda store: store.import_lines(lines()), make=True)


@store_app.command()
def erase(
    where: Where,
    durable_id: Annotated[str, typer.Argument(metavar="ID", help="Like Account/ada.")],
    *,
    yes: Yes = False,
    schema: Schema = "actorio",
) -> None:
    """Delete all that is stored under an id."""
    _confirm(f"erase {durable_id}", yes=yes)
    _writing(where, schema, lambda store: store.erase(durable_id))


@store_app.command()
def reset(
    where: Where,
    projection: Annotated[str, typer.Argument(metavar="PROJECTION")],
    *,
    yes: Yes = False,
    schema: Schema = "actorio",
) -> None:
    """Let a projection begin anew at its next start."""
    _confirm(f"reset {projection}", yes=yes)
    _writing(where, schema, lambda store: store.reset(projection))


@store_app.command()
def drop(
    where: Where,
    projection: Annotated[str, typer.Argument(metavar="PROJECTION")],
    *,
    yes: Yes = False,
    schema: Schema = "actorio",
) -> None:
    """Forget how far a projection has come, so that retention no longer waits for it."""
    _confirm(f"drop {projection}", yes=yes)
    _writing(where, schema, lambda store: store.drop(projection))


# -- stores ----------------------------------------------------------------------------------------


def _reading(where: str, schema: str, work: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
    return _with_store(where, schema, work, reads=True, make=False)


def _writing(
    where: str, schema: str, work: Callable[[Any], Coroutine[Any, Any, Any]], *, make: bool = False
) -> None:
    _with_store(where, schema, work, reads=False, make=make)


def _with_store(
    where: str, schema: str, work: Callable[[Any], Coroutine[Any, Any, Any]], *, reads: bool, make: bool
) -> Any:
    async def main() -> Any:
        async with _store(where, schema, reads=reads, make=make) as store:
            return await work(store)

    try:
        return asyncio.run(main())
    except (StoreError, LookupError, ValueError, ImportError) as error:
        _refuse(str(error))
    except BrokenPipeError:  # `| head` has had enough
        sys.stdout = None
        raise typer.Exit(0) from None


def _store(where: str, schema: str, *, reads: bool, make: bool) -> Any:
    from pathlib import Path

    from actorio.persistence import PostgresStore, SqliteStore

    if where.startswith(("postgresql://", "postgres://")):
        return PostgresStore(where, schema=schema, timeout=5.0)
    if not make and not Path(where).exists():
        raise StoreError(f"there is no store {where}")
    return SqliteStore._for_reading(where) if reads else SqliteStore(where)


async def _ids(store: Any, kind: str | None) -> AsyncIterator[str]:
    after = ""
    while page := await store.ids(kind, after, _PAGE):
        for one in page:
            yield one
        after = page[-1]


# -- what is shown ---------------------------------------------------------------------------------


def _row(row: Any) -> dict[str, Any]:
    from actorio.persistence._clock import as_datetime

    shown = {"sequence": row.sequence, "type": row.type, "version": row.version, "at": as_datetime(row.at)}
    return {**shown, "data": _data(row.body), "tags": list(getattr(row, "tags", ()))}


def _reminder(row: Any) -> dict[str, Any]:
    from actorio.persistence._clock import as_datetime

    return {
        "durable_id": row.durable_id,
        "key": row.key,
        "due": as_datetime(row.due),
        "interval": row.interval,
        "attempt": row.attempt,
        "failed": row.next is None,
        "type": row.type,
        "data": _data(row.body),
    }


def _data(body: bytes) -> Any:
    try:
        return json_module.loads(body)
    except ValueError:  # damaged: shown as it is
        return body.decode(errors="replace")


def _plain(value: Any) -> str:
    return inert(value, len(value)) if isinstance(value, str) else _json(value)


def _print_json(value: Any) -> None:
    typer.echo(_json(value))


def _json(value: Any) -> str:
    """Return JSON that is inert in a terminal: what is not printable is escaped, and means the same."""
    text = json_module.dumps(value, default=_as_text, ensure_ascii=False)
    return text if text.isprintable() else json_module.dumps(value, default=_as_text)


def _as_text(value: Any) -> str:
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)


def _confirm(what: str, *, yes: bool) -> None:
    if not yes:
        _refuse(f"{what}: it cannot be taken back; say --yes")


def _refuse(why: str) -> NoReturn:
    print(f"actorio: {inert(why)}", file=sys.stderr)  # noqa: T201
    raise typer.Exit(REFUSED)
