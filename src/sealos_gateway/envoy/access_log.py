"""The access log: one line per request, and per connection or sender of datagrams that is handed on; JSON or text."""

from __future__ import annotations

from sealos_gateway.envoy import api
from sealos_gateway.envoy.policies import log as policy_log

#: Field to Envoy command operator (Envoy's access log documentation). JSON lines have them in alphabetical order.
FIELDS = {
    "time": "%START_TIME%",
    "method": "%REQ(:METHOD)%",
    "scheme": "%REQ(:SCHEME)%",
    "authority": "%REQ(:AUTHORITY)%",
    "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "protocol": "%PROTOCOL%",
    "status": "%RESPONSE_CODE%",
    "response_flags": "%RESPONSE_FLAGS%",
    "response_code_details": "%RESPONSE_CODE_DETAILS%",
    "connection_termination_details": "%CONNECTION_TERMINATION_DETAILS%",
    "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%",
    "duration": "%DURATION%",
    "upstream_service_time": "%RESPONSE_DURATION%",
    "client_address": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "peer_address": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%",
    "local_address": "%DOWNSTREAM_LOCAL_ADDRESS%",
    "x_forwarded_for": "%REQ(X-FORWARDED-FOR)%",
    "user_agent": "%REQ(USER-AGENT)%",
    "referer": "%REQ(REFERER)%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "route": "%ROUTE_NAME%",
    "upstream_cluster": "%UPSTREAM_CLUSTER_RAW%",
    "upstream_host": "%UPSTREAM_HOST%",
    "upstream_transport_failure_reason": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
    "tls_version": "%DOWNSTREAM_TLS_VERSION%",
    "tls_cipher": "%DOWNSTREAM_TLS_CIPHER%",
    "sni": "%REQUESTED_SERVER_NAME%",
}

#: What is known of a connection whose bytes nobody reads here.
CONNECTION_FIELDS = {"protocol": "TCP"} | {
    name: FIELDS[name]
    for name in (
        "time", "response_flags", "connection_termination_details", "bytes_received", "bytes_sent", "duration",
        "client_address", "peer_address", "local_address", "upstream_cluster", "upstream_host",
        "upstream_transport_failure_reason", "tls_version", "tls_cipher", "sni",
    )
}  # fmt: skip
#: The same of a sender of datagrams, from its first to a minute after its last. Envoy's UDP proxy writes the rest into
#: the metadata of its session.
SESSION_FIELDS = {"protocol": "UDP"} | {
    name: FIELDS[name]
    for name in (
        "time", "response_flags", "bytes_received", "bytes_sent", "duration", "client_address", "local_address",
        "upstream_host",
    )
} | {
    "upstream_cluster": "%DYNAMIC_METADATA(udp.proxy.session:cluster_name)%",
    "datagrams_received": "%DYNAMIC_METADATA(udp.proxy.session:datagrams_received)%",
    "datagrams_sent": "%DYNAMIC_METADATA(udp.proxy.session:datagrams_sent)%",
}  # fmt: skip

STDOUT = "/dev/stdout"
_TEXT = (
    '[{time}] "{method} {scheme}://{authority}{path} {protocol}" {status} {response_flags} {response_code_details}'
    ' {bytes_received} {bytes_sent} {duration} {upstream_service_time} {client_address} "{x_forwarded_for}"'
    ' "{user_agent}" {request_id} {route} {upstream_cluster} {upstream_host} {tls_version} {sni}\n'
)
_HANDED_ON = (
    '[{time}] "{protocol}" {response_flags} {bytes_received} {bytes_sent} {duration} {client_address} {local_address}'
    " {upstream_cluster} {upstream_host}"
)
_TEXTS = {"TCP": _HANDED_ON + " {tls_version} {sni}\n", "UDP": _HANDED_ON + " {datagrams_received} {datagrams_sent}\n"}


def loggers(kind: str, path: str) -> list[api.Message]:
    """Of requests. `kind` is `json`, `text` or `off`; `path` a file that Envoy appends to."""
    return _loggers(kind, path, FIELDS, _TEXT)


def of_connections(kind: str, path: str) -> list[api.Message]:
    """Of connections that are handed on."""
    return _loggers(kind, path, CONNECTION_FIELDS, _TEXTS["TCP"])


def of_sessions(kind: str, path: str) -> list[api.Message]:
    """Of senders of datagrams."""
    return _loggers(kind, path, SESSION_FIELDS, _TEXTS["UDP"])


def _loggers(kind: str, path: str, fields: dict[str, str], text: str) -> list[api.Message]:
    if kind == "off":
        return []
    # The open descriptor, not the file: a user other than root may write to a pod's output, and often not open it.
    to_output = path == STDOUT
    log = api.stream_log.StdoutAccessLog() if to_output else api.file_log.FileAccessLog(path=path)
    if kind == "json":
        log.log_format.json_format.update(fields)
    else:
        log.log_format.text_format_source.inline_string = text.format_map(fields)
    name = "envoy.access_loggers.stdout" if to_output else "envoy.access_loggers.file"
    return [api.accesslog.AccessLog(name=name, typed_config=api.pack(log), filter=_UNLESS_OFF)]


def _unless_off() -> api.Message:
    """Everything but what a policy has marked (`policies.log`). Envoy does not look at `invert` here: what is marked
    is true and does not match false, what is not marked has no key."""
    message = api.accesslog.AccessLogFilter()
    message.metadata_filter.match_if_key_not_found.value = True
    matcher = message.metadata_filter.matcher
    matcher.filter = policy_log.NAMESPACE
    matcher.path.add(key=policy_log.KEY)
    matcher.value.bool_match = False
    return message


_UNLESS_OFF = _unless_off()
