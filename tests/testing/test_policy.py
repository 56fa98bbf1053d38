"""Each policy chooses as its name says, and finds the kind of race that it is there for."""

import itertools
import random
from collections import Counter

import pytest

from actorio.testing import PolicyName, simulate
from actorio.testing._simulation.heap import steady_heap
from actorio.testing._simulation.policy import Drawn, Fifo, Priorities, policy_named
from actorio.testing._simulation.tape import Recorder, Tape
from tests.testing import planted

SEEDS = range(200)


def failures(program: planted.Main, policy: PolicyName) -> int:
    with steady_heap():  # one for all: a collection for each run takes longer than the run
        return sum(simulate(program, seed=seed, policy=policy).error is not None for seed in SEEDS)


def test_fifo_takes_the_first_and_writes_it_down() -> None:
    lane = Recorder(1).lane("order")
    assert [Fifo().choose(lane, 5, lambda i: i) for _ in range(4)] == [0] * 4
    assert lane.values == [0] * 4


def test_random_takes_any() -> None:
    lane = Recorder(1).lane("order")
    chosen = Counter(Drawn().choose(lane, 4, lambda i: i) for _ in range(400))
    assert set(chosen) == set(range(4))
    assert min(chosen.values()) > 50


def test_pct_stays_with_one_task_until_it_is_demoted() -> None:
    lane = Recorder(1).lane("order")
    policy = Priorities(random.Random(2), depth=1)
    policy._span = 50
    chosen = [policy.choose(lane, 4, lambda i: i + 1) for _ in range(50)]
    assert len(set(chosen)) == 1
    assert lane.values == chosen


def test_pct_demotes_as_often_as_its_depth_asks_for() -> None:
    changes = 0
    for seed in range(50):
        policy = Priorities(random.Random(seed), depth=3)
        lane = Recorder(1).lane("order")
        chosen = [policy.choose(lane, 9, lambda i: i + 1) for _ in range(policy._span)]
        changes = max(changes, sum(a != b for a, b in itertools.pairwise(chosen)))
    assert changes == 2


def test_pct_starves_no_task_for_ever() -> None:
    policy, lane = Priorities(random.Random(3), depth=3), Recorder(1).lane("order")
    assert {policy.choose(lane, 3, lambda i: i + 1) for _ in range(20_000)} == {0, 1, 2}


def test_a_tape_overrules_the_policy() -> None:
    replay = Recorder(tape=Tape({"order": (2, 1)}))
    policy = policy_named("fifo", replay, 3)
    assert [policy.choose(replay.lane("order"), 3, lambda i: i) for _ in range(3)] == [2, 1, 0]


def test_unknown_policy_is_refused() -> None:
    with pytest.raises(ValueError, match="'lifo'"):
        policy_named("lifo", Recorder(1), 3)  # type: ignore[arg-type]


def test_random_finds_fine_interleaving() -> None:
    assert failures(planted.lockstep, "random") > 20


def test_pct_finds_starvation_which_random_does_not() -> None:
    assert failures(planted.starvation, "pct") > 20
    assert failures(planted.starvation, "random") == 0


def test_fifo_finds_only_what_a_real_loop_can_show() -> None:
    assert failures(planted.starvation, "fifo") == 0
    assert failures(planted.stop_race, "fifo") == 0
