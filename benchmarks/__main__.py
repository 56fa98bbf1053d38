"""Run the benchmarks: `python -m benchmarks`."""

from benchmarks.cli import main

if __name__ == "__main__":  # a spawned measuring process imports this module again
    main()
