"""What to write instead of directives that are not translated, and which ones mean nothing to this gateway."""

from __future__ import annotations

#: They tune how nginx itself works: buffers, sockets, its log. Here bodies stream both ways.
MEANINGLESS = frozenset({
    "aio", "chunked_transfer_encoding", "client_body_buffer_size", "client_body_timeout", "client_header_timeout",
    "directio", "error_log", "gzip_buffers", "gzip_comp_level", "gzip_disable", "gzip_http_version",
    "gzip_min_length", "gzip_proxied", "gzip_types", "gzip_vary", "keepalive_requests", "keepalive_timeout",
    "lingering_close", "log_not_found", "output_buffers", "postpone_output", "proxy_buffer_size", "proxy_buffering",
    "proxy_buffers", "proxy_busy_buffers_size", "proxy_headers_hash_bucket_size", "proxy_headers_hash_max_size",
    "proxy_ignore_client_abort", "proxy_max_temp_file_size", "proxy_request_buffering", "proxy_socket_keepalive",
    "proxy_temp_file_write_size", "reset_timedout_connection", "rewrite_log", "send_timeout", "sendfile",
    "server_tokens", "tcp_nodelay", "tcp_nopush", "uninitialized_variable_warn",
})  # fmt: skip

_ANNOTATION = "is not translated; write the annotation {} (docs/annotations.md)"
_INSTEAD = {
    "auth_basic": _ANNOTATION.format("auth-type with auth-secret"),
    "auth_basic_user_file": _ANNOTATION.format("auth-type with auth-secret"),
    "auth_request": _ANNOTATION.format("auth-url"),
    "auth_request_set": _ANNOTATION.format("auth-response-headers"),
    "error_page": _ANNOTATION.format("custom-http-errors"),
    "limit_conn": _ANNOTATION.format("limit-connections"),
    "limit_rate_after": "is not possible here; write limit_rate alone",
    "limit_req": _ANNOTATION.format("limit-rps"),
    "location": "is not translated: the paths of an Ingress are its locations; write a path in spec.rules",
    "mirror": _ANNOTATION.format("mirror-target"),
    "modsecurity": _ANNOTATION.format("enable-modsecurity"),
    "modsecurity_rules": _ANNOTATION.format("modsecurity-snippet"),
    "proxy_cookie_domain": _ANNOTATION.format("proxy-cookie-domain"),
    "proxy_cookie_path": _ANNOTATION.format("proxy-cookie-path"),
    "proxy_intercept_errors": _ANNOTATION.format("custom-http-errors"),
    "proxy_next_upstream": _ANNOTATION.format("proxy-next-upstream"),
    "proxy_pass": "is not translated: traffic goes to the backend of the Ingress; write a path with that Service",
    "proxy_redirect": _ANNOTATION.format("proxy-redirect-from and proxy-redirect-to"),
    "satisfy": _ANNOTATION.format("satisfy"),
    "sub_filter": "is not possible here: bodies are not changed; have the application write what it means",
    "try_files": "is not possible here: the gateway serves no files; have a backend serve them",
    "root": "is not possible here: the gateway serves no files; have a backend serve them",
    "alias": "is not possible here: the gateway serves no files; have a backend serve them",
    "index": "is not possible here: the gateway serves no files; write a rewrite, or the annotation app-root",
    "include": "is not possible here: the gateway reads no files of a snippet; write the directives themselves",
    "server_name": _ANNOTATION.format("server-alias"),
    "ssl_verify_client": _ANNOTATION.format("auth-tls-verify-client"),
    "internal": "is not translated; leave the path out of the Ingress",
    "limit_except": "is not translated; write if ($request_method = …) { return 405; }",
}
_FAMILIES = {
    "proxy_ssl_": _ANNOTATION.format("proxy-ssl-…"),
    "proxy_cache": "is not possible here: the gateway keeps no cache; have a backend or a CDN do it",
    "grpc_": _ANNOTATION.format("backend-protocol: GRPC"),
    "fastcgi_": "is not possible here: the gateway speaks HTTP to backends; put a web server before PHP",
    "uwsgi_": "is not possible here: the gateway speaks HTTP to backends",
    "ssl_": "is not translated; see the annotations ssl-… and the settings tls",
}


def instead_of(name: str) -> str:
    """Why a directive is refused and what to write; for names nobody knows, too."""
    shown = name[:40]
    if name in _INSTEAD:
        return f"{shown} {_INSTEAD[name]}"
    if "_by_lua" in name or name.startswith(("lua_", "js_", "perl")):
        return f"{shown} runs a program in nginx, which is not possible here; have the application do it"
    for prefix, said in _FAMILIES.items():
        if name.startswith(prefix):
            return f"{shown} {said}"
    return f"{shown!r} is not a directive that is translated; see docs/snippets.md for those that are"
