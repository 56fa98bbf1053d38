"""All the actors of a system: who starts, restarts and ends them."""
