"""Entities: a class of actors, of which there is one for each key."""

from __future__ import annotations

from functools import partial
from typing import Any

from actorio._core.checks import check_count, check_duration, check_instance
from actorio._core.mailbox import Mailbox
from actorio.actor import Actor
from actorio.cluster.annotations import check_name, name_of
from actorio.cluster.placing import SINGLETON
from actorio.cluster.settings import check_text
from actorio.cluster.store import claim_key
from actorio.cluster.wire import LONGEST_KEY

__all__ = ["Entity", "Singleton", "check_actor_class", "check_key"]

_MOST_SHARDS = 10_000


def check_key(key: str) -> str:
    """Return the key of an entity.

    Raises:
        TypeError, ValueError: it is none.
    """
    return check_text("the key of an entity", key, most=LONGEST_KEY)


def check_actor_class(what: str, cls: object) -> None:
    """Refuse what is no class of actors.

    Raises:
        TypeError: with what it was to be.
    """
    if not (isinstance(cls, type) and issubclass(cls, Actor)):
        raise TypeError(f"{what} is a class of actors, not {cls!r}")


class Entity:
    """A kind of virtual actor: `Cluster(..., entities=[Entity(Account, idle=60.0)])`.

    Args:
        cls: made with the key.
        name: of the kind, the same on all nodes; None is the class's module and qualified name.
        shards: in how many parts its keys are spread; the same on all nodes.
        idle: seconds without a message after which it is passivated; None for never.
        mailbox: the pattern of its mailbox.
        shutdown: seconds that it has to end.
        role: only nodes of that role host it.
    """

    def __init__(
        self,
        cls: type[Actor[Any]],
        *,
        name: str | None = None,
        shards: int = 64,
        idle: float | None = 300.0,
        mailbox: Mailbox[Any] | None = None,
        shutdown: float | None = 5.0,
        role: str | None = None,
    ) -> None:
        check_actor_class("an entity", cls)
        self.cls = cls
        self.name = name_of(cls) if name is None else check_name(name)
        if self.name.startswith(SINGLETON):
            raise ValueError(f"the name of a kind does not begin with {SINGLETON!r}: {self.name!r}")
        self.shards = check_count("shards", shards, least=1)
        if shards > _MOST_SHARDS:
            raise ValueError(f"shards must be at most {_MOST_SHARDS}, not {shards}")
        self.idle = None if idle is None else check_duration("idle", idle)
        self.mailbox = None if mailbox is None else check_instance("mailbox", mailbox, Mailbox)
        self.shutdown = None if shutdown is None else check_duration("shutdown", shutdown)
        self.role = None if role is None else check_instance("role", role, str)
        self._claims: set[str] | None = None
        self._durable = _keyed(cls) if hasattr(cls, "durable_id") else None

    def made_with(self, key: str) -> tuple[Any, tuple[Any, ...]]:
        """Return the factory and the arguments of a key's activation; a durable actor is made without any."""
        if self._durable is not None:
            return partial(_made_durable, self._durable, key), ()
        return self.cls, (key,)

    def claims(self, kind: str) -> set[str]:
        """Return the names of its shards."""
        if self._claims is None:
            self._claims = {claim_key(kind, number)[2:] for number in range(self.shards)}
        return self._claims

    def __repr__(self) -> str:
        return f"<Entity {self.name}>"


def _keyed(cls: type[Any]) -> type[Any]:
    """Return a class of durable actors whose key is that of the entity, not the name of the actor."""
    return type(cls.__name__, (cls,), {"key": property(_entity_key), "__module__": cls.__module__})


def _entity_key(actor: Any) -> str:
    return str(vars(actor)["_entity_key"])


def _made_durable(cls: type[Any], key: str) -> Any:
    actor = cls()
    vars(actor)["_entity_key"] = key
    return actor


class Singleton(Entity):
    """One actor, of which the candidates run one: an entity of one shard and one key."""

    def __init__(self, factory: Any, args: tuple[Any, ...], name: str) -> None:
        self.cls = factory
        self.name = SINGLETON + name
        self.shards = 1
        self.idle = self.mailbox = self.role = None
        self.shutdown = 5.0
        self._args = args
        self._claims = self._durable = None

    def made_with(self, key: str) -> tuple[Any, tuple[Any, ...]]:
        """Return the factory and its arguments."""
        return self.cls, self._args
