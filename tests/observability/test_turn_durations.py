"""O2: the histogram of turns has a bounded number of series, and puts each turn into its bucket."""

from actorio.observability.turn_durations import BOUNDS, DurationCounts


def test_o2_two_hundred_classes_have_series_of_their_own_and_the_rest_is_others() -> None:
    durations = DurationCounts()
    for number in range(205):
        for _ in range(2):
            durations.add(0.01, f"Kind{number}", "ask", "")
    assert len(durations.counts) == 201
    assert sum(durations.counts["(others)", "ask", ""]) == 10


def test_a_turn_is_counted_in_the_first_bucket_that_is_not_below_it() -> None:
    durations = DurationCounts()
    for seconds in (0.00005, 0.0001, 0.00011, 1.0, 99.0, 101.0):
        durations.add(seconds, "Kind", "send", "")
    counts = durations.counts["Kind", "send", ""]
    assert len(counts) == len(BOUNDS) + 1
    found = {bound: count for bound, count in zip([*BOUNDS, float("inf")], counts, strict=True) if count}
    assert found == {0.0001: 2, 0.00025: 1, 1.0: 1, 100.0: 1, float("inf"): 1}
