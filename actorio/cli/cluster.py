"""The commands of a cluster: `actorio cluster demo`, `up`, `status`, `permissions`."""

import asyncio
import json
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from actorio.cli.plain import shown

__all__ = ["cluster"]

cluster = typer.Typer(no_args_is_help=True, help="Clusters of several nodes (extra `cluster-server`).")

ServerOption = Annotated[
    str, typer.Option("--server", envvar="ACTORIO_CLUSTER_SERVER", help="The URL of the NATS server.")
]
NameOption = Annotated[str, typer.Option("--name", help="The name of the cluster.")]
NodesOption = Annotated[int, typer.Option("--nodes", min=1, max=50, help="How many nodes.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@cluster.command()
def demo(*, nodes: NodesOption = 3, as_json: JsonOption = False) -> None:
    """Move money between accounts on several nodes, kill one of them, and count.

    Exit status: 0 nothing was lost or doubled and all balances are right, else 1.
    """
    from actorio.cli.cluster_demo import run_demo

    if nodes < 2:
        raise typer.BadParameter("the demo kills one node, so that it needs two at least")
    result = asyncio.run(run_demo(nodes, None if as_json else typer.echo))
    if as_json:
        typer.echo(json.dumps(result))
    else:
        _print("What came of it", ("figure", "value"), list(result.items()))
    raise typer.Exit(0 if result["lost"] == result["doubled"] == 0 and result["balanced"] else 1)


@cluster.command()
def up(
    target: Annotated[str, typer.Argument(help="package.module:main, awaited as main(node, engine).")],
    *,
    nodes: NodesOption = 3,
    server: Annotated[
        str | None, typer.Option("--server", help="A NATS server that exists. Default: one of its own.")
    ] = None,
) -> None:
    """Run a program as several nodes, each a process; a signal ends all in order.

    The lease of a node that died is released at once, so that the others need not wait for its end.

    Exit status: that of the first node that failed, or 0; 2 where there is no such module.
    """
    from actorio.cli.cluster_up import is_there, run_up

    module = target.partition(":")[0]
    if not is_there(module):
        raise typer.BadParameter(f"there is no module {module!r}")
    raise typer.Exit(asyncio.run(run_up(target, nodes, server, typer.echo)))


@cluster.command()
def status(
    *,
    server: ServerOption = "nats://127.0.0.1:4222",
    name: NameOption = "actorio",
    as_json: JsonOption = False,
) -> None:
    """Tell who is a member, who owns what, which names there are.

    Exit status: 1 where there are no members.
    """
    from actorio.cli.cluster_status import look
    from actorio.errors import EngineError

    try:
        found = asyncio.run(look(server, name))
    except (EngineError, ValueError) as error:
        typer.echo(f"actorio: {error}", err=True)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(json.dumps(found))
    else:
        members = [tuple(map(str, member.values())) for member in found["members"]]
        _print("Members", ("node", "incarnation", "status", "roles", "age (s)"), members)
        _print(
            "Claims",
            ("node", "shards"),
            [(node, str(len(claims))) for node, claims in found["claims"].items()],
        )
        _print("Names", ("name", "node"), list(found["names"].items()))
    raise typer.Exit(0 if found["members"] else 1)


@cluster.command()
def permissions(
    *,
    name: NameOption,
    node: Annotated[str, typer.Option("--node", help="The name of the node.")],
) -> None:
    """Print what a node needs to be allowed, for the configuration of the server."""
    from actorio.cluster.settings import check_word

    for word in (name, node):
        try:
            check_word(word, "a name")
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
    typer.echo(permissions_of(name, node))


def permissions_of(name: str, node: str) -> str:
    """Return the rights of a node, as a part of a NATS server's configuration."""
    bucket = f"KV_actorio-{name}"
    api = [
        f"STREAM.INFO.{bucket}",
        f"STREAM.CREATE.{bucket}",
        f"STREAM.MSG.GET.{bucket}",
        f"DIRECT.GET.{bucket}.>",
        f"CONSUMER.CREATE.{bucket}",
        f"CONSUMER.CREATE.{bucket}.>",
        f"CONSUMER.INFO.{bucket}.*",
        f"CONSUMER.DELETE.{bucket}.*",
    ]
    publish = [f"actorio.{name}.{node}.>", f"$KV.actorio-{name}.>", *(f"$JS.API.{each}" for each in api)]
    subscribe = [f"actorio.{name}.*.{node}", f"_INBOX_{node}.>"]
    return (
        "permissions: {\n"
        f"  publish: {{ allow: {json.dumps(publish)} }}\n"
        f"  subscribe: {{ allow: {json.dumps(subscribe)} }}\n"
        "}"
    )


def _print(title: str, columns: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> None:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*(Text(shown(cell)) for cell in row))  # no markup: a name may look like it
    Console().print(table)
