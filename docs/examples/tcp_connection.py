"""A connection in the manner of TCP (RFC 9293, figure 5): eleven states, two ends, a link that loses segments.

One segment is on its way at a time, and is sent again until it is acknowledged. What the user wants before the
connection stands is postponed.
"""

import asyncio
import enum
import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from actorio import Actor, ActorRef, ActorSystem, Ask, Result, StateMachine, entry, state

RESEND = 0.01  # seconds until a segment is sent again
TWICE_A_LIFE = 0.05  # seconds in which the last segments may still arrive


class State(enum.Enum):
    CLOSED = enum.auto()
    LISTEN = enum.auto()
    SYN_SENT = enum.auto()
    SYN_RECEIVED = enum.auto()
    ESTABLISHED = enum.auto()
    FIN_WAIT_1 = enum.auto()
    FIN_WAIT_2 = enum.auto()
    CLOSING = enum.auto()
    TIME_WAIT = enum.auto()
    CLOSE_WAIT = enum.auto()
    LAST_ACK = enum.auto()


# --- events: what the other end sends, what the user wants, what time brings --------------------------


@dataclass(frozen=True)
class Segment:
    """A SYN, a FIN and a line of data count one in the sequence; a mere acknowledgement does not."""

    seq: int
    ack: int
    syn: bool = False
    fin: bool = False
    rst: bool = False
    data: str = ""

    @property
    def counts(self) -> bool:
        return self.syn or self.fin or bool(self.data)


class Listen(Ask[None]):
    """Wait for the other end to connect; answered at once."""


class Open(Ask[None]):
    """Connect; answered when the connection stands, `ConnectionRefusedError` when it is refused."""


@dataclass(frozen=True)
class Send(Ask[None]):
    """Send a line; answered when the other end has it."""

    data: str


class Close(Ask[None]):
    """Send no more; answered when the other end has all."""


@dataclass(frozen=True)
class Turn:
    """What the user wants, whose turn to be sent has come."""

    wish: Send | Close
    result: Result[None]


class Time(enum.Enum):
    RESEND = enum.auto()
    IS_OVER = enum.auto()


Event = Segment | Listen | Open | Send | Close | Turn | Time


# --- the link -------------------------------------------------------------------------------------------


class Wire(Actor[Segment]):
    """One direction of the link: it loses what `lose` says, and takes a millisecond for the rest."""

    def __init__(self, lose: Callable[[Segment], bool]) -> None:
        self.lose = lose
        self.end: ActorRef[Connection] | None = None

    async def plug(self, end: "ActorRef[Connection]") -> None:
        self.end = end

    async def receive(self, message: Segment) -> None:
        if self.end is not None and not self.lose(message):
            self.context.start_soon(self.carry, self.end, message)

    async def carry(self, end: "ActorRef[Connection]", segment: Segment) -> None:
        await asyncio.sleep(0.001)
        await end.send(segment)


# --- one end of a connection ------------------------------------------------------------------------------


class Connection(StateMachine[State, Event]):
    """Sends lines in order, each once, over a wire that may lose any of its segments."""

    initial_state = State.CLOSED

    def __init__(self, wire: ActorRef[Wire], deliver: Callable[[str], object]) -> None:
        self.wire = wire
        self.deliver = deliver
        self.history: list[State] = []
        self.opener: Result[None] | None = None
        self.forget()

    def forget(self) -> None:
        self.next_out = 0  # the number of the next segment that counts
        self.next_in = 0  # the number that the other end's next one has
        self.sent: Segment | None = None  # on its way, not acknowledged yet
        self.sender: Result[None] | None = None  # who waits for its acknowledgement
        self.wishes: deque[Turn] = deque()

    async def states(self) -> list[State]:
        return self.history

    # -- out and in ------------------------------------------------------------------------------------

    async def transmit(self, sender: Result[None] | None = None, **content: Any) -> None:
        """Send a segment that counts, now and again until it is acknowledged."""
        self.sent = Segment(self.next_out, self.next_in, **content)
        self.sender = sender
        self.next_out += 1
        self.resending = self.context.send_every(RESEND, Time.RESEND, key="resend")
        await self.wire.send(self.sent)

    async def resend(self) -> None:
        if self.sent is not None:
            self.sent = replace(self.sent, ack=self.next_in)
            await self.wire.send(self.sent)

    async def take(self, segment: Segment) -> tuple[bool, bool]:
        """Take a segment in: whether it acknowledges what was on its way, and whether it has the other end's FIN."""
        acknowledges = self.sent is not None and segment.ack == self.next_out
        if acknowledges:
            self.settle(None)
        is_new = segment.counts and segment.seq == self.next_in
        if is_new:
            self.next_in += 1
            if segment.data:
                self.deliver(segment.data)
        if segment.counts:  # also one that has come before: its acknowledgement was lost
            await self.wire.send(Segment(self.next_out, self.next_in))
        return acknowledges, is_new and segment.fin

    def settle(self, error: Exception | None) -> None:
        """What was on its way has arrived, or never will; the user's next wish has its turn."""
        sender, self.sent, self.sender = self.sender, None, None
        self.resending.cancel()
        if sender is not None and error is None:
            sender.set_result(None)
        elif sender is not None and error is not None:
            sender.set_exception(error)
        if self.wishes and error is None:
            self.next_event(self.wishes.popleft())

    def wish(self, wish: Send | Close) -> None:
        turn = Turn(wish, self.context.defer())
        if self.sent is None and not self.wishes:
            self.next_event(turn)
        else:
            self.wishes.append(turn)

    # -- on the way to a connection ----------------------------------------------------------------------

    @entry(*State)
    async def enter(self, before: State | None) -> None:
        self.history.append(self.current_state)
        opener = self.opener
        match self.current_state:
            case State.ESTABLISHED if opener is not None:
                self.opener = None
                opener.set_result(None)
            case State.TIME_WAIT:
                self.state_timeout(TWICE_A_LIFE, Time.IS_OVER)
            case State.CLOSED if before is not None:
                self.give_up(ConnectionResetError("the connection is closed"))

    def give_up(self, error: ConnectionError) -> None:
        if self.opener is not None:
            self.opener.set_exception(ConnectionRefusedError("nobody listens"))
        if self.sent is not None:
            self.settle(error)
        for turn in self.wishes:
            turn.result.set_exception(error)
        self.opener = None
        self.forget()

    @state(State.CLOSED)
    async def closed(self, event: Event) -> State | None:
        match event:
            case Listen():
                return State.LISTEN
            case Open():
                self.opener = self.context.defer()
                await self.transmit(syn=True)
                return State.SYN_SENT
            case Send() | Close():
                raise ConnectionError("there is no connection")
            case Segment(rst=False) if event.counts:
                await self.wire.send(Segment(event.ack, event.seq + 1, rst=True))
        return None

    @state(State.LISTEN)
    async def listen(self, event: Event) -> State | None:
        match event:
            case Segment(syn=True):
                self.next_in = event.seq + 1
                await self.transmit(syn=True)
                return State.SYN_RECEIVED
            case Send() | Close():
                self.postpone()
        return None

    @state(State.SYN_SENT)
    async def syn_sent(self, event: Event) -> State | None:
        match event:
            case Segment(rst=True):
                return State.CLOSED
            case Segment(syn=True):
                self.next_in = event.seq
                acknowledges, _ = await self.take(event)
                return State.ESTABLISHED if acknowledges else State.SYN_RECEIVED
            case Send() | Close():
                self.postpone()
            case Time.RESEND:
                await self.resend()
        return None

    @state(State.SYN_RECEIVED)
    async def syn_received(self, event: Event) -> State | None:
        match event:
            case Segment(rst=True):
                return State.CLOSED
            case Segment():
                acknowledges, fin = await self.take(event)
                if acknowledges:
                    return State.CLOSE_WAIT if fin else State.ESTABLISHED
            case Send() | Close():
                self.postpone()
            case Time.RESEND:
                await self.resend()
        return None

    # -- connected -----------------------------------------------------------------------------------------

    @state(State.ESTABLISHED)
    async def established(self, event: Event) -> State | None:
        match event:
            case Segment(rst=False):
                _, fin = await self.take(event)
                return State.CLOSE_WAIT if fin else None
            case Turn(Close(), result):
                await self.transmit(result, fin=True)
                return State.FIN_WAIT_1
        return await self.unhandled(event)

    @state(State.CLOSE_WAIT)
    async def close_wait(self, event: Event) -> State | None:
        match event:
            case Turn(Close(), result):
                await self.transmit(result, fin=True)
                return State.LAST_ACK
        return await self.unhandled(event)

    # -- on the way out ------------------------------------------------------------------------------------

    @state(State.FIN_WAIT_1)
    async def fin_wait_1(self, event: Event) -> State | None:
        match event:
            case Segment(rst=False):
                match await self.take(event):
                    case True, True:
                        return State.TIME_WAIT
                    case True, False:
                        return State.FIN_WAIT_2
                    case False, True:
                        return State.CLOSING
                return None
        return await self.unhandled(event)

    @state(State.FIN_WAIT_2)
    async def fin_wait_2(self, event: Event) -> State | None:
        match event:
            case Segment(rst=False):
                _, fin = await self.take(event)
                return State.TIME_WAIT if fin else None
        return await self.unhandled(event)

    @state(State.CLOSING, State.LAST_ACK)
    async def last_acknowledgement(self, event: Event) -> State | None:
        match event:
            case Segment(rst=False):
                acknowledges, _ = await self.take(event)
                if acknowledges:
                    return State.TIME_WAIT if self.current_state is State.CLOSING else State.CLOSED
                return None
        return await self.unhandled(event)

    @state(State.TIME_WAIT)
    async def time_wait(self, event: Event) -> State | None:
        return State.CLOSED if event is Time.IS_OVER else await self.unhandled(event)

    async def unhandled(self, event: Event) -> State | None:
        """Handle what is the same in all states in which there is, or was, a connection."""
        match event:
            case Segment(rst=True):
                return State.CLOSED
            case Segment():
                await self.take(event)
            case Time.RESEND:
                await self.resend()
            case Send() | Close() if self.current_state in {State.ESTABLISHED, State.CLOSE_WAIT}:
                self.wish(event)
            case Turn(Send(data), result) if self.current_state in {State.ESTABLISHED, State.CLOSE_WAIT}:
                await self.transmit(result, data=data)
            case Turn(_, result):
                result.set_exception(ConnectionError("this end has been closed"))
            case Listen() | Open() | Send() | Close():
                raise ConnectionError(f"not in the state {self.current_state.name}")
        return None


async def connect(
    system: ActorSystem, lose: Callable[[Segment], bool], *deliver: Callable[[str], object]
) -> list[ActorRef[Connection]]:
    """Start two ends with a wire each way; `deliver` has a function for either."""
    wires = [await system.spawn(Wire, lose) for _ in range(2)]
    ends = [
        await system.spawn(Connection, wire, function) for wire, function in zip(wires, deliver, strict=True)
    ]
    for wire, end in zip(wires, reversed(ends), strict=True):
        await wire.call(Wire.plug, end)
    return ends


async def main() -> None:
    counter = itertools.count(1)
    async with ActorSystem() as system:
        at_server: list[str] = []
        at_client: list[str] = []
        client, server = await connect(
            system, lambda segment: next(counter) % 4 == 0, at_client.append, at_server.append
        )
        await server.ask(Listen())
        welcome = asyncio.ensure_future(server.ask(Send("welcome")))  # postponed until somebody connects
        await client.ask(Open())
        for line in ("one", "two", "three"):
            await client.ask(Send(line))
        await welcome
        await client.ask(Close())
        await server.ask(Send("goodbye"))
        await server.ask(Close())
        print("at the server:", *at_server)
        print("at the client:", *at_client)
        print("the client's way:", *(state.name for state in (await client.call(Connection.states))[:4]))
        print("the server's way:", *(state.name for state in (await server.call(Connection.states))[:5]))


if __name__ == "__main__":
    asyncio.run(main())
