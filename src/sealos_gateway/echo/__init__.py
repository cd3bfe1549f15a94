"""The backend of `sgw echo`: one small server that says back what reached it, for trials, tests and benches.

`server` binds and stops, `http_server` owns the HTTP connections, `app` answers HTTP and WebSocket (ASGI), `exchange`
is one request and its answer, `controls` reads what a caller asks of the answer, `grpc_service` answers gRPC.
Nothing here knows Kubernetes, Envoy or the tables: the gateway must not depend on it.
"""
