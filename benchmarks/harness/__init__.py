"""How a workload is run, timed, described and reported."""
