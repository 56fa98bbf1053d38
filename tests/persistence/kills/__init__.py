"""kill -9 under load, again and again: nothing acknowledged is lost, nothing is half, no reminder is served twice."""
