"""Measurements with a command of their own: `python -m benchmarks.programs.NAME`."""
