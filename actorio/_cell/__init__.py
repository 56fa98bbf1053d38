"""The machinery of one actor, by concern; only this package touches an actor's insides."""
