"""The commands and their options: what is typed, what is printed, which exit status comes back."""

import asyncio
import importlib.util
import logging
import signal
import sys
import sysconfig
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from rich.console import Console

import actorio
from actorio import ProgressBar
from actorio.cli.capsule import capsules
from actorio.cli.cluster import cluster
from actorio.cli.demo import survey_with_actors
from actorio.cli.host import Look, TargetError, host, load_actor
from actorio.cli.looking import add_commands
from actorio.cli.report import Report, as_json, as_tables
from actorio.cli.store import store_app

__all__ = ["app"]

T = TypeVar("T")

USAGE_ERROR = 2

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Supervised actors for asyncio.",
)

app.add_typer(store_app, name="store")
app.add_typer(cluster, name="cluster")
app.add_typer(capsules, name="capsule")

UvloopOption = Annotated[
    bool | None,
    typer.Option(
        "--uvloop/--no-uvloop", help="Run on uvloop, or on asyncio. Default: uvloop where installed."
    ),
]


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer's signature for a callback
    if wanted:
        form = " (compiled core)" if actorio.core_is_compiled else ""
        typer.echo(f"actorio {actorio.__version__}{form}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Supervised actors for asyncio."""


@app.command()
def demo(
    path: Annotated[
        Path | None, typer.Argument(help="A folder or file. Default: the standard library of this Python.")
    ] = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    uvloop: UvloopOption = None,
) -> None:
    """Survey a tree of Python source files with a supervised pool of parsers."""
    root = path or Path(sysconfig.get_path("stdlib"))
    if not root.exists():
        _refuse(f"no such file or folder: {root}")
    report = _demo(root, quiet=json, uvloop=uvloop)
    if not report.survey.files:
        _refuse(f"no Python file in {root}")
    if json:
        typer.echo(as_json(report))
    else:
        Console().print(as_tables(report))


def _demo(root: Path, *, quiet: bool, uvloop: bool | None) -> Report:
    # The result says what failed; a traceback of each file that cannot be parsed would only hide the rest.
    logging.getLogger("actorio").setLevel(logging.CRITICAL)
    # The bar goes to stderr, so that what is piped on is the result and nothing else.
    with ProgressBar("Parsing", console=Console(stderr=True, quiet=quiet), transient=True) as bar:
        return _run(lambda: survey_with_actors(root, bar, handle_signals=True), uvloop=uvloop)


@app.command()
def run(
    target: Annotated[str, typer.Argument(help="package.module:ActorClass, as Python would import it.")],
    *,
    uvloop: UvloopOption = None,
    inspect: Annotated[
        bool,
        typer.Option(
            "--inspect", envvar="ACTORIO_INSPECT", help="Let this user's other terminals look into it."
        ),
    ] = False,
    page: Annotated[
        int | None,
        typer.Option(
            "--page", min=0, max=65535, help="Serve a page on this port of the loopback; 0: any free one."
        ),
    ] = None,
    record: Annotated[
        Path | None, typer.Option("--record", metavar="DIR", help="Write a capsule of each failure there.")
    ] = None,
    actions: Annotated[
        bool, typer.Option("--actions", help="Let actors be suspended, stopped and killed from outside.")
    ] = False,
    values: Annotated[
        bool, typer.Option("--values", help="Show contents of messages, without secrets.")
    ] = False,
) -> None:
    """Host an actor as a service until it ends or a signal ends it.

    Exit status: 0 it ended, 1 it crashed, 2 there is no such actor, 128+n signal n ended it.
    """
    try:
        actor_class = load_actor(target)
    except TargetError as error:
        _refuse(str(error))
    look = None
    if inspect or page is not None:
        look = Look(page, has_socket=inspect, actions=actions, values=values)
    raise typer.Exit(_run(lambda: host(actor_class, look, record), uvloop=uvloop))


add_commands(app)


def _run(main: Callable[[], Coroutine[Any, Any, T]], *, uvloop: bool | None) -> T:
    """Run on the loop that was asked for; end with 128+n when a signal ended it."""
    if uvloop and importlib.util.find_spec("uvloop") is None:
        _refuse("uvloop is not installed: pip install 'actorio-py[uvloop]'")
    if uvloop is False:
        return asyncio.run(_with_status(main))
    return actorio.run(_with_status, main)


async def _with_status(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Turn what a signal has raised from the block into the exit status, before it unwinds the event loop."""
    try:
        return await main()
    except KeyboardInterrupt:
        raise typer.Exit(128 + signal.SIGINT) from None
    except SystemExit as ended:
        raise typer.Exit(ended.code if isinstance(ended.code, int) else 1) from None


def _refuse(why: str) -> NoReturn:
    print(f"actorio: {why}", file=sys.stderr)  # noqa: T201
    raise typer.Exit(USAGE_ERROR)
