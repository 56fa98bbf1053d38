"""The constants of a life: how mighty each way to end is, and what it is called."""

from __future__ import annotations

import pytest

from actorio import Restart
from actorio._cell.states import Intent, Options, State, Verdict, intent_name

LADDER = (
    Intent.NONE,
    Intent.CLOSE,
    Intent.RESTART,
    Intent.STOP_SELF,
    Intent.SHUT_DOWN,
    Intent.RESTART_NOW,
    Intent.STOP,
    Intent.KILL,
)


def values_of(constants: type) -> list[object]:
    return [value for name, value in vars(constants).items() if name.isupper()]


def test_the_ladder_of_intents_is_strict_and_whole() -> None:
    assert list(LADDER) == sorted(set(LADDER))
    assert len(LADDER) == len(values_of(Intent))


def test_a_stop_by_hand_is_mightier_than_any_restart() -> None:
    assert Intent.STOP > Intent.RESTART_NOW > Intent.RESTART


def test_an_end_from_inside_gives_way_to_a_stop_by_hand() -> None:
    assert max(Intent.STOP_SELF, Intent.SHUT_DOWN) < Intent.STOP


def test_nothing_is_mightier_than_a_kill() -> None:
    assert max(LADDER) == Intent.KILL


def test_all_but_a_close_let_no_further_message_run() -> None:
    assert [intent for intent in LADDER if intent <= Intent.CLOSE] == [Intent.NONE, Intent.CLOSE]


@pytest.mark.parametrize(
    ("intent", "name"),
    [(Intent.CLOSE, "close"), (Intent.RESTART_NOW, "restart_now"), (Intent.KILL, "kill")],
)
def test_an_intent_has_its_name_in_traces(intent: int, name: str) -> None:
    assert intent_name(intent) == name


@pytest.mark.parametrize("constants", [Intent, State, Verdict])
def test_no_two_constants_are_the_same(constants: type) -> None:
    values = values_of(constants)
    assert len(set(values)) == len(values) > 2


def test_the_default_options_are_those_of_a_transient_actor_with_five_seconds() -> None:
    assert Options() == Options(Restart.TRANSIENT, 5.0, significant=False, dynamic=False)
