"""Durable actors beside raw drivers with the same rows and groups, and beside the `eventsourcing` library."""
