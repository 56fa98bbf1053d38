"""One node of a cluster, as its program sees it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self, TypeVarTuple, Unpack, cast, overload
from weakref import WeakKeyDictionary

from actorio._core.checks import check_callable, check_class, check_count, check_duration, check_instance
from actorio._core.typevar import TypeVar
from actorio.actor import Actor
from actorio.cluster.codec import register_all
from actorio.cluster.entity import Entity, check_actor_class, check_key
from actorio.cluster.life import Life
from actorio.cluster.names import check_cluster_name
from actorio.cluster.settings import Settings, check_lease, check_positive, check_several, check_word
from actorio.cluster.snapshot import ClusterSnapshot, take_snapshot
from actorio.errors import ClusterError
from actorio.policy import Restart
from actorio.ref import ActorRef
from actorio.system import ActorSystem

if TYPE_CHECKING:
    from types import TracebackType

    from actorio._core.mailbox import Mailbox
    from actorio.cluster.engine import Engine
    from actorio.cluster.events import ClusterEvents, ClusterState, Member
    from actorio.cluster.groups import ClusterGroups

__all__ = ["Cluster"]

A = TypeVar("A", bound=Actor[Any])
Ts = TypeVarTuple("Ts")

_OF_SYSTEM: WeakKeyDictionary[ActorSystem, Cluster] = WeakKeyDictionary()


class Cluster:
    """One node beside one system: `async with ActorSystem() as system, Cluster(system, engine=engine) as cluster`.

    Entering the block returns when this node is a member and knows all others; leaving it is a planned leave.

    Args:
        system: the system, whose block was entered.
        engine: `Nats`, `NatsServer().engine()`, or that of a `SimulatedNetwork`.
        node: the name of this node, None for a unique one.
        name: the name of the cluster, None for that of the system.
        actors: classes whose public methods others may call, and that they may spawn here.
        entities: what this node hosts, each an `Entity` or a class.
        uses: classes and entities that this node only talks to.
        messages: further types of messages, or a dictionary of their names on the wire.
        errors: classes of exceptions that cross as themselves.
        roles: what this node is for; an `Entity` may ask for one.
        version: of the program, for the others to see.
        lease: seconds; None for what the members have, else what the engine advises.
        heartbeat: seconds, at most a third of the lease; None likewise.
        ask_timeout: seconds for an ask without a timeout of its own.
        route_timeout: seconds for finding a host of an entity.
        join_timeout: seconds for joining.
        leave_timeout: seconds for a planned leave, and for a move of a shard; after that it is a kill.
        rebalance_interval: seconds after the last change of members before shards move.
        window: messages to one actor that it has not taken, at most.
        link_buffer: bytes to one node that it has not acknowledged, at most.
        max_message: bytes of one message, at most.
        on_detach: "rejoin", or "stop" to end the system.

    Raises:
        TypeError, ValueError: an argument is not of its kind.
    """

    def __init__(
        self,
        system: ActorSystem,
        *,
        engine: Engine,
        node: str | None = None,
        name: str | None = None,
        actors: Iterable[type[Actor[Any]]] = (),
        entities: Iterable[Entity | type[Actor[Any]]] = (),
        uses: Iterable[Entity | type[Actor[Any]]] = (),
        messages: Iterable[type] | Mapping[str, type] = (),
        errors: Iterable[type[Exception]] = (),
        roles: Iterable[str] = (),
        version: str = "",
        lease: float | None = None,
        heartbeat: float | None = None,
        ask_timeout: float = 30.0,
        route_timeout: float = 10.0,
        join_timeout: float = 30.0,
        leave_timeout: float = 10.0,
        rebalance_interval: float = 10.0,
        window: int = 1024,
        link_buffer: int = 16 * 2**20,
        max_message: int = 1_000_000,
        on_detach: str = "rejoin",
    ) -> None:
        self.system = check_instance("system", system, ActorSystem)
        if on_detach not in ("rejoin", "stop"):
            raise ValueError(f"on_detach is 'rejoin' or 'stop', not {on_detach!r}")
        self._settings = Settings(
            node=check_word(f"node-{os.urandom(4).hex()}" if node is None else node, "node"),
            name=check_word(system.name if name is None else name, "name"),
            roles=check_several("roles", roles),
            version=version,
            ask_timeout=check_positive("ask_timeout", ask_timeout),
            route_timeout=check_duration("route_timeout", route_timeout),
            join_timeout=check_positive("join_timeout", join_timeout),
            leave_timeout=check_duration("leave_timeout", leave_timeout),
            rebalance_interval=check_duration("rebalance_interval", rebalance_interval),
            window=check_count("window", window, least=1),
            link_buffer=check_count("link_buffer", link_buffer, least=1),
            max_message=check_count("max_message", max_message, least=1),
            rejoins=on_detach == "rejoin",
        )
        self._asked = check_lease(lease, heartbeat)
        self._engine = engine
        self._actors = check_several("actors", actors)
        self._entities = tuple(_entity(entity) for entity in check_several("entities", entities))
        self._uses = check_several("uses", uses)
        for actor in (*self._actors, *(used for used in self._uses if not isinstance(used, Entity))):
            check_actor_class("each of actors and uses", actor)
        self._messages = messages
        self._errors = tuple(check_several("errors", errors))
        self._made: Life | None = None

    @classmethod
    def of(cls, system: ActorSystem) -> Cluster:
        """Return the cluster that a system is a node of; for actors: `Cluster.of(self.context.system)`.

        Raises:
            ClusterError: it is of none.
        """
        if (cluster := _OF_SYSTEM.get(check_instance("system", system, ActorSystem))) is None:
            raise ClusterError(f"the system {system.name!r} is no node of a cluster")
        return cluster

    # -- the block ---------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        if self._made is not None:
            raise ClusterError("this cluster was entered already; make a new one")
        self.system._runtime.check_usable()
        if self.system in _OF_SYSTEM:
            raise ClusterError(f"the system {self.system.name!r} is a node of a cluster already")
        life = self._made = Life(self.system, self._engine, self._settings, self._errors)
        life.asked = self._asked
        self._register(life)
        _OF_SYSTEM[self.system] = self
        try:
            await life.join()
        except BaseException:
            del _OF_SYSTEM[self.system]
            raise
        runtime = self.system._runtime
        runtime.forgetters = (*runtime.forgetters, life.forget)
        self.system._shutdown.before.append(self.leave)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        runtime = self.system._runtime
        if not runtime.is_forked:  # in a forked child the node is its parent's
            try:
                await self.leave()
            finally:
                if not self.system._shutdown.has_begun:  # else it may be at work on them
                    self.system._shutdown.before.remove(self.leave)
                runtime.forgetters = tuple(one for one in runtime.forgetters if one != self._life.forget)
                _OF_SYSTEM.pop(self.system, None)

    def _register(self, life: Life) -> None:
        register_all(life.codec, self._messages)
        for entity in (*self._entities, *(one for one in self._uses if isinstance(one, Entity))):
            if life.kinds.setdefault(entity.name, entity.shards) != entity.shards:
                raise ValueError(f"two entities are called {entity.name!r}")
            life.factories[entity.name] = entity.cls
        for entity in self._entities:
            life.methods.add_class(entity.cls, calls=True)
            if entity.role is None or entity.role in self._settings.roles:
                life.region.kinds[entity.name] = entity
        for actor in self._actors:
            life.methods.add_class(actor, calls=True, spawns=True)
        for used in self._uses:
            cls = used.cls if isinstance(used, Entity) else used
            life.methods.add_class(cls)
            if not isinstance(used, Entity):
                bare = Entity(cls)
                life.kinds.setdefault(bare.name, bare.shards)
                life.factories.setdefault(bare.name, cls)

    @property
    def _life(self) -> Life:
        if self._made is None:
            raise ClusterError("use `async with Cluster(system, ...) as cluster`")
        return self._made

    async def leave(self) -> None:
        """Leave in order: hand over what is hosted, then give the lease back. Idempotent.

        Raises:
            WrongThreadError: this is another thread, or a forked child.

        Cancellation: the leave goes on, without its order.
        """
        self.system._runtime.check_thread()
        await self._life.leave()

    # -- what it is --------------------------------------------------------------------------------

    @property
    def node(self) -> str:
        """The name of this node."""
        return self._settings.node

    @property
    def incarnation(self) -> str:
        """The present incarnation of this node, or the last one."""
        return self._life.incarnation

    @property
    def state(self) -> ClusterState:
        """Where this node is in its life."""
        return self._life.state

    @property
    def members(self) -> tuple[Member, ...]:
        """The members in order of joining, this node too, as far as it knows."""
        return self._life.roster.members()

    @property
    def events(self) -> ClusterEvents:
        """Return the events of the cluster, to subscribe to."""
        return self._life.events

    @property
    def groups(self) -> ClusterGroups:
        """The process groups over all nodes; a group is a str."""
        return self._life.groups

    def snapshot(self) -> ClusterSnapshot:
        """Take a picture of what this node knows."""
        return take_snapshot(self._life)

    def __repr__(self) -> str:
        state = "not entered" if self._made is None else self._made.state.value
        return f"<Cluster {self._settings.name!r}, node {self.node!r}, {state}>"

    # -- actors ------------------------------------------------------------------------------------

    async def spawn(
        self,
        factory: Callable[[Unpack[Ts]], A],
        *args: Unpack[Ts],
        node: str,
        name: str | None = None,
        mailbox: Mailbox[Any] | None = None,
        restart: Restart = Restart.TRANSIENT,
        shutdown: float | None = 5.0,
        timeout: float | None = None,
    ) -> ActorRef[A]:
        """Start a top-level actor of another node, supervised there; returns when its `on_start` has finished.

        Args:
            factory: a class that is among the `actors` of that node, and known here.
            args: its arguments, which must be sendable.
            node: where.
            name: unique among the top-level actors of that node.
            mailbox: the pattern of its mailbox.
            restart: when it is restarted.
            shutdown: seconds that it has to end.
            timeout: seconds for all of it, None for `ask_timeout`.

        Raises:
            Exception: what its start raised.
            NameInUseError: the name is in use there.
            NoHostError: no member is called so.
            RefusedError: the class is not exposed there.
            DeliveryUnknownError: the node was lost.
            AskTimeoutError: it took too long.
            DetachedError: this node holds no lease.

        Cancellation: the actor may start all the same.
        """
        check_instance("node", node, str)
        options = {"name": name, "mailbox": mailbox, "restart": restart, "shutdown": shutdown}
        ref = await self._life.spawner.ask(node, factory, args, {**options, "timeout": timeout})
        return cast("ActorRef[A]", ref)

    def entity(self, cls: type[A], key: str, *, name: str | None = None) -> ActorRef[A]:
        """Return the ref of a virtual actor, at once: its first message activates it, wherever that is.

        Args:
            cls: its class, among the `entities` or the `uses` of this node.
            key: 1 to 200 characters.
            name: of the kind, where it has a name of its own.

        Raises:
            ClusterError: this node does not know the kind.
            TypeError, ValueError: no class, no key.
        """
        check_class("entity", cls)
        check_key(key)
        life = self._life
        kinds = [kind for kind, known in life.factories.items() if known is cls and name in (None, kind)]
        if not kinds:
            raise ClusterError(f"{cls.__qualname__} is no entity of this node: name it in entities or uses")
        return cast("ActorRef[A]", life.router.ref(kinds[0], key, life.kinds[kinds[0]], cls))

    async def singleton(
        self, factory: Callable[[Unpack[Ts]], A], *args: Unpack[Ts], name: str
    ) -> ActorRef[A]:
        """Make this node a candidate for running a singleton: one candidate runs it, another takes over.

        Returns:
            The ref, which goes to whichever runs it.

        Raises:
            DetachedError: this node holds no lease.
            ClusterError: it is a candidate already.
        """
        check_callable("singleton", factory)
        check_cluster_name(name)
        self._life.check_attached("singleton")
        if isinstance(factory, type) and issubclass(factory, Actor):
            self._life.methods.add_class(factory, calls=True)
        return cast("ActorRef[A]", await self._life.singletons.add(factory, args, name))

    def token(self, ref: ActorRef[Any]) -> int:
        """Return the fencing token of an entity or singleton that is active on this node.

        It is greater than all earlier ones of its claim: a database that refuses smaller ones is safe from an
        activation that does not know yet that it was replaced.

        Raises:
            NotLocalError: it is not active here.
        """
        return self._life.region.token(ref)

    # -- names -------------------------------------------------------------------------------------

    async def register(self, name: str, ref: ActorRef[Any]) -> None:
        """Give an actor of this node a name in the whole cluster; free when it ends, or its node is gone.

        Raises:
            NameInUseError: a living actor has the name.
            NotLocalError: the actor is of another node.
            ActorStoppedError: it has ended.
            DetachedError: this node holds no lease.
        """
        await self._life.names.register(name, ref)

    async def unregister(self, name: str) -> None:
        """Free a name that this node has registered.

        Raises:
            NameNotFoundError: it has not.
        """
        await self._life.names.unregister(name)

    @overload
    def lookup(self, name: str) -> ActorRef[Any]: ...
    @overload
    def lookup(self, name: str, expect: type[A]) -> ActorRef[A]: ...
    def lookup(self, name: str, expect: type[Any] | None = None) -> ActorRef[Any]:
        """Return the actor of a name, as this node knows it.

        Raises:
            NameNotFoundError: it knows of none.
            TypeError: the actor is not of the class `expect`.
        """
        if expect is not None:
            check_class("expect", expect)
        self._life.check_usable()
        return cast("ActorRef[Any]", self._life.names.lookup(name, expect))

    @overload
    async def find(self, name: str, *, timeout: float = 5.0) -> ActorRef[Any]: ...
    @overload
    async def find(self, name: str, expect: type[A], *, timeout: float = 5.0) -> ActorRef[A]: ...
    async def find(
        self, name: str, expect: type[Any] | None = None, *, timeout: float = 5.0
    ) -> ActorRef[Any]:
        """Return the actor of a name once there is one.

        Raises:
            NameNotFoundError: there was none within `timeout` seconds.
            DetachedError: this node holds no lease.
            TypeError: the actor is not of the class `expect`.
        """
        if expect is not None:
            check_class("expect", expect)
        timeout = check_duration("timeout", timeout)
        return cast("ActorRef[Any]", await self._life.names.find(name, expect, timeout))


def _entity(value: Entity | type[Actor[Any]]) -> Entity:
    return value if isinstance(value, Entity) else Entity(value)
