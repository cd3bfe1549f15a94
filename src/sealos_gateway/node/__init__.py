"""What runs beside each Envoy: the `supervisor` of its process, its `admin` socket, `privileges` for low ports.

Apart from the control plane also the `relay`: `membership` and `link` (who it is), `upstream` (whole revisions in),
`store` over `disk`, `frames` and `seal` (the last one kept). Knows nothing of Kubernetes; rows are bytes.
"""
