"""Measures the cost of a thing when there are many of them: actors, waiting messages, children, timers.

Each cost is given for one of them, at sizes from ten to a million; a flat line is what is wanted, a line
that rises with the logarithm what is borne.
"""
