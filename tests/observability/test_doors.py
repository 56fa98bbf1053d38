"""O11: the doors are local and read-only by default, and nobody gets in who should not. Attacked by a real client."""

import asyncio
import contextlib
import json
import os
import socket
import stat
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.exceptions import HTTPException
from starlette.requests import Request

from actorio import ActorError, ActorSystem, Mailbox
from actorio.inspection.trace import _tellers
from actorio.observability import Observatory, Recorder, connection, doors, streams
from tests.observability.actors import Asker, Gate, Keeper, until

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio"])
HEADERS = {
    "content-security-policy",
    "x-content-type-options",
    "referrer-policy",
    "cache-control",
}


@pytest.fixture(autouse=True)
def sockets_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "actorio"


@contextlib.asynccontextmanager
async def opened(**options: Any) -> AsyncIterator[tuple[ActorSystem, Observatory, httpx.AsyncClient]]:
    """A system with a page, and a client who has the token."""
    async with ActorSystem("shop") as system, Observatory(system, page=0, **options) as observatory:
        base = f"http://127.0.0.1:{observatory.port}"
        async with httpx.AsyncClient(
            base_url=base, headers={"Authorization": f"Bearer {observatory.token}"}
        ) as client:
            yield system, observatory, client


def stranger(observatory: Observatory, **headers: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{observatory.port}", headers=headers)


def at_the_socket(observatory: Observatory) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url="http://any.name", transport=httpx.AsyncHTTPTransport(uds=str(observatory.socket))
    )


# -- token, cookie ---------------------------------------------------------------------------------


async def test_o11_nobody_gets_in_without_the_token() -> None:
    async with opened() as (_, observatory, _client):
        for headers in (
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": "Basic x"},
            {"Cookie": f"actorio-{observatory.port}=x"},
        ):
            async with stranger(observatory, **headers) as client:
                for path in (
                    "/",
                    "/api/overview",
                    "/assets/page.js",
                    "/metrics",
                    "/api/live",
                    "/nothing",
                    "/?token=wrong",
                ):
                    assert (await client.get(path)).status_code == 401
                assert (await client.get("/healthz")).text == "ok"


async def test_o11_the_link_gives_a_cookie_and_takes_the_token_out_of_the_address() -> None:
    async with opened() as (_, observatory, _client), stranger(observatory) as client:
        answer = await client.get(f"/?token={observatory.token}")
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        cookie = answer.headers["set-cookie"]
        assert f"actorio-{observatory.port}=" in cookie
        assert "HttpOnly" in cookie
        assert "samesite=strict" in cookie.lower()
        assert str(observatory.token) not in cookie
        assert (await client.get("/")).status_code == 200


async def test_o11_the_cookie_of_another_port_opens_nothing() -> None:
    async with opened() as (_, one, _client), opened() as (_, two, _other):
        async with stranger(one) as client:
            await client.get(f"/?token={one.token}")
            stolen = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        other = stolen.replace(f"actorio-{one.port}", f"actorio-{two.port}")
        for cookies in (stolen, other, f"{stolen}; {other}"):
            async with stranger(two, Cookie=cookies) as client:
                assert (await client.get("/api/overview")).status_code == 401


async def test_o11_the_token_is_long_and_new_each_time() -> None:
    tokens = set()
    for _ in range(2):
        async with opened() as (_, observatory, _client):
            assert observatory.token is not None
            assert len(observatory.token) >= 43
            tokens.add(observatory.token)
    assert len(tokens) == 2


# -- host, site, method ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:{}", "127.0.0.1:{}.evil", ""]
)
async def test_o11_another_host_is_refused_for_every_method_and_path(host: str) -> None:
    async with opened(actions=True) as (_, observatory, client):
        for method in ("GET", "HEAD", "POST", "PUT", "OPTIONS"):
            for path in ("/", "/healthz", "/api/overview", "/api/kill", "/nothing"):
                answer = await client.request(method, path, headers={"Host": host.format(observatory.port)})
                assert answer.status_code == 421


async def test_o11_localhost_and_ipv6_are_hosts() -> None:
    async with opened() as (_, observatory, client):
        for name in ("localhost", "LOCALHOST", "[::1]"):
            assert (
                await client.get("/api/overview", headers={"Host": f"{name}:{observatory.port}"})
            ).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site", "x"])
async def test_o11_other_pages_are_refused(site: str) -> None:
    async with opened() as (_, _, client):
        assert (await client.get("/api/overview", headers={"Sec-Fetch-Site": site})).status_code == 403
        assert (
            await client.get("/api/overview", headers={"Sec-Fetch-Site": "same-origin"})
        ).status_code == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
async def test_o11_no_other_method_is_known(method: str) -> None:
    async with opened(actions=True) as (_, observatory, client):
        assert (await client.request(method, "/api/kill")).status_code == 405
        async with at_the_socket(observatory) as other:
            assert (await other.request(method, "/api/kill")).status_code == 405


# -- actions ---------------------------------------------------------------------------------------


async def test_o11_nothing_can_be_changed_by_default() -> None:
    async with opened() as (system, observatory, client):
        ref = await system.spawn(Gate, name="gate")
        for action in ("suspend", "resume", "stop", "kill", "page"):
            answer = await client.post(f"/api/{action}", json={"path": "/gate"}, headers=_own(observatory))
            assert answer.status_code == 403
            if action != "page":
                async with at_the_socket(observatory) as other:
                    assert (await other.post(f"/api/{action}", json={"path": "/gate"})).status_code == 403
        assert (await client.get("/api/session")).status_code == 403
        assert ref.is_alive
        assert not system.inspect(ref).is_suspended


def _own(observatory: Observatory) -> dict[str, str]:
    return {"Origin": f"http://127.0.0.1:{observatory.port}", "X-Actorio-Token": str(observatory.token)}


async def test_o11_an_action_needs_the_origin_and_the_key_of_the_page() -> None:
    async with opened(actions=True) as (system, observatory, client):
        ref = await system.spawn(Gate, name="gate")
        own = _own(observatory)
        key = (await client.get("/api/session")).json()["key"]
        assert key != observatory.token
        for headers in (
            {},
            {"Origin": own["Origin"]},
            {"X-Actorio-Token": own["X-Actorio-Token"]},
            {**own, "Origin": "http://evil.example"},
            {**own, "Origin": "null"},
            {**own, "Origin": f"http://localhost:{observatory.port}"},
            {**own, "X-Actorio-Token": "wrong"},
        ):
            assert (
                await client.post("/api/kill", json={"path": "/gate"}, headers=headers)
            ).status_code == 403
        assert ref.is_alive
        assert (await client.get("/api/kill?path=/gate")).status_code == 405
        answer = await client.post(
            "/api/suspend", json={"path": "/gate"}, headers={**own, "X-Actorio-Token": key}
        )
        assert answer.json() == {"done": True}
        assert system.inspect(ref).is_suspended
        await client.post("/api/resume", json={"path": "/gate"}, headers=own)
        assert not system.inspect(ref).is_suspended
        assert (await client.post("/api/stop", json={"path": "/gate"}, headers=own)).status_code == 200
        await ref.join(5)
        assert (await client.post("/api/stop", json={"path": "/gate"}, headers=own)).status_code == 404


async def test_o11_the_socket_takes_actions_without_a_key_and_opens_a_page() -> None:
    async with (
        ActorSystem("shop") as system,
        Observatory(system, actions=True) as observatory,
        at_the_socket(observatory) as client,
    ):
        assert observatory.url is None
        ref = await system.spawn(Gate, name="gate")
        assert (await client.post("/api/kill", json={"path": "/gate"})).json() == {"done": True}
        await ref.join(5)
        url = (await client.post("/api/page")).json()["url"]
        assert url == observatory.url
        assert (await client.post("/api/page")).json()["url"] == url
        async with httpx.AsyncClient(follow_redirects=True) as browser:
            assert '<div id="page">' in (await browser.get(url)).text


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b"{}", 400),
        (b'{"path": 7}', 400),
        (b'{"path": "/gate", "lease": "long"}', 400),
        (b'{"path": "/gate", "lease": -1}', 400),
        (b'{"path": "/nobody"}', 404),
        (b'{"path": "no path"}', 404),
        (b"[" * 4000, 400),
        (b" " * 5000, 413),
    ],
)
async def test_a_bad_body_is_refused_with_a_reason(body: bytes, status: int) -> None:
    async with (
        ActorSystem() as system,
        Observatory(system, actions=True) as observatory,
        at_the_socket(observatory) as client,
    ):
        await system.spawn(Gate, name="gate")
        answer = await client.post("/api/suspend", content=body)
        assert answer.status_code == status
        assert answer.json()["error"]


# -- paths, parameters, headers --------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../app.py",
        "/assets/..%2fapp.py",
        "/assets/%2e%2e/doors.py",
        "/assets//etc/passwd",
        "/assets/vendor/../../gate.py",
        "/assets/",
        "/assets/page.js%00.html",
        "//evil.example/",
        "/assets/..\\app.py",
    ],
)
async def test_o11_no_game_with_paths_gives_a_file_that_is_not_of_the_page(path: str) -> None:
    async with opened() as (_, observatory, _client):
        answer = await _raw(observatory, f"GET {path} HTTP/1.1")
        assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400"))
        assert b"import" not in answer
        assert b"root:" not in answer


async def _raw(observatory: Observatory, line: str, *headers: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", observatory.port)
    lines = [
        line,
        f"Host: 127.0.0.1:{observatory.port}",
        f"Authorization: Bearer {observatory.token}",
        "Connection: close",
        *headers,
    ]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    answer = await reader.read()
    writer.close()
    return answer


async def test_o11_every_answer_has_the_headers() -> None:
    async with opened() as (_, observatory, client):
        answers = [
            await client.get(path)
            for path in (
                "/",
                "/api/overview",
                "/nothing",
                "/healthz",
                "/assets/page.js",
                "/api/actor?path=/x",
                "/api/kill",
            )
        ]
        async with stranger(observatory) as other:
            answers.append(await other.get("/"))
            answers.append(await other.get("/", headers={"Host": "evil"}))
        for answer in answers:
            assert set(answer.headers) >= HEADERS, answer.request.url
            assert "access-control-allow-origin" not in answer.headers
            assert "server" not in answer.headers
        broken = await _raw(observatory, "no http at all")
        assert broken.startswith(b"HTTP/1.1 400")
        assert all(name.encode() in broken for name in HEADERS)


@pytest.mark.parametrize(
    "query",
    [
        "actors?limit=201",
        "actors?limit=-1",
        "actors?limit=x",
        "actors?offset=1e3",
        "actors?sort=beauty",
        "actors?sort=time",
        "tree?limit=999",
    ],
)
async def test_a_bad_parameter_is_a_400_with_a_reason(query: str) -> None:
    async with opened() as (_, _, client):
        answer = await client.get(f"/api/{query}")
        assert (answer.status_code, bool(answer.json()["error"])) == (400, True)


# -- what they say ---------------------------------------------------------------------------------


async def test_the_answers_are_those_of_the_observatory() -> None:
    async with opened(stuck_after=0.05) as (system, observatory, client):
        await system.spawn(Keeper, name="keeper")
        gate = await system.spawn(Gate, name="gate")
        asker: Any = await system.spawn(Asker, name="asker")
        await asker.send([gate])

        async def get(path: str) -> Any:
            answer = await client.get(path)
            assert answer.status_code == 200, answer.text
            return answer.json()

        async def stuck() -> bool:
            await observatory.overview()
            return any(line["kind"] == "stuck" for line in (await get("/api/overview"))["attention"])

        await until(stuck)
        await gate.send("more")
        overview = await get("/api/overview")
        assert (overview["name"], overview["actors"], overview["stale"]) == ("shop", 4, False)
        assert overview["attention"][0]["path"] == "/gate"
        waits = (await get("/api/waits"))["rows"]
        assert [(row["path"], row["waiters"]) for row in waits] == [("/gate", 1)]
        assert waits[0]["waiting"][0]["path"] == "/asker"
        actors = await get("/api/actors?q=GATE&sort=depth")
        assert actors["total"] == 2
        assert (await get("/api/actors?under=/keeper"))["rows"][0]["path"] == "/keeper/child"
        assert (await get("/api/actors?limit=1&offset=1"))["total"] == 4
        tree = await get("/api/tree")
        keeper = next(row for row in tree["rows"] if row["path"] == "/keeper")
        assert (tree["total"], keeper["children"], keeper["below"]) == (3, 1, 1)
        assert (await get("/api/tree?path=/keeper"))["rows"][0]["path"] == "/keeper/child"
        assert (await client.get("/api/tree?path=/nobody")).status_code == 404
        one = await get("/api/actor?path=/gate")
        assert one["info"]["path"] == "/gate"
        assert one["stack"][-1]["code"]
        assert one["peek"] == [{"kind": "send", "type": "str", "text": None}]
        assert {"name": "password", "type": "str", "text": None} in one["attributes"]
        assert (await client.get("/api/actor?path=/nobody")).status_code == 404
        assert (await get("/api/history"))["rows"]
        assert (await get("/api/failures")) == {"rows": [], "stale": False}
        gate._cell.instance.open.set()


async def test_metrics_are_prometheus_text_by_class() -> None:
    async with opened() as (system, observatory, client):
        ref = await system.spawn(Gate, name="gate")
        await ref.ask(1)
        await until(lambda: _handled(client, observatory))
        text = (await client.get("/metrics")).text
        families = {family.name: family for family in text_string_to_metric_families(text)}
        assert {
            *(
                "actorio_actors",
                "actorio_messages_handled",
                "actorio_actor_failures",
                "actorio_actor_restarts",
            ),
            *("actorio_mailbox_depth", "actorio_dead_letters", "actorio_loop_lag_seconds"),
        } <= set(families)
        sample = families["actorio_messages_handled"].samples[0]
        assert (sample.name, sample.value) == ("actorio_messages_handled_total", 1)
        assert sample.labels == {
            "actorio_system": "shop",
            "actorio_actor_class": "tests.observability.actors.Gate",
        }
        assert "/gate" not in text


async def test_metrics_have_all_instruments_of_the_system_as_a_parser_reads_them() -> None:
    async with opened(timing=True, stuck_after=0.02) as (system, observatory, client):
        ref = await system.spawn(Gate, name="gate", mailbox=Mailbox(2))
        for _ in range(65):
            with pytest.raises(ValueError, match="told to"):
                await ref.ask("fail")
        sends = [asyncio.ensure_future(ref.ask("wait")) for _ in range(5)]

        async def stuck() -> Any:
            await observatory.overview()
            found = families_of((await client.get("/metrics")).text)
            return found if found["actorio_actors_stuck"].samples[0].value else None

        families = await until(stuck)
        ref._cell.instance.open.set()
        await asyncio.gather(*sends)
    assert {name: family.type for name, family in families.items()} == {
        "actorio_actors": "gauge",
        "actorio_messages_handled": "counter",
        "actorio_actor_failures": "counter",
        "actorio_actor_restarts": "counter",
        "actorio_mailbox_depth": "gauge",
        "actorio_mailbox_deepest": "gauge",
        "actorio_mailbox_senders": "gauge",
        "actorio_actors_stuck": "gauge",
        "actorio_dead_letters": "counter",
        "actorio_loop_lag_seconds": "gauge",
        "actorio_loop_blocked_seconds": "counter",
        "actorio_turn_duration_seconds": "histogram",
    }
    values = {name: family.samples[0].value for name, family in families.items() if family.samples}
    assert (values["actorio_mailbox_depth"], values["actorio_mailbox_senders"]) == (2, 2)
    turns = [one for one in families["actorio_turn_duration_seconds"].samples if one.name.endswith("_count")]
    assert [(one.value, one.labels["error_type"], one.labels["actorio_message_kind"]) for one in turns] == [
        (2, "ValueError", "ask")
    ]
    counts = [
        one.value for one in families["actorio_turn_duration_seconds"].samples if one.name.endswith("_bucket")
    ]
    assert (len(counts), counts, counts[-1]) == (20, sorted(counts), 2)


async def test_a_failure_says_which_capsule_it_has(tmp_path: Path) -> None:
    async with opened() as (system, _, client):
        async with Recorder(system, tmp_path, every=0) as recorder:
            keeper = await system.spawn(Keeper)
            await system.lookup(f"{keeper.path}/child").send("fail")
            await until(lambda: recorder.capsules)
            row = (await client.get("/api/failures")).json()["rows"][0]
            assert row["capsule"] == recorder.capsules[0].name
        row = (await client.get("/api/failures")).json()["rows"][0]
        assert row["capsule"] is None


def families_of(text: str) -> dict[str, Any]:
    return {family.name: family for family in text_string_to_metric_families(text)}


async def _handled(client: httpx.AsyncClient, observatory: Observatory) -> bool:
    await observatory.overview()
    return "handled_total{" in (text := (await client.get("/metrics")).text) and "} 1.0" in text


async def test_live_gives_the_overview_at_each_census() -> None:
    async with opened() as (system, observatory, client), client.stream("GET", "/api/live") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = _events(answer)
        first = await anext(events)
        assert first[0] == "overview"
        await system.spawn(Gate)
        await asyncio.sleep(0.05)

        async def counted() -> bool:
            await observatory.overview()
            return (await anext(events))[1]["actors"] == 1

        await until(counted)
        await events.aclose()


async def _events(answer: httpx.Response) -> AsyncGenerator[tuple[str, Any]]:
    kind = ""
    async for line in answer.aiter_lines():
        if line.startswith("event: "):
            kind = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield kind, json.loads(line.removeprefix("data: "))


async def test_trace_gives_the_events_of_an_actor() -> None:
    async with opened() as (system, _, client):
        ref = await system.spawn(Gate, name="gate")
        async with client.stream("GET", "/api/trace?path=/gate&limit=3") as answer:
            lines = answer.aiter_lines()
            await anext(lines)
            await ref.ask(1)
            text = "\n".join([line async for line in lines])
        assert [json.loads(line[6:])["kind"] for line in text.splitlines() if '"kind"' in line][:3] == [
            "accepted",
            "begun",
            "answered",
        ]
        assert "event: end" in text
        assert not ref._cell.observers.arrivals
        assert (await client.get("/api/trace?path=/nobody")).status_code == 404
        assert (await client.get("/api/trace?path=/gate&limit=x")).status_code == 400


async def test_o7_while_the_loop_is_blocked_the_doors_answer_from_the_last_census() -> None:
    async with opened(blocked_after=0.2, actions=True) as (system, observatory, _client):
        gate = await system.spawn(Gate, name="gate")
        await observatory.overview()
        await asyncio.sleep(0.05)
        looking = asyncio.get_running_loop().run_in_executor(None, _look_while_blocked, observatory)
        await gate.ask("block long")
        seen = await looking
        assert seen["/healthz"] == (503, "blocked")
        for path in ("/api/overview", "/api/actors", "/api/tree", "/api/waits", "/api/actor?path=/gate"):
            status, content = seen[path]
            assert (status, json.loads(content)["stale"]) == (200, True), path
        assert json.loads(seen["/api/overview"][1])["blocked"]["path"] == "/gate"
        assert seen["/api/kill"][0] == 503
        assert gate.is_alive


def _look_while_blocked(observatory: Observatory) -> dict[str, tuple[int, str]]:
    base, seen = f"http://127.0.0.1:{observatory.port}", {}
    with httpx.Client(base_url=base, headers={"Authorization": f"Bearer {observatory.token}"}) as client:
        for _ in range(500):
            if observatory.blocked is not None:
                break
            client.get("/healthz")
        for path in (
            "/healthz",
            "/api/overview",
            "/api/actors",
            "/api/tree",
            "/api/waits",
            "/api/actor?path=/gate",
        ):
            answer = client.get(path)
            seen[path] = answer.status_code, answer.text
        answer = client.post("/api/kill", json={"path": "/gate"}, headers=_own(observatory), timeout=3)
        seen["/api/kill"] = answer.status_code, answer.text
    return seen


# -- limits ----------------------------------------------------------------------------------------


async def test_o11_more_than_twenty_streams_are_refused() -> None:
    async with opened() as (_, _, client), contextlib.AsyncExitStack() as stack:
        for _ in range(streams.MOST_STREAMS):
            answer = await stack.enter_async_context(client.stream("GET", "/api/live"))
            assert answer.status_code == 200
        refused = await client.get("/api/live")
        assert (refused.status_code, bool(refused.json()["error"])) == (503, True)
    async with opened() as (_, _, client), client.stream("GET", "/api/live") as answer:
        assert answer.status_code == 200


class SameLoop:
    """A bridge to the loop that the streams are on."""

    def __init__(self, then: Callable[[], None] = lambda: None) -> None:
        self._then = then

    async def run(self, work: Callable[[], Any]) -> Any:
        value = work()
        self._then()
        return value

    def tell(self, work: Callable[[], Any]) -> None:
        work()


async def test_o6_a_trace_whose_reader_is_gone_before_its_first_event_is_closed() -> None:
    async with ActorSystem() as system, Observatory(system, socket=False) as observatory:
        ref = await system.spawn(Gate, name="gate")
        opened_ones = streams.Streams(observatory, SameLoop())  # type: ignore[arg-type]
        answer = await opened_ones.trace(
            Request({"type": "http", "query_string": b"path=/gate", "headers": []})
        )
        assert _tellers[ref._cell]

        async def receive() -> dict[str, str]:
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            raise AssertionError(message)

        with contextlib.suppress(AssertionError, ExceptionGroup):
            await answer({"type": "http", "asgi": {"spec_version": "2.3"}}, receive, send)
        assert not _tellers[ref._cell]

        full = streams.Streams(observatory, SameLoop(lambda: setattr(full, "_open", 20)))  # type: ignore[arg-type]
        with pytest.raises(HTTPException):
            await full.trace(Request({"type": "http", "query_string": b"path=/gate", "headers": []}))
        assert not _tellers[ref._cell]


async def test_o11_two_hundred_connections_do_not_stall_it() -> None:
    async with opened() as (system, observatory, _client):
        writers = []
        for _ in range(200):
            with contextlib.suppress(OSError):
                writers.append((await asyncio.open_connection("127.0.0.1", observatory.port))[1])
        ref = await system.spawn(Gate)
        assert await ref.ask(1) == 1
        async with at_the_socket(observatory) as client:
            assert (await client.get("/api/overview")).status_code == 200
        for writer in writers:
            writer.close()

        async def back() -> bool:
            with contextlib.suppress(httpx.HTTPError):
                async with stranger(observatory) as client:
                    return (await client.get("/healthz")).status_code == 200
            return False

        await until(back)


async def test_o11_silence_and_slow_readers_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    made = connection.Connection.__init__
    monkeypatch.setattr(
        connection.Connection, "__init__", lambda self, *args: made(self, *args, idle=0.2, stalled=0.2)
    )
    async with opened(blocked_after=5, actions=True) as (system, observatory, _client):
        reader, writer = await asyncio.open_connection("127.0.0.1", observatory.port)
        writer.write(b"GET / HTTP/1.1\r\nHost:")
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()
        unread, without_body = await asyncio.open_connection("127.0.0.1", observatory.port)
        head = {"Host": f"127.0.0.1:{observatory.port}", "Authorization": f"Bearer {observatory.token}"}
        own = {**head, **_own(observatory), "Content-Length": "9"}
        lines = ["POST /api/stop HTTP/1.1", *(f"{name}: {value}" for name, value in own.items())]
        without_body.write("\r\n".join([*lines, "", ""]).encode())
        async with asyncio.timeout(5):
            assert await unread.read() == b""
        without_body.close()
        for number in range(300):
            await system.spawn(type(f"Class{number}{'x' * 150}", (Gate,), {}))
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(deaf, ("127.0.0.1", observatory.port))
        lines = ["GET /api/live HTTP/1.1", f"Host: 127.0.0.1:{observatory.port}"]
        lines.append(f"Authorization: Bearer {observatory.token}")
        await loop.sock_sendall(deaf, "\r\n".join([*lines, "", ""]).encode())
        app = observatory.doors._app  # type: ignore[union-attr]
        await until(lambda: app.streams._open == 1)

        async def cut() -> bool:
            await observatory.overview()
            return app.streams._open == 0

        await until(cut)
        deaf.close()


async def test_o9_an_answer_has_64_kib_at_most_and_says_that_there_is_more() -> None:
    async with opened() as (system, observatory, client):
        for number in range(200):
            await system.spawn(Gate, name=f"{number}-{'x' * 600}", mailbox=Mailbox(3))
        await observatory.overview()
        answer = await client.get("/api/actors?limit=200")
        assert len(answer.content) <= 64 * 1024
        assert answer.json()["more"] is True
        assert answer.json()["total"] == 200


# -- the socket ------------------------------------------------------------------------------------


async def test_o11_the_socket_is_of_this_user_alone(sockets_here: Path) -> None:
    async with ActorSystem("shop") as system, Observatory(system) as observatory:
        assert observatory.socket == sockets_here / f"{os.getpid()}-shop.sock"
        assert stat.S_IMODE(sockets_here.stat().st_mode) == 0o700
        assert stat.S_IMODE(observatory.socket.stat().st_mode) == 0o600
    assert list(sockets_here.iterdir()) == []


@pytest.mark.parametrize("trap", ["open", "link", "file"])
async def test_o11_a_folder_that_others_may_have_made_is_refused(sockets_here: Path, trap: str) -> None:
    if trap == "link":
        other = sockets_here.parent / "other"
        other.mkdir(mode=0o700)
        sockets_here.symlink_to(other)
    elif trap == "file":
        sockets_here.write_text("")
    else:
        sockets_here.mkdir()
        sockets_here.chmod(0o755)
    async with ActorSystem() as system:
        with pytest.raises(ActorError, match="of this user alone"):
            async with Observatory(system):
                pass
        async with Observatory(system, socket=False):
            pass


async def test_a_name_of_a_system_makes_a_plain_name_of_a_file(sockets_here: Path) -> None:
    async with ActorSystem("..\\éèvil name" + "x" * 200) as system, Observatory(system) as observatory:
        assert observatory.socket is not None
        assert observatory.socket.parent == sockets_here


async def test_two_systems_of_one_name_have_a_socket_each(sockets_here: Path) -> None:
    async with (
        ActorSystem("shop") as first,
        ActorSystem("shop") as second,
        Observatory(first) as one,
        Observatory(second) as other,
    ):
        assert [door.socket.name for door in (one, other) if door.socket is not None] == [
            f"{os.getpid()}-shop.sock",
            f"{os.getpid()}-shop-2.sock",
        ]
        for door in (other, one):
            async with at_the_socket(door) as client:
                assert (await client.get("/healthz")).text == "ok"
    assert list(sockets_here.iterdir()) == []


async def test_o17_doors_that_are_closed_before_their_thread_has_a_loop_leave_nothing(
    sockets_here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on, run = threading.Event(), doors.Doors._run

    def late(self: doors.Doors, sockets: Any) -> None:
        goes_on.wait()
        run(self, sockets)

    monkeypatch.setattr(doors.Doors, "_run", late)
    async with ActorSystem("shop") as system:
        observatory = Observatory(system, page=0)
        entering = asyncio.ensure_future(observatory.__aenter__())
        await until(lambda: observatory.url is not None)
        entering.cancel()
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(0.01, goes_on.set)
        with pytest.raises(asyncio.CancelledError):
            await entering
        names = [thread.name for thread in threading.enumerate()]
        assert "actorio doors of shop" not in names
    assert list(sockets_here.iterdir()) == []


async def test_a_port_in_use_is_said_and_leaves_nothing(sockets_here: Path) -> None:
    async with opened() as (_, first, _client), ActorSystem("two") as system:
        with pytest.raises(OSError, match="in use"):
            async with Observatory(system, page=first.port):
                pass
        assert [path.name for path in sockets_here.iterdir()] == [f"{os.getpid()}-shop.sock"]
        async with Observatory(system):
            pass
