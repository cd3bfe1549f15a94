"""An Envoy alone with fixed routes, for questions about how Envoy itself reads what we render: no control plane."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from google.protobuf import json_format

from sealos_gateway.envoy import api, bootstrap, scope
from sealos_gateway.envoy.policies import access, chain
from sealos_gateway.node.supervisor import packaged_binary
from tests.e2e import processes

LOOPBACK = "127.0.0.1"


class BareEnvoy:
    """`routes` (envoy.config.route.v3.Route) for every host on `port`.

    The cluster `upstream` is 127.0.0.1:`upstream`.
    """

    def __init__(self, folder: Path, routes: Sequence[api.Message], upstream: int = 1) -> None:
        self.port = processes.free_ports(1)[0]
        self._folder = folder
        self._routes, self._upstream = routes, upstream

    def __enter__(self) -> BareEnvoy:
        config = self._folder / "envoy.json"
        config.write_text(json_format.MessageToJson(self._bootstrap()))
        # Base id -1 is "any free one": other Envoys run beside this one.
        command = [
            str(packaged_binary()),
            "-c",
            str(config),
            "--use-dynamic-base-id",
            "--concurrency",
            "1",
            "-l",
            "error",
        ]
        said = self._folder / "envoy.log"
        with open(said, "ab") as log:
            self._process = processes.start(command, log, log)
        try:
            processes.wait_for(self._is_up, 20.0, "Envoy listens")
        except AssertionError:
            processes.end(self._process, 5.0)
            raise AssertionError(said.read_text()[-3000:]) from None
        return self

    def _is_up(self) -> bool:
        assert self._process.poll() is None, "Envoy has ended"
        return processes.is_listening(self.port)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        processes.end(self._process, 5.0)

    def _bootstrap(self) -> api.Message:
        message = api.bootstrap.Bootstrap()
        message.admin.address.CopyFrom(api.pipe_address(os.fspath(self._folder / "admin")))
        json_format.ParseDict(bootstrap.runtime(), message.layered_runtime)
        listener = message.static_resources.listeners.add(name="http")
        listener.address.CopyFrom(api.socket_address(LOOPBACK, self.port))
        manager = api.hcm.HttpConnectionManager(
            stat_prefix="http",
            use_remote_address=api.boolean(True),
            early_header_mutation_extensions=[scope.key_mutation("bare")],
            normalize_path=api.boolean(True),
            http_filters=[
                scope.filters(("websocket",))[0],  # notes the name of the host, as for any that stands for several
                chain.http_filter(),
                access.http_filter(),
                api.hcm.HttpFilter(
                    name="router", typed_config=api.pack(api.router.Router(suppress_envoy_headers=True))
                ),
            ],
        )
        manager.route_config.request_headers_to_remove.append(scope.HEADER)
        host = manager.route_config.virtual_hosts.add(name="any", domains=["*"])
        host.routes.extend(self._routes)
        listener.filter_chains.add().filters.add(name="http", typed_config=api.pack(manager))
        cluster = message.static_resources.clusters.add(name="upstream", connect_timeout=api.seconds(1))
        cluster.load_assignment.cluster_name = "upstream"
        endpoint = cluster.load_assignment.endpoints.add().lb_endpoints.add().endpoint
        endpoint.address.CopyFrom(api.socket_address(LOOPBACK, self._upstream))
        return message
