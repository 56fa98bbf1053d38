"""Bugs planted into the runtime, to see that simulation finds them: `python -m tests.mutation`."""
