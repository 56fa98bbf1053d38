"""Durable actors in simulation: faults of the store, crashes at awaits, whole systems that are started again."""
