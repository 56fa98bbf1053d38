"""A cluster beside raw nats-py and beside local refs: two processes, one server, sides in turns."""
