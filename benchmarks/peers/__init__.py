"""actorio beside the other actor libraries of Python, and beside Erlang.

Each peer runs in an environment of its own, which the command makes, in a process of its own, by the
idiom that its documentation recommends. `programs/` has a module for each; they import nothing but the
peer and `stage`.
"""
