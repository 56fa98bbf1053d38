"""Flows of messages, built on actors: streams, topics, state machines, stash, sources."""
