"""Names of hosts: what is one, which pattern covers which, what belongs to `www`."""

from __future__ import annotations

import re

ANY_HOST = "*"
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(\*\.)?{_LABEL}(\.{_LABEL})*", re.ASCII | re.IGNORECASE)
_ADDRESS = re.compile(r"[0-9.]+")


def error(host: str) -> str:
    """Why a host cannot be served; empty when it can. Source: validation of IngressRule.host.

    A literal `*` is refused as the API server refuses it: any host is said by leaving the host out.
    """
    if len(host) > 253 or not _HOST.fullmatch(host):
        return f"{host[:80]!r} is not a DNS name; write a.example.com or *.example.com"
    if _ADDRESS.fullmatch(host):
        return f"{host!r} is an IP address; an Ingress host must be a DNS name"
    return ""


def covers(pattern: str, host: str) -> bool:
    """Whether a server name pattern covers a host: equal, or a wildcard for exactly one label."""
    if pattern in (host, ANY_HOST):
        return True
    return pattern.startswith("*.") and host.partition(".")[2] == pattern[2:] and host[:1] != "*"


def listed(text: str) -> tuple[str, ...] | None:
    """Hosts separated by commas, in lower case; None when one of them is none."""
    found = tuple(dict.fromkeys(word.strip().lower() for word in text.split(",") if word.strip()))
    return found if found and not any(error(host) for host in found) else None


def www(host: str) -> str:
    """The other one of `www.x` and `x`; empty where there is none."""
    if host == ANY_HOST or host.startswith("*."):
        return ""
    return host.removeprefix("www.") if host.startswith("www.") else f"www.{host}"
