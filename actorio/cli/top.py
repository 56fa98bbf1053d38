"""`actorio top`: what needs attention and the busiest actors, in a terminal."""

from __future__ import annotations

from typing import Any, ClassVar

import httpx
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import DataTable, Footer, Input, Static

from actorio.cli.plain import COLUMNS, attention_lines, duration, row_of, shown
from actorio.cli.targets import BASE, System

__all__ = ["Top"]

EVERY = 1.0
MOST = 200
_KEYS = {"d": "depth", "r": "rate", "f": "failed", "s": "restarts", "t": "turn", "w": "waiters"}


class Top(App[str]):
    """Asks the system each second, and shows what it says; ends with the reason when the system is gone.

    Args:
        system: which one.
        sort: the key of the first list.
    """

    TITLE = "actorio top"
    CSS = """
    #summary { height: 1; padding: 0 1; text-style: bold; }
    #attention { max-height: 8; height: auto; padding: 0 1; color: $text-warning; }
    #filter { display: none; height: 3; }
    #filter.shown { display: block; }
    DataTable { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *((key, f"sort('{by}')", by) for key, by in _KEYS.items()),
        ("slash", "filter", "filter"),
        ("escape", "clear", "all"),
        ("q", "quit", "leave"),
    ]
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, system: System, sort: str) -> None:
        super().__init__()
        self._system = system
        self.sort = sort
        self.wanted = ""
        self._client = httpx.AsyncClient(
            base_url=BASE, transport=httpx.AsyncHTTPTransport(uds=str(system.socket)), timeout=5.0
        )

    def compose(self) -> ComposeResult:
        """Make the parts of the screen."""
        yield Static("", id="summary", markup=False)
        yield Static("", id="attention", markup=False)
        yield Input(placeholder="path or class", id="filter")
        yield DataTable[Text](cursor_type="row", zebra_stripes=True)
        yield Footer()

    async def on_mount(self) -> None:
        """Begin to look."""
        table = self.query_one(DataTable)
        for name in COLUMNS:
            table.add_column(name, key=name)
        table.focus()
        await self.look()
        self.set_interval(EVERY, self.look)

    async def on_unmount(self) -> None:
        """Let go of the system."""
        await self._client.aclose()

    async def ask(self, what: str, /, **query: Any) -> Any:
        """Ask the system; a system that is gone ends the app, and gives None."""
        try:
            answer = await self._client.get(what, params=query)
            return answer.json()
        except (httpx.TransportError, ValueError):
            self.exit("the system is gone")
            return None

    async def look(self) -> None:
        """Show what there is now."""
        from actorio.cli.looking import summary

        seen = await self.ask("/api/overview")
        answer = (
            None if seen is None else await self.ask("/api/actors", sort=self.sort, q=self.wanted, limit=MOST)
        )
        if seen is None or answer is None or "rows" not in answer or not self.is_running:
            return
        screen = self.screen_stack[0]
        screen.query_one("#summary", Static).update(summary(seen))
        lines = attention_lines(seen["attention"][:8]) or ["nothing needs attention"]
        screen.query_one("#attention", Static).update("\n".join(lines))
        self._fill(screen.query_one(DataTable), answer["rows"])

    def _fill(self, table: DataTable[Text], rows: list[dict[str, Any]]) -> None:
        """Put the rows in, and leave the cursor where it was."""
        at, scrolled = table.cursor_row, table.scroll_y
        table.clear()
        for row in rows:
            cells = [
                Text(cell, justify="right" if 3 <= column < 10 else "left")
                for column, cell in enumerate(row_of(row))
            ]
            table.add_row(*cells, key=row["path"])
        if rows:
            table.move_cursor(row=min(at, len(rows) - 1), scroll=False)
            table.scroll_to(y=scrolled, animate=False)

    async def action_sort(self, by: str) -> None:
        """Sort by another key."""
        self.sort = by
        await self.look()

    def action_filter(self) -> None:
        """Ask what to look for."""
        field = self.query_one("#filter", Input)
        field.add_class("shown")
        field.focus()

    async def action_clear(self) -> None:
        """Show all again."""
        field = self.query_one("#filter", Input)
        field.value = self.wanted = ""
        field.remove_class("shown")
        self.query_one(DataTable).focus()
        await self.look()

    async def on_input_changed(self, event: Input.Changed) -> None:
        """Show what is looked for."""
        self.wanted = event.value
        await self.look()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go back to the list."""
        self.query_one(DataTable).focus()

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Open an actor."""
        if event.row_key.value is not None:
            self.push_screen(ActorScreen(event.row_key.value))


class ActorScreen(Screen[None]):
    """All that is known of one actor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "app.pop_screen", "back"),
        ("q", "app.pop_screen", "back"),
    ]

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def compose(self) -> ComposeResult:
        """Make the parts of the screen."""
        with VerticalScroll():
            yield Static("", id="actor", markup=False)
        yield Footer()

    async def on_mount(self) -> None:
        """Begin to look."""
        await self.look()
        self.set_interval(EVERY, self.look)

    async def look(self) -> None:
        """Show what there is now."""
        app = self.app
        if not isinstance(app, Top):
            return
        answer = await app.ask("/api/actor", path=self._path)
        if answer is not None and self.is_mounted:
            self.query_one("#actor", Static).update(_text_of(self._path, answer))


def _text_of(path: str, answer: dict[str, Any]) -> str:
    if "info" not in answer:
        return f"{shown(path)}\n\n{shown(answer.get('error'))}"
    info = answer["info"]
    turn = "between two turns" if not info["in_turn"] else f"in a turn {duration(info['turn_seconds'])}"
    frames = [
        f"{'>' if one['own'] else ' '} {shown(one['file'])}:{one['line']} {shown(one['code'])}"
        for one in answer["stack"]
    ]
    letters = [f"  {shown(one['kind'])} {shown(one['type'])}" for one in answer["peek"]]
    state = [f"  {shown(one['name'])}: {shown(one['type'])}" for one in answer["attributes"]]
    facts = [f"{name:>16}  {shown(value)}" for name, value in info.items() if name not in ("path", "in_hand")]
    parts = [
        shown(path),
        turn,
        "",
        *facts,
        "",
        "where its turn stands:",
        *frames,
        "",
        "next in its mailbox:",
        *letters,
    ]
    return "\n".join([*parts, "", "state:", *state])
