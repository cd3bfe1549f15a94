"""What must hold for every kind of host, checked against the real Envoy. A case fails with an AssertionError."""

import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc
from websockets.sync import client as websocket

from bench.scope_filters import ads, lab, resources

MEGABYTE = b"x" * (1 << 20)
EXACT = ["foo.example.com", "b.a.com", "many.a.com", "cold.org", "up.org", "ws.org", "sp.org", "body.org"]
WILDCARDS = ["*.a.com", "*.w.com", "*.x.com"]
COMPLETED = "http.main.downstream_rq_completed"


@dataclass
class Stage:
    """The running Envoy and what a case may look at."""

    envoy: lab.Envoy
    ads: ads.Ads
    port: int
    access_log: Path

    def ask(self, host: str, body: Any = None, **headers: str) -> tuple[int, dict[str, Any]]:
        """One request: status and what the backend saw (nothing if Envoy answered itself)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        names = {k.replace("_", "-"): v for k, v in headers.items()}
        connection.request("POST" if body else "GET", "/", body, {"Host": host} | names)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text) if answer.status == 200 else {"text": text} if text else {}

    def served_by(self, host: str, **headers: str) -> str:
        """The host of the scope that served this request: every scope has a backend path of its own."""
        status, seen = self.ask(host, **headers)
        assert status == 200, (host, status)
        return str(dict(seen["headers"])["x-served-by"])


def known_host(stage: Stage) -> None:
    assert stage.served_by("foo.example.com") == "foo.example.com"
    asked = len(stage.ads.asked)
    assert stage.served_by("foo.example.com") == "foo.example.com"
    assert len(stage.ads.asked) == asked


def letter_case_and_port(stage: Stage) -> None:
    assert stage.served_by("FOO.Example.com:8100") == "foo.example.com"
    assert stage.served_by("UP.org:1") == "up.org"  # cold


def trailing_dot(stage: Stage) -> None:
    assert stage.served_by("foo.example.com.") == "foo.example.com"
    assert stage.served_by("FOO.example.com.:80") == "foo.example.com"


def wildcard(stage: Stage) -> None:
    assert stage.served_by("n1.a.com") == "*.a.com"  # cold
    assert stage.served_by("N2.A.com") == "*.a.com"  # warm
    assert stage.served_by("b.a.com") == "b.a.com"  # exact and cold beside a warm wildcard
    assert stage.served_by("b.a.com") == "b.a.com"
    assert stage.ads.asked.count((ads.ROUTES, "main|*.a.com")) == 1
    assert stage.ask("x.y.a.com")[0] == 404  # one label only


def client_cannot_choose(stage: Stage) -> None:
    assert stage.served_by("foo.example.com", x_sealos_scope="main|b.a.com") == "foo.example.com"
    assert stage.served_by("n.a.com", x_sealos_scope="main|b.a.com") == "*.a.com"


def private_header_stays(stage: Stage) -> None:
    for host in ("foo.example.com", "z.a.com", "sp.org"):
        _, seen = stage.ask(host, x_sealos_scope="mine")
        assert "x-sealos-scope" not in dict(seen["headers"])


def unknown_host(stage: Stage) -> None:
    asked = len(stage.ads.asked)
    for host in ("nobody.net", "10.0.0.1", "localhost", "[::1]:80", ".a.com", "-"):
        assert stage.ask(host) == (404, {}), host
    assert stage.ask("a|b")[0] == 400  # Envoy refuses the separator in a host
    assert len(stage.ads.asked) == asked


def body_to_cold_host(stage: Stage) -> None:
    status, seen = stage.ask("body.org", MEGABYTE)
    assert (status, seen["length"]) == (200, 1 << 20)
    for host in ("c1.w.com", "c2.w.com", "C1.x.com"):  # cold, warm and cold wildcards; chunked
        status, seen = stage.ask(host, (MEGABYTE[: 1 << 16] for _ in range(16)))
        assert (status, seen["length"]) == (200, 1 << 20), (status, seen)


def websocket_to_cold_host(stage: Stage) -> None:
    for host in ("ws.org", "WS.org", "ws.a.com"):
        with websocket.connect(f"ws://{host}/", sock=_connect(stage.port), proxy=None) as channel:
            channel.send("hello")
            assert channel.recv(5) == "hello"


def grpc_to_cold_host(stage: Stage) -> None:
    for host in ("grpc.org", "grpc.org", "one.grpc.net"):
        options = (("grpc.default_authority", host), ("grpc.use_local_subchannel_pool", 1))
        with grpc.insecure_channel(f"127.0.0.1:{stage.port}", options) as channel:
            assert channel.unary_unary("/any/Call")(b"hello", timeout=5) == b"hello"


def one_log_line(stage: Stage) -> None:
    hosts = ("cold.org", "cold.org", "q.a.com", "nobody.example", "FOO.example.com")
    before = _settled(stage)
    for host in hosts:
        status, seen = stage.ask(host)
        chain = [v for k, v in seen.get("headers", []) if k == "x-forwarded-for"]
        assert status == 404 or (len(chain) == 1 and "," not in chain[0]), chain
    lab.wait_for(lambda: stage.envoy.stat(COMPLETED) >= before + len(hosts))
    assert _settled(stage) == before + len(hosts)


def new_exact_host_wins_at_once(stage: Stage) -> None:
    assert stage.served_by("late.a.com") == "*.a.com"
    _publish(stage.ads, "late.a.com", "http")
    lab.wait_for(lambda: stage.served_by("late.a.com") == "late.a.com")
    stage.ads.drop(ads.SCOPE, ["main|late.a.com"])
    lab.wait_for(lambda: stage.served_by("late.a.com") == "*.a.com")


def many_at_once(stage: Stage) -> None:
    with futures.ThreadPoolExecutor(40) as pool:
        hosts = ["many.a.com", "MANY.a.com", "other.a.com", "nobody.net"] * 10
        statuses = pool.map(lambda host: (host, *stage.ask(host)), hosts)
    for host, status, seen in statuses:
        served = dict(seen["headers"])["x-served-by"] if seen else ""
        expected = {"nobody.net": "", "other.a.com": "*.a.com"}.get(host, "many.a.com")
        assert (status, served) == (200 if expected else 404, expected), host
    assert stage.ads.asked.count((ads.ROUTES, "main|many.a.com")) == 1


def catch_all(stage: Stage) -> None:
    _publish(stage.ads, "*", "http")
    lab.wait_for(lambda: stage.ask("whoever.net")[0] == 200)
    assert stage.served_by("anything.else.net") == "*"
    assert stage.served_by("localhost") == "*"
    assert stage.served_by("m.a.com") == "*.a.com"
    assert stage.served_by("foo.example.com") == "foo.example.com"


CASES: tuple[Callable[[Stage], None], ...] = (
    known_host,
    letter_case_and_port,
    trailing_dot,
    wildcard,
    client_cannot_choose,
    private_header_stays,
    unknown_host,
    body_to_cold_host,
    websocket_to_cold_host,
    grpc_to_cold_host,
    one_log_line,
    new_exact_host_wins_at_once,
    many_at_once,
    catch_all,
)


def run() -> None:
    """Print one line per case."""
    with _stage() as stage:
        for case in CASES:
            start = time.monotonic()
            try:
                case(stage)
                verdict = "ok"
            except Exception as error:
                verdict = f"FAILED {error!r}"
            print(f"{case.__name__:30} {verdict} ({time.monotonic() - start:.2f} s)")
        print("rejected by Envoy:", stage.ads.rejected or "nothing")


@contextmanager
def _stage() -> Iterator[Stage]:
    with lab.echo_backend() as http_port, lab.grpc_backend() as grpc_port, TemporaryDirectory() as name:
        server, port, log = ads.Ads(), lab.free_port(), Path(name) / "access.log"
        server.put(ads.CLUSTER, [resources.cluster("http", http_port), resources.cluster("grpc", grpc_port, True)])
        for host in EXACT + WILDCARDS:
            _publish(server, host, "http")
        for host in ("grpc.org", "*.grpc.net"):
            _publish(server, host, "grpc")
        server.put(ads.LISTENER, [resources.listener("main", port, resources.guarded(), log=str(log))])
        envoy = lab.Envoy(Path(name), server.port, "--file-flush-interval-msec", "50")
        try:
            lab.ready(port)
            yield Stage(envoy, server, port, log)
        finally:
            envoy.close()
            server.close()


def _publish(server: ads.Ads, host: str, cluster: str) -> None:
    server.put(ads.ROUTES, [resources.routes("main", host, cluster)])
    server.put(ads.SCOPE, [resources.scope("main", host)])


def _settled(stage: Stage) -> int:
    """Requests done, once the access log (flushed every 50 ms) and the counter agree on them."""

    def agree() -> bool:
        return len(stage.access_log.read_text().splitlines()) == stage.envoy.stat(COMPLETED)

    lab.wait_for(agree)
    return stage.envoy.stat(COMPLETED)


def _connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port))
