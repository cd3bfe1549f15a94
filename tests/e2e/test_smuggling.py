"""Requests that two parsers could read differently: refused, and the backend never sees a second one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.e2e import backends
from tests.e2e.backends import Recorder
from tests.e2e.conftest import Site
from tests.e2e.wire import exchange, request, wire

HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: {host}\r\n\r\n"


@pytest.fixture
async def recorded(site: Site) -> AsyncIterator[tuple[Site, Recorder]]:
    """A host whose backend keeps what it sees."""
    recorder = Recorder()
    async with backends.raw(recorder) as server:
        site.backend("web", server.port)
        site.ingress()
        await site.gateway.settled()
        assert (await site.get("/warm")).status_code == 200
        yield site, recorder


def head(*lines: str) -> str:
    return "\r\n".join((*lines, "", ""))


HOST = "Host: {host}"
POST = "POST / HTTP/1.1"
GET = "GET / HTTP/1.1"
CHUNKED = "Transfer-Encoding: chunked"

REFUSED = {
    "content-length and chunked": head(POST, HOST, "Content-Length: 6", CHUNKED) + "0\r\n\r\n",
    "chunked and content-length": head(POST, HOST, CHUNKED, "Content-Length: 6") + "0\r\n\r\n",
    "two content-lengths": head(POST, HOST, "Content-Length: 0", "Content-Length: 6") + "hello!",
    "a list of content-lengths": head(POST, HOST, "Content-Length: 0, 6") + "hello!",
    "negative content-length": head(POST, HOST, "Content-Length: -1"),
    "signed content-length": head(POST, HOST, "Content-Length: +6") + "hello!",
    "hexadecimal content-length": head(POST, HOST, "Content-Length: 0x6") + "hello!",
    "endless content-length": head(POST, HOST, "Content-Length: 99999999999999999999999"),
    "chunked twice": head(POST, HOST, CHUNKED, CHUNKED) + "0\r\n\r\n",
    "chunked before identity": head(POST, HOST, "Transfer-Encoding: chunked, identity") + "0\r\n\r\n",
    "unknown coding": head(POST, HOST, "Transfer-Encoding: xchunked") + "0\r\n\r\n",
    "coding with a vertical tab": head(POST, HOST, "Transfer-Encoding: \x0bchunked") + "0\r\n\r\n",
    "coding after a space": head(POST, HOST, "Transfer-Encoding : chunked") + "0\r\n\r\n",
    "folded coding": head(POST, HOST, "Transfer-Encoding:", " chunked") + "0\r\n\r\n",
    "space before the colon": head(GET, HOST, "X-A : b"),
    "folded header": head(GET, HOST, "X-A: b", " Content-Length: 6"),
    "folded first line": head(GET, " X-A: b", HOST),
    "header without a name": head(GET, HOST, ": b"),
    "header without a colon": head(GET, HOST, "X-A"),
    "carriage return in a value": head(GET, HOST, "X-A: b\rX-B: c"),
    "nul in a value": head(GET, HOST, "X-A: b\x00c"),
    "nul in a name": head(GET, HOST, "X\x00A: b"),
    "two hosts": head(GET, HOST, "Host: other.test"),
    "the same host twice": head(GET, HOST, HOST),
    "no host": head(GET, "X-A: b"),
    "host with a space": head(GET, "Host: {host} x"),
    "host with a path": head(GET, "Host: {host}/x"),
    "host with a user": head(GET, "Host: user@{host}"),
    "space in the path": head("GET /a b HTTP/1.1", HOST),
    "tab in the path": head("GET /a\tb HTTP/1.1", HOST),
    "nul in the path": head("GET /a\x00b HTTP/1.1", HOST),
    "fragment in the path": head("GET /a#b HTTP/1.1", HOST),
    "path without a slash": head("GET a HTTP/1.1", HOST),
    "no version": head("GET /", HOST),
    "unknown version": head("GET / HTTP/1.2", HOST),
    "later version": head("GET / HTTP/3.0", HOST),
    "method with a space": head("GE T / HTTP/1.1", HOST),
    "unknown method": head("G@T / HTTP/1.1", HOST),
    "HTTP/1.0 without a host": head("GET / HTTP/1.0"),
    "chunked in HTTP/1.0": head("POST / HTTP/1.0", HOST, CHUNKED) + "0\r\n\r\n",
}


@pytest.mark.parametrize("case", REFUSED)
async def test_ambiguous_heads_are_refused(recorded: tuple[Site, Recorder], case: str) -> None:
    """Nothing reaches the backend, and what follows is not answered: the connection is over."""
    site, recorder = recorded
    before = len(recorder.seen)
    data = (REFUSED[case].encode("latin-1") + HIDDEN).replace(b"{host}", site.host.encode())
    async with wire(site.gateway.http_port) as connection:
        await connection.send(data)
        reply = await connection.reply()
        assert 400 <= reply.status < 500, reply
        await connection.closed()
    assert recorder.seen[before:] == []


CHUNKS = {
    "size is no number": "xyz\r\nhello\r\n0\r\n\r\n",
    "negative size": "-5\r\nhello\r\n0\r\n\r\n",
    "size with a prefix": "0x5\r\nhello\r\n0\r\n\r\n",
    "size with a space": "5 5\r\nhello\r\n0\r\n\r\n",
    "endless size": "FFFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
    "more bytes than said": "3\r\nhello\r\n0\r\n\r\n",
    "bare line feeds": "5\nhello\n0\n\n",
}


@pytest.mark.parametrize("case", CHUNKS)
async def test_broken_chunks_end_the_request_and_hide_nothing(recorded: tuple[Site, Recorder], case: str) -> None:
    site, recorder = recorded
    before = len(recorder.seen)
    data = request("/outer", site.host, CHUNKED, method="POST") + CHUNKS[case].encode()
    async with wire(site.gateway.http_port) as connection:
        await connection.send(data + HIDDEN.replace(b"{host}", site.host.encode()))
        try:
            assert 400 <= (await connection.reply("POST")).status < 500
        except ConnectionError:
            pass  # the head was passed on already: cutting both sides is right too
        await connection.closed()
    assert "/hidden" not in [seen.target for seen in recorder.seen[before:]]


HARMLESS = {
    "chunk extensions": ("5;a=b\r\nhello\r\n0\r\n\r\n", b"hello"),
    "leading zeros in a size": ("0005\r\nhello\r\n0\r\n\r\n", b"hello"),
    "capital size": ("A\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
    "a request in the body": ("{inner}", HIDDEN),
}


@pytest.mark.parametrize("case", HARMLESS)
async def test_odd_chunks_that_mean_one_thing_are_one_request(recorded: tuple[Site, Recorder], case: str) -> None:
    site, recorder = recorded
    before = len(recorder.seen)
    chunks, body = HARMLESS[case]
    inner = f"{len(HIDDEN):x}\r\n{HIDDEN.decode()}\r\n0\r\n\r\n"
    data = request("/outer", site.host, CHUNKED, method="POST") + chunks.replace("{inner}", inner).encode()
    assert (await exchange(site.gateway.http_port, data)).status == 200
    assert [(seen.target, seen.body) for seen in recorder.seen[before:]] == [("/outer", body)]


async def test_a_body_with_a_length_may_hold_a_request(recorded: tuple[Site, Recorder]) -> None:
    site, recorder = recorded
    before = len(recorder.seen)
    data = request("/outer", site.host, f"Content-Length: {len(HIDDEN)}", method="POST") + HIDDEN
    assert (await exchange(site.gateway.http_port, data)).status == 200
    assert [(seen.target, seen.body) for seen in recorder.seen[before:]] == [("/outer", HIDDEN)]


async def test_two_requests_in_one_packet_are_answered_in_order(recorded: tuple[Site, Recorder]) -> None:
    site, recorder = recorded
    before = len(recorder.seen)
    async with wire(site.gateway.http_port) as connection:
        await connection.send(request("/one", site.host) + request("/two", site.host))
        assert [(await connection.reply()).status for _ in range(2)] == [200, 200]
    assert [seen.target for seen in recorder.seen[before:]] == ["/one", "/two"]


async def test_bare_line_feeds_never_split_a_request(recorded: tuple[Site, Recorder]) -> None:
    """RFC 9112 allows to accept them as line ends; what the backend sees is then one clean request."""
    site, recorder = recorded
    before = len(recorder.seen)
    data = f"GET /outer HTTP/1.1\nHost: {site.host}\nX-A: b\n\n".encode()
    reply = await exchange(site.gateway.http_port, data)
    assert reply.status in (200, 400)
    assert [seen.target for seen in recorder.seen[before:]] == ["/outer"][: reply.status == 200]


async def test_an_absolute_target_decides_over_the_host_header(recorded: tuple[Site, Recorder]) -> None:
    """RFC 9112 3.2.2: the backend sees one host, the one that was routed by."""
    site, recorder = recorded
    before = len(recorder.seen)
    data = request(f"http://{site.host}/abs", "other.test")
    assert (await exchange(site.gateway.http_port, data)).status == 200
    assert [(seen.target, seen.values("host")) for seen in recorder.seen[before:]] == [("/abs", [site.host])]
    assert (await exchange(site.gateway.http_port, request("http://other.test/abs", site.host))).status == 404
    assert len(recorder.seen) == before + 1


@pytest.mark.parametrize("method", ["CONNECT", "TRACE"])
async def test_methods_for_proxies_reach_no_backend(recorded: tuple[Site, Recorder], method: str) -> None:
    site, recorder = recorded
    before = len(recorder.seen)
    target = f"{site.host}:443" if method == "CONNECT" else "/"
    reply = await exchange(site.gateway.http_port, request(target, site.host, method=method))
    assert 400 <= reply.status < 500
    assert recorder.seen[before:] == []


async def test_encoded_line_ends_stay_encoded(recorded: tuple[Site, Recorder]) -> None:
    site, recorder = recorded
    before = len(recorder.seen)
    target = "/a%0d%0aX-B:%20c%0d%0a%0d%0aGET%20/hidden"
    assert (await exchange(site.gateway.http_port, request(target, site.host))).status == 200
    assert [seen.target for seen in recorder.seen[before:]] == [target]


async def test_an_h2c_upgrade_is_not_passed_on(recorded: tuple[Site, Recorder]) -> None:
    """A backend that took it would speak HTTP/2 with the client past the gateway."""
    site, recorder = recorded
    before = len(recorder.seen)
    lines = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")
    reply = await exchange(site.gateway.http_port, request("/outer", site.host, *lines))
    assert reply.status in (200, 403)
    for seen in recorder.seen[before:]:
        assert seen.values("upgrade") == []
        assert seen.values("http2-settings") == []


async def test_hop_by_hop_headers_do_not_pass(recorded: tuple[Site, Recorder]) -> None:
    site, recorder = recorded
    lines = ("Connection: close, X-Real-IP", "Keep-Alive: timeout=5", "Proxy-Connection: close", "TE: deflate")
    assert (await exchange(site.gateway.http_port, request("/", site.host, *lines))).status == 200
    seen = recorder.seen[-1]
    assert seen.values("x-real-ip") == ["127.0.0.1"]
    assert not any(seen.values(name) for name in ("keep-alive", "proxy-connection", "te", "connection"))
