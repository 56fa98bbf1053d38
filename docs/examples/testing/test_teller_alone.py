"""One actor by itself: what it sends, seen from a plain test."""

from bank import Balance, Set, Teller

from actorio.testing import Harness, Sent


def test_a_teller_adds_to_the_balance() -> None:
    with Harness() as harness:
        account = harness.stub("account", answer=lambda message: 40)
        harness.start(Teller, account)
        harness.send(2)
        asked, paid = harness.sent
        assert isinstance(asked.message, Balance)
        assert paid == Sent(account, Set(42))
