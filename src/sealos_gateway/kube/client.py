"""Requests to the API server: who we are, new credentials when they are due or refused, answers in pieces.

Carries bytes; knows neither kinds nor meaning. Whatever goes wrong is one of `errors`, `ApiError` above all:
unreachable, garbled, invalid, unauthorized, forbidden, not found, conflict, gone, too many requests, server error.
Retrying is for those who call, except for the one attempt with a newer token.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final, Self
from urllib.parse import quote

import aiohttp
import msgspec
import yarl

from sealos_gateway.clock import Clock
from sealos_gateway.kube.config import Access, Config, ConfigError
from sealos_gateway.kube.errors import ApiError, UnreachableError, error_for

_ANSWER_SECONDS: Final = 60.0
_CONNECT_SECONDS: Final = 10.0
_ERROR_BYTES: Final = 65536
APPLY: Final = "application/apply-patch+yaml"
JSON: Final = "application/json"


def path(api_version: str, plural: str, namespace: str = "", name: str = "", subresource: str = "") -> str:
    """The path of a collection, of an object in it, or of a part of that object."""
    root = "apis" if "/" in api_version else "api"
    parts = [root, api_version, *(("namespaces", quote(namespace, safe="")) if namespace else ()), plural]
    parts += [quote(part, safe="") for part in (name, subresource) if part]
    return "/" + "/".join(parts)


class _Status(msgspec.Struct):
    message: str = ""


_statuses = msgspec.json.Decoder(_Status)


class Client:
    """One identity at one API server. Use as a context manager."""

    def __init__(self, access: Access, clock: Clock, user_agent: str = "sealos-gateway") -> None:
        self._access = access
        self._clock = clock
        self._user_agent = user_agent
        self._config: Config | None = None
        self._session: aiohttp.ClientSession | None = None
        self._ssl: ssl.SSLContext | bool = True
        self._fresh_until = 0.0
        self._loading = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session:
            await self._session.close()

    async def request(
        self,
        method: str,
        place: str,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = JSON,
        accept: str = JSON,
    ) -> bytes:
        """Send one request and read the whole answer. Raises ApiError."""
        headers = {"Accept": accept} | ({"Content-Type": content_type} if body is not None else {})
        async with self.stream(method, place, params, body, headers) as chunks:
            return b"".join([chunk async for chunk in chunks])

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        place: str,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        quiet_seconds: float = _ANSWER_SECONDS,
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Send one request; the answer comes in the pieces in which it arrives. Silence ends it. Raises ApiError."""
        response = await self._answer(method, place, params or {}, body, headers or {})
        try:
            async with aclosing(self._pieces(response, quiet_seconds)) as pieces:
                yield pieces
        finally:
            response.close()  # what was not read to its end cannot be used again

    async def _answer(self, method: str, place: str, params: Mapping[str, str], *rest: Any) -> aiohttp.ClientResponse:
        config = await self._current()
        response = await self._send(config, method, place, params, *rest)
        if response.status == 401:
            # The token may have been replaced while the old one was in use: one more attempt, if there is another.
            again = await self._current(refused=config)
            if again != config:
                response.close()
                response = await self._send(again, method, place, params, *rest)
        if response.status >= 300:
            raise await self._refusal(response)
        return response

    async def _send(
        self,
        config: Config,
        method: str,
        place: str,
        params: Mapping[str, str],
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> aiohttp.ClientResponse:
        assert self._session is not None
        url = yarl.URL(config.server + place, encoded=True).with_query(dict(params))
        # Compressing costs the server more than it saves inside a cluster, and a watch is never compressed anyway.
        own = {"User-Agent": self._user_agent, "Accept-Encoding": "identity"}
        if config.authorization:
            own["Authorization"] = config.authorization
        try:
            async with self._clock.timeout(_ANSWER_SECONDS):
                # RuntimeError, here and below, is how aiohttp says that `_reconnect` has closed this session.
                return await self._session.request(
                    method, url, data=body, headers=own | dict(headers), allow_redirects=False,
                    ssl=self._ssl, server_hostname=config.tls.server_name, proxy=config.proxy or None,
                )  # fmt: skip
        except TimeoutError as error:
            raise UnreachableError(f"no answer from {config.server} in time") from error
        except (aiohttp.ClientError, OSError, ValueError, RuntimeError) as error:
            raise UnreachableError(f"{config.server}: {error or type(error).__name__}") from error

    async def _pieces(self, response: aiohttp.ClientResponse, quiet_seconds: float) -> AsyncGenerator[bytes, None]:
        while True:
            try:
                async with self._clock.timeout(quiet_seconds):
                    chunk = await response.content.readany()
            except TimeoutError as error:
                raise UnreachableError(f"nothing came for {quiet_seconds:g} s") from error
            except (aiohttp.ClientError, OSError, RuntimeError) as error:
                raise UnreachableError(f"the answer was cut: {error or type(error).__name__}") from error
            if not chunk:
                return
            yield chunk

    async def _refusal(self, response: aiohttp.ClientResponse) -> ApiError:
        message = ""
        with contextlib.suppress(TimeoutError, aiohttp.ClientError, OSError, msgspec.DecodeError):
            async with self._clock.timeout(_CONNECT_SECONDS):
                message = _statuses.decode(await response.content.read(_ERROR_BYTES)).message
        response.close()
        return error_for(response.status, message or response.reason or "", _seconds(response.headers))

    async def _current(self, refused: Config | None = None) -> Config:
        """The configuration, loaded again when it is old or was refused. Raises UnreachableError."""
        async with self._loading:
            config = self._config
            if config is None or self._clock.monotonic() >= self._fresh_until or config == refused:
                config = await self._load(config)
            return config

    async def _load(self, before: Config | None) -> Config:
        try:
            async with self._clock.timeout(_ANSWER_SECONDS):
                config, seconds = await self._access.load()
            if before is None or config.tls != before.tls:
                await self._reconnect(config)
        except (ConfigError, TimeoutError) as error:
            raise UnreachableError(str(error) or "credentials could not be had in time") from error
        self._config = config
        self._fresh_until = self._clock.monotonic() + seconds
        return config

    async def _reconnect(self, config: Config) -> None:
        """New certificates mean new connections. Watches on the old ones are cut, and go on where they were."""
        self._ssl = config.tls.context() if config.server.startswith("https") else True
        before, self._session = self._session, _session()
        if before:
            await before.close()


def _session() -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(limit=0, socket_factory=_socket)  # every caller bounds itself
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS)
    return aiohttp.ClientSession(connector=connector, timeout=timeout, read_bufsize=1 << 18)


def _socket(address: tuple[Any, ...]) -> socket.socket:
    """With keep-alive, so that a server that vanished without a word is noticed in half a minute."""
    made = socket.socket(*address[:3])
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3)):
        if option := getattr(socket, name, None):
            made.setsockopt(socket.IPPROTO_TCP, option, value)
    return made


def _seconds(headers: Mapping[str, str]) -> float:
    """`Retry-After` in seconds; the API server never sends the form with a date."""
    text = headers.get("Retry-After", "")
    return float(text) if text.isdigit() else 0.0
