"""Makes capsules: what can change is read on the loop, all else is encoded by the thread that writes it."""

from __future__ import annotations

import datetime
import json
import platform
import time
from itertools import islice
from typing import TYPE_CHECKING, Any

from actorio import __version__
from actorio._cell.frames import in_turn
from actorio._cell.naming import class_of, log_fields
from actorio._core.deadlock import chain_of
from actorio._core.envelope import ANSWERED, FAILED, payload
from actorio._core.hidden import Hidden, quote, said
from actorio._core.redaction import Redact, inert, text_of
from actorio.capsule.encoding import Encoder
from actorio.capsule.naming import type_name
from actorio.capsule.reading import FORMAT
from actorio.inspection.rows import frame_at, is_of_actorio, letter_of
from actorio.observability.journal import (
    CHECKPOINT,
    NOWHERE,
    START,
    Encoded,
    Input,
    Journal,
    has_stored_state,
    kept,
)
from actorio.observability.quoting import hidden_around

if TYPE_CHECKING:
    from types import CodeType

    from actorio._cell.cell import Cell

__all__ = ["Draft", "draft_of", "lines_of"]

_SECONDS = 0.003
"""For all that is encoded on the loop, which is held for 5 ms at most."""
_MOST_MAIL = 50
_MOST_NEIGHBOURS = 20
_LAST = 8
_MOST_FRAMES = 50
_OUTCOMES = {ANSWERED: "value", FAILED: "error"}

Journals = dict["Cell", "Journal | None"]


class Draft:
    """A capsule that is still to be encoded: facts are JSON by now, values are kept ones."""

    def __init__(self, facts: dict[str, Any], redact: Redact) -> None:
        self.facts = facts
        self.factory: Any = None
        self.args: tuple[Any, ...] | Encoded = ()
        self.inputs: list[Input] = []
        self.mailbox: list[tuple[str, Any]] = []
        self.lines: list[tuple[CodeType, int]] = []
        self.neighbours: list[tuple[dict[str, Any], list[Input]]] = []
        self.log_fields: dict[str, Any] = {}
        self.error: tuple[str, str] | None = None
        """The type of the exception and what it says; not itself, on which hangs all that has failed."""
        self.hidden = Hidden()
        self._redact = redact
        self._missing: list[str] = []

    def encode(self) -> dict[str, Any]:
        """Return the capsule; by the thread."""
        facts, encoder = self.facts, Encoder(self._redact)
        facts["factory"] = encoder.encode(self.factory, "factory")
        args = self.args
        if isinstance(args, Encoded):
            facts["args"] = args.json
            self._missing += args.missing
            self.hidden.texts.update(args.hidden)
        else:
            facts["args"] = encoder.arguments(self.factory, args, "args")
            self.hidden.texts.update(encoder.hidden.texts)
        facts["inputs"] = [self._input(number, one) for number, one in enumerate(self.inputs)]
        last = next(
            (one for one in reversed(facts["inputs"]) if one["kind"] not in ("answer", "notice")), None
        )
        if facts["message"]:
            facts["message"] = None if last is None else {"input": last["n"], **last}
            facts["asker"] = None if last is None else last.get("from")
        else:
            facts["message"] = facts["asker"] = None
        facts["mailbox"] = [
            {"kind": kind, "message": self._value(value, f"mailbox[{index}].message")}
            for index, (kind, value) in enumerate(self.mailbox)
        ]
        facts["missing"] += [*encoder.missing, *self._missing]
        self._veil()
        if self.error is not None:
            name, text = self.error
            facts["error"] = {
                "type": name,
                "text": quote(text, self.hidden, self._redact),
                "frames": [_frame(code, line) for code, line in self.lines],
            }
        facts["neighbours"] = [
            {**about, "last": [self.hidden.veil(self._text(one)) for one in inputs]}
            for about, inputs in self.neighbours
        ]
        return facts

    def _veil(self) -> None:
        """Take what was hidden out of the exceptions among the values, which may quote it."""
        if not self.hidden.texts:
            return
        facts = self.facts
        values = [("state", facts["state"]), ("checkpoint", facts["checkpoint"])]
        for number, one in enumerate(facts["inputs"]):
            values += [
                (f"inputs[{number}].{name}", one[name]) for name in ("message", "value") if name in one
            ]
        for place, value in values:
            if _veil_exceptions(value, self.hidden):
                facts["missing"].append(place)

    def _input(self, number: int, one: Input) -> dict[str, Any]:
        at, kind, message, details = one
        place = f"inputs[{number}]"
        entry = {"n": number, "at": at, "kind": kind, "message": self._value(message, f"{place}.message")}
        if kind == "answer":
            path, state, outcome, is_call = details
            entry["of"] = path
            entry["call"] = is_call
            entry["outcome"] = _OUTCOMES.get(state, "withdrawn")
            entry["value"] = self._value(outcome, f"{place}.value")
        elif kind == "notice":
            entry["of"] = details
        elif details is not None:
            entry["from"] = details
        return entry

    def _value(self, value: Any, place: str) -> Any:
        if isinstance(value, Encoded):
            self._missing += [f"{place}{inner}" for inner in value.missing]
            self.hidden.texts.update(value.hidden)
            return value.json
        encoder = Encoder(self._redact)
        encoded = encoder.encode(value, place)
        self._missing += encoder.missing
        self.hidden.texts.update(encoder.hidden.texts)
        return encoded

    def _text(self, one: Input) -> str:
        _, kind, message, _ = one
        text = json.dumps(message.json) if isinstance(message, Encoded) else text_of(message, self._redact)
        return inert(f"{kind} {text}", 200)


def draft_of(
    cell: Cell,
    journals: Journals,
    arguments: Encoded | None,
    error: BaseException | None,
    reason: str,
    redact: Redact,
) -> Draft:
    """Read of an actor what can change; on the loop."""
    until = time.perf_counter() + _SECONDS
    encoder = Encoder(redact, root=cell.instance, until=until)
    facts = {
        **_facts(cell),
        "reason": reason,
        "message": error is not None and in_turn(cell),
        "state": encoder.attributes(cell.instance, "state", without="context"),
        "error": None,
        "missing": encoder.missing,
    }
    draft = Draft(facts, redact)
    draft.hidden = encoder.hidden
    if error is not None:
        draft.error = type_name(type(error)), said(error)
        draft.hidden.texts.update(hidden_around(error, cell, None, redact).texts)
    draft.factory, draft.args = cell.factory, cell.args if arguments is None else arguments
    draft.log_fields = log_fields(cell)
    _begin(cell, draft, journals, redact, until)
    draft.mailbox = [_mail(item, redact, until) for item in islice(cell.mailbox.items, _MOST_MAIL)]
    draft.lines = [] if error is None else lines_of(error)
    draft.neighbours = _neighbours(cell, draft.inputs, journals)
    return draft


def _begin(cell: Cell, draft: Draft, journals: Journals, redact: Redact, until: float) -> None:
    """Put in where the capsule begins, and the inputs since then."""
    facts, journal = draft.facts, journals.get(cell)
    is_stored = has_stored_state(cell)
    facts["begins"] = (
        f"{NOWHERE}: it failed before its first message, as it recovered" if is_stored else START
    )
    facts["checkpoint"] = None
    if journal is None:
        if cell in journals or (is_stored and draft.error is None):
            _begin_now(cell, draft, redact, until)
        return
    first, *_ = segments = journal.segments()
    facts["begins"] = first.begins
    if first.state is not None:
        _begin_at(draft, first.state)
    elif first.begins == NOWHERE:
        facts["begins"] = f"{NOWHERE}: the recorder has let go of what was before, or did not see its start"
    draft.inputs = [one for segment in segments for one in segment.inputs]


def _begin_now(cell: Cell, draft: Draft, redact: Redact, until: float) -> None:
    """It was there before the recorder, and has had no turn since: it begins as it is now."""
    facts = draft.facts
    if in_turn(cell):
        facts["begins"] = f"{NOWHERE}: it was in a turn that had begun before the recorder"
        return
    encoder = Encoder(redact, root=cell.instance, until=until)
    facts["begins"] = CHECKPOINT
    _begin_at(draft, Encoded(encoder.attributes(cell.instance, "checkpoint", without="context"), encoder))


def _begin_at(draft: Draft, checkpoint: Encoded) -> None:
    draft.facts["checkpoint"] = checkpoint.json
    draft.facts["missing"] += checkpoint.missing
    draft.hidden.texts.update(checkpoint.hidden)


def _facts(cell: Cell) -> dict[str, Any]:
    mailbox, options = cell.mailbox, cell.options
    now = datetime.datetime.now(datetime.UTC)
    return {
        "capsule": FORMAT,
        "actorio": __version__,
        "python": platform.python_version(),
        "system": cell.runtime.name,
        "written": now.isoformat(),
        "path": cell.path,
        "class": type_name(type(cell.instance)),
        "options": {
            "name": cell.name,
            "capacity": mailbox.capacity,
            "overflow": mailbox.overflow.name.lower(),
            "restart": options.restart.name.lower(),
            "shutdown": options.shutdown,
        },
        "incarnation": cell.incarnation,
        "restarts": cell.restarts,
        "waits_for": [node.path for node in chain_of(cell)],
        "durable": _stored(cell),
    }


def _stored(cell: Cell) -> dict[str, Any] | None:
    """Return the id and the sequence of a durable actor."""
    journal = getattr(cell.instance, "_journal", None) if has_stored_state(cell) else None
    return None if journal is None else {"id": journal.durable_id, "sequence": journal.sequence}


def _mail(item: Any, redact: Redact, until: float) -> tuple[str, Any]:
    letter = letter_of(item, None)
    invocation = getattr(item, "invocation", None)
    if invocation is not None:
        encoder = Encoder(redact, until=until)
        call = encoder.call(invocation.func, invocation.args, invocation.kwargs, "")
        return letter.kind, Encoded(call, encoder)
    return letter.kind, kept(payload(item), redact, until)


def _neighbours(
    cell: Cell, inputs: list[Input], journals: Journals
) -> list[tuple[dict[str, Any], list[Input]]]:
    """Return who has asked, who was asked, the parent, the children; with their last inputs."""
    found: dict[Any, None] = {}
    owner = cell.siblings.owner
    if getattr(owner, "mailbox", None) is not None:
        found[owner] = None
    for _, kind, _, details in inputs:
        path = details[0] if kind == "answer" else details if kind != "notice" else None
        if path is not None and len(found) < _MOST_NEIGHBOURS:
            other = _cell_at(cell.runtime, path)
            if other is not None and other is not cell:
                found[other] = None
    children = () if cell.children is None else islice(cell.children.table.values(), _MOST_NEIGHBOURS)
    found.update(dict.fromkeys(children))
    return [_neighbour(other, journals.get(other)) for other in islice(found, _MOST_NEIGHBOURS)]


def _neighbour(other: Any, journal: Journal | None) -> tuple[dict[str, Any], list[Input]]:
    about = {
        "path": other.path,
        "class": class_of(other),
        "state": other.state,
        "depth": len(other.mailbox.items),
        "waits_for": [node.path for node in chain_of(other)],
    }
    inputs = (
        [] if journal is None else [one for segment in journal.segments() for one in segment.inputs[-_LAST:]]
    )
    return about, inputs[-_LAST:]


def _cell_at(runtime: Any, path: str) -> Any:
    table, cell = runtime.root, None
    for name in path.strip("/").split("/"):
        cell = None if table is None else table.table.get(name)
        if cell is None:
            return None
        table = cell.children
    return cell


def _veil_exceptions(value: Any, hidden: Hidden) -> bool:
    """Take what was hidden out of the exceptions in an encoded value; whether an argument of one had it."""
    found = False
    for part in value if isinstance(value, list) else value.values() if isinstance(value, dict) else ():
        found |= _veil_exceptions(part, hidden)
    if not isinstance(value, dict) or value.get("$") != "exception":
        return found
    value["text"] = hidden.veil(value["text"])
    for index, one in enumerate(value["args"]):
        if isinstance(one, str) and hidden.veil(one) != one:
            value["args"][index] = {"$": "redacted"}
            found = True
    return found


def lines_of(error: BaseException) -> list[tuple[CodeType, int]]:
    """Return where an exception came from, outermost first, without the frames of actorio."""
    lines = []
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if not is_of_actorio(code.co_filename):
            lines.append((code, traceback.tb_lineno))
        traceback = traceback.tb_next
    return lines[-_MOST_FRAMES:]


def _frame(code: CodeType, line: int) -> dict[str, Any]:
    frame = frame_at(code, line)
    return {
        "file": frame.file,
        "line": frame.line,
        "function": frame.function,
        "code": frame.code,
        "own": frame.own,
    }
