"""The load generators of Debian's packages: wrk for HTTP/1.1, h2load for HTTP/2. One connection pool, one core."""

import re
import shutil
import subprocess

from bench.lab import LOAD_CORE

CONNECTIONS = 64
HTTP2_CONNECTIONS, HTTP2_STREAMS = 4, 16


class LoadError(Exception):
    """The generator reports answers other than 2xx, or nothing it can be believed by."""


def missing(*programs: str) -> list[str]:
    """Those of these programs that are not installed."""
    return [program for program in programs if not shutil.which(program)]


def wrk(port: int, host: str, seconds: int) -> float:
    """Requests per second over HTTP/1.1."""
    text = _run("wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-H", f"Host: {host}", f"http://127.0.0.1:{port}/")
    if "Non-2xx" in text or "Socket errors" in text:
        raise LoadError(text)
    return _number(r"Requests/sec:\s+([\d.]+)", text)


def h2load(port: int, host: str, seconds: int) -> float:
    """Requests per second over HTTP/2 in clear text."""
    shape = ["-t1", f"-c{HTTP2_CONNECTIONS}", f"-m{HTTP2_STREAMS}", f"-D{seconds}"]
    text = _run("h2load", *shape, "-H", f":authority: {host}", f"http://127.0.0.1:{port}/")
    if not re.search(r"status codes: [1-9]\d* 2xx, 0 3xx, 0 4xx, 0 5xx", text):
        raise LoadError(text)
    return _number(r"finished in [\d.]+\w+, ([\d.]+) req/s", text)


def _run(*command: str) -> str:
    pinned = ["taskset", "-c", str(LOAD_CORE), *command]
    return subprocess.run(pinned, check=True, capture_output=True, text=True).stdout


def _number(pattern: str, text: str) -> float:
    if not (found := re.search(pattern, text)):
        raise LoadError(text)
    return float(found[1])
