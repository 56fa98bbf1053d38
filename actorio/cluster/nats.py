"""The engine on NATS: frames by publish and subscribe, the store in one JetStream bucket.

A frame's sender is taken from its subject, so that the rights of the server vouch for it. JetStream carries no
messages, only leases, claims and names; what the server loses of frames the links repeat.

Source: docs/design/decisions/cluster-on-nats.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.api import KeyValueConfig, StorageType
from nats.js.errors import APIError, BucketNotFoundError, KeyWrongLastSequenceError, NotFoundError

from actorio._core.checks import check_count
from actorio.cluster.engine import LIVE, SNAPSHOT, Change, Receive, RevisionConflict, Up
from actorio.errors import EngineError

__all__ = ["Nats"]

logger = logging.getLogger("actorio")

R = TypeVar("R")

_REFUSALS = ("authorization", "authentication", "permissions violation", "certificate", "user authentication")
_MOST_PENDING = 64 * 2**20
"""Bytes that may wait for a server that is away: beyond, frames are lost, and repeated later."""
_FEWEST_FOR_REPLICAS = 3


class NoBucket(Exception):
    """There is no bucket of that cluster, and none is to be made."""


class Nats:
    """A NATS server that exists, or a cluster of them: `Cluster(system, engine=Nats("tls://nats:4222", tls=...))`.

    It advises a lease of 15 s and a heartbeat of 1 s, since a cluster of servers takes up to 8.5 s to elect a leader.

    Args:
        servers: one URL or several.
        tls: needed where a server is not on this machine.
        user: with `password`.
        password: with `user`.
        token: in their place.
        credentials: the path of a credentials file, in their place.
        insecure: goes without `tls`, with a warning at each start.
        replicas: of the bucket; None is 3 where there are three servers, else 1.

    Raises:
        ValueError: a server is not on this machine, and there is neither `tls` nor `insecure`.
        TypeError: an argument is not of its kind.
    """

    def __init__(
        self,
        servers: str | Sequence[str],
        *,
        tls: ssl.SSLContext | None = None,
        user: str | None = None,
        password: str | None = None,
        token: str | None = None,
        credentials: str | None = None,
        insecure: bool = False,
        replicas: int | None = None,
    ) -> None:
        self.servers = [servers] if isinstance(servers, str) else list(servers)
        if not self.servers or not all(isinstance(server, str) for server in self.servers):
            raise TypeError(f"servers is a URL, or several, not {servers!r}")
        if tls is not None and not isinstance(tls, ssl.SSLContext):
            raise TypeError(f"tls is an ssl.SSLContext, not {type(tls).__name__}")
        far = [server for server in self.servers if not _is_here(server)]
        if far and tls is None and not insecure:
            raise ValueError(f"{_shown(far[0])} is not on this machine: give it tls=, or insecure=True")
        self._warns = bool(far) and tls is None
        self._tls = tls
        self._login = {"user": user, "password": password, "token": token, "user_credentials": credentials}
        self._replicas = None if replicas is None else check_count("replicas", replicas, least=1)
        self.lease, self.heartbeat = 15.0, 1.0
        self.max_frame = 0
        self.makes_bucket = True
        self._nc: Any = None
        self._kv: Any = None
        self._up: Up = lambda is_up: None
        self._refusal: str | None = None
        self._has_written = False
        self._scope: asyncio.Timeout | None = None
        self._watched: list[asyncio.Queue[Any]] = []
        self._prefix = self._bucket = ""

    def __repr__(self) -> str:
        return f"<Nats {', '.join(map(_shown, self.servers))}>"

    # -- the connection ----------------------------------------------------------------------------

    @property
    def is_connected(self) -> bool:
        """Tell whether a node has it."""
        return self._nc is not None

    async def connect(self, cluster: str, node: str, receive: Receive, up: Up) -> None:
        """Connect, and make the bucket if there is none."""
        if self._warns:
            logger.warning(
                "the cluster %r goes without TLS over %r: anybody on the way can join in", cluster, self
            )
        self._prefix, self._up = f"actorio.{cluster}.{node}.", up
        self._bucket = f"actorio-{cluster}"
        self._nc = Client()
        await self._unless_refused(self._open, node)
        self.max_frame = self._nc.max_payload

        async def take(message: Any) -> None:
            if message.data:
                receive(message.subject.split(".")[2], message.data)

        await self._nc.subscribe(
            f"actorio.{cluster}.*.{node}", cb=take, pending_msgs_limit=10**7, pending_bytes_limit=2**30
        )
        self.send(node, b"")  # whether it may be sent is told now, not with the first message
        await self._unless_refused(self._nc.flush)
        await self._unless_refused(self._open_bucket, self._bucket)

    async def _open(self, node: str) -> None:
        await self._nc.connect(
            servers=self.servers,
            name=node,
            tls=self._tls,
            inbox_prefix=f"_INBOX_{node}",
            error_cb=self._failed,
            disconnected_cb=self._disconnected,
            reconnected_cb=self._connected,
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.1,
            connect_timeout=2,
            ping_interval=1,
            max_outstanding_pings=2,
            pending_size=_MOST_PENDING,
            skip_subject_validation=True,
            **{key: value for key, value in self._login.items() if value is not None},
        )

    async def _open_bucket(self, bucket: str) -> None:
        """Open the bucket, which the first node makes; over an election of its leader too."""
        while True:
            stream = self._nc.jetstream(timeout=1)
            try:
                self._kv = await stream.key_value(bucket)
                return
            except (BucketNotFoundError, NotFoundError):
                if not self.makes_bucket:
                    raise NoBucket from None
                with contextlib.suppress(APIError, NatsError, TimeoutError):
                    self._kv = await stream.create_key_value(
                        KeyValueConfig(
                            bucket=bucket, history=1, storage=StorageType.FILE, replicas=self._copies()
                        )
                    )
                    return
            except (APIError, NatsError, TimeoutError):
                pass
            await asyncio.sleep(0.1)

    def _copies(self) -> int:
        if self._replicas is not None:
            return self._replicas
        known = max(len(self.servers), len(self._nc.servers))
        return _FEWEST_FOR_REPLICAS if known >= _FEWEST_FOR_REPLICAS else 1

    async def _unless_refused(self, work: Callable[..., Awaitable[R]], *args: Any) -> R:
        """Do work that never ends where the server does not let this node in."""
        try:
            async with asyncio.timeout(None) as self._scope:
                self._check_let_in()
                return await work(*args)
        except TimeoutError:
            self._check_let_in()
            raise
        except NatsError as error:
            raise EngineError(f"the engine does not let this node in: {_text(error)}") from error
        finally:
            self._scope = None

    def _check_let_in(self) -> None:
        if self._refusal is not None:
            raise EngineError(f"the engine does not let this node in: {self._refusal}")

    async def _failed(self, error: Exception) -> None:
        text = _text(error)
        if not self._has_written and any(refusal in text.lower() for refusal in _REFUSALS):
            self._refusal = text
            if self._scope is not None:
                self._scope.reschedule(asyncio.get_running_loop().time())
        logger.debug("the engine: %s", text)

    async def _disconnected(self) -> None:
        self._up(False)  # noqa: FBT003 (the engine protocol)

    async def _connected(self) -> None:
        for queue in self._watched:
            if queue.full():
                queue.get_nowait()  # nobody will read it: the watch begins anew
            queue.put_nowait(_RECONNECTED)
        self._up(True)  # noqa: FBT003 (the engine protocol)

    async def close(self) -> None:
        """Close the connection."""
        connection, self._nc = self._nc, None
        if connection is not None:
            with contextlib.suppress(NatsError, OSError):
                await connection.close()
            _end_checks_of(connection)
            transport = connection._transport
            if transport is not None:  # of one that was not let in: its client forgets it
                with contextlib.suppress(Exception):
                    transport.close()
                    await transport.wait_closed()

    # -- frames ------------------------------------------------------------------------------------

    def send(self, node: str, frame: bytes) -> None:
        """Publish a frame: no task for that, since it only goes into the client's buffer."""
        if self._nc is None:
            return
        work = self._nc.publish(self._prefix + node, frame)
        try:
            work.send(None)
        except (StopIteration, NatsError):
            return
        work.close()  # its buffer is full, and it would have waited: the link sends it again

    # -- the store ---------------------------------------------------------------------------------

    async def create(self, key: str, value: bytes) -> int:
        """Write a key that has no value."""
        return int(await self._write(self._kv.create, key, value))

    async def update(self, key: str, value: bytes, revision: int) -> int:
        """Write a key that has this revision."""
        return int(await self._write(self._kv.update, key, value, last=revision))

    async def delete(self, key: str, revision: int) -> None:
        """Delete a key that has this revision."""
        await self._write(self._kv.delete, key, last=revision)

    async def _write(self, write: Callable[..., Awaitable[R]], *args: Any, **options: Any) -> R:
        try:
            if not self._has_written:
                self._check_let_in()
            result = await write(*args, **options)
            self._has_written = True
            return result
        except KeyWrongLastSequenceError as error:
            raise RevisionConflict from error
        except APIError as error:
            if error.err_code in (10071, 10164):  # of a delete: the revision is another
                raise RevisionConflict from error
            raise

    async def watch(self) -> AsyncIterator[Any]:
        """Tell the bucket, then each change; anew at each reconnection, since nats-py's own watch may die of one."""
        while self._nc is not None:
            await self._open_bucket(self._bucket)  # a server that has lost its store has none
            watcher = await self._kv.watchall()
            updates = watcher._updates
            self._watched.append(updates)
            try:
                yield SNAPSHOT
                while (entry := await updates.get()) is not _RECONNECTED:
                    if entry is None:
                        yield LIVE
                    else:
                        yield Change(entry.key, None if entry.operation else entry.value, entry.revision)
            finally:
                self._watched.remove(updates)
                with contextlib.suppress(Exception):
                    await watcher.stop()


_RECONNECTED = object()


def _is_here(server: str) -> bool:
    host = urlsplit(server if "://" in server else f"nats://{server}").hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _shown(server: str) -> str:
    """Return a URL without what is secret in it."""
    parts = urlsplit(server if "://" in server else f"nats://{server}")
    port = "" if parts.port is None else f":{parts.port}"
    return f"{parts.scheme}://{parts.hostname}{port}"


def _text(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _end_checks_of(connection: Any) -> None:
    """Cancel the client's tasks that look after a watch: a restart of the server makes it forget some of them."""
    for task in asyncio.all_tasks():
        frame = getattr(task.get_coro(), "cr_frame", None)
        owner = None if frame is None else frame.f_locals.get("self")
        if getattr(owner, "_conn", None) is connection and type(owner).__module__.startswith("nats."):
            task.cancel()
