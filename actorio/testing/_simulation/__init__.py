"""The simulated world: a loop that takes order, time and delays from a tape, and the wall around it."""
