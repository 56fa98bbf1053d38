"""The `Supervisor`: an actor with nothing but children, some given at its start, some added while it runs.

Every actor supervises what it spawns; a supervisor also knows its children by specification, so that they
can be listed, terminated, started again and deleted.

Source: `supervisor` of Erlang/OTP, `DynamicSupervisor` of Elixir.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, TypeVarTuple, Unpack

from actorio._cell.notices import Terminated
from actorio._core.checks import check_instance, check_iterable, check_optional_duration, kind_of
from actorio._core.mailbox import Mailbox
from actorio._tree.spawning import check_factory
from actorio.actor import Actor
from actorio.address import check_name
from actorio.errors import ChildError, ChildInUseError, ChildNotFoundError
from actorio.policy import AutoShutdown, Restart, Supervision
from actorio.ref import ActorRef

__all__ = ["ChildCounts", "ChildInfo", "ChildSpec", "Supervisor", "child"]

Ts = TypeVarTuple("Ts")


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """How to start a child; made by `child`."""

    factory: Callable[..., Actor[Any]]
    args: tuple[Any, ...]
    name: str | None
    restart: Restart
    shutdown: float | None
    significant: bool
    mailbox: Mailbox[Any] | None

    @property
    def is_supervisor(self) -> bool:
        """Tell whether it makes a supervisor."""
        return isinstance(self.factory, type) and issubclass(self.factory, Supervisor)


def child(
    factory: Callable[[Unpack[Ts]], Actor[Any]],
    *args: Unpack[Ts],
    name: str | None = None,
    restart: Restart = Restart.PERMANENT,
    shutdown: float | None = 5.0,
    significant: bool = False,
    mailbox: Mailbox[Any] | None = None,
) -> ChildSpec:
    """Specify a child of a supervisor: what to spawn, and how.

    Args:
        factory: a class of actors or a function that makes one.
        args: its arguments, kept for every start.
        name: unique among its siblings; None makes one up.
        restart: when it is restarted.
        shutdown: seconds for its end before it is killed; 0 kills at once, None waits for ever.
        significant: its end by itself may end the supervisor, see `AutoShutdown`.
        mailbox: the pattern of its mailbox.

    Raises:
        ValueError: significant and permanent contradict each other: it never ends by itself for good.
        TypeError: an argument is not of its kind.
    """
    check_factory("child", factory, Actor)
    check_instance("restart", restart, Restart)
    if significant and restart is Restart.PERMANENT:
        raise ValueError("a permanent child cannot be significant: it never ends by itself for good")
    if name is not None:
        check_name(name)
    if mailbox is not None:
        check_instance("mailbox", mailbox, Mailbox)
    return ChildSpec(
        factory, args, name, restart, check_optional_duration("shutdown", shutdown), significant, mailbox
    )


@dataclass(frozen=True, slots=True)
class ChildInfo:
    """One child as `which_children` lists it; `ref` is None while it is not running.

    `state` is that of the ref, or `ended` when it can be started again by `restart_child`.
    """

    name: str
    ref: ActorRef[Any] | None
    state: str
    spec: ChildSpec


@dataclass(frozen=True, slots=True)
class ChildCounts:
    """How many children: specified, active now, and of which kind."""

    specs: int
    active: int
    supervisors: int
    workers: int


@dataclass(slots=True)
class _Child:
    spec: ChildSpec
    ref: ActorRef[Any] | None = field(default=None)

    @property
    def state(self) -> str:
        return "ended" if self.ref is None else self.ref.state


_DEFAULT = Supervision()


class Supervisor(Actor[Any]):
    """Starts its children in order and keeps them running; ends them in reverse order.

    Its operations are methods: `await ref.call(Supervisor.start_child, child(Till, name="till"))`.

    Args:
        children: started one after the other by `on_start`; one that fails to start has those before it
            stopped, in reverse order, and fails the start of the supervisor with a `ChildError` that names it.
            No iterator: it would have none left for the next incarnation.
        supervision: strategy, budget, backoff, automatic shutdown.

    Raises:
        TypeError: `children` is no collection of `child(...)`.
        ValueError: two children of one name; a significant child without an `auto_shutdown` rule.
    """

    def __init__(self, children: Collection[ChildSpec] = (), supervision: Supervision = _DEFAULT) -> None:
        check_iterable("children", children, "child(...)")
        given: object = children
        if isinstance(given, Iterator):
            raise TypeError(
                f"children must be a list or a tuple, not a {kind_of(given)}, which is used up at a restart"
            )
        self.supervision = check_instance("supervision", supervision, Supervision)  # type: ignore[misc]
        self._children: dict[str, _Child] = {}
        self._numbers: dict[str, int] = {}
        for spec in children:
            self._add(spec)

    async def on_start(self) -> None:
        """Start the static children."""
        for known in tuple(self._children.values()):
            try:
                await self._start(known, dynamic=False)
            except Exception as error:
                raise ChildError(f"child {known.spec.name!r} failed to start: {error!r}") from error

    async def start_child(self, spec: ChildSpec) -> ActorRef[Any]:
        """Add a child and start it.

        Raises:
            ChildError: a child of that name is there already, running or not; it is a `NameInUseError` too.
            ValueError: the specification contradicts the supervisor's.
            Exception: what its start raised; it is not added then.
        """
        known = self._children.get(getattr(spec, "name", None) or "")
        if known is not None:
            raise ChildInUseError(f"child {spec.name!r} is there already, and is {known.state}")
        known = self._add(spec)
        try:
            return await self._start(known, dynamic=True)
        except BaseException:
            del self._children[self._name(known)]
            raise

    async def terminate_child(self, name: str) -> None:
        """Stop a child, and kill it when its shutdown time is over; its specification stays, unless it is temporary.

        A child whose current message waits for this supervisor has that time as well, to give up.

        Raises:
            ChildError: there is no such child; it is a `NameNotFoundError` too, here and below.
            DeadlockError: it waits for this supervisor, and has `shutdown=None`; it was not stopped.
        """
        known = self._find(name)
        if known.ref is not None and known.ref.is_alive:
            cell = known.ref._cell
            await cell.siblings.terminate(cell)
        if known.spec.restart is Restart.TEMPORARY:
            self._children.pop(name, None)

    async def restart_child(self, name: str) -> ActorRef[Any]:
        """Start a child that is not running again, by its specification.

        Raises:
            ChildError: there is no such child, it is running, or being restarted.
            Exception: what its start raised; its specification stays.
        """
        known = self._find(name)
        self._refuse_alive(known)
        return await self._start(known, dynamic=True)

    async def delete_child(self, name: str) -> None:
        """Forget a child that is not running.

        Raises:
            ChildError: there is no such child, it is running, or being restarted.
        """
        known = self._find(name)
        self._refuse_alive(known)
        del self._children[name]

    async def which_children(self) -> tuple[ChildInfo, ...]:
        """List the children in start order."""
        return tuple(
            ChildInfo(name, known.ref if known.state != "ended" else None, known.state, known.spec)
            for name, known in self._children.items()
        )

    async def count_children(self) -> ChildCounts:
        """Count the children; one that is being restarted is specified, but not active."""
        known = self._children.values()
        supervisors = sum(one.spec.is_supervisor for one in known)
        active = sum(one.state in ("running", "stopping") for one in known)
        return ChildCounts(len(known), active, supervisors, len(known) - supervisors)

    async def on_terminated(self, event: Terminated) -> None:
        """Forget a temporary child, and its arguments, once it has ended."""
        known = self._children.get(event.ref.name)
        if known is not None and known.ref == event.ref and known.spec.restart is Restart.TEMPORARY:
            del self._children[event.ref.name]

    def _add(self, spec: ChildSpec) -> _Child:
        if not isinstance(spec, ChildSpec):
            raise TypeError(f"a child is specified by child(...), not {spec!r}")
        if spec.significant and self.supervision.auto_shutdown is AutoShutdown.NEVER:
            raise ValueError(f"child {spec.name!r} is significant, but auto_shutdown is NEVER")
        if spec.name is None:
            stem = getattr(spec.factory, "__name__", "child")
            number = self._numbers[stem] = self._numbers.get(stem, 0) + 1
            spec = replace(spec, name=f"{stem}-{number}")
        if self._name(known := _Child(spec)) in self._children:
            raise ValueError(f"two children are called {spec.name!r}")
        self._children[self._name(known)] = known
        return known

    async def _start(self, known: _Child, *, dynamic: bool) -> ActorRef[Any]:
        spec = known.spec
        ref = known.ref = await self.context.spawn(
            spec.factory,
            *spec.args,
            name=spec.name,
            mailbox=spec.mailbox,
            restart=spec.restart,
            shutdown=spec.shutdown,
            significant=spec.significant,
            dynamic=dynamic,
        )
        if spec.restart is Restart.TEMPORARY:
            self.context.watch(ref)
        return ref

    def _find(self, name: str) -> _Child:
        known = self._children.get(check_name(name))
        if known is None:
            raise ChildNotFoundError(f"there is no child {name!r}")
        return known

    def _refuse_alive(self, known: _Child) -> None:
        if known.state != "ended":
            raise ChildError(f"child {known.spec.name!r} is {known.state}")

    @staticmethod
    def _name(known: _Child) -> str:
        return known.spec.name or ""
