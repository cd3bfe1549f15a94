"""Requests that two parsers could read differently: refused, and the backend never sees a second one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

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
    "space before the colon": head(GET, HOST, "X-A : b"),
    "folded first line": head(GET, " X-A: b", HOST),
    "header without a name": head(GET, HOST, ": b"),
    "header without a colon": head(GET, HOST, "X-A"),
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


async def refused(site: Site, text: str) -> int:
    """The status of the only answer; a second request behind the first one must get none: the connection is over."""
    data = (text.encode("latin-1") + HIDDEN).replace(b"{host}", site.host.encode())
    async with wire(site.gateway.http_port) as connection:
        await connection.send(data)
        with suppress(ConnectionError):
            status = (await connection.reply()).status
            await connection.closed()
            return status
    return 0


async def test_ambiguous_heads_are_refused_and_nothing_reaches_the_backend(recorded: tuple[Site, Recorder]) -> None:
    site, recorder = recorded
    before = len(recorder.seen)
    found = dict(zip(REFUSED, await asyncio.gather(*(refused(site, text) for text in REFUSED.values())), strict=True))
    wrong = {case: status for case, status in found.items() if not (400 <= status < 500 or status == 501)}
    assert wrong == {}
    assert recorder.seen[before:] == []


#: Accepted as RFC 9112 allows, and made unambiguous for the backend: the headers and the body it sees.
NORMALISED = {
    "folded coding": (head(POST, HOST, "Transfer-Encoding:", " chunked") + "5\r\nhello\r\n0\r\n\r\n", {}, b"hello"),
    "folded header": (head(GET, HOST, "X-A: b", " Content-Length: 6"), {"x-a": ["b Content-Length: 6"]}, b""),
    "carriage return in a value": (head(GET, HOST, "X-A: b\rX-B: c"), {"x-a": ["bX-B: c"], "x-b": []}, b""),
    "more bytes in a chunk than said": (head(POST, HOST, CHUNKED) + "3\r\nhello\r\n0\r\n\r\n", {}, b"hel"),
    "chunk size with a space": (head(POST, HOST, CHUNKED) + "5 5\r\nhello\r\n0\r\n\r\n", {}, b"hello"),
}


@pytest.mark.parametrize("case", NORMALISED)
async def test_what_is_accepted_is_one_clean_request(recorded: tuple[Site, Recorder], case: str) -> None:
    site, recorder = recorded
    before = len(recorder.seen)
    text, headers, body = NORMALISED[case]
    reply = await exchange(site.gateway.http_port, text.encode().replace(b"{host}", site.host.encode()))
    assert reply.status in (200, 400)
    seen = recorder.seen[before:]
    assert len(seen) == (reply.status == 200)
    for one in seen:
        assert one.body == body
        assert all(one.values(name) == values for name, values in headers.items())


CHUNKS = {
    "size is no number": "xyz\r\nhello\r\n0\r\n\r\n",
    "negative size": "-5\r\nhello\r\n0\r\n\r\n",
    "size with a prefix": "0x5\r\nhello\r\n0\r\n\r\n",
    "endless size": "FFFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
    "bare line feeds": "5\nhello\n0\n\n",
}


async def test_broken_chunks_end_the_request_and_hide_nothing(recorded: tuple[Site, Recorder]) -> None:
    """The head may have been passed on already: then both sides are cut."""
    site, recorder = recorded
    before = len(recorder.seen)
    texts = [head(POST, HOST, CHUNKED) + chunks for chunks in CHUNKS.values()]
    found = dict(zip(CHUNKS, await asyncio.gather(*(refused(site, text) for text in texts)), strict=True))
    wrong = {case: status for case, status in found.items() if status and not 400 <= status < 500}
    assert wrong == {}
    assert [seen for seen in recorder.seen[before:] if seen.target != "/" or seen.body] == []


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


async def test_connect_reaches_no_backend(recorded: tuple[Site, Recorder]) -> None:
    site, recorder = recorded
    before = len(recorder.seen)
    for host in (site.host, f"not-{site.host}"):
        reply = await exchange(site.gateway.http_port, request(f"{host}:443", host, method="CONNECT"))
        assert 400 <= reply.status < 500
    assert recorder.seen[before:] == []


async def test_what_is_no_host_matches_no_wildcard(site: Site) -> None:
    recorder = Recorder()
    async with backends.raw(recorder) as server:
        site.backend("web", server.port)
        site.ingress(host=f"*.{site.host}")
        await site.gateway.settled()
        for lines in ((f"user@a.{site.host}",), (f"a{site.host}", f"Host: b.{site.host}"), (f"a,b.{site.host}",)):
            assert (await exchange(site.gateway.http_port, request("/", *lines))).status == 400, lines
        assert recorder.seen == []
        assert (await site.get(host=f"a_b.{site.host}")).status_code == 200


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
