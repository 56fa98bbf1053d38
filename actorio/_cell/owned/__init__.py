"""The things an incarnation owns, and takes with it as it ends: timers, stash, pipes, sources, interleaved calls."""
