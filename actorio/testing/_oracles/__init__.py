"""The oracles: each checks a few guarantees from boundary events while a program runs."""
