"""Which proxy leads to a server, from the environment, by the rules other Kubernetes clients follow. Pure.

Python's own rules know no networks (`10.0.0.0/8`) in NO_PROXY, which is just what is written there for the address of
an API server. And aiohttp's `trust_env` would also read `~/.netrc` and send what it finds to the API server.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit


def proxy_for(url: str, environ: Mapping[str, str]) -> str:
    """The proxy for a URL, empty for none."""
    parts = urlsplit(url)
    name = f"{parts.scheme}_proxy"
    proxy = environ.get(name) or environ.get(name.upper()) or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    exceptions = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    if not proxy or is_direct(parts.hostname or "", port, exceptions):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def is_direct(host: str, port: int, exceptions: str) -> bool:
    """Whether a list as in NO_PROXY names this host. Loopback never needs a proxy."""
    host = host.lower().rstrip(".")
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    return any(_matches(entry.strip().lower(), host, port, address) for entry in exceptions.split(","))


_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def _address(text: str) -> _Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _matches(entry: str, host: str, port: int, address: _Address | None) -> bool:
    if entry in ("", "*"):
        return entry == "*"
    name, colon, number = entry.rpartition(":")
    if colon and number.isdigit() and _address(entry) is None:
        if int(number) != port:
            return False
        entry = name.strip("[]")
    if address is not None:
        return _covers(entry, address)
    entry = entry.removeprefix("*")
    return host.endswith(entry) if entry.startswith(".") else host == entry or host.endswith(f".{entry}")


def _covers(entry: str, address: _Address) -> bool:
    try:
        return address in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False
