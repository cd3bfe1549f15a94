"""What the gateway is held against, with one worker each: a hand-written minimal Envoy, nginx and HAProxy."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bench.client import listens
from bench.lab import PROXY_CORE, process
from bench.scope_filters.lab import ENVOY, free_port, wait_for

TYPE = "type.googleapis.com/envoy.extensions.filters."


@dataclass(frozen=True)
class Proxy:
    """Ports of a running proxy, by protocol."""

    http1: int
    http2: int


@contextmanager
def _running(command: list[str | Path], folder: Path, http1: int, http2: int) -> Iterator[Proxy]:
    with process(command, folder / "log", core=PROXY_CORE):
        for port in (http1, http2):
            wait_for(partial(listens, port))
        yield Proxy(http1, http2)


@contextmanager
def envoy(folder: Path, upstream: int) -> Iterator[Proxy]:
    """As little configuration as proxying takes: a listener, a route, a cluster; no access log."""
    port, file = free_port(), folder / "envoy.json"
    file.write_text(json.dumps(_envoy(port, upstream)))
    command: list[str | Path] = [ENVOY, "-c", file, "--concurrency", "1", "--disable-hot-restart", "-l", "error"]
    with _running(command, folder, port, port) as proxy:
        yield proxy


def _envoy(port: int, upstream: int) -> dict[str, Any]:
    route = {"match": {"prefix": "/"}, "route": {"cluster": "upstream"}}
    manager = {
        "@type": f"{TYPE}network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "http",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [{"name": "router", "typed_config": {"@type": f"{TYPE}http.router.v3.Router"}}],
    }
    chain = {"filters": [{"name": "http", "typed_config": manager}]}
    endpoint = {"endpoint": {"address": _address(upstream)}}
    assignment = {"cluster_name": "upstream", "endpoints": [{"lb_endpoints": [endpoint]}]}
    listener = {"name": "http", "address": _address(port), "filter_chains": [chain]}
    cluster = {"name": "upstream", "type": "STATIC", "load_assignment": assignment}
    return {"static_resources": {"listeners": [listener], "clusters": [cluster]}}


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def nginx_file(folder: Path, http: str) -> Path:
    """An nginx.conf around these lines of its http block; everything it writes stays in the folder."""
    temporary = " ".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    file = folder / "nginx.conf"
    file.write_text(
        f"daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;\n"
        f"events {{ worker_connections 4096; }}\nhttp {{ access_log off; {temporary}\n{http}\n}}\n"
    )
    return file


def nginx_command(file: Path) -> list[str | Path]:
    """Run nginx on such a file."""
    return ["nginx", "-p", file.parent, "-e", file.parent / "error.log", "-c", file]


@contextmanager
def nginx(folder: Path, upstream: int) -> Iterator[Proxy]:
    """nginx with kept-alive connections to the upstream."""
    http1, http2 = free_port(), free_port()
    http = (
        f"keepalive_requests 1000000000; upstream one {{ server 127.0.0.1:{upstream}; keepalive 64;"
        " keepalive_requests 1000000000; }\n"
        f"server {{ listen 127.0.0.1:{http1}; listen 127.0.0.1:{http2} http2; location / {{ proxy_pass http://one;"
        ' proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; } }'
    )
    with _running(nginx_command(nginx_file(folder, http)), folder, http1, http2) as proxy:
        yield proxy


@contextmanager
def haproxy(folder: Path, upstream: int) -> Iterator[Proxy]:
    """HAProxy with one thread."""
    http1, http2, file = free_port(), free_port(), folder / "haproxy.cfg"
    file.write_text(
        "global\n  nbthread 1\n  maxconn 4096\n"
        "defaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\n"
        f"frontend in\n  bind 127.0.0.1:{http1}\n  bind 127.0.0.1:{http2} proto h2\n  default_backend out\n"
        f"backend out\n  http-reuse always\n  server one 127.0.0.1:{upstream}\n"
    )
    with _running(["haproxy", "-db", "-f", file], folder, http1, http2) as proxy:
        yield proxy
