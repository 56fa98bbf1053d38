"""The benchmarks of actorio: workloads that check themselves, beside the code written by hand.

`python -m benchmarks --help` says how to run them; `harness/workload.py` says what a workload is.
"""
