"""The tape records, replays, and is read back from its text."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorio.testing._simulation.tape import Recorder, Tape

LANES = st.dictionaries(
    st.sampled_from(["order", "cost", "tie"]), st.lists(st.integers(0, 99), max_size=20).map(tuple)
)


@given(LANES)
def test_text_keeps_all_deviations(lanes: dict[str, tuple[int, ...]]) -> None:
    tape = Tape(lanes)
    assert Tape.parse(str(tape)).deviations == tape.deviations


@given(st.integers(), st.lists(st.integers(1, 1 << 40), max_size=50))
def test_replay_draws_what_was_recorded(seed: int, bounds: list[int]) -> None:
    recorder = Recorder(seed)
    drawn = [recorder.lane("order").draw(bound) for bound in bounds]
    assert all(0 <= value < bound for value, bound in zip(drawn, bounds, strict=True))
    replay = Recorder(tape=Tape.parse(str(recorder.recording())))
    assert [replay.lane("order").draw(bound) for bound in bounds] == drawn


def test_lanes_do_not_shift_each_other() -> None:
    plain, mixed = Recorder(1), Recorder(1)
    mixed.lane("cost").draw(10)
    assert [plain.lane("order").draw(100) for _ in range(9)] == [
        mixed.lane("order").draw(100) for _ in range(9)
    ]


def test_past_its_end_a_tape_is_zero() -> None:
    lane = Recorder(tape=Tape({"order": (3,)})).lane("order")
    assert [lane.draw(9) for _ in range(3)] == [3, 0, 0]


def test_value_too_large_for_its_choice_wraps_around() -> None:
    lane = Recorder(tape=Tape({"order": (7,)})).lane("order")
    assert lane.draw(3) == 1


def test_without_a_seed_everything_is_zero() -> None:
    recorder = Recorder()
    assert [recorder.lane("order").draw(9) for _ in range(5)] == [0] * 5
    assert str(recorder.recording()) == ""


def test_seeded_draws_reach_every_value() -> None:
    lane = Recorder(0).lane("order")
    assert {lane.draw(5) for _ in range(200)} == set(range(5))


def test_replay_takes_nothing_from_the_seed() -> None:
    assert Recorder(5, Tape()).source("priority") is None
    assert isinstance(Recorder(5).source("priority"), random.Random)


@pytest.mark.parametrize(
    "text", ["order", "order=", "order=1", "order=x:1", "order=-1:2", "order=1:-2", "a=b=c"]
)
def test_what_is_not_a_tape_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a tape"):
        Tape.parse(text)
