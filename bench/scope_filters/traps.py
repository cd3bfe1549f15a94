"""What does *not* work as one expects when routes come on demand: each trap of decision 002, shown on the real Envoy.

A trap that no longer snaps (a newer Envoy) fails here, so that the rule built on it can be dropped.
"""

import http.client
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from envoy.config.route.v3 import route_pb2
from google.protobuf import json_format

from bench.scope_filters import ads, lab, resources

MUTATION = resources.EXT + "filters.http.header_mutation.v3.HeaderMutation"
HOSTS = ("a.com", "*.w.com")
PARKED_SECONDS = 3


def run() -> None:
    """Print one line per trap."""
    with lab.echo_backend() as backend, TemporaryDirectory() as name:
        server, port = ads.Ads(), lab.free_port()
        server.put(ads.CLUSTER, [resources.cluster("echo", backend)])
        server.put(ads.ROUTES, [_routes(host) for host in HOSTS])
        server.put(ads.SCOPE, [resources.scope("main", host) for host in (*HOSTS, "gone.w.com")])
        filters = resources.guarded()
        filters[-1:-1] = [_policy("by-enabling", disabled=True), _policy("by-configuration")]
        server.put(ads.LISTENER, [resources.listener("main", port, filters)])
        envoy = lab.Envoy(Path(name), server.port)
        try:
            lab.ready(port)
            _skipped_policy(port)
            _parked_request(server, port)
        finally:
            envoy.close()
            server.close()


def _skipped_policy(port: int) -> None:
    """A filter that only the route enables does not run unless the route was known when the request came."""
    both, one = {"by-enabling", "by-configuration"}, {"by-configuration"}
    expected = [("a.com", one), ("a.com", both), ("A.com", one), ("x.w.com", one), ("x.w.com", one)]
    seen = [(host, _policies(port, host)) for host, _ in expected]
    assert seen == expected, seen
    print("skipped policy: cold, upper-case and wildcard requests pass a filter that only the route enables")


def _parked_request(server: ads.Ads, port: int) -> None:
    """Routes answered as removed park the request; an empty route configuration lets it go on to the wildcard."""
    try:
        _policies(port, "gone.w.com")
    except TimeoutError:
        server.put(ads.ROUTES, [route_pb2.RouteConfiguration(name="main|gone.w.com")])
    else:
        raise AssertionError("Envoy went on although the routes were removed")
    lab.wait_for(lambda: _policies(port, "gone.w.com"))
    print("parked request: an on-demand route configuration must not be answered as removed")


def _policies(port: int, host: str) -> set[str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PARKED_SECONDS)
    try:
        connection.request("GET", "/", headers={"Host": host})
        return {value for name, value in json.load(connection.getresponse())["headers"] if name == "x-policy"}
    finally:
        connection.close()


def _policy(name: str, disabled: bool = False) -> dict[str, Any]:
    return {"name": name, "disabled": disabled, "typed_config": {"@type": MUTATION}}


def _routes(host: str) -> Any:
    body = json_format.MessageToDict(resources.routes("main", host, "echo"), preserving_proto_field_name=True)
    for name in ("by-enabling", "by-configuration"):
        mutation = {
            "append": {"header": {"key": "x-policy", "value": name}, "append_action": "APPEND_IF_EXISTS_OR_ADD"}
        }
        per_route = {"@type": MUTATION + "PerRoute", "mutations": {"request_mutations": [mutation]}}
        body["typed_per_filter_config"][name] = per_route
    return json_format.ParseDict(body, route_pb2.RouteConfiguration())
