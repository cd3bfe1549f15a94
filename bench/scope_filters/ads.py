"""A delta ADS server as small as the experiment allows: a dictionary of resources and a list of what was asked.

It knows no meaning of a resource. Types in `WILDCARD` go to every stream; of all other types only what was subscribed.
"""

import queue
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent import futures
from typing import Any

import grpc
from envoy.service.discovery.v3 import discovery_pb2

PREFIX = "type.googleapis.com/envoy."
LISTENER = PREFIX + "config.listener.v3.Listener"
SCOPE = PREFIX + "config.route.v3.ScopedRouteConfiguration"
ROUTES = PREFIX + "config.route.v3.RouteConfiguration"
CLUSTER = PREFIX + "config.cluster.v3.Cluster"
WILDCARD = (LISTENER, SCOPE)
METHOD = "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"


class Ads:
    """Resources by type and name; `asked` records every name an Envoy subscribed to, `rejected` every NACK."""

    def __init__(self) -> None:
        self.resources: dict[str, dict[str, Any]] = defaultdict(dict)
        self.asked: list[tuple[str, str]] = []
        self.rejected: list[str] = []
        self._streams: list[queue.Queue[Any]] = []
        self._lock = threading.Lock()
        self._server = grpc.server(futures.ThreadPoolExecutor(8))
        self._server.add_generic_rpc_handlers((self,))
        self.port: int = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def put(self, kind: str, resources: Iterable[Any]) -> None:
        """Store resources and send them, unless they are of a type on demand and nobody asked."""
        named = {r.name: r for r in resources}
        with self._lock:
            self.resources[kind].update(named)
            wanted = kind in WILDCARD or any((kind, name) in self.asked for name in named)
            streams = list(self._streams) if wanted else []
        for stream in streams:
            stream.put(_response(kind, named, ()))

    def drop(self, kind: str, names: Iterable[str]) -> None:
        """Remove resources, also at Envoy."""
        gone = tuple(names)
        with self._lock:
            for name in gone:
                self.resources[kind].pop(name, None)
            streams = list(self._streams)
        for stream in streams:
            stream.put(_response(kind, {}, gone))

    def close(self) -> None:
        """End the server and its streams."""
        for stream in self._streams:
            stream.put(None)
        self._server.stop(0).wait()

    def service(self, handler_call_details: Any) -> Any:
        """Route the one method this server has."""
        if handler_call_details.method != METHOD:
            return None
        return grpc.stream_stream_rpc_method_handler(
            self._serve,
            request_deserializer=discovery_pb2.DeltaDiscoveryRequest.FromString,
            response_serializer=discovery_pb2.DeltaDiscoveryResponse.SerializeToString,
        )

    def _serve(self, requests: Iterator[Any], _context: Any) -> Iterator[Any]:
        out: queue.Queue[Any] = queue.Queue()
        with self._lock:
            self._streams.append(out)
        threading.Thread(target=self._read, args=(requests, out), daemon=True).start()
        while (response := out.get()) is not None:
            yield response

    def _read(self, requests: Iterator[Any], out: "queue.Queue[Any]") -> None:
        started: set[str] = set()
        try:
            for request in requests:
                self._on_request(request, out, started)
        except grpc.RpcError:
            pass  # Envoy went away: the stream is over
        out.put(None)

    def _on_request(self, request: Any, out: "queue.Queue[Any]", started: set[str]) -> None:
        kind = request.type_url
        if request.HasField("error_detail"):
            self.rejected.append(request.error_detail.message)
        first = kind not in started
        started.add(kind)
        names = list(request.resource_names_subscribe)
        with self._lock:
            stored = dict(self.resources[kind])
        if kind in WILDCARD:
            if first:
                out.put(_response(kind, stored, ()))
            return
        self.asked += [(kind, name) for name in names]
        if names:
            found = {n: stored[n] for n in names if n in stored}
            out.put(_response(kind, found, tuple(n for n in names if n not in stored)))


def _response(kind: str, found: dict[str, Any], removed: tuple[str, ...]) -> Any:
    response = discovery_pb2.DeltaDiscoveryResponse(type_url=kind, nonce="n", removed_resources=removed)
    for name, resource in found.items():
        response.resources.add(name=name, version="1").resource.Pack(resource)
    return response
